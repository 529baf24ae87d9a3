#!/usr/bin/env python3
"""Lets the Python worker collect a fake cloud, and keeps its graphs in CLOUD/recorded/.

    record.py gcp               # a minute; needs peer-requirements.txt in .venv-peer
    record.py azure             # two minutes; needs azure/peer-requirements.txt there as well
    record.py gcp --check       # whether what is recorded was made from what is here now

The fake answers the same to everyone and at all times, so that the graphs are only to be made anew when it changes.
"""

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# What the graphs depend on.
INPUTS = {
    "azure": [
        "tests/clouds/azure/peer.py",
        "tests/clouds/azure/peer-requirements.txt",
        "tests/clouds/fake/azure.py",
        "tests/clouds/fake/azure.json.gz",
        "tests/clouds/fake/values.py",
    ],
    "gcp": [
        "tests/clouds/peer_collect.py",
        "tests/clouds/peer-requirements.txt",
        "tests/clouds/fake/gcp.toml",
        "tests/clouds/fake/estate.py",
        "tests/clouds/fake/values.py",
        "collector-child/clouds/gcp/shapes/data/*.gz",
    ]
}


def inputs(cloud: str) -> str:
    """A hash of what the graphs depend on."""
    digest = hashlib.sha256()
    for pattern in INPUTS[cloud]:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def recorded(cloud: str) -> dict[str, object]:
    """What is known about the recording."""
    return json.loads((HERE / cloud / "recorded" / "stats.json").read_text())


def record(cloud: str) -> None:
    folder = HERE / cloud / "recorded"
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        python = str(HERE / ".venv-peer" / "bin" / "python")
        command = [python, "-B", str(HERE / "cloud.py"), cloud, "--mild", "--ca", str(work)]
        fake = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            proxy = f"http://127.0.0.1:{fake.stdout.readline().strip()}"
            own = HERE / cloud / "peer.py"
            script = [str(own), "--usage"] if own.exists() else [str(HERE / "peer_collect.py"), cloud]
            peer = [python, "-B", *script, "--proxy", proxy]
            subprocess.run([*peer, "--ca", str(work / "ca.pem"), "--out", str(work / "out")], check=True)
        finally:
            fake.terminate()
            fake.wait()
        for path in sorted((work / "out").glob("*.ndjson")):
            (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        stats = json.loads((work / "out" / "stats.json").read_text())
    kept = {"inputs": inputs(cloud), "accounts": stats["accounts"], "messages": stats["messages"]}
    (folder / "stats.json").write_text(json.dumps(kept, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud", choices=sorted(INPUTS))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if not args.check:
        record(args.cloud)
    elif recorded(args.cloud)["inputs"] != inputs(args.cloud):
        sys.exit(f"the fake has changed since the Python worker was recorded: run record.py {args.cloud}")


if __name__ == "__main__":
    main()
