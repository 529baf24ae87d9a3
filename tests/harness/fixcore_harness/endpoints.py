"""The endpoints below /harness, which tests use to look into fixcore and to make it misbehave. No authorization."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, Optional

import fixcore.__main__ as core_main
from aiohttp import WSMessage, WSMsgType, web
from aiohttp.web import Request, StreamResponse, WebSocketResponse
from fixcore.db.runningtaskdb import RunningTaskData
from fixcore.dependencies import TenantDependencies
from fixcore.ids import GraphName, NodeId, TaskDescriptorId, TaskId
from fixcore.model.typed_model import to_js
from fixcore.task.task_description import RunningTask
from fixcore.util import utc_str, uuid_str
from fixcore.web import api
from fixcore.worker_task_queue import WorkerTask
from fixlib.asynchronous.stream import Stream
from fixlib.asynchronous.web import ws_handler
from fixlib.jwt import encode_jwt

from .driver import Json
from .faults import Fault, Handler
from .state import Harness
from .substitutes import current_request


def record_websockets(harness: Harness) -> None:
    class RecordingWebSocket(WebSocketResponse):
        def note(self, direction: str, text: str) -> None:
            if (request := self._req) is not None:
                harness.note_message(request.path, direction, text)

        async def send_str(self, data: str, compress: Optional[int] = None) -> None:
            self.note("to_worker", data)
            await super().send_str(data, compress)

        async def receive(self, timeout: Optional[float] = None) -> WSMessage:
            msg = await super().receive(timeout)
            if msg.type == WSMsgType.TEXT:
                self.note("from_worker", msg.data)
            elif msg.type == WSMsgType.CLOSE:
                self.note("from_worker", f"close {msg.data}")
            return msg

    ws_handler.WebSocketResponse = RecordingWebSocket  # type: ignore


def add_endpoints(harness: Harness) -> None:
    api.AlwaysAllowed.add("/harness/.*")  # no authorization required for the test endpoints

    class HarnessApi(api.Api):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.app.middlewares.insert(0, self.harness_middleware)
            self.app.add_routes(
                [
                    web.get("/harness/graph", self.get_graph),
                    web.get("/harness/merges", self.get_merges),
                    web.get("/harness/stats", self.get_stats),
                    web.get("/harness/requests", self.get_requests),
                    web.get("/harness/messages", self.get_messages),
                    web.get("/harness/subscribers", self.get_subscribers),
                    web.get("/harness/token", self.get_token),
                    web.get("/harness/workflow", self.list_workflow_runs),
                    web.post("/harness/workflow/{name}", self.start_workflow),
                    web.get("/harness/workflow/{task_id}", self.get_workflow_run),
                    web.delete("/harness/workflow/{task_id}", self.stop_workflow),
                    web.post("/harness/task", self.run_task),
                    web.post("/harness/mark_clean", self.mark_clean),
                    web.post("/harness/in_progress", self.mark_in_progress),
                    web.delete("/harness/in_progress", self.clear_in_progress),
                    web.post("/harness/drop_connections", self.drop_connections),
                    web.post("/harness/faults", self.add_fault),
                    web.delete("/harness/faults", self.clear_faults),
                    web.post("/harness/save", self.save),
                ]
            )

        async def tenant(self, request: Request) -> TenantDependencies:
            return await self.tenant_dependency_provider.dependencies(request)

        @property
        def harness_middleware(self) -> Any:
            @web.middleware
            async def handle(request: Request, handler: Handler) -> StreamResponse:
                if request.path.startswith("/harness/"):
                    return await handler(request)
                if request.path.startswith("/graph/") and request.path.endswith("/model") and request.can_read_body:
                    harness.dump("model.json", await request.read())
                token = current_request.set(request)
                status: Optional[int] = None
                try:
                    response = await harness.faults.handle(request, handler)
                    status = response.status
                    return response
                except web.HTTPException as ex:
                    status = ex.status
                    raise
                finally:
                    harness.note_request(request, status)
                    current_request.reset(token)

            return handle

        async def get_graph(self, request: Request) -> StreamResponse:
            return web.json_response(harness.graph_json(request.query.get("graph", "fix")))

        async def get_merges(self, _: Request) -> StreamResponse:
            return web.json_response([to_js(m) for m in harness.merges])

        async def get_stats(self, _: Request) -> StreamResponse:
            return web.json_response(harness.stats())

        async def get_requests(self, _: Request) -> StreamResponse:
            return web.json_response(harness.requests)

        async def get_messages(self, request: Request) -> StreamResponse:
            """All websocket messages; with the query parameter `since` only those after so many."""
            return web.json_response(harness.messages[int(request.query.get("since", "0")) :])

        async def get_token(self, _: Request) -> StreamResponse:
            """A token for requests to the real API."""
            return web.json_response({"token": encode_jwt({}, harness.psk) if harness.psk else None})

        async def get_subscribers(self, request: Request) -> StreamResponse:
            deps = await self.tenant(request)
            tasks = deps.worker_task_queue.worker_by_task_name
            return web.json_response(
                {
                    "subscribers": to_js(list(await deps.subscription_handler.all_subscribers())),
                    "connected": {str(k): v for k, v in self.deps.message_bus.active_listener.items()},
                    "worker_tasks": {n: [s.task.filter for s in subs] for n, subs in tasks.items()},
                    "websockets": len(self.websocket_handler),
                }
            )

        async def start_workflow(self, request: Request) -> StreamResponse:
            deps = await self.tenant(request)
            try:
                info = await deps.task_handler.start_task_by_descriptor_id(TaskDescriptorId(request.match_info["name"]))
            except NameError as ex:
                return web.HTTPNotFound(text=str(ex))
            if info is None:
                return web.HTTPConflict(text="Workflow is already running")
            return web.json_response({"task_id": info.running_task.id, "scheduled_next": info.scheduled_next})

        async def stop_workflow(self, request: Request) -> StreamResponse:
            """What the command `workflows stop` of fixcore does."""
            deps = await self.tenant(request)
            run = deps.task_handler.tasks.get(TaskId(request.match_info["task_id"]))
            if run is None:
                return web.HTTPNotFound(text="No such running workflow")
            await deps.task_handler.stop_task(run.id)
            return web.json_response({"stopped": run.id})

        async def list_workflow_runs(self, request: Request) -> StreamResponse:
            deps = await self.tenant(request)
            return web.json_response([to_js(run) async for run in deps.db_access.running_task_db.all()])

        async def get_workflow_run(self, request: Request) -> StreamResponse:
            deps = await self.tenant(request)
            task_id = TaskId(request.match_info["task_id"])
            run: Optional[RunningTask] = deps.task_handler.tasks.get(task_id)
            data = RunningTaskData.data(run) if run else await deps.db_access.running_task_db.get(task_id)
            if data is None:
                return web.HTTPNotFound(text=f"No such workflow run: {task_id}")
            extra = {}
            if run:
                extra = {
                    "is_error": run.is_error,
                    "info_messages": to_js(run.info_messages),
                    "progress": run.progress_json(),
                }
            return web.json_response({**to_js(data), **extra})

        async def run_task(self, request: Request) -> StreamResponse:
            """
            Body: { "name": "tag", "attrs": {"cloud": "example"}, "data": {"update": {...}, "node": {...}}, "timeout": 30 }
            With a "node_id", data.node and attrs are defined the way the tag command of core defines them.
            """
            deps = await self.tenant(request)
            js = await request.json()
            if node_id := js.get("node_id"):
                graph = GraphName(request.query.get("graph", "fix"))
                model = await deps.model_handler.load_model(graph)
                tag: Any = deps.cli.direct_commands["tag"]
                nodes = await Stream.as_list(tag.load_by_id_merged(model, Stream.just(node_id), None, graph=graph))
                if not nodes:
                    return web.HTTPNotFound(text=f"No such node: {node_id}")
                js["data"] = {**js.get("data", {}), "node": nodes[0]}
                js["attrs"] = {**tag.carz_from_node(nodes[0]), **js.get("attrs", {})}
            future: asyncio.Future[Json] = asyncio.get_event_loop().create_future()
            timeout = timedelta(seconds=js.get("timeout", 30))
            name, attrs, data = js.get("name", "tag"), js.get("attrs", {}), js.get("data", {})
            task = WorkerTask(TaskId(uuid_str()), name, attrs, data, future, timeout)
            await deps.worker_task_queue.add_task(task, js.get("retry_count", 0))
            try:
                return web.json_response({"task_id": task.id, "result": await future})
            except Exception as ex:
                return web.json_response({"task_id": task.id, "error": str(ex), "kind": type(ex).__name__})

        async def mark_clean(self, request: Request) -> StreamResponse:
            """Body: { "ids": [...], "clean": true }"""
            deps = await self.tenant(request)
            js = await request.json()
            graph = GraphName(request.query.get("graph", "fix"))
            model = await deps.model_handler.load_model(graph)
            ids = [NodeId(i) for i in js["ids"]]
            patch = {"clean": js.get("clean", True)}
            updated = deps.db_access.get_graph_db(graph).update_nodes_desired(model, patch, ids)
            return web.json_response({"updated": [node["id"] async for node in updated]})

        async def mark_in_progress(self, request: Request) -> StreamResponse:
            """Body: { "ids": [...] }: leaves the mark of a merge that died while it replaced these nodes."""
            js = await request.json()
            graph = request.query.get("graph", "fix")
            change = f"harness-{uuid_str()}"
            mark = {"root_node_ids": js["ids"], "parent_node_ids": [], "change": change, "is_batch": False}
            harness.database.collection(f"{graph}_in_progress").insert({"_key": change, "created": utc_str(), **mark})
            return web.json_response({"change": change})

        async def clear_in_progress(self, request: Request) -> StreamResponse:
            harness.database.collection(f"{request.query.get('graph', 'fix')}_in_progress").truncate()
            return web.HTTPNoContent()

        async def drop_connections(self, request: Request) -> StreamResponse:
            """Optional query parameter path: only drop websockets where the request path contains this value."""
            path = request.query.get("path", "")
            dropped = []
            for _, ws in list(self.websocket_handler.values()):
                if (req := ws._req) and path in req.path and req.transport:
                    dropped.append(req.path)
                    req.transport.abort()
            return web.json_response({"dropped": dropped})

        async def add_fault(self, request: Request) -> StreamResponse:
            try:
                harness.faults.add(Fault.of(await request.json()))
            except (TypeError, ValueError) as ex:
                return web.HTTPBadRequest(text=str(ex))
            return web.HTTPNoContent()

        async def clear_faults(self, _: Request) -> StreamResponse:
            return web.json_response({"released": harness.faults.clear()})

        async def save(self, request: Request) -> StreamResponse:
            """Query parameter path: writes the database as it is now, for a restart with --state."""
            await asyncio.get_running_loop().run_in_executor(
                None, harness.database.save, Path(request.query["path"])
            )
            return web.HTTPNoContent()

    core_main.Api = HarnessApi  # type: ignore
