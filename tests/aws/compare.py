#!/usr/bin/env python3
"""Compares graphs of accounts: what the peer made of a cloud (REFERENCE) and what we made (CANDIDATE).

    compare.py REFERENCE CANDIDATE [--kinds 'aws_ec2_*,aws_vpc'] [--mock shapes] [--json FILE] [--samples 3] [--all]

Both are NDJSON files, or folders of them whose files of the same name belong together. A kind is equal if its nodes
(ids, reported, metadata, usage) and the edges to and from them are. differences.toml names the fields that move from
run to run, and the differences in which the peer is wrong; an entry that matches nothing is an error.
Exit status: 0 all equal, 1 different, 2 an entry without a match.
"""

import argparse
import fnmatch
import json
import sys
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphs import Finding, Graph, differences

HERE = Path(__file__).parent


@dataclass
class Rule:
    """An entry of differences.toml."""

    entry: dict[str, Any]
    hits: int = 0

    def matches(self, finding: Finding) -> bool:
        e = self.entry
        for key, value in (("what", finding.what), ("side", finding.side), ("path", finding.path)):
            if key in e and not fnmatch.fnmatchcase(value, e[key].replace("[]", "[[]]")):
                return False
        if "kind" in e and not any(fnmatch.fnmatchcase(k, e["kind"]) for k in finding.kinds):
            return False
        if "where" in e and (e["where"] == "other-region") != finding.crosses:
            return False
        return "subject" not in e or fnmatch.fnmatchcase(finding.subject, e["subject"])

    def __str__(self) -> str:
        return ", ".join(f"{k} {v!r}" for k, v in self.entry.items() if k != "reason")


class Rules:
    """All entries that count for this comparison."""

    def __init__(self, path: Path, mock: str) -> None:
        self.mock = mock
        data = tomllib.loads(path.read_text())
        entries = [("volatile", e) for e in data.get("volatile", [])] + [
            ("peer-wrong", e) for e in data.get("difference", [])
        ]
        for section, e in entries:
            if "reason" not in e or not e.keys() - {"reason", "mock"}:
                raise SystemExit(f"{path}: an entry of {section} needs a reason and something to match: {e}")
        self.rules = {
            s: [Rule(e) for x, e in entries if x == s and e.get("mock", mock) == mock]
            for s in ("volatile", "peer-wrong")
        }

    def verdict(self, finding: Finding) -> str | None:
        for section, rules in self.rules.items():
            for rule in rules:
                if rule.matches(finding):
                    rule.hits += 1
                    return section
        return None

    def unused(self) -> list[Rule]:
        """Entries that name a difference which is none. Volatile fields may happen to be equal, and an entry for both
        clouds has to match on the shape mock, as moto does not have everything."""
        return [r for r in self.rules["peer-wrong"] if r.hits == 0 and r.entry.get("mock", "shapes") == self.mock]


@dataclass
class Kind:
    """What is known about one kind."""

    reference: int = 0
    candidate: int = 0
    allowed: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.findings

    def groups(self) -> list[tuple[tuple[str, str, str], list[Finding]]]:
        out: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
        for f in self.findings:
            out[f.what, f.side, f.path].append(f)
        return sorted(out.items(), key=lambda g: (-len(g[1]), g[0]))

    def summary(self) -> dict[str, Any]:
        groups = [
            {"what": w, "side": s, "path": p, "count": len(fs), "sample": sample(fs[0])}
            for (w, s, p), fs in self.groups()
        ]
        return {
            "reference": self.reference,
            "candidate": self.candidate,
            "equal": self.equal,
            "allowed": self.allowed,
            "differences": groups,
        }


def sample(f: Finding) -> dict[str, Any]:
    return {"subject": f.subject, "reference": f.reference, "candidate": f.candidate}


