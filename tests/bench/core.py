"""Whole runs against the real fixcore in memory: what they cost the worker, and what they cost fixcore."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict, List

from measure import Watch, cpu_of_tree

HARNESS = Path(__file__).resolve().parent.parent / "harness" / "run_fixcore.py"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Core:
    """A fixcore that ends with the block."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.log = (directory / "fixcore.log").open("ab")
        args = [sys.executable, str(HARNESS), "--port", str(self.port)]
        self.process = subprocess.Popen(args, stdout=self.log, stderr=self.log)

    def __enter__(self) -> Core:
        self.until(lambda: self.call("GET", "/system/ready") is not None)
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()

    def call(self, method: str, path: str) -> Any:
        request = urllib.request.Request(self.uri + path, method=method, data=b"{}" if method == "POST" else None)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                body = response.read()
        except (urllib.error.URLError, OSError):
            return None
        return json.loads(body) if body[:1] in (b"{", b"[") else body.decode()

    def until(self, ready: Any, seconds: float = 300) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("fixcore did not do what the bench waits for; see fixcore.log")
            time.sleep(0.05)

    def connected(self) -> bool:
        subscribers = self.call("GET", "/harness/subscribers") or {}
        return "fix.worker-collector" in subscribers.get("connected", {})

    def settled(self) -> bool:
        return all(m["outcome"] in ("merged", "failed") for m in self.call("GET", "/harness/merges"))


def collect(directory: Path, worker: List[str], env: Dict[str, str]) -> Dict[str, float]:
    """One collect workflow: CPU of the worker with its children, CPU of fixcore, peak memory of the worker."""
    with Core(directory) as core:
        args = [*worker, "--fixcore-uri", core.uri]
        with (directory / "worker.log").open("ab") as log:
            process = subprocess.Popen(args, stdout=log, stderr=log, cwd=directory, env={**os.environ, **env})
        watch = Watch(process.pid)
        thread = threading.Thread(target=watch.run)
        thread.start()
        try:
            core.until(core.connected)
            time.sleep(1)
            worker_before, core_before = cpu_of_tree(process.pid), core.call("GET", "/harness/stats")["cpu_s"]
            started = time.monotonic()
            task = core.call("POST", "/harness/workflow/collect")["task_id"]
            core.until(lambda: core.call("GET", f"/harness/workflow/{task}")["done"])
            core.until(core.settled)
            wall = time.monotonic() - started
            stats, worker_cpu = core.call("GET", "/harness/stats"), cpu_of_tree(process.pid) - worker_before
            graph = core.call("GET", "/harness/graph")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            watch.over.set()
            thread.join()
    return {
        "nodes": len(graph["nodes"]),
        "edges": len(graph["edges"]),
        "merges": sum(stats["merges"].values()),
        "wall_s": wall,
        "worker_cpu_s": worker_cpu,
        "worker_peak_mib": watch.peaks[process.pid] / 2**20,
        "fixcore_cpu_s": stats["cpu_s"] - core_before,
    }
