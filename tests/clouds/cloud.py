#!/usr/bin/env python3
"""A fake cloud.

    cloud.py gcp --port 0 [--log calls.jsonl] [--ca DIR] [--fault 'compute.instances.aggregatedList@*=throttled:2']

The port is printed. How it can be reached is told in fake/server.py, the faults in fake/faults.py.
"""

import argparse
import importlib
import signal
import sys
from pathlib import Path

from fake.server import Server

CLOUDS = ("azure", "gcp")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud", choices=CLOUDS)
    parser.add_argument("--port", type=int, default=0, help="0: a free one; the port is printed")
    parser.add_argument("--log", help="append every call as a line of JSON")
    parser.add_argument("--ca", type=Path, help="be a proxy for the real hosts; the certificate is DIR/ca.pem")
    parser.add_argument("--fault", action="append", default=[], help="CALL=KIND[:TIMES]")
    parser.add_argument("--mild", action="store_true", help="without what the Python worker loses accounts by")
    parser.add_argument("--deny-project", action="append", default=[], help="a project that must not be seen")
    args = parser.parse_args()
    authority = None
    if args.ca:
        from fake.authority import Authority

        authority = Authority(args.ca)
    cloud = importlib.import_module(f"fake.{args.cloud}").Cloud(args)
    server = Server(args.port, cloud, args.log, authority)
    print(server.server_port, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
