"""What the harness remembers about one life of fixcore."""

from __future__ import annotations

import json
import resource
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, Deque, Dict, List, Optional, Union

from aiohttp.web import Request
from attrs import define, field
from fixcore.model.graph_access import EdgeTypes
from fixcore.util import utc_str

from .driver import Json, Lock, MemDatabase, copy_json
from .faults import Faults


@define
class MergeRecord:
    """One merge request as fixcore received it, and what came out of it."""

    number: int
    graph: str
    headers: Dict[str, str]
    wait_for_result: bool
    task_id: Optional[str]
    received_at: str = field(factory=utc_str)
    lines: int = 0
    nodes: int = 0
    edges: int = 0
    deferred_edges: int = 0
    replaced: List[str] = field(factory=list)  # ids of the nodes marked with metadata.replace
    change_id: Optional[str] = None
    merge_roots: List[str] = field(factory=list)
    update: Optional[Json] = None
    outcome: str = "received"  # received | running | merged | failed
    error: Optional[str] = None
    cpu_s: float = 0.0  # CPU of the thread that merged

    def count(self, line: Union[bytes, Json]) -> None:
        js = json.loads(line) if isinstance(line, bytes) else line
        self.lines += 1
        if "from_selector" in js:
            self.deferred_edges += 1
        elif "from" in js:
            self.edges += 1
        else:
            self.nodes += 1
            if (js.get("metadata") or {}).get("replace"):
                self.replaced.append(js["id"])


@define
class Harness:
    """State shared by all parts of the harness."""

    dump_dir: Optional[Path]
    psk: Optional[str]
    database: MemDatabase = field(factory=MemDatabase)
    faults: Faults = field(factory=Faults)
    merges: List[MergeRecord] = field(factory=list)
    queued: Deque[MergeRecord] = field(factory=deque)  # received but not yet picked up by an updater
    requests: List[Json] = field(factory=list)
    messages: List[Json] = field(factory=list)

    def dump(self, name: str, data: bytes) -> None:
        if self.dump_dir:
            (self.dump_dir / name).write_bytes(data)

    def note_request(self, request: Request, status: Optional[int]) -> None:
        self.requests.append(
            {
                "method": request.method,
                "path": request.path,
                "query": request.query_string,
                "headers": visible(dict(request.headers)),
                "status": status,
            }
        )

    def note_message(self, path: str, direction: str, text: str) -> None:
        try:
            content: Any = json.loads(text)
        except ValueError:
            content = text
        self.messages.append({"path": path, "direction": direction, "at": utc_str(), "message": content})

    def stats(self) -> Json:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_s": time.process_time(),
            "peak_rss_bytes": usage.ru_maxrss * 1024,
            "merges": dict(Counter(m.outcome for m in self.merges)),
            "waiting": len(self.faults.waiting),
            "merge_cpu_s": sum(m.cpu_s for m in self.merges),
            "requests": dict(Counter(f"{r['method']} {r['path']}" for r in self.requests)),
        }

    def graph_json(self, graph: str) -> Json:
        def edge_json(edge_type: str, edge: Json) -> Json:
            from_id, to_id = (edge[p].split("/", 1)[1] for p in ("_from", "_to"))
            return {
                "from": from_id,
                "to": to_id,
                "edge_type": edge_type,
                **{k: v for k, v in edge.items() if k[0] != "_"},
            }

        with Lock:
            edges = [
                (et, e) for et in sorted(EdgeTypes.all) for e in self.database.collection(f"{graph}_{et}").docs.values()
            ]
            return {
                "nodes": [{"id": key, **copy_json(doc)} for key, doc in self.database.collection(graph).docs.items()],
                "edges": [edge_json(et, copy_json(e)) for et, e in edges],
                "deferred_edges": [
                    copy_json(d) for d in self.database.collection("deferred_outer_edges").docs.values()
                ],
                "history": [copy_json(d) for d in self.database.collection(f"{graph}_node_history").docs.values()],
            }


def visible(headers: Dict[str, str]) -> Dict[str, str]:
    """Headers without credentials: that there is an authorization is all a test needs to know."""
    return {k.lower(): "<present>" if k.lower() == "authorization" else v for k, v in headers.items()}
