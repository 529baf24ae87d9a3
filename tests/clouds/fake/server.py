"""The server of all fake clouds. It can be reached in three ways:

- plain HTTP with the host as first part of the path: http://127.0.0.1:PORT/_host/compute.googleapis.com/compute/v1/...
- as proxy (HTTPS_PROXY=http://127.0.0.1:PORT): tunnels end here, with a certificate of an authority of its own (`--ca DIR`
  writes it to DIR/ca.pem), so that programs ask the cloud's real hosts
- plain HTTP without any of it: the host is the one of the header `Host`

`GET /_fake/ready` answers when it serves, `GET /_fake/calls` tells how many calls there were by what they asked.
"""

import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]


class Reset(Exception):
    """The connection shall break."""


class Request:
    """What was asked."""

    def __init__(self, method: str, host: str, path: str, query: str, headers: Any, body: bytes, base: str) -> None:
        self.method, self.host, self.path, self.headers, self.body = method, host, path, headers, body
        self.queries = parse_qs(query, keep_blank_values=True)
        self.query = {name: values[-1] for name, values in self.queries.items()}
        self.base = base  # the address under which the client reaches this host
        self.name = f"{method} {host}{path}"  # what the log and the counters call it; the cloud says it better

    def json(self) -> Any:
        return json.loads(self.body or b"null")

    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


def reply(status: int, value: Any, **headers: str) -> Answer:
    """An answer in JSON."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return status, {"Content-Type": "application/json; charset=UTF-8", **names}, json.dumps(value).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    tunnel: str | None = None

    def do_CONNECT(self) -> None:
        host, _, _ = self.path.rpartition(":")
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        try:
            self.connection = self.server.authority.context(host).wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError) as e:
            self.server.note({"tunnel": host, "error": str(e)})
            self.close_connection = True
            return
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = socketserver._SocketWriter(self.connection)
        self.tunnel, self.close_connection = host, False

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path.startswith("/_fake/"):
            return self.send((200, {"Content-Type": "application/json"}, json.dumps(self.server.calls).encode()))
        request = self.request_of(url, body)
        started = time.monotonic()
        try:
            answer = self.server.cloud.answer(request)
        except Reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        except Exception as e:  # a fault of the fake has to be seen, not to be retried
            print(f"{request.name}: {type(e).__name__}: {e}", file=sys.stderr)
            answer = (501, {"Content-Type": "text/plain"}, f"{type(e).__name__}: {e}".encode())
        self.server.note(
            {
                "call": request.name,
                "method": request.method,
                "host": request.host,
                "path": request.path,
                "query": {name: ",".join(values) for name, values in request.queries.items()},
                "body": request.body.decode("utf-8", "replace"),
                "status": answer[0],
                "ms": round((time.monotonic() - started) * 1000, 1),
            }
        )
        self.send(answer)

    def request_of(self, url: Any, body: bytes) -> Request:
        host, path = self.tunnel or url.hostname, url.path
        base = f"https://{host}"
        if path.startswith("/_host/"):
            host, _, path = path.removeprefix("/_host/").partition("/")
            base, path = f"http://{self.headers.get('Host')}/_host/{host}", "/" + path
        elif not host:
            host = self.headers.get("Host", "")
            base = f"http://{host}"
        return Request(self.command, host, path, url.query, self.headers, body, base)

    def send(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def __init__(self, port: int, cloud: Any, log: str | None, authority: Any) -> None:
        self.cloud, self.authority = cloud, authority
        self.log = open(log, "a", buffering=1) if log else None
        self.lock, self.calls = threading.Lock(), Counter()
        super().__init__(("127.0.0.1", port), Handler)

    def note(self, entry: dict[str, Any]) -> None:
        with self.lock:
            self.calls[entry.get("call", "tunnel")] += 1
            if self.log:
                self.log.write(json.dumps(entry) + "\n")

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)
