"""
One account of each cloud on its fake, collected by the child alone and by the plugin of the Python worker: what it costs, and
what a child takes before it does anything. AWS has parts of its own (aws.py, latency.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

from measure import MIB, Measured, run

CLOUDS = Path(__file__).resolve().parents[1] / "clouds"
sys.path[:0] = [str(CLOUDS)]
sys.path.append(str(CLOUDS / "rest"))
from ways import way  # noqa: E402

RUNS = 3
Where = Tuple[Dict[str, Any], Dict[str, str], str]
# Ours, its nodes, the peer's, and its accounts.
Compared = Tuple[Measured, int, Measured, int]

# What makes the estate of a cloud large.
LARGE: Dict[str, List[str]] = {
    "digitalocean": ["page_size=200", "droplets=300"],
    "dockerhub": ["page_size=100", "repositories=1000"],
    "github": ["page_size=100", "pulls=1000"],
    "hetzner": ["page_size=50", "servers=3000"],
    "k8s": ["page_size=500", "pods=3000"],
    "onelogin": ["page_size=50", "users=3000"],
    "posthog": ["page_size=100", "events=1000"],
    "scarf": ["packages=300"],
    "slack": ["page_size=200", "channels=1000"],
}


@contextmanager
def fake(command: List[str], log: Path) -> Iterator[str]:
    """A fake cloud, by its address."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, text=True)
        try:
            told = process.stdout.readline().strip()  # type: ignore[union-attr]
            yield f"http://127.0.0.1:{told}" if told.isdigit() else told
        finally:
            process.terminate()
            process.wait()


class Cloud:
    """A cloud on its fake."""

    def __init__(self, name: str, child: str, python: str, peer: str, directory: Path) -> None:
        self.name, self.child, self.python, self.peer, self.directory = name, child, python, peer, directory

    def ours(self, where: Where) -> Tuple[Measured, int]:
        settings, variables, account = where
        config, out = self.directory / f"{self.name}.json", self.directory / f"{self.name}.ndjson"
        config.write_text(json.dumps(settings))
        command = [self.child, "collect", "--collector", self.name, "--config", str(config), "--account", account]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory), "NO_PROXY": "*", **variables}
        taken = [run([*command, "--output", str(out)], self.directory, env) for _ in range(RUNS)]
        if taken[0].code not in (0, 79):
            tail = (self.directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
            raise SystemExit(f"{' '.join(command)} ended with {taken[0].code}:\n" + "\n".join(tail))
        return min(taken, key=lambda one: one.cpu_s), sum(b'"reported"' in line for line in out.read_bytes().splitlines())

    def theirs(self, command: List[str]) -> Measured:
        """With its start: the Python worker starts a process for each collector in each run (`fork_process`), which imports
        its plugin anew. See `imports`."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory)}
        taken = run([self.peer, "-B", *command], self.directory, env)
        if taken.code != 0:
            tail = (self.directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
            raise SystemExit(f"{' '.join(command)} ended with {taken.code}:\n" + "\n".join(tail))
        return taken

    def imports(self, module: str) -> float:
        """CPU seconds until the plugin is there, which a process spends once for all accounts of its cloud."""
        return self.theirs(["-c", f"import fixworker.collect, {module}"]).cpu_s


def rest(cloud: Cloud, log: Path) -> Compared:
    command = [cloud.python, "-B", str(CLOUDS / "rest" / "fake.py"), cloud.name]
    with fake(command + [word for option in LARGE[cloud.name] for word in ("--set", option)], log) as url:
        us, nodes = cloud.ours(way(cloud.name, url))
        out = str(cloud.directory / "peer.ndjson")
        them = cloud.theirs(["-P", str(CLOUDS / "rest" / "peer_collect.py"), cloud.name, "--url", url, "--out", out])
    return us, nodes, them, 1


def gcp(cloud: Cloud, log: Path) -> Compared:
    from fake.client import environment, user_file

    command = [cloud.peer, "-B", str(CLOUDS / "cloud.py"), "gcp", "--mild"]
    with fake(command, log) as url:
        settings = {"gcp": {"service_account": [user_file(cloud.directory, url)], "collect_usage_metrics": False}}
        where = settings, environment(url), "demo-project"
        us, nodes = cloud.ours(where)
    work = cloud.directory / "gcp-peer"
    work.mkdir(exist_ok=True)
    with fake([*command, "--ca", str(work)], log) as url:
        peer = [str(CLOUDS / "peer_collect.py"), "gcp", "--proxy", url, "--ca", str(work / "ca.pem")]
        them = cloud.theirs([*peer, "--out", str(work / "out")])
    # It collects all projects of its credentials.
    accounts = len(json.loads((work / "out" / "stats.json").read_text())["accounts"])
    return us, nodes, them, accounts


def bench(row: Callable[..., None], child: str, python: str, peer: str, directory: Path) -> None:
    """A block of rows for each cloud, and the start of a child that has all of them."""
    for name in sorted(["gcp", *LARGE]):
        cloud = Cloud(name, child, python, peer, directory)
        us, nodes, them, accounts = (gcp if name == "gcp" else rest)(cloud, directory / "bench.log")
        once = cloud.imports(f"fix_plugin_{name}")
        without = (them.cpu_s - once) / accounts
        told = f"{nodes:,} nodes; peer without {once:.1f} s of imports: {without / us.cpu_s:.0f} x"
        row(f"{name} run: CPU", "s", us.cpu_s, them.cpu_s / accounts, told)
        row(f"{name} run: peak", "MiB", us.peak_bytes / MIB, them.peak_bytes / MIB)
        row(f"{name} run: wall", "s", us.wall_s, them.wall_s / accounts, "most of it is the fake's")
    alone = [run([child, "describe", "--collector", "random"], directory, dict(os.environ)) for _ in range(20)]
    row("start of a child with all clouds: CPU", "ms", 1e3 * min(one.cpu_s for one in alone))
    row("start of a child with all clouds: wall", "ms", 1e3 * min(one.wall_s for one in alone))
