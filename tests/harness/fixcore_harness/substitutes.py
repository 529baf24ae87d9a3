"""Replaces the two things of fixcore that need a server or a process of their own: the database and the merge process."""

from __future__ import annotations

import asyncio
import json
import time
from contextvars import ContextVar
from datetime import timedelta
from threading import Thread
from typing import Any, AsyncIterator, List, Optional, Union

import fixcore.__main__ as core_main
from aiohttp.web import Request
from fixcore.db import db_access
from fixcore.db.db_access import DbAccess
from fixcore.db.deferrededgesdb import DeferredEdges
from fixcore.db.graphdb import GraphDB
from fixcore.db.model import GraphUpdate
from fixcore.ids import TaskId
from fixcore.model import db_updater
from fixcore.model.db_updater import DbUpdaterProcess, GraphMerger, Result
from fixcore.model.typed_model import to_js

from .databases import MemDeferredEdgesDb, MemGraphDB, MemRunningTaskDb
from .driver import Json
from .state import Harness, MergeRecord, visible

current_request: ContextVar[Optional[Request]] = ContextVar("current_request", default=None)


def substitute_merge_process(harness: Harness) -> None:
    """
    fixcore merges a graph in a child process, which has its own connection to the database.
    Here the same code (DbUpdaterProcess.setup_and_merge) runs in a thread, since the database lives in this process.
    """

    class RecordingGraphMerger(GraphMerger):
        async def merge_graph(
            self,
            db: GraphDB,
            content: AsyncIterator[Union[bytes, Json]],
            max_wait: timedelta,
            maybe_batch: Optional[str],
            task_id: Optional[TaskId],
            wait_for_result: bool = False,
        ) -> Optional[GraphUpdate]:
            request = current_request.get()
            headers = visible(dict(request.headers)) if request else {}
            record = MergeRecord(len(harness.merges) + 1, db.name, headers, wait_for_result, task_id)
            harness.merges.append(record)

            async def recorded() -> AsyncIterator[Union[bytes, Json]]:
                body = bytearray()
                async for line in content:
                    record.count(line)
                    body.extend(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
                    yield line
                harness.dump(f"merge-{record.number:03}.ndjson", bytes(body))
                if not wait_for_result:
                    harness.queued.append(record)  # directly after this, fixcore puts the update into its (fifo) queue

            if wait_for_result:
                harness.queued.append(record)
            try:
                return await super().merge_graph(db, recorded(), max_wait, maybe_batch, task_id, wait_for_result)
            except BaseException as ex:
                if record.outcome == "received":  # refused before an updater was started
                    record.outcome, record.error = "failed", repr(ex)
                    if record in harness.queued:
                        harness.queued.remove(record)
                raise

    class UpdaterThread(DbUpdaterProcess):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.thread = Thread(target=self.run, daemon=True, name="merge_update")
            self.record = harness.queued.popleft() if harness.queued else None
            if self.record:
                self.record.change_id = self.change_id
                self.record.outcome = "running"

        def run(self) -> None:
            started = time.thread_time()
            try:
                result: Union[GraphUpdate, str] = asyncio.run(self.setup_and_merge())
            except BaseException as ex:
                result = repr(ex)
                core_main.log.error("harness: merge failed", exc_info=ex)
            if self.record:
                failed = isinstance(result, str)
                self.record.outcome, self.record.error = ("failed", result) if failed else ("merged", None)  # type: ignore
                self.record.cpu_s = time.thread_time() - started
            self.write_queue.put(Result(result))

        def start(self) -> None:
            self.thread.start()

        def is_alive(self) -> bool:
            return self.thread.is_alive()

        def join(self, timeout: Optional[float] = None) -> None:
            self.thread.join(timeout)

        def terminate(self) -> None:
            return None

        kill = close = terminate
        exitcode = property(lambda _: None)  # type: ignore
        pid = property(lambda _: None)  # type: ignore

    def on_merged(change_id: Optional[str], roots: List[str], update: GraphUpdate) -> None:
        for record in (r for r in harness.merges if r.change_id == change_id):
            record.merge_roots, record.update = roots, to_js(update)

    def no_shutdown(_: int) -> None:
        raise InterruptedError("The update has been interrupted.")

    MemGraphDB.on_merged = staticmethod(on_merged)
    db_updater.DbUpdaterProcess = UpdaterThread  # type: ignore
    db_updater.shutdown_process = no_shutdown  # type: ignore
    core_main.GraphMerger = RecordingGraphMerger  # type: ignore


def substitute_database(harness: Harness) -> None:
    def deferred_edges_db(db: Any, name: str) -> MemDeferredEdgesDb:
        return MemDeferredEdgesDb(db, name, DeferredEdges, lambda e: e.id)

    DbAccess.client = staticmethod(lambda *_, **__: harness.database)  # type: ignore
    db_access.ArangoGraphDB = MemGraphDB  # type: ignore
    db_access.running_task_db = MemRunningTaskDb  # type: ignore
    db_access.deferred_outer_edge_db = deferred_edges_db  # type: ignore
