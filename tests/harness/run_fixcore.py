#!/usr/bin/env python3
"""
Starts the real fixcore (package fixinventorycore) on loopback, with its database kept in memory.

See README.md for what is real and what is substituted.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path

import fixcore.__main__ as core_main
from fixcore.model.typed_model import to_js
from fixcore.system_start import parse_args, setup_process

from fixcore_harness.endpoints import add_endpoints, record_websockets
from fixcore_harness.state import Harness
from fixcore_harness.substitutes import substitute_database, substitute_merge_process


def harness_args() -> Namespace:
    parser = ArgumentParser(description="The real fixcore with its database in memory.")
    parser.add_argument("--host", default="127.0.0.1", help="host to bind (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8900, help="port to bind (default: 8900)")
    parser.add_argument("--psk", help="pre shared key: all requests need a valid JWT")
    parser.add_argument(
        "--tls", action=BooleanOptionalAction, default=False, help="serve https, as fixcore does by default"
    )
    parser.add_argument("--control-port", type=int, help="with --tls: plain http on this port as well")
    parser.add_argument("--dump-dir", type=Path, help="write model, merge bodies, merges and the final graph here")
    parser.add_argument("--state", type=Path, help="load the database from this file, and write it there at the end")
    parser.add_argument("--debug", action="store_true", help="debug log of fixcore")
    return parser.parse_args()


def main() -> None:
    args = harness_args()
    if args.dump_dir:
        args.dump_dir.mkdir(parents=True, exist_ok=True)
    harness = Harness(args.dump_dir, args.psk)
    if args.state and args.state.exists():
        harness.database.load(args.state)
    substitute_database(harness)
    substitute_merge_process(harness)
    add_endpoints(harness)
    record_websockets(harness)

    # fixcore reads its configuration from the database
    config = {
        "api": {
            "web_hosts": [args.host],
            "https_port": args.port if args.tls else None,
            "http_port": args.control_port if args.tls else args.port,
        },
        "runtime": {"usage_metrics": False, "start_collect_on_subscriber_connect": False},
    }
    document = {"_key": "fix.core", "id": "fix.core", "config": {"fixcore": config}}
    harness.database.collection("configs").insert(document, overwrite=True)

    core_args = ["--graphdb-no-ssl-verify", "--analytics-opt-out", "--no-scheduling"]
    core_args += ["--psk", args.psk] if args.psk else []
    core_args += ["--debug"] if args.debug else []
    parsed = parse_args(core_args)
    setup_process(parsed)
    try:
        core_main.run_process(parsed)
    except (KeyboardInterrupt, SystemExit):
        core_main.log.info("Harness stopped.")
    finally:
        if args.state:
            harness.database.save(args.state)
        harness.dump("graph.json", json.dumps(harness.graph_json("fix"), indent=2).encode())
        harness.dump("merges.json", json.dumps([to_js(m) for m in harness.merges], indent=2).encode())
        sys.stdout.flush()
        os._exit(0)  # the thread pool of fixcore would otherwise keep the process alive


if __name__ == "__main__":
    main()
