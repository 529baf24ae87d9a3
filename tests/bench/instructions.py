"""
How many instructions the child takes for one account (valgrind counts them): a number that hardly depends on what else the
machine does, so that two commits can be compared. The answers are those of the shape mock, taken down before and given at
once; the cryptography that valgrind offers is slower than that of the processor.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable, List, Tuple

from aws import AWS
from latency import REGIONS, get, ours, server

COUNT = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", "--log-file={log}"]


def counted(child: str, fake: str, mock_python: str, regions: List[str], directory: Path) -> Tuple[int, int]:
    """Instructions and calls."""
    log, counts = directory / "bench.log", directory / "valgrind.log"
    mock = [mock_python, "-B", str(AWS / "shape_mock.py"), "--port", "0", "--regions", ",".join(regions)]
    with server(mock, log) as upstream, server([fake, upstream], log) as address:
        ours([child], address, regions, directory)
        get(address, "/_fake/replay?0")
        ours([*(part.format(log=counts) for part in COUNT), child], address, regions, directory)
        calls = int(get(address, "/_fake/end")["calls"])
    found = re.search(r"I\s+refs:\s+([\d,]+)", counts.read_text())
    if not found:
        raise SystemExit(f"valgrind counted nothing:\n{counts.read_text()}")
    return int(found[1].replace(",", "")), calls


def bench(row: Callable[..., None], child: str, fake: str, mock_python: str, directory: Path) -> None:
    small, few = counted(child, fake, mock_python, REGIONS[:1], directory)
    large, many = counted(child, fake, mock_python, REGIONS[:2], directory)
    more = (large - small) / (many - few)
    row("AWS account, 2 regions: instructions", "M", large / 1e6, None, f"{many} calls")
    row("AWS account: instructions for one call more", "k", more / 1e3)
    row("AWS account: instructions whatever there is", "M", (small - few * more) / 1e6)
