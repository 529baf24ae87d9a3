"""Answers parsed fixcore queries over the nodes and edges of one in-memory graph."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from functools import partial
from typing import Any, Dict, Iterator, List, Optional, Protocol, Tuple

from fixcore.model.graph_access import Direction, EdgeTypes
from fixcore.query import model as q
from fixcore.util import set_value_in_path

from .driver import Json, copy_json


class StoredGraph(Protocol):
    """What a search needs of a graph."""

    @property
    def nodes(self) -> Dict[str, Json]: ...

    def edges(self, edge_type: str) -> Dict[str, Json]: ...


_PathPart = re.compile(r"`([^`]+)`|\[([*\d]*)]|([^.\[\]`]+)")


def values_at(doc: Any, path: str) -> List[Any]:
    """All values found under this path. Array markers ([*] or []) fan out."""
    current = [doc]
    for quoted, index, name in _PathPart.findall(path):
        if key := quoted or name:
            current = [c.get(key) if isinstance(c, dict) else None for c in current]
        elif index.isdigit():
            current = [c[int(index)] if isinstance(c, list) and int(index) < len(c) else None for c in current]
        else:
            current = [e for c in current if isinstance(c, list) for e in c]
    return current


def compare(op: str, left: Any, right: Any) -> bool:
    if op in ("==", "="):
        return bool(left == right)
    elif op == "!=":
        return bool(left != right)
    elif op in ("in", "not in"):
        return (left in right) == (op == "in")
    elif op in ("=~", "!~"):
        return (re.search(right, str(left or ""), re.IGNORECASE) is not None) == (op == "=~")
    elif left is None or not isinstance(left, type(right)) and not isinstance(left, (int, float)):
        return False
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op])


class GraphSearch:
    """Evaluates a parsed fixcore query over the nodes and edges of one in-memory graph."""

    def __init__(self, graph: StoredGraph, with_edges: bool) -> None:
        self.nodes = graph.nodes
        self.with_edges = with_edges
        self.adjacent: Dict[Tuple[str, str], Dict[str, List[Json]]] = {}
        for edge_type in EdgeTypes.all:
            for direction, prop in ((Direction.outbound, "_from"), (Direction.inbound, "_to")):
                index: Dict[str, List[Json]] = defaultdict(list)
                for edge in graph.edges(edge_type).values():
                    index[edge[prop].split("/", 1)[1]].append(edge)
                self.adjacent[(edge_type, direction)] = index

    def run(self, query: q.Query, start: Optional[List[Json]] = None) -> List[Json]:
        if query.aggregate:
            raise AttributeError("harness: aggregations are not supported by the in-memory database")
        rows = list(self.nodes.values()) if start is None else start
        parts = query.parts[::-1]
        for num, part in enumerate(parts):
            last = num == len(parts) - 1
            rows = self.filter(rows, part.term)
            if clause := part.with_clause:
                term = clause.term or q.AllTerm()
                flt = clause.with_filter
                rows = [
                    r
                    for r in rows
                    if compare(flt.op, len(self.filter(self.navigate([r], clause.navigation), term)), flt.num)
                ]
            for sort in reversed(part.sort):
                rows = sorted(rows, key=partial(self.sort_key, sort.name), reverse=sort.order == q.SortOrder.Desc)
            if part.reverse_result:
                rows = rows[::-1]
            if part.limit and not last:
                rows = rows[part.limit.offset : part.limit.offset + part.limit.length]
            if part.navigation:
                rows = self.navigate(rows, part.navigation)
            if part.limit and last:
                rows = rows[part.limit.offset : part.limit.offset + part.limit.length]
        return rows

    @staticmethod
    def sort_key(path: str, row: Json) -> Tuple[bool, str]:
        value = values_at(row, path)
        return (value[0] is not None, str(value[0])) if value else (False, "")

    def filter(self, rows: List[Json], term: q.Term) -> List[Json]:
        if isinstance(term, q.MergeTerm):
            rows = [self.merge(copy_json(row), term.merge) for row in self.filter(rows, term.pre_filter)]
            return self.filter(rows, term.post_filter) if term.post_filter else rows
        return [row for row in rows if self.matches(row, term)]

    def merge(self, row: Json, merges: List[q.MergeQuery]) -> Json:
        for merge in merges:
            result = self.run(merge.query, [row])
            set_value_in_path(
                (result[0] if result else None) if merge.only_first else result, merge.name.split("."), row
            )
        return row

    def matches(self, row: Json, term: q.Term) -> bool:
        if isinstance(term, q.AllTerm):
            return True
        elif isinstance(term, q.NotTerm):
            return not self.matches(row, term.term)
        elif isinstance(term, q.CombinedTerm):
            either = any if term.op == "or" else all
            return either(self.matches(row, t) for t in (term.left, term.right))
        elif isinstance(term, q.IdTerm):
            return row["_key"] in term.ids
        elif isinstance(term, q.IsTerm):
            return any(kind in row.get("kinds", []) for kind in term.kinds)
        elif isinstance(term, q.FulltextTerm):
            return all(word.lower() in row.get("flat", "").lower() for word in term.text.split())
        elif isinstance(term, q.ContextTerm):
            return any(self.matches(v, term.term) for v in values_at(row, term.name) if isinstance(v, dict))
        elif isinstance(term, q.Predicate):
            is_array = "filter" in term.args or "[" in term.name
            path = term.name if "[" in term.name or not is_array else f"{term.name}[*]"
            values = values_at(row, path)
            if not is_array:
                return compare(term.op, values[0], term.value)
            how = {"all": all, "none": lambda it: not any(it)}.get(str(term.args.get("filter", "any")), any)
            return bool(how(compare(term.op, v, term.value) for v in values))  # type: ignore
        raise AttributeError(f"harness: search term is not supported by the in-memory database: {term}")

    def navigate(self, rows: List[Json], nav: q.Navigation) -> List[Json]:
        if nav.edge_filter:
            raise AttributeError("harness: edge filters are not supported by the in-memory database")
        if nav.direction == Direction.any:
            walks = [(et, Direction.inbound) for et in nav.edge_types]
            walks += [(et, Direction.outbound) for et in nav.maybe_two_directional_outbound_edge_type or nav.edge_types]
        else:
            walks = [(et, nav.direction) for et in nav.edge_types]
        result: Dict[Tuple[str, str], Json] = {}  # every (node, edge) only once
        for (edge_type, direction), row in itertools.product(walks, rows):
            for node, edge in self.walk(row, nav.start, nav.until, edge_type, direction):
                edge_id = edge["_id"] if edge and self.with_edges else ""
                if (node["_key"], edge_id) not in result:
                    shown = {k: v for k, v in edge.items() if k not in ("_rev", "hash", "refs")} if edge else {}
                    result[(node["_key"], edge_id)] = {**node, "_edge": shown} if self.with_edges else node
        return list(result.values())

    def walk(
        self, start: Json, min_depth: int, max_depth: int, edge_type: str, direction: str
    ) -> Iterator[Tuple[Json, Optional[Json]]]:
        if min_depth == 0:
            yield start, None
        index = self.adjacent[(edge_type, direction)]
        other = "_to" if direction == Direction.outbound else "_from"
        level, seen, depth = [start["_key"]], {start["_key"]}, 0
        while level and depth < max_depth:
            depth += 1
            following = []
            for edge in (e for key in level for e in index.get(key, [])):
                key = edge[other].split("/", 1)[1]
                if (node := self.nodes.get(key)) is None:
                    continue
                if depth >= min_depth:
                    yield node, edge
                if key not in seen:
                    seen.add(key)
                    following.append(key)
            level = following