def pairs(reference: Path, candidate: Path) -> list[tuple[Path, Path]]:
    if reference.is_file():
        return [(reference, candidate)]
    out = [(p, candidate / p.name) for p in sorted(reference.glob("*.ndjson"))]
    if candidate.is_file():
        out = [(p, candidate) for p, _ in out if p.name == candidate.name]
    if not out:
        raise SystemExit(f"no .ndjson file in {reference}")
    if missing := [str(c) for _, c in out if not c.exists()]:
        raise SystemExit(f"there is no {', '.join(missing)}")
    return out


def compare_all(files: list[tuple[Path, Path]], rules: Rules, kinds: list[str]) -> dict[str, Kind]:
    table: dict[str, Kind] = defaultdict(Kind)
    for reference_path, candidate_path in files:
        reference, candidate = Graph.load(reference_path), Graph.load(candidate_path)
        for kind, n in Counter(map(reference.kind, reference.nodes)).items():
            table[kind].reference += n
        for kind, n in Counter(map(candidate.kind, candidate.nodes)).items():
            table[kind].candidate += n
        for finding in differences(reference, candidate):
            allowed = rules.verdict(finding)
            for kind in set(finding.kinds):
                if allowed:
                    table[kind].allowed += 1
                else:
                    table[kind].findings.append(finding)
    if not kinds:
        return dict(table)
    return {k: v for k, v in table.items() if any(fnmatch.fnmatchcase(k, p) for p in kinds)}


def report_rules(rules: Rules) -> None:
    for section, entries in rules.rules.items():
        for rule in sorted(entries, key=lambda r: -r.hits):
            print(f"  {section:10} {rule.hits:5} times: {rule}: {rule.entry['reason']}")


def short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 90 else text[:87] + "..."


def report(table: dict[str, Kind], samples: int, show_all: bool) -> None:
    if absent := sorted(k for k, v in table.items() if v.reference and not v.candidate):
        print(f"  missing    {', '.join(absent)}")
    for name, kind in sorted(table.items()):
        if name in absent:
            continue
        if kind.equal:
            if show_all:
                print(
                    f"  equal      {name} {kind.reference}"
                    + (f" ({kind.allowed} known differences)" if kind.allowed else "")
                )
            continue
        print(f"  different  {name}: {kind.reference} in the reference, {kind.candidate} in the candidate")
        for (what, side, path), findings in kind.groups():
            print(f"      {len(findings):4} {what} {side}: {path}")
            for f in findings[:samples]:
                values = f": {short(f.reference)} | {short(f.candidate)}" if what == "field" or side == "value" else ""
                print(f"             {f.subject[:160]}{values}")
    equal = [k for k, v in table.items() if v.equal]
    print(f"{len(equal)} of {len(table)} kinds are equal; {sum(k.allowed for k in table.values())} known differences")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("--kinds", default="", help="only these kinds (globs, separated by commas)")
    parser.add_argument(
        "--mock", default="shapes", choices=["shapes", "moto"], help="which entries of differences.toml count"
    )
    parser.add_argument("--differences", type=Path, default=HERE / "differences.toml")
    parser.add_argument("--json", type=Path, help="write the result there as well")
    parser.add_argument("--samples", type=int, default=2, help="how many examples per difference")
    parser.add_argument(
        "--partial", action="store_true", help="not all accounts: an entry of differences.toml may match nothing"
    )
    parser.add_argument("--all", action="store_true", help="list the equal kinds as well")
    args = parser.parse_args()
    kinds = [k for k in args.kinds.split(",") if k]
    rules = Rules(args.differences, args.mock)
    table = compare_all(pairs(args.reference, args.candidate), rules, kinds)
    report(table, args.samples, args.all)
    if args.all:
        report_rules(rules)
    unused = [] if kinds or args.partial else rules.unused()
    for rule in unused:
        print(f"an entry of {args.differences.name} matches no difference: {rule}")
    if args.json:
        result = {"kinds": {k: v.summary() for k, v in sorted(table.items())}, "unused": [str(r) for r in unused]}
        args.json.write_text(json.dumps(result, indent=1) + "\n")
    if any(not k.equal for k in table.values()):
        sys.exit(1)
    sys.exit(2 if unused else 0)


if __name__ == "__main__":
    main()
