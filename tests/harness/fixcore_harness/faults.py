"""
Misbehaviour on demand: a queue of faults, each for the next requests that match it.

A fault is JSON: {"do": "answer" | "drop" | "wait", "when": "instead" | "before" | "after", "path": REGEX, "count": 1,
"status": 500, "text": "...", "seconds": 1.5}. The default path is the merge request of any graph.

- answer, instead: the whole body is read, `status` and `text` are answered, fixcore never sees the request
- drop, instead:   the connection is cut before the body is read
- drop, before:    the whole body is read, then the connection is cut; fixcore never sees the request
- drop, after:     fixcore handles the request, then the connection is cut: the client cannot know the outcome
- wait, before or after: for `seconds`, or without `seconds` until the faults are released
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Awaitable, Callable, Dict, List, Optional

from aiohttp import web
from aiohttp.web import Request, StreamResponse
from attrs import define, field

Handler = Callable[[Request], Awaitable[StreamResponse]]
MERGE = "/graph/[^/]+/merge"


@define
class Fault:
    do: str
    when: str = "instead"
    path: str = MERGE
    method: str = ".*"
    count: int = 1
    status: int = 500
    text: str = "harness: injected failure"
    seconds: Optional[float] = None

    @staticmethod
    def of(js: Dict[str, Any]) -> Fault:
        fault = Fault(**js)
        allowed = {"answer": ["instead"], "drop": ["instead", "before", "after"], "wait": ["before", "after"]}
        if fault.when not in allowed.get(fault.do, []):
            raise ValueError(f"no such fault: {fault.do} {fault.when}")
        return fault


@define
class Faults:
    pending: List[Fault] = field(factory=list)
    waiting: List[asyncio.Event] = field(factory=list)

    def add(self, fault: Fault) -> None:
        self.pending.append(fault)

    def take(self, request: Request) -> Optional[Fault]:
        for fault in self.pending:
            if re.fullmatch(fault.path, request.path) and re.fullmatch(fault.method, request.method):
                fault.count -= 1
                if fault.count <= 0:
                    self.pending.remove(fault)
                return fault
        return None

    def clear(self) -> int:
        """Forgets all pending faults and lets every waiting request go on."""
        released = len(self.waiting)
        for event in self.waiting:
            event.set()
        self.pending.clear()
        return released

    async def wait(self, fault: Fault) -> None:
        event = asyncio.Event()
        self.waiting.append(event)
        try:
            await asyncio.wait_for(event.wait(), fault.seconds)
        except asyncio.TimeoutError:
            pass
        finally:
            self.waiting.remove(event)

    async def handle(self, request: Request, handler: Handler) -> StreamResponse:
        fault = self.take(request)
        if fault is None:
            return await handler(request)
        if fault.do == "answer":
            await read_all(request)
            return web.Response(status=fault.status, text=fault.text)
        if fault.do == "drop":
            if fault.when == "before":
                await read_all(request)
            response: StreamResponse = await handler(request) if fault.when == "after" else web.Response(status=500)
            if request.transport:
                request.transport.abort()
            return response
        if fault.when == "before":
            await self.wait(fault)
        response = await handler(request)
        if fault.when == "after":
            await self.wait(fault)
        return response


async def read_all(request: Request) -> None:
    """Reads the body without a limit on its size, and forgets it."""
    async for _ in request.content.iter_chunked(1 << 20):
        pass
