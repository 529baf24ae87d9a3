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

LATENCY_MS = 50
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
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


def ours(child: str, address: str, directory: Path) -> float:
    """Seconds from the start of the process to its end."""
    from measure import run as measured

    settings = {"role": "CollectRole", "account": [ACCOUNT], "region": REGIONS, "collect_usage_metrics": False}
    config, out = directory / "latency.json", directory / "latency-ours.ndjson"
    config.write_text(json.dumps({"aws": settings}))
    command = [child, "collect", "--collector", "aws", "--config", str(config), "--output", str(out)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "AWS_ENDPOINT_URL": f"http://{address}", **CLEAN}
    result = measured(command, directory, environment)
    if result.code not in (0, 79):
        tail = (directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
        raise SystemExit(f"{' '.join(command)} ended with {result.code}:\n" + "\n".join(tail))
    return result.wall_s


def peer(python: str, address: str, directory: Path) -> float:
    """Seconds of the collection alone."""
    command = [python, "-B", str(AWS / "peer_collect.py"), "--endpoint", f"http://{address}", "--accounts", ACCOUNT]
    with (directory / "bench.log").open("ab") as log:
        subprocess.run([*command, "--regions", ",".join(REGIONS), "--out", str(directory)], check=True, stdout=log, stderr=log)
    return float(json.loads((directory / f"{ACCOUNT}.json").read_text())["wall_seconds"])


def timed(address: str, collect: Callable[[], float]) -> Dict[str, Any]:
    get(address, f"/_fake/replay?{LATENCY_MS}")
    wall = collect()
    return {"wall_s": wall, **get(address, "/_fake/end")}


def bench(row: Callable[..., None], child: str, fake: str, mock_python: str, peer_python: str, directory: Path) -> None:
    log = directory / "bench.log"
    mock = [mock_python, "-B", str(AWS / "shape_mock.py"), "--port", "0", "--regions", ",".join(REGIONS)]
    with server(mock, log) as upstream, server([fake, upstream], log) as address:
        collect = lambda: ours(child, address, directory)  # noqa: E731
        collect()
        us = min((timed(address, collect) for _ in range(RUNS)), key=lambda run: run["wall_s"])
        them = None
        if peer_python:
            collect_peer = lambda: peer(peer_python, address, directory)  # noqa: E731
            collect_peer()
            them = timed(address, collect_peer)
    name = f"AWS account, {LATENCY_MS} ms a call, {len(REGIONS)} regions"
    note = f"ours {us['calls']} calls, {us['most_at_once']} at once, {us['unknown']} not taken down"
    if them:
        note += f"; peer {them['calls']} calls, {them['most_at_once']} at once, {them['unknown']} not taken down"
    row(f"{name}: wall", "s", us["wall_s"], them and them["wall_s"], note)
    critical = us["rounds"] * LATENCY_MS / 1e3
    note = f"{us['rounds']} rounds, bound by {us['bound_by']}; the longest chain has {us['chain']} calls"
    row(f"{name}: critical path", "s", critical, None, note)
    row(f"{name}: wall for one second of the critical path", "s", us["wall_s"] / critical)
