"""
Accounts with much of one thing, made up by the fake cloud (tests/src/fake_aws/estate.rs): what grows with it, and what one
slow bucket costs the others.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List

from aws import CLEAN
from latency import LATENCY_MS, get, server
from measure import MIB, Measured, run

# The best of so many: what else the machine does only ever adds.
RUNS = 3


@dataclass
class Account:
    """What is there, and what of it is collected."""

    estate: str
    kinds: List[str]
    nodes: int  # at least


LOG_GROUPS = Account("log-groups=50000,policies=10", ["aws_cloudwatch_log_group"], 50_000)
SNAPSHOTS = Account("snapshots=100000", ["aws_ec2_snapshot"], 100_000)
BUCKETS = Account("buckets=11", ["aws_s3_bucket"], 11)
SLOW_BUCKET = Account("buckets=11,slow=1", ["aws_s3_bucket"], 11)


def collect(child: str, fake: str, account: Account, latency_ms: int, directory: Path) -> Measured:
    log, config, out = directory / "bench.log", directory / "estate.json", directory / "estate.ndjson"
    settings = {"region": ["us-east-1"], "collect": account.kinds, "collect_usage_metrics": False}
    config.write_text(json.dumps({"aws": settings}))
    command = [child, "collect", "--collector", "aws", "--config", str(config), "--output", str(out)]
    with server([fake, "--estate", account.estate], log) as address:
        environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "AWS_ENDPOINT_URL": f"http://{address}", **CLEAN}
        get(address, f"/_fake/replay?{latency_ms}")
        result = run(command, directory, environment)
    nodes = sum(b'"reported"' in line for line in out.open("rb")) if out.exists() else 0
    if result.code not in (0, 79) or nodes < account.nodes:
        tail = log.read_text(errors="replace").splitlines()[-15:]
        raise SystemExit(f"{' '.join(command)} ended with {result.code} and {nodes} nodes:\n" + "\n".join(tail))
    return result


def bench(row: Callable[..., None], child: str, fake: str, directory: Path) -> None:
    def best(account: Account, latency_ms: int, of: Callable[[Measured], float]) -> float:
        return min(of(collect(child, fake, account, latency_ms, directory)) for _ in range(RUNS))

    for name, account in (("50,000 log groups, 10 policies", LOG_GROUPS), ("100,000 snapshots in a region", SNAPSHOTS)):
        row(f"AWS account, {name}: CPU", "s", best(account, 0, lambda taken: taken.cpu_s))
        row(f"AWS account, {name}: peak", "MiB", best(account, 0, lambda taken: taken.peak_bytes / MIB))
    calm = best(BUCKETS, LATENCY_MS, lambda taken: taken.wall_s)
    slow = best(SLOW_BUCKET, LATENCY_MS, lambda taken: taken.wall_s)
    row("AWS account, 11 buckets: wall", "s", calm)
    row("AWS account, 11 buckets, one is told once to slow down: wall", "s", slow)
