#!/usr/bin/env python3
"""Collects the fake Azure with the Python worker's plugin, as the Python worker would, and writes what it would send.

    peer.py --proxy http://127.0.0.1:5600 --ca DIR/ca.pem --out DIR [--usage]

The plugin is not changed. Unlike that of other clouds it collects in processes of its own, so what it has to say travels
through a queue that these can be given. Runs with the interpreter that has peer-requirements.txt installed.
"""

import argparse
import json
import multiprocessing
import sys
from pathlib import Path
from queue import Queue
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from peer_collect import emptied, environment, export  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--usage", action="store_true", help="with usage metrics")
    args = parser.parse_args()
    environment(args)
    from fix_plugin_azure import AzureCollectorPlugin
    from fix_plugin_azure.config import AzureAccountConfig, AzureClientSecretConfig
    from fixlib.args import ArgumentParser
    from fixlib.config import Config
    from fixlib.core.actions import CoreFeedback
    from fixlib.graph import GraphMergeKind
    from fixlib.logger import setup_logger
    from fixworker.config import FixWorkerConfig

    args.out.mkdir(parents=True, exist_ok=True)
    Config.add_config(FixWorkerConfig)
    AzureCollectorPlugin.add_config(Config)
    Config.init_default_config()
    tenant, client = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    account = AzureAccountConfig(client_secret=AzureClientSecretConfig(tenant, client, "secret"))
    Config.azure.accounts, Config.azure.subscription_pool_size = {"default": account}, 1
    Config.azure.collect_usage_metrics = args.usage
    ArgumentParser.args = argparse.Namespace(log_level="ERROR", subscriber_id="peer", fixcore_uri=None, psk=None)
    setup_logger("peer", level="ERROR")
    graphs: Queue[Any] = Queue()
    with multiprocessing.get_context("spawn").Manager() as manager:
        messages = manager.Queue()
        worker = AzureCollectorPlugin(
            graph_queue=graphs, graph_merge_kind=GraphMergeKind.account, task_data={"task": "peer", "step": "collect"}
        )
        worker.core_feedback = CoreFeedback("peer", "collect", "collect", messages)
        worker.collect()
        told = [message["data"] for message in emptied(messages) if message["kind"] == "action_info"]
    stats = {
        "accounts": [export(graph, args.out) for graph in emptied(graphs) if graph is not None],
        "messages": sorted({f"{info['level']}: {info['message'][:300]}" for info in told}),
    }
    (args.out / "stats.json").write_text(json.dumps(stats, indent=1) + "\n")
    print(json.dumps(stats), flush=True)
    if not stats["accounts"]:
        raise SystemExit("the peer gave no graph")


if __name__ == "__main__":
    main()
