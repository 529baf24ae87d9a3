"""Compares what the Python worker and fix-collector make of the fake clouds here, kind by kind.

    parity.py --collector FIX_COLLECTOR [CLOUD ...] [--update] [--all]
    parity.py --record --peer PYTHON [CLOUD ...]      makes the recording anew; PYTHON has peer-requirements.txt

`recorded/CLOUD.ndjson` is the Python worker's graph, `differences.toml` are the known differences with their reasons (its form
is that of tests/aws), `done-kinds.txt` the kinds that are equal: none of them may stop being so.
Exit status: 0 all equal, 1 different, 2 an entry of differences.toml without a match.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "aws")]

from compare import Rules, compare_all, report, report_rules  # noqa: E402
from fake import serve  # noqa: E402
from ways import CLOUDS, way  # noqa: E402

def ours(collector: Path, cloud: str, folder: Path) -> Path:
    server = serve(cloud)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    config, out = folder / f"{cloud}.json", folder / f"{cloud}.ndjson"
    settings, variables, account = way(cloud, url)
    config.write_text(json.dumps(settings))
    command = [collector, "collect", "-c", cloud, "--config", config, "--account", account, "-o", out]
    env = {"PATH": os.environ["PATH"], "NO_PROXY": "*"} | variables
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    server.shutdown()
    if done.returncode:
        raise SystemExit(f"fix-collector ended with {done.returncode}:\n{done.stderr}")
    return out


def record(peer: str, cloud: str) -> None:
    server = serve(cloud)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    out = HERE / "recorded" / f"{cloud}.ndjson"
    subprocess.run([peer, "-BP", HERE / "peer_collect.py", cloud, "--url", url, "--out", out], check=True)
    server.shutdown()


def check(table: dict, cloud: str, update: bool) -> list[str]:
    """The kinds of done-kinds.txt that are not equal any more."""
    path = HERE / "done-kinds.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    done = {tuple(line.split()) for line in lines if line and not line.startswith("#")}
    equal = {(kind, cloud) for kind, result in table.items() if result.equal and kind not in ("graph_root", "cloud")}
    if update:
        head = "# Kinds that equal those of the Python worker, and on which fake. Written by `scripts/parity rest --update`."
        path.write_text("\n".join([head, *(" ".join(pair) for pair in sorted(done | equal))]) + "\n")
    return sorted(kind for kind, of in done if of == cloud and (kind, of) not in equal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clouds", nargs="*", default=sorted(CLOUDS))
    parser.add_argument("--collector", type=Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--peer", default="python3")
    parser.add_argument("--update", action="store_true", help="what is equal goes into done-kinds.txt")
    parser.add_argument("--all", action="store_true", help="list the equal kinds and the known differences as well")
    args = parser.parse_args()
    if args.record:
        for cloud in args.clouds:
            record(args.peer, cloud)
        return
    failed = unused = False
    with tempfile.TemporaryDirectory() as folder:
        for cloud in args.clouds:
            print(f"{cloud}:")
            rules = Rules(HERE / "differences.toml", cloud)
            out = ours(args.collector, cloud, Path(folder))
            table = compare_all([(HERE / "recorded" / f"{cloud}.ndjson", out)], rules, [])
            report(table, 3, args.all)
            if args.all:
                report_rules(rules)
            for rule in rules.rules["peer-wrong"]:
                if rule.hits == 0:
                    unused = True
                    print(f"  an entry of differences.toml matches no difference: {rule}")
            lost = check(table, cloud, args.update)
            if lost:
                print(f"  no longer equal: {', '.join(lost)}")
            failed |= bool(lost) or any(not kind.equal for kind in table.values())
    sys.exit(1 if failed else 2 if unused else 0)


if __name__ == "__main__":
    main()
