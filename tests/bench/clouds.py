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
RUNS = 3
Where = Tuple[Dict[str, Any], Dict[str, str], str]

# What makes the estate large, and settings, variables and account that lead to it.
REST: Dict[str, Tuple[List[str], Dict[str, Any], Dict[str, str], str]] = {
    "hetzner": (
        ["page_size=50", "servers=3000"],
        {"hetzner": {"hcloud_project_names": ["demo-project"], "hcloud_tokens": ["hcloud-token"]}},
        {"HCLOUD_ENDPOINT": "{}/v1"},
        "demo-project",
    ),
    "onelogin": (
        ["page_size=50", "users=3000"],
        {"onelogin": {"client_id": "ol-client", "client_secret": "ol-secret"}},
        {"ONELOGIN_API_URL": "{}"},
        "ol-client",
    ),
    "slack": (["page_size=200", "channels=1000"], {"slack": {"bot_token": "xoxb-demo"}}, {"SLACK_API_URL": "{}/api"}, "T1"),
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
        """With its start: a run of the Python worker is one process for all accounts of a cloud, so see `imports`."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory)}
        taken = run([self.peer, "-B", *command], self.directory, env)
        if taken.code != 0:
            tail = (self.directory / "bench.log").read_text(errors="replace").splitlines()[-15:]
            raise SystemExit(f"{' '.join(command)} ended with {taken.code}:\n" + "\n".join(tail))
        return taken

    def imports(self, module: str) -> float:
        """CPU seconds until the plugin is there, which a worker spends once."""
        return self.theirs(["-c", f"import fixworker.collect, {module}"]).cpu_s


def rest(cloud: Cloud, log: Path) -> Tuple[Measured, int, Measured]:
    options, settings, variables, account = REST[cloud.name]
    command = [cloud.python, "-B", str(CLOUDS / "rest" / "fake.py"), cloud.name]
    with fake(command + [word for option in options for word in ("--set", option)], log) as url:
        where = settings, {name: value.format(url) for name, value in variables.items()}, account
        us, nodes = cloud.ours(where)
        out = str(cloud.directory / "peer.ndjson")
        them = cloud.theirs(["-P", str(CLOUDS / "rest" / "peer_collect.py"), cloud.name, "--url", url, "--out", out])
    return us, nodes, them


def gcp(cloud: Cloud, log: Path) -> Tuple[Measured, int, Measured]:
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
    accounts = len(json.loads((work / "out" / "stats.json").read_text())["accounts"])
    # It collects all projects of its credentials.
    them.cpu_s, them.wall_s = them.cpu_s / accounts, them.wall_s / accounts
    return us, nodes, them


MODULES = {"gcp": "fix_plugin_gcp", "hetzner": "fix_plugin_hetzner", "onelogin": "fix_plugin_onelogin", "slack": "fix_plugin_slack"}


def bench(row: Callable[..., None], child: str, python: str, peer: str, directory: Path) -> None:
    """A block of rows for each cloud, and the start of a child that has all of them."""
    for name, module in MODULES.items():
        cloud = Cloud(name, child, python, peer, directory)
        us, nodes, them = (gcp if name == "gcp" else rest)(cloud, directory / "bench.log")
        once = cloud.imports(module)
        row(f"{name} account: CPU", "s", us.cpu_s, them.cpu_s - once, f"{nodes:,} nodes; peer without {once:.1f} s of imports")
        row(f"{name} account: peak", "MiB", us.peak_bytes / MIB, them.peak_bytes / MIB)
        row(f"{name} account: wall", "s", us.wall_s, them.wall_s, "most of it is the fake's")
    alone = [run([child, "describe", "--collector", "random"], directory, dict(os.environ)) for _ in range(20)]
    row("start of a child with all clouds: CPU", "ms", 1e3 * min(one.cpu_s for one in alone))
    row("start of a child with all clouds: wall", "ms", 1e3 * min(one.wall_s for one in alone))
