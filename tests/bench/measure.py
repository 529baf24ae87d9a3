"""CPU and memory of a process with everything it starts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Tuple

MIB = 1 << 20


@dataclass
class Measured:
    code: int
    wall_s: float
    cpu_s: float  # of the process and of all its children that it waited for
    own_cpu_s: float  # of the process alone, as last seen
    peak_bytes: int  # of the process alone
    child_peak_bytes: int  # of the largest process below it
    processes: int  # how many were seen below it


def stat_of(pid: int) -> Optional[Tuple[int, float]]:
    """Parent and CPU seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


@dataclass
class Watch:
    """Looks at a process and its descendants every few milliseconds; the kernel keeps the peaks in between."""

    pid: int
    own_cpu_s: float = 0.0
    peaks: Dict[int, int] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def tree(self) -> List[int]:
        parents: Dict[int, List[int]] = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (stat := stat_of(int(name))):
                parents.setdefault(stat[0], []).append(int(name))
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo.extend(parents.get(pid, []))
        return found

    def look(self) -> None:
        for pid in self.tree():
            self.peaks[pid] = max(self.peaks.get(pid, 0), peak_of(pid))
        if stat := stat_of(self.pid):
            self.own_cpu_s = stat[1]

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.look()


def run(args: List[str], cwd: Optional[Path] = None, env: Optional[Dict[str, str]] = None) -> Measured:
    """Runs a program to its end."""
    log = (cwd or Path(".")) / "bench.log"
    with log.open("ab") as out:
        started = time.monotonic()
        process = subprocess.Popen(args, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        watch = Watch(process.pid)
        thread = threading.Thread(target=watch.run)
        thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        watch.over.set()
        thread.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    below = [peak for pid, peak in watch.peaks.items() if pid != process.pid]
    return Measured(
        code=process.returncode,
        wall_s=wall,
        cpu_s=usage.ru_utime + usage.ru_stime,
        own_cpu_s=watch.own_cpu_s,
        peak_bytes=watch.peaks.get(process.pid, 0),
        child_peak_bytes=max(below, default=0),
        processes=len(below),
    )


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a running process, of its children, and of those it has waited for."""
    total = 0.0
    for member in Watch(pid).tree():
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(fields[i]) for i in (11, 12, 13, 14)) / os.sysconf("SC_CLK_TCK")
    return total
