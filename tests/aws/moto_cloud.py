#!/usr/bin/env python3
"""The moto server on a port that is free, printing it; counts calls at `GET /_mock/calls` as the shape mock does."""

import argparse
import io
import json
import logging
import re
import signal
import sys
import threading
from collections import Counter
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

# What moto does not serve, and nobody has anything of: its answer.
EMPTY = {
    "ListServiceSpecificCredentials": "<ListServiceSpecificCredentialsResponse><ListServiceSpecificCredentialsResult>"
    "<ServiceSpecificCredentials/></ListServiceSpecificCredentialsResult></ListServiceSpecificCredentialsResponse>",
}
CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]*)/")


class Counting:
    """Counts requests by service before moto answers them."""

    def __init__(self) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.calls: Counter[str] = Counter()
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/_mock/calls":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(dict(self.calls)).encode()]
        found = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        service = found[1] if found else "unsigned"
        with self.lock:
            self.calls[service] += 1
        if instead := EMPTY.get(action_of(environ)):
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [instead.encode()]
        try:
            return self.app(environ, start_response)
        except (
            Exception
        ) as e:  # moto does not know the operation, or fails; said as a service does, which nobody retries
            content_type, body = refusal(environ, service, f"{type(e).__name__}: {e}")
            start_response("400 Bad Request", [("Content-Type", content_type)])
            return [body]


def action_of(environ: dict[str, Any]) -> str:
    """The operation of a request that is a form."""
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return ""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return parse_qs(body.decode()).get("Action", [""])[0]


def refusal(environ: dict[str, Any], service: str, message: str) -> tuple[str, bytes]:
    """An error answer in the form of the protocol of the request."""
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if form or service in ("s3", "route53", "cloudfront"):
        error = f"<Error><Code>InvalidAction</Code><Message>{escape(message)}</Message></Error>"
        text = error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
        if service == "ec2":
            text = f"<Response><Errors>{error}</Errors></Response>"
        return "text/xml", text.encode()
    return "application/json", json.dumps({"__type": "UnknownOperationException", "message": message}).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", args.port, Counting(), threaded=True, request_handler=MotoRequestHandler)
    print(server.server_port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
