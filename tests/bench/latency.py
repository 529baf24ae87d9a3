"""
One account in a cloud that answers from memory, 50 ms after it was asked: how long it takes, compared with the Python worker
and with the critical path, the shortest time in which these calls can be made at all (tests/src/fake_aws/critical.rs says how
it is found: the longest chain of calls that depend on each other, given how many a service and all together may have under way).

The answers are those of the shape mock, taken down in a first run of each side.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

from aws import ACCOUNT, AWS, CLEAN
from measure import MIB, Measured, run

LATENCY_MS = 50
# As many as an account has that enabled none of the others.
REGIONS = [
    "us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-north-1", "eu-west-2", "eu-west-3",
    "sa-east-1", "us-east-2", "us-west-1",
]
# So many of them, and whether the Python worker collects them, too: it needs a minute for four.
SIZES = ((2, False), (4, True), (17, False))
# The best of so many: what else the machine does only ever adds.
RUNS = 3


@contextmanager
def server(command: List[str], log: Path) -> Iterator[str]:
    """A server that prints its port; its address."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, text=True)
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"  # type: ignore[union-attr]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def get(address: str, path: str) -> Dict[str, Any]:
    with urllib.request.urlopen(f"http://{address}{path}") as answer:
        return json.load(answer)


def ours(child: List[str], address: str, regions: List[str], directory: Path) -> Measured:
    """The process from its start to its end."""
    settings = {"role": "CollectRole", "account": [ACCOUNT], "region": regions, "collect_usage_metrics": False}
    config, out = directory / "latency.json", directory / "latency-ours.ndjson"
    config.write_text(json.dumps({"aws": settings}))
    command = [*child, "collect", "--collector", "aws", "--config", str(config), "--output", str(out)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "AWS_ENDPOINT_URL": f"http://{address}", **CLEAN}
    result = run(command, directory, environment)
    if result.code not in (0, 79):
        tail = (directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
        raise SystemExit(f"{' '.join(command)} ended with {result.code}:\n" + "\n".join(tail))
    return result


def peer(python: str, address: str, regions: List[str], directory: Path) -> float:
    """Seconds of the collection alone."""
    command = [python, "-B", str(AWS / "peer_collect.py"), "--endpoint", f"http://{address}", "--accounts", ACCOUNT]
    with (directory / "bench.log").open("ab") as log:
        subprocess.run([*command, "--regions", ",".join(regions), "--out", str(directory)], check=True, stdout=log, stderr=log)
    return float(json.loads((directory / f"{ACCOUNT}.json").read_text())["wall_seconds"])


def ours_timed(child: str, address: str, regions: List[str], directory: Path) -> Dict[str, Any]:
    get(address, f"/_fake/replay?{LATENCY_MS}")
    taken = ours([child], address, regions, directory)
    told = get(address, "/_fake/end")
    cpu_ms = 1e3 * taken.cpu_s / told["calls"]
    return {"wall_s": taken.wall_s, "cpu_ms": cpu_ms, "peak_mib": taken.peak_bytes / MIB, **told}


def peer_timed(python: str, address: str, regions: List[str], directory: Path) -> Dict[str, Any]:
    peer(python, address, regions, directory)
    get(address, f"/_fake/replay?{LATENCY_MS}")
    wall = peer(python, address, regions, directory)
    return {"wall_s": wall, **get(address, "/_fake/end")}


def bench(row: Callable[..., None], child: str, fake: str, mock_python: str, peer_python: str, directory: Path) -> None:
    for size, with_peer in SIZES:
        one_size(row, child, fake, mock_python, peer_python if with_peer else "", REGIONS[:size], directory)


def one_size(
    row: Callable[..., None], child: str, fake: str, mock_python: str, peer_python: str, regions: List[str], directory: Path
) -> None:
    log = directory / "bench.log"
    mock = [mock_python, "-B", str(AWS / "shape_mock.py"), "--port", "0", "--regions", ",".join(regions)]
    with server(mock, log) as upstream, server([fake, upstream], log) as address:
        ours([child], address, regions, directory)
        runs = [ours_timed(child, address, regions, directory) for _ in range(RUNS)]
        them = peer_timed(peer_python, address, regions, directory) if peer_python else None
    us = min(runs, key=lambda run: run["wall_s"])
    name = f"AWS account, {LATENCY_MS} ms a call, {len(regions)} regions"
    note = f"ours {us['calls']} calls, {us['most_at_once']} at once, {us['unknown']} not taken down"
    if them:
        note += f"; peer {them['calls']} calls, {them['most_at_once']} at once, {them['unknown']} not taken down"
    row(f"{name}: wall", "s", us["wall_s"], them and them["wall_s"], note)
    critical = us["rounds"] * LATENCY_MS / 1e3
    note = f"{us['rounds']} rounds, bound by {us['bound_by']}; the longest chain has {us['chain']} calls"
    row(f"{name}: critical path", "s", critical, None, note)
    row(f"{name}: wall for one second of the critical path", "s", us["wall_s"] / critical)
    row(f"{name}: CPU for one call", "ms", min(run["cpu_ms"] for run in runs))
    row(f"{name}: peak", "MiB", min(run["peak_mib"] for run in runs))
