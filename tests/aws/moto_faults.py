#!/usr/bin/env python3
"""moto_cloud.py with faults, and a log that names every operation: which port it is on is printed.

`--log FILE` appends every call as a line of JSON, in the form of the shape mock's log and with the fault that it met.
`--fault SERVICE.OPERATION[@REGION]=KIND[:TIMES]` is as for the shape mock. Kinds: its errors; what AWS says of a
resource that is in use (moto checks little of that, and deletes at once; the rest is in moto_strict.py); and what a
killed caller leaves behind:

    hold   nothing is done, and the call waits until the caller is gone
    lost   it is done, and the answer waits until the caller is gone
"""

import argparse
import io
import json
import logging
import select
import signal
import socket
import sys
import threading
from typing import Any
from xml.etree.ElementTree import ParseError

import moto_strict
from mock import faults
from mock.answers import error
from mock.faults import Fault
from mock.requests import Asked, understand
from mock.services import Unknown
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto_cloud import Counting
from werkzeug.serving import make_server

IN_USE = {
    "DependencyViolation": (400, {}, "DependencyViolation", "The resource has dependent objects and cannot be deleted"),
    "DeleteConflict": (409, {}, "DeleteConflict", "Cannot delete entity, must be removed first"),
    "AddressInUse": (400, {}, "InvalidIPAddress.InUse", "The address is in use"),
}
WAITING = {"hold", "lost"}
LONGEST_WAIT = 120


class Front:
    """Stands before moto."""

    def __init__(self, args: argparse.Namespace) -> None:
        faults.ERRORS.update(IN_USE)
        faults.OTHERS.update(WAITING)
        self.app = Counting()
        self.faults = [Fault.parse(fault) for fault in args.fault]
        self.log = open(args.log, "a", buffering=1) if args.log else None
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        asked = self.understand(environ)
        # The account is not looked at: whose keys these are, only moto knows.
        fault = asked and next((fault for fault in self.faults if fault.strikes(asked, "")), None)
        if asked:
            entry = {"service": asked.service.name, "operation": asked.operation.name, "region": asked.region}
            self.write(entry | {"params": asked.params, "fault": fault.kind if fault else None})
        if fault and fault.kind == "hold":
            await_end_of(environ["werkzeug.socket"])
            return refuse(start_response, 503, {}, b"")
        if fault and asked and (instead := fault.before(asked)):
            return refuse(start_response, *instead)
        if asked and (refused := moto_strict.refusal(asked)):
            status, code, message = refused
            return refuse(start_response, *error(asked.service.name, asked.protocol, status, code, message))
        answer = self.app(environ, start_response)
        if fault and fault.kind == "lost":
            answer = list(answer)
            await_end_of(environ["werkzeug.socket"])
        return answer

    def understand(self, environ: dict[str, Any]) -> Asked | None:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        headers = {
            "Authorization": environ.get("HTTP_AUTHORIZATION"),
            "X-Amz-Target": environ.get("HTTP_X_AMZ_TARGET"),
            "Content-Type": environ.get("CONTENT_TYPE"),
        }
        try:
            return understand(environ["REQUEST_METHOD"], environ["RAW_URI"], headers, body, "us-east-1")
        except (Unknown, ParseError) as e:  # the latter: operations on objects share their addresses
            self.write({"unknown": f"{environ['REQUEST_METHOD']} {environ['RAW_URI']}: {e}"})
            return None

    def write(self, entry: dict[str, Any]) -> None:
        with self.lock:
            if self.log:
                self.log.write(json.dumps(entry) + "\n")


def refuse(start_response: Any, status: int, headers: dict[str, str], body: bytes) -> list[bytes]:
    start_response(f"{status} Fault", list(headers.items()))
    return [body]


def await_end_of(connection: socket.socket) -> None:
    """Waits until the other side is gone: then there is something to read, the end."""
    select.select([connection], [], [], LONGEST_WAIT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--fault", action="append", default=[])
    args = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", args.port, Front(args), threaded=True, request_handler=MotoRequestHandler)
    print(server.server_port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
