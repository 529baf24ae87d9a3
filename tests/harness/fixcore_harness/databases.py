"""
Subclasses of the fixcore database classes.

Everywhere the real class would produce an AQL string, the subclass produces a MemQuery: a string that carries the
function answering it. All logic around the queries (merge, diff, hashing, rendering, conflict detection) is fixcore's.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from fixcore.db.arango_query_rewrite import rewrite_query
from fixcore.db.async_arangodb import AsyncCursorContext
from fixcore.db.deferrededgesdb import DeferredEdges, DeferredEdgesDb
from fixcore.db.graphdb import ArangoGraphDB
from fixcore.db.model import GraphUpdate, QueryModel
from fixcore.db.runningtaskdb import ArangoRunningTaskDb, RunningTaskData
from fixcore.ids import NodeId
from fixcore.model.graph_access import DeferredEdge, EdgeTypes, GraphAccess
from fixcore.model.model import Model
from fixcore.model.resolve_in_graph import GraphResolver, ResolveProp
from fixcore.model.typed_model import from_js
from fixcore.util import utc_str, value_in_path
from fixlib.json import from_json

from .driver import Json, Lock, MemCollection, MemQuery, copy_json
from .search import GraphSearch


class MemGraphDB(ArangoGraphDB):
    # called with (change_id, merge roots, result) after every merge
    on_merged: Callable[[Optional[str], List[str], GraphUpdate], None] = staticmethod(lambda *_: None)

    def mem(self, name: str) -> MemCollection:
        return self.db.collection(name)  # type: ignore

    @property
    def nodes(self) -> Dict[str, Json]:
        return self.mem(self.vertex_name).docs

    def edges(self, edge_type: str) -> Dict[str, Json]:
        return self.mem(self.edge_collection(edge_type)).docs

    async def create_update_schema(self, init_with_data: bool = True, to_snapshot: bool = False) -> None:
        self.db.db.create_graph(self.name)
        for name in (self.vertex_name, self.in_progress, self.node_history, self.usage_db.collection_name):
            self.mem(name)
        for edge_type in EdgeTypes.all:
            self.mem(self.edge_collection(edge_type))
        if init_with_data:
            await self.insert_genesis_data()

    async def merge_graph(
        self, graph_to_merge: Any, model: Model, maybe_change_id: Optional[str] = None, *args: Any, **kwargs: Any
    ) -> Tuple[List[str], GraphUpdate]:
        roots, result = await super().merge_graph(graph_to_merge, model, maybe_change_id, *args, **kwargs)
        MemGraphDB.on_merged(maybe_change_id, roots, result)
        return roots, result

    async def move_temp_to_proper(self, change_id: str, temp_name: str, update_history: bool = True) -> None:
        def without(js: Json, *props: str) -> Json:
            return {k: v for k, v in js.items() if k not in props}

        internal = ("_key", "_id", "_rev", "flat", "hash", "hist_hash", "history")
        with Lock:
            nodes, history = self.mem(self.vertex_name), self.mem(self.node_history)
            for entry in list(self.mem(temp_name).docs.values()):
                action, data = entry["action"], entry["data"]
                key = data["_key"]
                existing = nodes.docs.get(key, {})
                if action.startswith("node_") and data.get("history") and self.config.keep_history and update_history:
                    at = data.get("deleted" if action == "node_deleted" else "updated")
                    event: Json = {"id": key, "change": action, "changed_at": at}
                    if action == "node_updated":
                        event["before"] = existing.get("reported")
                    history.insert({**without(existing if action == "node_deleted" else data, *internal), **event})
                if action == "node_created":
                    nodes.insert(without(data, "history"), overwrite=True)
                elif action == "node_updated":
                    metadata = {**(existing.get("metadata") or {}), **(data.get("metadata") or {})}
                    nodes.update({**without(data, "history"), "metadata": metadata}, check_rev=False, merge=False)
                elif action == "node_deleted":
                    nodes.delete(key, ignore_missing=True)
                elif action == "edge_delete":
                    self.mem(self.edge_collection(entry["edge_type"])).delete(key, ignore_missing=True)
                else:  # edge_insert and edge_update
                    self.mem(self.edge_collection(entry["edge_type"])).insert(data, overwrite=True)
            for usage in list(self.mem(self.usage_db.collection_name).docs.values()):
                if usage["change_id"] == change_id and usage["id"] in nodes.docs:
                    start = datetime.utcfromtimestamp(usage["at"]).isoformat() + "Z"
                    nodes.docs[usage["id"]]["usage"] = {**usage["v"], "start": start, "duration": "1h"}
            key = str(uuid.uuid5(uuid.NAMESPACE_DNS, change_id))
            self.mem(self.in_progress).delete(key, ignore_missing=True)

    async def update_deferred_edges(
        self, edges: Dict[str, List[Tuple[NodeId, NodeId, DeferredEdge]]], ts: datetime
    ) -> Tuple[int, int]:
        updated = deleted = 0
        ts_str = utc_str(ts)
        with Lock:
            for edge_type, edge_list in edges.items():
                collection = self.mem(self.edge_collection(edge_type))
                for from_id, to_id, edge in edge_list:
                    collection.insert(
                        self._edge_to_json(from_id, to_id, edge.data(), outer_edge_ts=ts_str), overwrite=True
                    )
                    updated += 1
                outdated = [
                    k for k, e in collection.docs.items() if e.get("outer_edge_ts") and e["outer_edge_ts"] < ts_str
                ]
                for key in outdated:
                    collection.delete(key)
                deleted += len(outdated)
        return updated, deleted

    async def to_query(
        self, query_model: QueryModel, *, with_edges: bool = False, consistent: Optional[bool] = None
    ) -> Tuple[str, Json]:
        query = rewrite_query(query_model)
        return MemQuery.of(str(query), lambda _: GraphSearch(self, with_edges).run(query)), {}

    def query_node_by_id(self) -> str:
        return MemQuery.of("node_by_id", lambda b: [self.nodes[b["rid"]]] if b["rid"] in self.nodes else [])

    @staticmethod
    def pick(doc: Json, *props: str) -> Json:
        return {p: doc.get(p) for p in props}  # properties that do not exist are null, as in AQL

    def query_update_nodes(self, merge_node_kind: str) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            for node in self.nodes.values():
                if (node.get("refs") or {}).get(f"{merge_node_kind}_id") == bind["update_id"]:
                    yield self.pick(node, "_key", "hash", "hist_hash", "created")

        return MemQuery.of("update_nodes", fn)

    def query_update_edges(self, edge_type: str, merge_node_kind: str) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            for edge in self.edges(edge_type).values():
                if (edge.get("refs") or {}).get(f"{merge_node_kind}_id") == bind["update_id"]:
                    yield self.pick(edge, "_key", "_from", "_to", "hash")

        return MemQuery.of("update_edges", fn)

    def query_update_desired_metadata_many(self, section: str) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            for key in (k for k in bind["node_ids"] if k in self.nodes):
                kept = {k: v for k, v in (self.nodes[key].get(section) or {}).items() if k not in bind["delete"]}
                update = {"_key": key, section: {**kept, **bind["patch"]}}
                yield self.mem(self.vertex_name).update(update, merge=False, return_new=True)["new"]

        return MemQuery.of("update_section", fn)

    def query_delete_desired_metadata_many(self, section: str) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            for key in (k for k in bind["node_ids"] if k in self.nodes):
                self.nodes[key].pop(section, None)
                yield self.nodes[key]

        return MemQuery.of("delete_section", fn)

    def query_active_updates(self) -> str:
        def fn(_: Json) -> Iterable[Json]:
            for c in self.mem(self.in_progress).docs.values():
                yield dict(
                    id=c["change"], created=c["created"], affected_nodes=c["root_node_ids"], is_batch=c["is_batch"]
                )

        return MemQuery.of("active_updates", fn)

    def query_active_change(self) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            roots = set(bind["root_node_ids"])
            for c in self.mem(self.in_progress).docs.values():
                if roots & (set(c["parent_node_ids"]) | set(c["root_node_ids"])):
                    yield c

        return MemQuery.of("active_change", fn)

    def update_active_change(self) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            for c in self.mem(self.in_progress).docs.values():
                if c["change"] == bind["change"]:
                    c["created"] = utc_str()
            return []

        return MemQuery.of("refresh_active_change", fn)

    def update_resolved(self, prop: ResolveProp, history: bool = False) -> str:
        def fn(bind: Json) -> Iterable[int]:
            collection = self.mem(self.node_history if history else self.vertex_name)
            found = [d for d in collection.docs.values() if value_in_path(d, prop.to_path) == bind["node_id"]]
            for doc in found:
                collection.update({"_key": doc["_key"], **bind["patch"]})
            return [len(found)]

        return MemQuery.of("update_resolved", fn)

    def until_replace_node(self, access: GraphAccess, edge_type: str) -> List[Tuple[Json, Optional[Json]]]:
        """Walk from the cloud node until a replace node is found. Resolved kinds (cloud, account...) are left out."""
        edges, result, seen = self.edges(edge_type).values(), [], set()
        to_visit: List[Tuple[str, Optional[Json]]] = [(str(access.cloud_node_id()), None)]
        while to_visit:
            key, edge = to_visit.pop(0)
            if key in seen or (node := self.nodes.get(key)) is None:
                continue
            seen.add(key)
            if not set(GraphResolver.resolved_ancestors) & set(node.get("kinds", [])):
                result.append((node, edge))
            if (node.get("metadata") or {}).get("replace") is not True:
                to_visit.extend((e["_to"].split("/", 1)[1], e) for e in edges if e["_from"] == node["_id"])
        return result

    def nodes_by_ids_and_until_replace_node(self, preserve: bool, access: GraphAccess) -> Tuple[str, Json]:
        def fn(_: Json) -> Iterable[Json]:
            found = {key: self.nodes[key] for key in access.g.nodes if key in self.nodes}
            if preserve:
                found |= {n["_key"]: n for n, _ in self.until_replace_node(access, EdgeTypes.default)}
            return (self.pick(n, "_key", "hash", "hist_hash", "created") for n in found.values())

        return MemQuery.of("parent_nodes", fn), {}

    def edges_by_ids_and_until_replace_node(
        self, edge_type: str, preserve: bool, access: GraphAccess, edge_ids: List[str]
    ) -> Tuple[str, Json]:
        def fn(_: Json) -> Iterable[Json]:
            edges = self.edges(edge_type)
            found = {key: edges[key] for key in edge_ids if key in edges}
            if preserve:
                found |= {e["_key"]: e for _, e in self.until_replace_node(access, edge_type) if e}
            return (self.pick(e, "_key", "_from", "_to", "hash") for e in found.values())

        return MemQuery.of("parent_edges", fn), {}


class MemRunningTaskDb(ArangoRunningTaskDb):
    def tasks(self, **equals: Any) -> List[Json]:
        docs = list(self.db.collection(self.collection_name).docs.values())  # type: ignore
        found = [d for d in docs if all(d.get(k) == v for k, v in equals.items() if v is not None)]
        return sorted(found, key=lambda d: str(d["task_started_at"]))

    async def all_running(self) -> Any:
        for doc in self.tasks(done=False)[::-1]:
            yield from_js(copy_json(doc), RunningTaskData)

    async def last(self, *, descriptor_id: Optional[str] = None) -> Optional[RunningTaskData]:
        found = self.tasks(done=True, task_descriptor_id=descriptor_id)
        return from_js(copy_json(found[-1]), RunningTaskData) if found else None

    async def aggregated_history(self) -> Dict[str, Json]:
        result: Dict[str, Json] = {}
        for doc in self.tasks():
            info = result.setdefault(
                doc["task_descriptor_id"], {"count": 0, "runs_with_errors": 0, "average_duration": "n/a"}
            )
            info["count"] += 1
            info["runs_with_errors"] += int(doc["has_error"])
            info["last_run"] = doc["task_started_at"]
        return result

    async def filtered(
        self,
        *,
        task_id: Optional[str] = None,
        descriptor_id: Optional[str] = None,
        started_after: Optional[datetime] = None,
        started_before: Optional[datetime] = None,
        with_info: Optional[bool] = None,
        with_error: Optional[bool] = None,
        limit: Optional[int] = None,
    ) -> AsyncCursorContext:
        flt = dict(id=task_id, task_descriptor_id=descriptor_id, has_info=with_info, has_error=with_error)
        docs = [
            d
            for d in self.tasks(**flt)
            if (started_after is None or d["task_started_at"] >= utc_str(started_after))
            and (started_before is None or d["task_started_at"] <= utc_str(started_before))
        ]
        query = MemQuery.of("running_tasks", lambda _: docs[-limit:] if limit else docs)
        return await self.db.aql_cursor(query, trafo=partial(from_js, clazz=RunningTaskData))

    # ArangoRunningTaskDb.update_state asks these two (name mangled) methods for the update query
    def _ArangoRunningTaskDb__update_state(self) -> str:
        def fn(bind: Json) -> Iterable[Json]:
            collection: MemCollection = self.db.collection(self.collection_name)  # type: ignore
            key = bind.pop("id").split("/", 1)[1]
            if message := bind.pop("message", None):
                bind["received_messages"] = collection.docs[key].get("received_messages", []) + [message]
            collection.update({"_key": key, **bind}, merge=False)
            return []

        return MemQuery.of("update_state", fn)

    _ArangoRunningTaskDb__update_state_with_message = _ArangoRunningTaskDb__update_state


class MemDeferredEdgesDb(DeferredEdgesDb):
    def docs(self, task_id: str) -> List[Json]:
        return [d for d in self.db.collection(self.collection_name).docs.values() if d["task_id"] == task_id]  # type: ignore

    async def all_for_task(self, task_id: str) -> List[DeferredEdges]:
        return [from_json(copy_json(doc), DeferredEdges) for doc in self.docs(task_id)]

    async def delete_for_task(self, task_id: str) -> None:
        await self.delete_many([doc["_key"] for doc in self.docs(task_id)])

