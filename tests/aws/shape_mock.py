#!/usr/bin/env python3
"""A mock cloud that answers ANY AWS operation with values made from its published shape.

What moto and the like do not serve can so be compared on every member of every kind. Values depend on nothing but
member names (mock/values.py), corrections are in overrides.toml. Needs botocore and nothing else.

    shape_mock.py --port 5600 [--log calls.jsonl] [--fault 'ec2.DescribeVpcs@eu-west-1=AccessDenied']

`GET /_mock/ready` answers when it serves, `GET /_mock/calls` tells how many calls there were by operation.
"""

import argparse
import json
import re
import signal
import socket
import struct
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mock import hooks
from mock.answers import Answer, answer, error
from mock.faults import Fault, Reset
from mock.overrides import Overrides
from mock.requests import Asked, understand
from mock.services import Unknown
from mock.values import Maker

HERE = Path(__file__).parent


class Cloud:
    """All that the mock knows; safe to use from many threads."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.account = args.account
        self.regions = args.regions.split(",")
        self.overrides = Overrides(args.overrides)
        self.faults = [Fault.parse(f) for f in args.fault]
        self.log = open(args.log, "a", buffering=1) if args.log else None
        self.lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.cache: dict[tuple, tuple[Asked, str, Answer]] = {}

    def serve(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        key = (method, target, inputs(headers), body, scope(headers))
        known = self.cache.get(key)
        try:
            asked = known[0] if known else understand(method, target, headers, body, self.regions[0])
        except Unknown as e:
            self.record({"unknown": str(e)})
            return 501, {"Content-Type": "text/plain"}, str(e).encode()
        account = known[1] if known else self.account_of(asked)
        self.record(
            {
                "service": asked.service.name,
                "operation": asked.operation.name,
                "region": asked.region,
                "account": account,
                "key": asked.access_key,
                "params": asked.params,
            }
        )
        fault = next((f for f in self.faults if f.strikes(asked, account)), None)
        if fault is None and known:
            return known[2]
        if fault and (instead := fault.before(asked)):
            return instead
        result = self.make(asked, account, fault)
        if fault is None:
            self.cache[key] = (asked, account, result)
        return fault.after(result) if fault else result

    def account_of(self, asked: Asked) -> str:
        """Assumed credentials carry the account in the access key."""
        found = re.search(r"\d{12}", asked.access_key)
        return found[0] if found else self.account

    def make(self, asked: Asked, account: str, fault: Fault | None) -> Answer:
        name = asked.name
        if broken := self.overrides.error(name):
            return error(
                asked.service.name,
                asked.protocol,
                broken.get("status", 400),
                broken["code"],
                broken.get("message", broken["code"]),
            )
        maker = Maker(
            asked.service.name,
            asked.operation.name,
            asked.region,
            account,
            asked.params,
            self.overrides.names,
            self.overrides.counts(name),
            paging_members(asked),
        )
        value = maker.output(asked.operation.output_shape)
        variables = {"region": asked.region, "account": account, "n": str(maker.index([]))}
        variables |= {f"in.{k}": str(v) for k, v in asked.params.items()}
        variables["r"] = "" if asked.region == "us-east-1" else asked.region + "-"
        value = self.overrides.apply(name, value, variables)
        if hook := hooks.HOOKS.get(name):
            value = hook(value, asked, account, self.regions)
        if fault:
            fault.during(asked, value)
        return answer(asked.operation, asked.protocol, value)

    def record(self, entry: dict[str, Any]) -> None:
        with self.lock:
            self.calls[f"{entry['service']}.{entry['operation']}" if "service" in entry else entry["unknown"]] += 1
            if self.log:
                self.log.write(json.dumps(entry) + "\n")


def paging_members(asked: Asked) -> set[str]:
    """Members of the answer that would make a client ask for the next page."""
    paging = asked.service.pagination.get(asked.operation.name, {})
    tokens = paging.get("output_token", [])
    paths = [p.strip() for t in (tokens if isinstance(tokens, list) else [tokens]) for p in t.split("||")]
    return {re.split(r"[.\[]", p)[-1] if "[" not in p else "" for p in paths}


NOISE = re.compile(
    r"authorization|x-amz-(date|security-token|content-sha256|user-agent)|user-agent|amz-sdk-.*"
    r"|host|connection|accept.*|content-length",
    re.IGNORECASE,
)


def inputs(headers: Any) -> tuple:
    """The headers that may be part of the question."""
    return tuple(sorted((k.lower(), v) for k, v in headers.items() if not NOISE.fullmatch(k)))


def scope(headers: Any) -> str:
    """Credential, region and service of a request, without the day of the signature."""
    found = re.search(r"Credential=([^/]+)/\d+/([^,\s]+)", headers.get("Authorization") or "")
    return f"{found[1]}/{found[2]}" if found else ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: Cloud

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/_mock/"):
            return self.reply((200, {"Content-Type": "application/json"}, json.dumps(dict(self.cloud.calls)).encode()))
        try:
            self.reply(self.cloud.serve(self.command, self.path, self.headers, body))
        except Reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        except (BrokenPipeError, ConnectionResetError):  # whoever asked does not want to know any more
            self.close_connection = True
        except Exception as e:  # a fault of the mock has to be seen, not to be retried
            print(f"{self.command} {self.path}: {type(e).__name__}: {e}", file=sys.stderr)
            self.reply((501, {"Content-Type": "text/plain"}, f"{type(e).__name__}: {e}".encode()))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any

    def reply(self, result: Answer) -> None:
        status, headers, body = result
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() != "content-length":  # some operations have a member for it
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (BrokenPipeError, ConnectionResetError)):
            super().handle_error(request, client_address)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: a free one; the port is printed")
    parser.add_argument("--account", default="100000000001", help="the account of credentials that name none")
    parser.add_argument("--regions", default="us-east-1,eu-west-1", help="the regions that DescribeRegions tells")
    parser.add_argument("--overrides", type=Path, default=HERE / "mock" / "overrides.toml")
    parser.add_argument("--log", help="append every call as a line of JSON")
    parser.add_argument(
        "--fault", action="append", default=[], help="SERVICE.OPERATION[@REGION][/ACCOUNT]=KIND[:TIMES]"
    )
    args = parser.parse_args()
    Handler.cloud = Cloud(args)
    server = Server(("127.0.0.1", args.port), Handler)
    print(server.server_port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
