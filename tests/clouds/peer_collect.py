#!/usr/bin/env python3
"""Collects a fake cloud with the Python worker's plugin, as the Python worker would, and writes what it would send.

    peer_collect.py gcp --proxy http://127.0.0.1:5600 --ca DIR/ca.pem --out DIR [--usage]

DIR holds for each account ACCOUNT.ndjson (sorted lines), and stats.json (seconds of CPU, peak memory, what it complained of).
The plugin is not changed: it asks the cloud's real hosts through the fake as its proxy. Runs with the interpreter that has
peer-requirements.txt installed.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from queue import Queue
from typing import Any


def environment(args: argparse.Namespace) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    for name in ("SSL_CERT_FILE", "HTTPLIB2_CA_CERTS", "REQUESTS_CA_BUNDLE"):
        os.environ[name] = str(args.ca)
    for name in ("HTTPS_PROXY", "https_proxy"):
        os.environ[name] = args.proxy


def gcp_key(folder: Path) -> str:
    """The file of a service account whose key is made for this run."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    told = {
        "type": "service_account",
        "project_id": "demo-project",
        "private_key_id": "0" * 40,
        "private_key": key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode(),
        "client_email": "collector@demo-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path = folder / "key.json"
    path.write_text(json.dumps(told))
    return str(path)


def gcp(args: argparse.Namespace, config: Any, folder: Path) -> type:
    from fix_plugin_gcp import GCPCollectorPlugin

    GCPCollectorPlugin.add_config(config)
    config.init_default_config()
    # One thing after the other: edges that the plugin makes while it collects are else a matter of chance.
    config.gcp.service_account, config.gcp.project_pool_size = [gcp_key(folder)], 1
    config.gcp.fork_process, config.gcp.collect_usage_metrics = False, args.usage
    return GCPCollectorPlugin


CLOUDS = {"gcp": gcp}


def export(graph: Any, out: Path) -> dict[str, Any]:
    """What the worker does with a graph before it sends it; the lines are sorted as their order says nothing."""
    from fixlib.baseresources import BaseAccount, GraphRoot
    from fixlib.graph import Graph, GraphExportIterator, GraphMergeKind, sanitize

    whole = Graph(root=GraphRoot(id="root", tags={}))
    whole.merge(graph)
    sanitize(whole)
    if cycle := whole.find_cycle():
        print(f"the graph has a cycle: {cycle}", file=sys.stderr)
    account = next(node.id for node in whole.nodes if isinstance(node, BaseAccount))
    exporter = GraphExportIterator(whole, graph_merge_kind=GraphMergeKind.account)
    exporter.export_graph()
    (out / f"{account}.ndjson").write_bytes(b"".join(sorted(exporter)))
    return {
        "nodes": exporter.number_of_nodes,
        "edges": exporter.number_of_edges,
        "deferred_edges": exporter.number_of_deferred_edges,
        "account": account,
    }


def emptied(queue: "Queue[Any]") -> list[Any]:
    return [queue.get() for _ in range(queue.qsize())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud", choices=sorted(CLOUDS))
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--usage", action="store_true", help="with usage metrics")
    args = parser.parse_args()
    environment(args)
    from fixlib.args import ArgumentParser
    from fixlib.config import Config
    from fixlib.core.actions import CoreFeedback
    from fixlib.graph import GraphMergeKind
    from fixlib.logger import setup_logger
    from fixworker.config import FixWorkerConfig

    args.out.mkdir(parents=True, exist_ok=True)
    Config.add_config(FixWorkerConfig)
    with tempfile.TemporaryDirectory() as folder:
        plugin = CLOUDS[args.cloud](args, Config, Path(folder))
        ArgumentParser.args = argparse.Namespace(log_level="ERROR", subscriber_id="peer", fixcore_uri=None, psk=None)
        setup_logger("peer", level="ERROR")
        graphs: Queue[Any] = Queue()
        messages: Queue[Any] = Queue()
        task = {"task": "peer", "step": "collect"}
        worker = plugin(graph_queue=graphs, graph_merge_kind=GraphMergeKind.account, task_data=task)
        worker.core_feedback = CoreFeedback("peer", "collect", "collect", messages)
        worker.collect()
    info = [message["data"] for message in emptied(messages) if message["kind"] == "action_info"]
    stats = {
        "accounts": [export(graph, args.out) for graph in emptied(graphs) if graph is not None],
        "cpu_seconds": round(sum(os.times()[:2]), 2),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "messages": sorted({f"{told['level']}: {told['message'][:300]}" for told in info}),
    }
    (args.out / "stats.json").write_text(json.dumps(stats, indent=1) + "\n")
    print(json.dumps(stats), flush=True)
    if not stats["accounts"]:
        raise SystemExit("the peer gave no graph")


if __name__ == "__main__":
    main()
