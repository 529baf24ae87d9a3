#!/usr/bin/env python3
"""Collects a mock cloud with the peer and with ours, and compares the graphs (scripts/parity aws calls this).

The shape mock answers the same to everyone, so the peer's graphs of it are recorded in recorded/ and the peer is only
needed when what they depend on has changed. moto makes new ids for every estate: there the peer runs each time.
"""

import argparse
import fnmatch
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
WORK = HERE / ".work"
DONE = HERE / "done-kinds.txt"
REGIONS = "us-east-1,eu-west-1"
ROLE = "CollectRole"
ACCOUNTS = {"shapes": ["100000000001"], "moto": ["100000000001", "100000000002", "100000000003", "100000000004"]}
# What the peer's graphs of the shape mock depend on.
INPUTS = [
    "shape_mock.py",
    "peer_collect.py",
    "peer-requirements.txt",
    "mock/*.py",
    "mock/overrides.toml",
]
# What of requirements.txt: the descriptions that the mock answers from.
BOTOCORE = "botocore=="


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def fail(text: str) -> None:
    raise SystemExit(f"error: {text}")


# --- the mock clouds


@contextmanager
def mock(args: argparse.Namespace) -> Iterator[str]:
    """The URL of a mock: the one that was named, else a new one for as long as it is needed."""
    if args.endpoint:
        yield args.endpoint
        return
    if args.mock == "shapes":
        command = [args.mock_python, "-B", str(HERE / "shape_mock.py"), "--port", "0", "--regions", REGIONS]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"  # type: ignore[union-attr]
    else:
        command = [args.mock_python, "-B", str(HERE / "moto_cloud.py"), "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"  # type: ignore[union-attr]
    try:
        if args.mock == "moto":
            say(f"seeding {len(args.accounts)} accounts")
            seed = [
                args.mock_python,
                "-B",
                str(HERE / "seed.py"),
                "--endpoint",
                url,
                "--accounts",
                ",".join(args.accounts),
            ]
            subprocess.run([*seed, "--regions", REGIONS, "--scale", str(args.scale)], check=True)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


# --- the peer


def inputs_hash() -> str:
    digest = hashlib.sha256(f"{REGIONS} {ROLE} usage".encode())
    for pattern in INPUTS:
        for path in sorted(HERE.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    lines = (HERE / "requirements.txt").read_text().splitlines()
    digest.update("".join(line for line in lines if line.startswith(BOTOCORE)).encode())
    return digest.hexdigest()[:16]


def recorded_inputs() -> str | None:
    """What the recording was made from."""
    path = RECORDED / "shapes.json"
    return json.loads(path.read_text())["inputs"] if path.exists() else None


def needs_peer(args: argparse.Namespace) -> bool:
    if args.reference:
        return False
    return args.mock == "moto" or args.record or recorded_inputs() != inputs_hash()


def reference(args: argparse.Namespace, endpoint: str, work: Path) -> Path:
    """The folder with the peer's graphs."""
    if args.reference:
        return args.reference
    if args.mock == "moto":
        return run_peer(args, endpoint, work / "peer")
    now = inputs_hash()
    if not needs_peer(args):
        out = work / "peer"
        out.mkdir(parents=True, exist_ok=True)
        for account in args.accounts:
            (out / f"{account}.ndjson").write_bytes(
                gzip.decompress((RECORDED / f"shapes-{account}.ndjson.gz").read_bytes())
            )
        return out
    cached = WORK / f"peer-{now}"
    if not all((cached / f"{a}.ndjson").exists() for a in args.accounts):
        say("the recording of the peer is older than what it depends on: the peer runs (half a minute)")
        fresh = Path(tempfile.mkdtemp(dir=WORK))
        run_peer(args, endpoint, fresh)
        shutil.rmtree(cached, ignore_errors=True)
        fresh.rename(cached)
    if args.record:
        record(args, cached, now)
    return cached


def run_peer(args: argparse.Namespace, endpoint: str, out: Path) -> Path:
    if not args.peer_python or not Path(args.peer_python).exists():
        fail("the peer is needed and not installed: run scripts/parity, which installs it, or set PARITY_PEER_PYTHON")
    command = [
        args.peer_python,
        "-B",
        str(HERE / "peer_collect.py"),
        "--endpoint",
        endpoint,
        "--accounts",
        ",".join(args.accounts),
    ]
    command += ["--out", str(out), "--regions", REGIONS, "--role", ROLE, "--log-level", "CRITICAL"]
    if args.mock == "shapes":
        command.append("--usage")
    if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        fail("the peer failed")
    return out


def record(args: argparse.Namespace, source: Path, inputs: str) -> None:
    RECORDED.mkdir(exist_ok=True)
    for account in args.accounts:
        data = (source / f"{account}.ndjson").read_bytes()
        (RECORDED / f"shapes-{account}.ndjson.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    stats = {a: json.loads((source / f"{a}.json").read_text()) for a in args.accounts}
    short = {
        a: {k: s[k] for k in ("nodes", "edges", "deferred_edges", "bytes", "calls", "messages")}
        for a, s in stats.items()
    }
    (RECORDED / "shapes.json").write_text(json.dumps({"inputs": inputs, "accounts": short}, indent=1) + "\n")
    say(f"recorded in {RECORDED}")


# --- ours


def collect(args: argparse.Namespace, endpoint: str, out: Path) -> list[dict[str, Any]]:
    """One run of fix-collector per account; what each took."""
    out.mkdir(parents=True, exist_ok=True)
    aws = {
        "role": ROLE,
        "account": args.accounts,
        "region": REGIONS.split(","),
        "collect_usage_metrics": args.mock == "shapes",
    }
    aws |= {"collect": args.kinds} if args.narrow else {}
    config = out / "config.json"
    config.write_text(json.dumps({"aws": aws}))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAROOTROOTROOTROOT",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    runs = []
    for account in args.accounts:
        command = [str(args.collector), "collect", "--collector", "aws", "--account", account, "--config", str(config)]
        command += ["--output", str(out / f"{account}.ndjson")]
        before, started = calls(args, endpoint), time.monotonic()
        with open(out / f"{account}.log", "w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        run = {"account": account, "exit": process.returncode, "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3)}
        run |= {"wall_seconds": round(time.monotonic() - started, 2), "peak_rss_mib": round(usage.ru_maxrss / 1024, 1)}
        run["calls"] = calls(args, endpoint) - before
        runs.append(run)
        say("ours: " + ", ".join(f"{k} {v}" for k, v in run.items()))
        if process.returncode not in (0, 79) or not (out / f"{account}.ndjson").exists():
            tail = "\n".join((out / f"{account}.log").read_text().splitlines()[-20:])
            fail(f"fix-collector ended with {process.returncode} for account {account}:\n{tail}")
        if process.returncode == 79 and args.faults:
            sys.stderr.write((out / f"{account}.log").read_text())
    return runs


def calls(args: argparse.Namespace, endpoint: str) -> int:
    with urllib.request.urlopen(f"{endpoint}/_mock/calls") as answer:
        return sum(json.load(answer).values())


# --- the table of what is done


def done_kinds() -> dict[str, set[str]]:
    """Kind -> the mocks on which it is equal."""
    if not DONE.exists():
        return {}
    lines = [line.split() for line in DONE.read_text().splitlines() if line and not line.startswith("#")]
    return {kind: set(mocks) for kind, *mocks in lines}


def write_done(done: dict[str, set[str]]) -> None:
    head = "# Kinds that equal the peer's, and on which mock cloud. Written by `scripts/parity aws --update`.\n"
    rows = [f"{kind} {' '.join(sorted(mocks))}\n" for kind, mocks in sorted(done.items()) if mocks]
    DONE.write_text(head + "".join(rows))


def judge(args: argparse.Namespace, result: dict[str, Any]) -> int:
    """Compares with the table; the exit status."""
    done, kinds = done_kinds(), result["kinds"]
    equal = {k for k, v in kinds.items() if v["equal"] and v["reference"]}
    looked_at = [k for k in done if not args.kinds or any(fnmatch.fnmatchcase(k, p) for p in args.kinds)]
    lost = sorted(k for k in looked_at if args.mock in done[k] and k not in equal)
    gained = sorted(k for k in equal if args.mock not in done.get(k, set()))
    if gained and args.update:
        for kind in gained:
            done.setdefault(kind, set()).add(args.mock)
        write_done(done)
        say(f"{len(gained)} kinds are new in {DONE.name}: {', '.join(gained)}")
    elif gained:
        say(f"{len(gained)} kinds are equal and not in {DONE.name} (--update adds them): {', '.join(gained)}")
    for kind in lost:
        say(f"no longer equal: {kind}")
    for rule in result["unused"]:
        say(f"differences.toml has an entry that matches nothing: {rule}")
    return 1 if lost or result["unused"] else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/parity aws", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mock", default="shapes", choices=["shapes", "moto"])
    parser.add_argument("--kinds", default="", help="compare only these kinds (globs, separated by commas)")
    parser.add_argument(
        "--narrow",
        action="store_true",
        help="with --kinds: ours also collects only these (faster; edges to others are missing)",
    )
    parser.add_argument("--account", default="", help="only these accounts (separated by commas)")
    parser.add_argument("--scale", type=int, default=1, help="size of the estate on moto")
    parser.add_argument("--keep", type=Path, help="keep graphs, logs and results in this folder")
    parser.add_argument("--update", action="store_true", help=f"add the kinds that are equal to {DONE.name}")
    parser.add_argument("--record", action="store_true", help="record the peer's graphs of the shape mock in recorded/")
    parser.add_argument("--samples", type=int, default=2, help="how many examples per difference")
    parser.add_argument("--all", action="store_true", help="list the equal kinds as well")
    parser.add_argument("--faults", action="store_true", help="show what ours says on stderr if it ends with faults")
    parser.add_argument(
        "--hold",
        action="store_true",
        help="start the mock, run the peer, print where both are, and wait; for many turns",
    )
    parser.add_argument("--endpoint", help="use the mock there (see --hold)")
    parser.add_argument("--reference", type=Path, help="use the peer's graphs there (see --hold)")
    parser.add_argument("--needs-peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--collector", type=Path, help="the program fix-collector")
    parser.add_argument("--mock-python", default=os.environ.get("PARITY_MOCK_PYTHON", sys.executable))
    parser.add_argument(
        "--peer-python", default=os.environ.get("PARITY_PEER_PYTHON", str(HERE / ".venv-peer" / "bin" / "python"))
    )
    args = parser.parse_args()
    args.kinds = [k for k in args.kinds.split(",") if k]
    args.accounts = [a for a in args.account.split(",") if a] or ACCOUNTS[args.mock]
    if args.needs_peer:
        sys.exit(0 if needs_peer(args) else 1)
    if not args.hold and not args.collector:
        fail("--collector is missing")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    WORK.mkdir(exist_ok=True)
    work = args.keep or Path(tempfile.mkdtemp(dir=WORK))
    work.mkdir(parents=True, exist_ok=True)
    try:
        sys.exit(run(args, work))
    finally:
        if not args.keep:
            shutil.rmtree(work, ignore_errors=True)


def run(args: argparse.Namespace, work: Path) -> int:
    with mock(args) as endpoint:
        peer = reference(args, endpoint, work)
        if args.hold:
            print(f"--mock {args.mock} --endpoint {endpoint} --reference {peer.resolve()}", flush=True)
            signal.pause()
        runs = collect(args, endpoint, work / "ours")
    command = [sys.executable, "-B", str(HERE / "compare.py"), str(peer), str(work / "ours"), "--mock", args.mock]
    command += ["--json", str(work / "result.json"), "--samples", str(args.samples)]
    command += ["--all"] * args.all + (["--kinds", ",".join(args.kinds)] if args.kinds else [])
    if len(args.accounts) < len(ACCOUNTS[args.mock]):
        command.append("--partial")
    if subprocess.run(command, check=False).returncode not in (0, 1, 2):
        fail("the comparison failed")
    result = json.loads((work / "result.json").read_text())
    (work / "runs.json").write_text(json.dumps(runs, indent=1) + "\n")
    return judge(args, result)


if __name__ == "__main__":
    main()
