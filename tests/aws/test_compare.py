"""The comparison has to see every kind of difference, and no other."""

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

from compare import Rules, compare_all
from graphs import Finding, Graph, differences


def node(node_id: str, kind: str = "k", **reported: Any) -> dict[str, Any]:
    return {"id": node_id, "reported": {"id": node_id, "kind": kind} | reported, "metadata": {"categories": ["a", "b"]}}


def edge(start: str, end: str, **more: str) -> dict[str, Any]:
    return {"from": start, "to": end} | more


def graph(*lines: dict[str, Any]) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Graph.load(path)


def found(reference: list[dict], candidate: list[dict]) -> list[tuple[str, str, str]]:
    return sorted((f.what, f.side, f.path) for f in differences(graph(*reference), graph(*candidate)))


class Differences(unittest.TestCase):
    def test_order_of_members_and_lines_says_nothing(self) -> None:
        one = [node("1", a=1, b=2), node("2"), edge("1", "2")]
        other = [edge("1", "2", edge_type="default"), node("2"), node("1", b=2, a=1)]
        other[2]["metadata"]["categories"] = ["b", "a"]
        self.assertEqual(found(one, other), [])

    def test_nodes_and_fields(self) -> None:
        self.assertEqual(found([node("1"), node("2")], [node("1")]), [("node", "missing", "node")])
        self.assertEqual(found([node("1")], [node("1"), node("2")]), [("node", "extra", "node")])
        self.assertEqual(found([node("1", a=[1, 2])], [node("1", a=[2, 1])]), [("field", "value", "reported.a[]")] * 2)
        self.assertEqual(found([node("1", a={"b": 1})], [node("1", a={})]), [("field", "missing", "reported.a.b")])

    def test_numbers_and_booleans_differ_by_type(self) -> None:
        self.assertEqual(found([node("1", a=1)], [node("1", a=1.0)]), [("field", "value", "reported.a")])
        self.assertEqual(found([node("1", a=1)], [node("1", a=True)]), [("field", "value", "reported.a")])

    def test_a_wrong_id_is_told_as_such(self) -> None:
        wrong = node("2") | {"reported": {"id": "1", "kind": "k"}}
        self.assertEqual(found([node("1")], [wrong]), [("node", "value", "id")])

    def test_a_node_that_is_there_twice(self) -> None:
        self.assertEqual(found([node("1")], [node("1"), node("1")]), [("node", "twice in extra", "id")])

    def test_edges(self) -> None:
        nodes = [node("1"), node("2", "l")]
        self.assertEqual(found([*nodes, edge("1", "2")], nodes), [("edge", "missing", "k -> l (default)")])
        self.assertEqual(
            found(nodes, [*nodes, edge("2", "1", edge_type="delete")]), [("edge", "extra", "l -> k (delete)")]
        )
        # an edge to a node that is missing says nothing new
        self.assertEqual(found([*nodes, edge("1", "2")], nodes[:1]), [("node", "missing", "node")])

    def test_deferred_edges(self) -> None:
        line = {"from_selector": {"node_id": "1"}, "to_selector": {"search_criteria": "x"}, "edge_type": "default"}
        self.assertEqual(found([node("1"), line], [node("1")]), [("deferred", "missing", "k -> ? (default)")])

    def test_findings_of_assessments_have_no_order(self) -> None:
        one, other = node("1"), node("1")
        findings = [{"title": "a"}, {"title": "b"}]
        one["metadata"]["assessments"] = [{"provider": "p", "findings": findings}]
        other["metadata"]["assessments"] = [{"provider": "p", "findings": findings[::-1]}]
        self.assertEqual(found([one], [other]), [])


class Known(unittest.TestCase):
    def rules(self, text: str) -> Rules:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "differences.toml"
            path.write_text(text)
            return Rules(path, "shapes")

    def test_an_entry_needs_a_reason(self) -> None:
        with self.assertRaises(SystemExit):
            self.rules('[[difference]]\nkind = "k"\n')

    def test_an_entry_for_the_other_mock_does_not_count(self) -> None:
        rules = self.rules('[[difference]]\nkind = "k"\nmock = "moto"\nreason = "r"\n')
        self.assertIsNone(rules.verdict(Finding("field", "value", ("k",), "reported.a", "1")))
        self.assertEqual(rules.unused(), [])

    def test_lists_in_paths_are_no_patterns(self) -> None:
        rules = self.rules('[[difference]]\npath = "reported.a[].b"\nreason = "r"\n')
        self.assertIsNone(rules.verdict(Finding("field", "value", ("k",), "reported.ax.b", "1")))
        self.assertEqual(rules.verdict(Finding("field", "value", ("k",), "reported.a[].b", "1")), "peer-wrong")

    def test_where_tells_edges_between_regions(self) -> None:
        rules = self.rules('[[difference]]\npath = "k -> l (default)"\nwhere = "other-region"\nreason = "r"\n')
        self.assertIsNone(rules.verdict(Finding("edge", "missing", ("k", "l"), "k -> l (default)", "1", crosses=False)))
        self.assertIsNotNone(
            rules.verdict(Finding("edge", "missing", ("k", "l"), "k -> l (default)", "1", crosses=True))
        )

    def test_what_matches_nothing_is_told(self) -> None:
        rules = self.rules('[[difference]]\nkind = "none"\nreason = "r"\n')
        self.assertEqual(len(rules.unused()), 1)

    def test_a_known_difference_leaves_the_kind_equal(self) -> None:
        rules = self.rules('[[volatile]]\npath = "reported.a"\nreason = "r"\n')
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / n for n in ("r.ndjson", "c.ndjson")]
            for value, path in enumerate(files):
                path.write_text(json.dumps(node("1", a=value)) + "\n")
            table = compare_all([tuple(files)], rules, [])
        self.assertTrue(table["k"].equal)


if __name__ == "__main__":
    unittest.main()
