"""The ground of the fake clouds: a server on 127.0.0.1 that answers from memory, logs every call, and fails on demand.

A cloud is a module with `Cloud(options)` and its method `answer(request)`, which returns status and body, or raises
`Refusal`. Nothing but the standard library is needed.

    fake.py CLOUD [--port 0] [--log FILE] [--fault 'GET /v1/servers=throttled:2'] [--state FILE] [--set NAME=VALUE]

The first line on stdout is the address. A fault is METHOD PATTERN=KIND[:TIMES[:AFTER]]: the calls that fit fail so often
(default: always), after so many good ones. Kinds: a status (`404`, as the cloud writes that error), and
  html (502 of a proxy), truncated, empty, reset, slow (30 s), endless (the same page with a new token each time),
  bare (200 and an empty object), mixed (what is no resource among those of the lists),
  repeated (the same page with the same token), elsewhere (the next page is on another host), throttled (429, Retry-After 0).
"""

import argparse
import fnmatch
import importlib
import json
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

NO_RESOURCES = [None, 7, "text", [], {}, {"id": {"not": "a text"}}]
FAULTS_OF_PAGES = ("endless", "repeated", "elsewhere")


def mixed(body: Any) -> Any:
    """The answer with what is no resource in its lists."""
    if isinstance(body, list):
        return NO_RESOURCES + body
    return {name: NO_RESOURCES + value if isinstance(value, list) else value for name, value in body.items()}


class Refusal(Exception):
    """An error answer: status and body."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes
    base: str
    """The address under which the client has reached this server."""

    def one(self, name: str, default: str | None = None) -> str | None:
        return self.query.get(name, [default])[0]

    def json(self) -> Any:
        return json.loads(self.body or b"null")

    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass
class Fault:
    method: str
    pattern: str
    kind: str
    times: int | None
    after: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        what, _, kind = text.partition("=")
        method, _, pattern = what.partition(" ")
        kind, *numbers = kind.split(":")
        times = int(numbers[0]) if numbers and numbers[0] else None
        return cls(method, pattern, kind, times, int(numbers[1]) if len(numbers) > 1 else 0)

    def strikes(self, request: Request) -> bool:
        if not fnmatch.fnmatchcase(request.method, self.method) or not fnmatch.fnmatchcase(request.path, self.pattern):
            return False
        with self.lock:
            if self.after > 0:
                self.after -= 1
                return False
            if self.times is None:
                return True
            self.times -= 1
            return self.times >= 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = f"http://{self.headers.get('Host')}"
        query = parse_qs(url.query, keep_blank_values=True)
        request = Request(self.command, unquote(url.path), query, self.headers, body, host)
        fault = next((f for f in self.server.faults if f.strikes(request)), None)
        status, headers, out = self.server.answer(request, fault.kind if fault else None)
        self.server.note(request, status, fault.kind if fault else None)
        if fault and fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if fault and fault.kind == "slow":
            time.sleep(30)
        self.send_response(status)
        headers = {"Content-Type": "application/json", **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        if fault and fault.kind == "truncated":
            out, self.close_connection = out[: len(out) // 2], True
        if self.command != "HEAD":
            self.wfile.write(out)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def __init__(self, port: int, cloud: Any, faults: list[Fault], log: Path | None) -> None:
        self.cloud, self.faults, self.lock = cloud, faults, threading.Lock()
        self.log = log.open("a", buffering=1) if log else None
        super().__init__(("127.0.0.1", port), Handler)

    def answer(self, request: Request, fault: str | None) -> tuple[int, dict[str, str], bytes]:
        if fault == "html":
            return 502, {"Content-Type": "text/html"}, b"<html><body>Bad Gateway</body></html>"
        if fault == "empty":
            return 200, {}, b""
        if fault == "bare":
            return 200, {}, b"{}"
        headers: dict[str, str] = {}
        try:
            if fault == "throttled":
                raise self.cloud.error(429, {"Retry-After": "0"})
            if fault and fault.isdigit():
                # A cloud may have services that say it in another way.
                error_of = getattr(self.cloud, "error_of", lambda _, status: self.cloud.error(status))
                raise error_of(request, int(fault))
            with self.lock:
                answer = self.cloud.answer(request)
            status, body, *rest = answer
            headers = rest[0] if rest else {}
            if fault == "mixed":
                body = mixed(body)
            if fault in FAULTS_OF_PAGES:
                body, headers = self.cloud.never_ends(request, body, headers, fault)
        except Refusal as refusal:
            status, body, headers = refusal.status, refusal.body, refusal.headers
        return status, headers, body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()

    def note(self, request: Request, status: int, fault: str | None) -> None:
        if not self.log:
            return
        entry = {"method": request.method, "path": request.path, "query": request.query, "status": status}
        if request.body:
            entry["body"] = request.body.decode(errors="replace")
        if fault:
            entry["fault"] = fault
        with self.lock:
            self.log.write(json.dumps(entry) + "\n")

    def handle_error(self, *_: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*_)


def serve(name: str, port: int = 0, faults: list[str] = (), log: Path | None = None, **options: Any) -> Server:
    """Starts a cloud in threads of this process."""
    cloud = importlib.import_module(name).Cloud(options)
    server = Server(port, cloud, [Fault.parse(f) for f in faults], log)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    # The clouds raise what this module catches.
    sys.modules["fake"] = sys.modules["__main__"]
    options = dict(text.split("=", 1) for text in args.set)
    cloud = importlib.import_module(args.cloud).Cloud(options)
    server = Server(args.port, cloud, [Fault.parse(f) for f in args.fault], args.log)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
