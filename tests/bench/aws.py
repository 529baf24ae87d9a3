"""
Accounts of a mock cloud of AWS (moto with the estate of tests/aws/seed.py), collected by the child alone and by the AWS
plugin of the Python worker: what one account costs. The mock is slow, so wall time says more about it than about us.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

HERE = Path(__file__).resolve().parent
AWS = HERE.parent / "aws"
ACCOUNT = "100000000001"
# Sizes of the estate; moto needs minutes to make a larger one.
SCALES = (1, 4)
# The best of so many: what else the machine does only ever adds.
RUNS = 3
CLEAN = {
    "AWS_ACCESS_KEY_ID": "AKIAROOTROOTROOTROOT",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass
class Taken:
    """What one account took."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    calls: int
    nodes: int
    edges: int


@contextmanager
def moto(python: str, scale: int, log: Path) -> Iterator[str]:
    """A moto server with the estate of one account."""
    with log.open("ab") as out:
        server = [python, "-B", str(AWS / "moto_cloud.py"), "--port", "0"]
        process = subprocess.Popen(server, stdout=subprocess.PIPE, stderr=out, text=True)
        try:
            url = f"http://127.0.0.1:{process.stdout.readline().strip()}"  # type: ignore[union-attr]
            seed = [python, "-B", str(AWS / "seed.py"), "--endpoint", url, "--accounts", ACCOUNT]
            subprocess.run([*seed, "--scale", str(scale)], check=True, stdout=out, stderr=out)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def calls(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_mock/calls") as answer:
        return sum(json.load(answer).values())


def ours(child: str, url: str, directory: Path) -> Taken:
    settings = {"role": "CollectRole", "account": [ACCOUNT], "region": ["us-east-1", "eu-west-1"]}
    config, out = directory / "aws.json", directory / "aws-ours.ndjson"
    config.write_text(json.dumps({"aws": settings | {"collect_usage_metrics": False}}))
    command = [child, "collect", "--collector", "aws", "--config", str(config), "--output", str(out)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "AWS_ENDPOINT_URL": url, **CLEAN}
    return best(lambda: run(command, environment, url, directory, out))


def run(command: List[str], environment: Dict[str, str], url: str, directory: Path, out: Path) -> Taken:
    from measure import run as measured

    before = calls(url)
    result = measured(command, directory, environment)
    if result.code not in (0, 79):
        tail = (directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
        raise SystemExit(f"{' '.join(command)} ended with {result.code}:\n" + "\n".join(tail))
    lines = out.read_bytes().splitlines()
    nodes = sum(b'"reported"' in line for line in lines)
    peak = result.peak_bytes / 2**20
    return Taken(result.cpu_s, result.wall_s, peak, calls(url) - before, nodes, len(lines) - nodes)


def best(measure: Callable[[], Taken]) -> Taken:
    # What moto makes when it is asked first, it makes for the first run.
    measure()
    return min((measure() for _ in range(RUNS)), key=lambda taken: taken.cpu_s)


def peer(python: str, url: str, directory: Path) -> Taken:
    """peer_collect.py measures itself, without the time it needs to start."""
    before = calls(url)
    command = [python, "-B", str(AWS / "peer_collect.py"), "--endpoint", url, "--accounts", ACCOUNT]
    with (directory / "bench.log").open("ab") as log:
        subprocess.run([*command, "--out", str(directory)], check=True, stdout=log, stderr=log)
    stats = json.loads((directory / f"{ACCOUNT}.json").read_text())
    edges = stats["edges"] + stats["deferred_edges"]
    cpu = stats["cpu_seconds"]["total"]
    return Taken(cpu, stats["wall_seconds"], stats["peak_rss_mib"], calls(url) - before, stats["nodes"], edges)


def bench(row: Callable[..., None], child: str, mock_python: str, peer_python: str, directory: Path) -> None:
    """One block of rows for each size, and how cost grows between them."""
    sizes: List[Any] = []
    for scale in SCALES:
        with moto(mock_python, scale, directory / "bench.log") as url:
            us, them = ours(child, url, directory), peer(peer_python, url, directory)
        name = f"AWS account, estate x{scale}"
        note = f"ours {us.calls} calls, {us.nodes:,} nodes, {us.edges:,} edges"
        row(f"{name}: CPU", "s", us.cpu_s, them.cpu_s, f"{note}; peer {them.calls} calls, {them.nodes:,} nodes")
        row(f"{name}: CPU for one call", "ms", 1e3 * us.cpu_s / us.calls, 1e3 * them.cpu_s / them.calls)
        row(f"{name}: peak", "MiB", us.peak_mib, them.peak_mib)
        row(f"{name}: wall", "s", us.wall_s, them.wall_s, "most of it is the mock's")
        sizes.append((us, them))
    (small, their_small), (large, their_large) = sizes
    more = (large.cpu_s - small.cpu_s) / (large.calls - small.calls)
    theirs = (their_large.cpu_s - their_small.cpu_s) / (their_large.calls - their_small.calls)
    row("AWS account: CPU for one call more", "ms", 1e3 * more, 1e3 * theirs, "linear if not above that for one call")
    grown = 1024 * (large.peak_mib - small.peak_mib) / (large.nodes - small.nodes)
    row("AWS account: memory for one node more", "KiB", grown, note="with the calls that are under way")
