"""Two graphs of one account, as the worker would send them, and what sets them apart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTIONS = ("reported", "metadata", "usage", "desired")


@dataclass
class Graph:
    """The lines of one NDJSON file."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: set[tuple[str, str, str]] = field(default_factory=set)
    deferred: dict[str, dict[str, Any]] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    regions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Graph":
        graph = cls()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                graph.add(json.loads(line))
            except (ValueError, KeyError, TypeError) as e:
                raise SystemExit(
                    f"{path}:{number}: not a line of a graph: {type(e).__name__}: {e}: {line[:200]}"
                ) from e
        for start, end, kind in graph.edges:
            if kind == "default" and graph.kind(start) == "aws_region":
                graph.regions[end] = graph.nodes[start]["reported"]["name"]
        return graph

    def add(self, line: dict[str, Any]) -> None:
        if "from_selector" in line:
            self.deferred[json.dumps(line, sort_keys=True)] = line
        elif "from" in line:
            self.edges.add((line["from"], line["to"], line.get("edge_type", "default")))
        else:
            if line["id"] in self.nodes:
                self.twice.append(line["id"])
            assert line["reported"]["kind"]
            self.nodes[line["id"]] = line

    def kind(self, node_id: str) -> str:
        node = self.nodes.get(node_id)
        return node["reported"]["kind"] if node else "?"

    def label(self, node_id: str) -> str:
        node = self.nodes.get(node_id)
        if not node:
            return node_id
        return f"{node['reported'].get('id')} ({self.regions.get(node_id, '-')})"

    def crosses_regions(self, edge: tuple[str, str, str]) -> bool:
        """Whether both ends are in a region of their own, and not in the same one."""
        start, end = (self.regions.get(n) for n in edge[:2])
        return None not in (start, end) and start != end


@dataclass(frozen=True)
class Finding:
    """One difference. `kinds` are the kinds it counts against."""

    what: str  # "node" | "field" | "edge" | "deferred"
    side: str  # "missing" (in the candidate) | "extra" | "value"
    kinds: tuple[str, ...]
    path: str  # of a field; for an edge "FROM -> TO (TYPE)"
    subject: str
    crosses: bool = False
    reference: Any = field(default=None, hash=False, compare=False)
    candidate: Any = field(default=None, hash=False, compare=False)


def differences(reference: Graph, candidate: Graph) -> Iterator[Finding]:
    """All that is not the same."""
    yield from node_differences(reference, candidate)
    yield from edge_differences(reference, candidate, "missing")
    yield from edge_differences(candidate, reference, "extra")
    for side, here, there in (("missing", reference, candidate), ("extra", candidate, reference)):
        for key in here.deferred.keys() - there.deferred.keys():
            line = here.deferred[key]
            ends = [here.kind(line[s].get("node_id", "")) for s in ("from_selector", "to_selector")]
            kinds = tuple(k for k in ends if k != "?")
            yield Finding("deferred", side, kinds, f"{ends[0]} -> {ends[1]} ({line.get('edge_type', 'default')})", key)
        for node_id in here.twice:
            yield Finding("node", "twice in " + side, (here.kind(node_id),), "id", here.label(node_id))


def node_differences(reference: Graph, candidate: Graph) -> Iterator[Finding]:
    # Nodes whose only fault may be a wrong id are paired by what they are, so that the report says so.
    by_name: dict[tuple, list[str]] = {}
    for node_id in candidate.nodes.keys() - reference.nodes.keys():
        by_name.setdefault(identity(candidate, node_id), []).append(node_id)
    for node_id, node in reference.nodes.items():
        kind, label = reference.kind(node_id), reference.label(node_id)
        other_id = node_id
        if node_id not in candidate.nodes:
            same = by_name.get(identity(reference, node_id))
            if not same:
                yield Finding("node", "missing", (kind,), "node", label)
                continue
            other_id = same.pop()
            yield Finding("node", "value", (kind,), "id", label, False, node_id, other_id)
        other = candidate.nodes[other_id]
        for section in SECTIONS:
            for path, side, x, y in compare(node.get(section), other.get(section), section):
                yield Finding("field", side, (kind,), path, label, False, x, y)
    for (kind, *_), rest in by_name.items():
        for node_id in rest:
            yield Finding("node", "extra", (kind,), "node", candidate.label(node_id))


def in_order(assessments: list[Any]) -> list[Any]:
    """Findings come in the order in which the calls happen to end: sorted by their text."""
    sort = lambda items: sorted(items, key=lambda i: json.dumps(i, sort_keys=True))  # noqa: E731
    return sort([a | {"findings": sort(a.get("findings", []))} for a in assessments])


def identity(graph: Graph, node_id: str) -> tuple:
    reported = graph.nodes[node_id]["reported"]
    return reported["kind"], reported.get("id"), reported.get("name"), graph.regions.get(node_id)


def edge_differences(here: Graph, there: Graph, side: str) -> Iterator[Finding]:
    """Edges of `here` that `there` lacks. An end that is missing as a node has been told already."""
    for edge in here.edges - there.edges:
        start, end, edge_type = edge
        if start in there.nodes and end in there.nodes:
            kinds = here.kind(start), here.kind(end)
            path = f"{kinds[0]} -> {kinds[1]} ({edge_type})"
            yield Finding(
                "edge", side, kinds, path, f"{here.label(start)} -> {here.label(end)}", here.crosses_regions(edge)
            )


def compare(x: Any, y: Any, path: str) -> Iterator[tuple[str, str, Any, Any]]:
    """Objects by key, lists in order, numbers and booleans by type as well; categories are a set."""
    if path == "metadata.categories":
        if sorted(x or []) != sorted(y or []):
            yield path, "value", x, y
    elif path == "metadata.assessments" and isinstance(x, list) and isinstance(y, list):
        yield from compare(in_order(x), in_order(y), path + "(sorted)")
    elif isinstance(x, dict) and isinstance(y, dict):
        for key in sorted(x.keys() | y.keys()):
            inner = f"{path}.{key}"
            if key not in y:
                yield inner, "missing", x[key], None
            elif key not in x:
                yield inner, "extra", None, y[key]
            else:
                yield from compare(x[key], y[key], inner)
    elif isinstance(x, list) and isinstance(y, list):
        if len(x) != len(y):
            yield path + "[]", "value", x, y
        else:
            for one, other in zip(x, y, strict=True):
                yield from compare(one, other, path + "[]")
    elif x is None or y is None:
        if x is not y:
            yield path, "missing" if y is None else "extra", x, y
    elif type(x) is not type(y) or x != y:
        yield path, "value", x, y
