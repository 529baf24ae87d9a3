"""Compares what the Python worker and fix-collector make of a fake cloud, kind by kind.

    parity.py azure|gcp --collector FIX_COLLECTOR [ACCOUNT ...] [--update] [--all] [--keep DIR]

`CLOUD/way.py` says how the fake is reached. `CLOUD/recorded/ACCOUNT.ndjson.gz` is the Python worker's graph (record.py makes it),
`CLOUD/differences.toml` are the known differences with their reasons (its form is that of tests/aws), `CLOUD/done-kinds.txt` the
kinds that are equal: none of them may stop being so.
Exit status: 0 all equal, 1 different, 2 an entry of differences.toml without a match.
"""

import argparse
import gzip
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "aws")]

from cloud import CLOUDS  # noqa: E402
from compare import Rules, compare_all, report, report_rules  # noqa: E402


def ours(collector: Path, cloud: str, way: ModuleType, account: str, folder: Path) -> Path:
    """The graph that fix-collector makes of an account."""
    command = [sys.executable, "-B", str(HERE / "cloud.py"), cloud, "--mild"]
    fake = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        settings, variables = way.lead(folder, f"http://127.0.0.1:{fake.stdout.readline().strip()}")
        config, out = folder / "config.json", folder / f"{account}.ndjson"
        config.write_text(json.dumps(settings))
        call = [collector, "collect", "-c", cloud, "--config", config, "--account", account, "-o", out]
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "*"} | variables
        done = subprocess.run(call, env=env, capture_output=True, text=True)
    finally:
        fake.terminate()
        fake.wait()
    if done.returncode:
        raise SystemExit(f"fix-collector ended with {done.returncode}:\n{done.stderr}")
    return out


def check(cloud: str, equal: set[str], update: bool) -> list[str]:
    """The kinds of done-kinds.txt that are not equal any more."""
    path = HERE / cloud / "done-kinds.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    done = {line for line in lines if line and not line.startswith("#")}
    if update:
        head = f"# Kinds that equal those of the Python worker. Written by `scripts/parity {cloud} --update`."
        path.write_text("\n".join([head, *sorted(done | equal)]) + "\n")
    return sorted(done - equal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud", choices=CLOUDS)
    parser.add_argument("accounts", nargs="*")
    parser.add_argument("--collector", type=Path, required=True)
    parser.add_argument("--update", action="store_true", help="what is equal goes into done-kinds.txt")
    parser.add_argument("--all", action="store_true", help="list the equal kinds and the known differences as well")
    parser.add_argument("--samples", type=int, default=2, help="how many examples of a difference")
    parser.add_argument("--keep", type=Path, help="where the graphs are left")
    args = parser.parse_intermixed_args()
    home = HERE / args.cloud
    sys.path.insert(0, str(home))
    way = importlib.import_module("way")
    rules = Rules(home / "differences.toml", args.cloud)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        pairs, aligned = [], []
        for account in args.accounts or way.ACCOUNTS:
            reference = folder / f"peer-{account}.ndjson"
            reference.write_bytes(gzip.decompress((home / "recorded" / f"{account}.ndjson.gz").read_bytes()))
            candidate = ours(args.collector, args.cloud, way, account, folder)
            aligned += [f"{account}: {line}" for line in way.align(reference, candidate, account)]
            pairs.append((reference, candidate))
        table = compare_all(pairs, rules, [])
    report(table, args.samples, args.all)
    if args.all:
        report_rules(rules)
        for line in aligned:
            print(f"  {line}")
    unused = [rule for rule in rules.rules["peer-wrong"] if rule.hits == 0]
    for rule in unused:
        print(f"an entry of differences.toml matches no difference: {rule}")
    equal = {kind for kind, result in table.items() if result.equal and kind not in ("graph_root", "cloud")}
    lost = check(args.cloud, equal, args.update)
    if lost:
        print(f"no longer equal: {', '.join(lost)}")
    different = any(not kind.equal for kind in table.values())
    sys.exit(1 if lost or different else 2 if unused else 0)


if __name__ == "__main__":
    main()
