"""
The graph pipeline of the Python worker without a server: collect in a process of its own, merge, check, export.

usage: peer.py SIZE OUTPUT      SIZE is the `random.size` of its random collector
"""

import multiprocessing
import sys
from multiprocessing.managers import SyncManager

from fix_plugin_random import RandomCollectorPlugin
from fixlib.args import ArgumentParser
from fixlib.config import Config
from fixlib.graph import Graph, GraphExportIterator
from fixlib.logger import add_args as add_logging_args
from fixworker.collect import Collector
from fixworker.config import add_config


class NoServer:
    """Takes the place of fixworker.fixcore.FixCore: the export goes to a file."""

    def __init__(self, config: Config, output: str) -> None:
        self.config = config
        self.output = output

    def create_graph_and_update_model(self, tempdir: str) -> None:
        pass

    def send_to_fixcore(self, graph: Graph, task_id: str, tempdir: str) -> None:
        merge_kind = self.config.fixworker.graph_merge_kind
        export = GraphExportIterator(graph, delete_tempfile=True, tempdir=tempdir, graph_merge_kind=merge_kind)
        export.export_graph()
        with open(self.output, "ab") as out:
            out.writelines(export)


def main(size: float, output: str) -> None:
    parser = ArgumentParser(description="bench", env_args_prefix="FIXWORKER_")
    add_logging_args(parser)
    Config.add_args(parser)
    sys.argv = sys.argv[:1]
    parser.parse_args()
    config = Config("bench")
    add_config(config, [RandomCollectorPlugin])
    RandomCollectorPlugin.add_config(config)
    config.init_default_config()
    Config.random.size = size

    manager = SyncManager(ctx=multiprocessing.get_context("spawn"))
    manager.start()
    collector = Collector(config, NoServer(config, output), manager.Queue())  # type: ignore
    collector.collect_and_send([RandomCollectorPlugin], {"task": "bench", "step": "collect"})
    manager.shutdown()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
