#!/usr/bin/env python3
"""Collects AWS accounts with the Python plugin, as the Python worker would, and writes what it would send.

    peer_collect.py --endpoint http://127.0.0.1:5600 --accounts 100000000001,100000000002 --out DIR

One fresh process per account, one after the other, so that CPU and memory belong to that account. DIR holds for each
account ACCOUNT.ndjson (sorted lines) and ACCOUNT.json (seconds of CPU, peak memory, calls, messages).
Runs with the interpreter that has peer-requirements.txt installed.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from queue import Queue
from typing import Any

# Nothing of the caller's own cloud may leak in.
CLEAN = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


def patch_peer() -> None:
    """Two nulls of moto would cost the peer the whole account: with these it gives a reference at all.

    An instance without CpuOptions ends in float(None): it gets 0 cores, the default of the field.
    A SOA record that is not seven words: it keeps its text, as a record of a type that the peer does not know.
    """
    from fix_plugin_aws.resource import route53
    from fix_plugin_aws.resource.ec2 import AwsEc2Instance
    from fixlib.json_bender import S

    AwsEc2Instance.mapping["instance_cores"] = S("CpuOptions", "CoreCount", default=0)
    strict = route53.rrdata_as_dict

    def lenient(record_type: str, data: str) -> dict[str, Any]:
        try:
            return strict(record_type, data)
        except ValueError:
            return {"record_value": data}

    route53.rrdata_as_dict = lenient


def resolve_prefixed_hosts() -> None:
    """Operations that put something before the host reach the mock as well: any NAME.127.0.0.1 is 127.0.0.1."""
    real = socket.getaddrinfo

    def lenient(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith(".127.0.0.1") else host, *args, **kwargs)

    socket.getaddrinfo = lenient


def count_calls(calls: Counter[str]) -> None:
    """Counts the calls of the plugin by service, operation, region and outcome."""
    from botocore.exceptions import ClientError
    from fix_plugin_aws.aws_client import AwsClient

    real, lock = AwsClient.call_single, threading.Lock()

    def counted(self: Any, aws_service: str, action: str, *args: Any, **kwargs: Any) -> Any:
        outcome = "ok"
        try:
            return real(self, aws_service, action, *args, **kwargs)
        except ClientError as e:
            outcome = str(e.response["Error"]["Code"])
            raise
        except Exception as e:
            outcome = type(e).__name__
            raise
        finally:
            with lock:
                calls[f"{aws_service} {action} {self.region} {outcome}"] += 1

    AwsClient.call_single = counted


def configure(args: argparse.Namespace) -> None:
    from fix_plugin_aws import AWSCollectorPlugin
    from fixlib.args import ArgumentParser
    from fixlib.config import Config
    from fixlib.logger import setup_logger
    from fixworker.config import FixWorkerConfig

    Config.add_config(FixWorkerConfig)
    AWSCollectorPlugin.add_config(Config)
    Config.init_default_config()
    aws = Config.aws
    aws.account, aws.role, aws.region = args.accounts.split(","), args.role, args.regions.split(",")
    aws.scrape_org, aws.fork_process, aws.account_pool_size = False, False, 1
    aws.resource_pool_size = args.threads
    aws.collect_usage_metrics = args.usage
    aws.collect, aws.no_collect = words(args.collect), words(args.no_collect)
    ArgumentParser.args = argparse.Namespace(log_level=args.log_level, subscriber_id="peer", fixcore_uri=None, psk=None)
    setup_logger("peer", level=args.log_level)


def words(text: str) -> list[str]:
    return [w for w in text.split(",") if w]


def export(graph: Any, path: Path) -> dict[str, int]:
    """What the worker does with a graph before it sends it; the lines are sorted as their order says nothing."""
    from fixlib.baseresources import GraphRoot
    from fixlib.graph import Graph, GraphExportIterator, GraphMergeKind, sanitize

    whole = Graph(root=GraphRoot(id="root", tags={}))
    whole.merge(graph)
    sanitize(whole)
    if cycle := whole.find_cycle():
        print(f"the graph has a cycle: {cycle}", file=sys.stderr)
    exporter = GraphExportIterator(whole, graph_merge_kind=GraphMergeKind.account)
    exporter.export_graph()
    lines = sorted(exporter)
    path.write_bytes(b"".join(lines))
    counted = {
        "nodes": exporter.number_of_nodes,
        "edges": exporter.number_of_edges,
        "deferred_edges": exporter.number_of_deferred_edges,
    }
    return counted | {"bytes": path.stat().st_size}


def cpu() -> float:
    return sum(os.times()[:2])


def collect_one(args: argparse.Namespace) -> None:
    """One account in this process."""
    calls: Counter[str] = Counter()
    configure(args)
    patch_peer()
    resolve_prefixed_hosts()
    count_calls(calls)
    from fix_plugin_aws import AWSCollectorPlugin
    from fixlib.core.actions import CoreFeedback
    from fixlib.graph import GraphMergeKind

    imported = cpu()
    messages: Queue[Any] = Queue()
    graphs: Queue[Any] = Queue()
    plugin = AWSCollectorPlugin(
        graph_queue=graphs, graph_merge_kind=GraphMergeKind.account, task_data={"task": "peer", "step": "collect"}
    )
    plugin.core_feedback = CoreFeedback("peer", "collect", "collect", messages)
    started = time.monotonic()
    plugin.collect()
    wall, collected = time.monotonic() - started, cpu()
    account = args.accounts
    found = [g for g in iter_queue(graphs) if g is not None]
    stats: dict[str, Any] = {"account": account}
    for graph in found:
        stats |= export(graph, args.out / f"{account}.ndjson")
    info = [m["data"] for m in iter_queue(messages) if m["kind"] == "action_info"]
    stats |= {
        "cpu_seconds": {
            "import": round(imported, 2),
            "collect": round(collected - imported, 2),
            "export": round(cpu() - collected, 2),
            "total": round(cpu(), 2),
        },
        "wall_seconds": round(wall, 2),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "calls": sum(calls.values()),
        "calls_by_operation": dict(sorted(calls.items())),
        "messages": sorted({f"{i['level']}: {i['message'][:300]}" for i in info}),
    }
    (args.out / f"{account}.json").write_text(json.dumps(stats, indent=1) + "\n")
    shown = {k: v for k, v in stats.items() if k not in ("calls_by_operation", "messages")}
    print(json.dumps(shown), flush=True)
    if not found:
        raise SystemExit(f"the peer gave no graph for account {account}: {stats['messages']}")


def iter_queue(queue: "Queue[Any]") -> list[Any]:
    return [queue.get() for _ in range(queue.qsize())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True, help="URL of the mock cloud")
    parser.add_argument("--accounts", required=True, help="ids, separated by commas")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--regions", default="us-east-1,eu-west-1")
    parser.add_argument("--role", default="CollectRole")
    parser.add_argument("--collect", default="", help="only these kinds (globs, separated by commas)")
    parser.add_argument("--no-collect", default="", help="not these kinds")
    parser.add_argument("--usage", action="store_true", help="with usage metrics")
    parser.add_argument("--threads", type=int, default=64, help="size of the pool per account")
    parser.add_argument("--log-level", default="ERROR")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.here:
        collect_one(args)
        return
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | CLEAN
    environment |= {
        "AWS_ENDPOINT_URL": args.endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAROOTROOTROOTROOT",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    failed = 0
    for account in words(args.accounts):
        again = [a for a in sys.argv[1:]]
        again[again.index(args.accounts)] = account
        failed |= subprocess.run([sys.executable, __file__, "--here", *again], env=environment, check=False).returncode
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
