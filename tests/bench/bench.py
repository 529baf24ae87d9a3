"""
Ours against the Python worker, in one run. Prints a table; --json FILE writes the numbers as well.

CPU seconds are of a process with everything it started; memory is the peak of the largest process on each side.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Callable, Dict, List

import aws
import clouds
import core
import estates
import instructions
import latency
from measure import MIB, Measured, run

HERE = Path(__file__).resolve().parent
# `random.size` of the Python worker, with the nodes it makes of it (seed 0).
SIZES = {"7k": 1.0, "30k": 1.8}
# What comes as near to that as accounts of one size can.
OURS = {"7k": (10, 730), "30k": (10, 2840)}


class Bench:
    def __init__(self, bin_dir: Path, venv: Path, aws_mock: str, aws_peer: str, clouds_peer: str, directory: Path) -> None:
        self.fixworker, self.child = str(bin_dir / "fixworker"), str(bin_dir / "fix-collector")
        self.rogue, self.copy = str(bin_dir / "rogue_child"), str(bin_dir / "copy")
        self.fake_aws = str(bin_dir / "fake_aws")
        self.python, self.peer = str(venv / "bin/python"), str(venv / "bin/fixworker")
        self.aws_mock, self.aws_peer, self.clouds_peer = aws_mock, aws_peer, clouds_peer
        self.directory = directory
        self.env = {"HOME": str(directory), "PATH": os.environ["PATH"], "XDG_STATE_HOME": str(directory / "state")}
        self.rows: List[Dict[str, Any]] = []

    def row(self, what: str, unit: str, ours: float, peer: float | None = None, note: str = "") -> None:
        entry = {"what": what, "unit": unit, "ours": round(ours, 4), "peer": peer and round(peer, 4), "note": note}
        self.rows.append(entry)
        ratio = f"{peer / ours:.1f}x" if peer and ours else ""
        theirs = "-" if peer is None else f"{peer:,.2f}"
        print(f"{what:<58}{ours:>12,.3f}{theirs:>12}{unit:>8}{ratio:>9}  {note}", flush=True)

    def run(self, *args: str) -> Measured:
        measured = run(list(args), self.directory, self.env)
        if measured.code != 0:
            log = (self.directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
            raise SystemExit(f"{' '.join(args)} ended with {measured.code}:\n" + "\n".join(log))
        return measured

    def ours(self, collector: str, *overrides: str, bin: str = "") -> Measured:
        choose = ["--collector-bin", bin] if bin else []
        args = [self.fixworker, "collect", "--collector", collector, "--output", "ours.ndjson"]
        return self.run(*args, "--report", "report.json", *choose, "--override", *overrides)

    def graph_size(self, name: str) -> str:
        path = self.directory / name
        with path.open("rb") as lines:
            nodes = total = 0
            for line in lines:
                total += 1
                nodes += b'"reported"' in line
        return f"{nodes:,} nodes, {total - nodes:,} edges, {path.stat().st_size / 1e6:.1f} MB"

    def pipeline(self) -> None:
        for name, size in SIZES.items():
            accounts, resources = OURS[name]
            ours = self.ours(
                "random", f"random.accounts={accounts}", f"random.resources_per_account={resources}", "random.seed=1"
            )
            (self.directory / "peer.ndjson").unlink(missing_ok=True)
            peer = self.run(self.python, str(HERE / "peer.py"), str(size), "peer.ndjson")
            note = f"ours {self.graph_size('ours.ndjson')}; peer {self.graph_size('peer.ndjson')}"
            self.row(f"graph pipeline {name}: CPU, all processes", "s", ours.cpu_s, peer.cpu_s, note)
            self.row(f"graph pipeline {name}: CPU, supervisor alone", "s", ours.own_cpu_s, peer.own_cpu_s)
            self.row(f"graph pipeline {name}: peak, supervisor", "MiB", ours.peak_bytes / MIB, peer.peak_bytes / MIB)
            peaks = ours.child_peak_bytes / MIB, peer.child_peak_bytes / MIB
            self.row(f"graph pipeline {name}: peak, largest child", "MiB", *peaks)
            self.row(f"graph pipeline {name}: wall", "s", ours.wall_s, peer.wall_s)

    def start_cost(self) -> None:
        peer = self.run(self.python, "-c", "import fixworker.collect, fix_plugin_random")
        alone = [self.run(self.child, "describe", "--collector", "random") for _ in range(5)]
        ours = min(one.wall_s for one in alone)
        self.row("start of one child: wall until it has described itself", "ms", ours * 1e3, peer.wall_s * 1e3)
        self.row("start of one child: CPU", "ms", min(o.cpu_s for o in alone) * 1e3, peer.cpu_s * 1e3, "peer: imports")
        many = self.ours(
            "random", "random.accounts=1000", "random.resources_per_account=1", "fixworker.pool_size=32"
        )
        accounts = json.loads((self.directory / "report.json").read_text())
        accounts = accounts["accounts"] if isinstance(accounts, dict) else accounts
        rss = sorted(account["peak_rss_bytes"] for account in accounts)[len(accounts) // 2]
        self.row("1,000 almost empty accounts, pool 32: wall", "s", many.wall_s)
        self.row("1,000 almost empty accounts, pool 32: CPU for one", "ms", many.cpu_s)
        self.row("1,000 almost empty accounts, pool 32: peak of a child", "MiB", rss / MIB, peer.peak_bytes / MIB)
        self.row("1,000 almost empty accounts, pool 32: peak, supervisor", "MiB", many.peak_bytes / MIB)

    def walls(self) -> None:
        """What the sandbox costs: the same 1,000 accounts by turns with and without it."""
        wall: dict[str, list[float]] = {"auto": [], "off": []}
        cpu: dict[str, list[float]] = {"auto": [], "off": []}
        for _ in range(3):
            for sandbox in wall:
                many = self.ours(
                    "random", "random.accounts=1000", "random.resources_per_account=1", "fixworker.pool_size=32",
                    f"supervisor.sandbox={sandbox}",
                )
                wall[sandbox].append(many.wall_s)
                cpu[sandbox].append(many.cpu_s)
        for sandbox in wall:
            self.row(f"1,000 almost empty accounts, sandbox {sandbox}: wall", "s", min(wall[sandbox]))
            self.row(f"1,000 almost empty accounts, sandbox {sandbox}: CPU for one", "ms", min(cpu[sandbox]))
        more = 100 * (min(wall["auto"]) / min(wall["off"]) - 1)
        self.row("1,000 almost empty accounts: what the sandbox adds", "%", more)

    def throughput(self) -> None:
        """The child sends prepared frames as fast as it can, so that only the way is measured."""
        megabytes = 256
        base = self.ours("rogue", "rogue.modes=bulk-1", bin=self.rogue)
        full = self.ours("rogue", f"rogue.modes=bulk-{megabytes}", bin=self.rogue)
        ours = (megabytes - 1) / max(full.wall_s - base.wall_s, 1e-6)
        copies = []
        for _ in range(3):
            started = time.monotonic()
            self.run(self.copy, str(megabytes), "copy.bin")
            copies.append(megabytes / (time.monotonic() - started))
        self.row("child to merged file", "MB/s", ours, None, f"supervisor at {full.peak_bytes / MIB:.0f} MiB")
        self.row("plain copy over the same kind of socket to a file", "MB/s", max(copies))
        self.row("share of a plain copy", "%", 100 * ours / max(copies))

    def large(self) -> None:
        ours = self.ours("random", "random.accounts=1000", "random.resources_per_account=1000")
        note = self.graph_size("ours.ndjson")
        self.row("1,000 accounts of 1,000 nodes: peak, supervisor", "MiB", ours.peak_bytes / MIB, None, note)
        self.row("1,000 accounts of 1,000 nodes: wall", "s", ours.wall_s)
        self.row("1,000 accounts of 1,000 nodes: CPU, supervisor alone", "s", ours.own_cpu_s)

    def aws(self) -> None:
        aws.bench(self.row, self.child, self.aws_mock, self.aws_peer, self.directory)

    def aws_latency(self) -> None:
        latency.bench(self.row, self.child, self.fake_aws, self.aws_mock, self.aws_peer, self.directory)

    def aws_estates(self) -> None:
        estates.bench(self.row, self.child, self.fake_aws, self.directory)

    def clouds(self) -> None:
        clouds.bench(self.row, self.child, self.aws_mock, self.clouds_peer, self.directory)

    def instructions(self) -> None:
        instructions.bench(self.row, self.child, self.fake_aws, self.aws_mock, self.directory)

    def fixcore(self) -> None:
        # The graph of the Python worker decides the size: ten accounts, all in one upload.
        shared = ["fixworker.collector=random", "fixworker.web_host=127.0.0.1"]
        web = f"fixworker.web_port={core.free_port()}"
        peer = core.collect(self.directory, [self.peer, "--override", *shared, web, "random.size=1.0"], self.env)
        web = f"fixworker.web_port={core.free_port()}"
        sizes = ["random.accounts=10", "random.resources_per_account=730"]
        ours = core.collect(self.directory, [self.fixworker, "--override", *shared, web, *sizes], self.env)
        sides = (("ours", ours), ("peer", peer))
        note = "; ".join(f"{n}: {s['nodes']:.0f} nodes, {s['merges']:.0f} merges" for n, s in sides)
        for name, unit, key in (
            ("collect run with fixcore: CPU of the worker", "s", "worker_cpu_s"),
            ("collect run with fixcore: CPU of fixcore", "s", "fixcore_cpu_s"),
            ("collect run with fixcore: peak of the worker", "MiB", "worker_peak_mib"),
            ("collect run with fixcore: wall until all is merged", "s", "wall_s"),
        ):
            self.row(name, unit, ours[key], peer[key], note)
            note = ""


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--aws-mock", default="", help="a Python that has tests/aws/requirements.txt")
    parser.add_argument("--aws-peer", default="", help="a Python that has tests/aws/peer-requirements.txt")
    parser.add_argument("--clouds-peer", default="", help="a Python that has tests/clouds/rest/peer-requirements.txt")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="pipeline, start_cost, walls, throughput, fixcore, large, aws, aws_latency, aws_estates, clouds, instructions (comma list)")
    args = parser.parse_args()
    with TemporaryDirectory(prefix="fwbench") as directory:
        bench = Bench(args.bin_dir.resolve(), args.venv.absolute(), args.aws_mock, args.aws_peer, args.clouds_peer, Path(directory))
        parts: List[Callable[[], None]] = [bench.pipeline, bench.start_cost, bench.walls, bench.throughput, bench.fixcore, bench.large]
        parts += [bench.aws, bench.aws_latency, bench.aws_estates, bench.clouds, bench.instructions]
        wanted = args.only.split(",") if args.only else [part.__name__ for part in parts]
        print(f"{'':<58}{'ours':>12}{'peer':>12}{'':>8}{'':>9}")
        for part in (part for part in parts if part.__name__ in wanted):
            part()
        if args.json:
            facts = {"cpus": os.cpu_count(), "python": sys.version.split()[0], "rows": bench.rows}
            args.json.write_text(json.dumps(facts, indent=2) + "\n")
            print(f"written: {args.json}")


if __name__ == "__main__":
    main()
