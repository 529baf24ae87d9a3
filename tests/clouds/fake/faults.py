"""Faults on demand: `CALL=KIND[:TIMES]`, the call with patterns, as the log names it.

Kinds: denied, expired, invalid, throttled (with Retry-After: 0), unavailable, gone, disabled: errors in the cloud's own form;
inside (an error with status 200), partial (a listing that names a place that did not answer), html (502 of a proxy), nowhere (the page of a host without the service), truncated, odd (values of other forms than there should be), empty, reset, endless (a new page token each time), repeated (the same token), slow (30 s),
none (so many go well before the next fault for the same calls strikes).
"""

import fnmatch
import json
import threading
import time
from typing import Any

from .server import Answer, Request, Reset

ERRORS = ("denied", "expired", "invalid", "throttled", "unavailable", "gone", "disabled")
OTHERS = ("inside", "partial", "html", "nowhere", "truncated", "odd", "empty", "reset", "endless", "repeated", "slow", "none")


class Fault:
    """One fault."""

    def __init__(self, text: str) -> None:
        calls, _, kind = text.rpartition("=")
        self.calls, (self.kind, _, times) = calls, kind.partition(":")
        if not calls or self.kind not in ERRORS + OTHERS:
            raise ValueError(f"{text!r} is no fault: CALL=KIND[:TIMES], KIND one of {', '.join(ERRORS + OTHERS)}")
        self.left = int(times) if times else -1
        self.lock = threading.Lock()
        self.number = 0

    def strikes(self, name: str) -> bool:
        if not fnmatch.fnmatchcase(name, self.calls):
            return False
        with self.lock:
            if self.left == 0:
                return False
            self.left -= self.left > 0
            self.number += 1
            return True


class Faults:
    """All faults of a run."""

    def __init__(self, texts: list[str]) -> None:
        self.faults = [Fault(text) for text in texts]

    def of(self, request: Request) -> Fault | None:
        """The fault that strikes this call."""
        return next((fault for fault in self.faults if fault.strikes(request.name)), None)


def before(fault: Fault, error: Any) -> Answer | None:
    """What is answered instead; `error` makes an answer from the kind."""
    match fault.kind:
        case kind if kind in ERRORS:
            return error(kind)
        case "inside":
            _, headers, body = error("denied")
            return 200, headers, body
        case "html":
            return 502, {"Content-Type": "text/html"}, b"<html><head><title>502 Bad Gateway</title></head></html>"
        case "nowhere":
            return 404, {"Content-Type": "text/html; charset=UTF-8"}, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"
        case "empty":
            return 200, {"Content-Type": "application/json"}, b""
        case "reset":
            raise Reset
        case "slow":
            time.sleep(30)
    return None


def odd(value: Any) -> Any:
    """Lists have members that are none, and things have values that nobody expects."""
    if isinstance(value, list):
        return [None, 7, "text", *(odd(one) for one in value)] if value and isinstance(value[0], dict) else value
    if not isinstance(value, dict):
        return value
    made = {name: odd(one) for name, one in value.items()}
    if "selfLink" in made:
        made |= {"description": {"a": ["b\u0000\ud800"]}, "labels": "text", "creationTimestamp": 5}
    return made


def after(fault: Fault, answer: Answer, token: str) -> Answer:
    """What becomes of a good answer; `token` is the member that asks for the next page."""
    status, headers, body = answer
    if fault.kind == "truncated":
        return status, headers, body[: len(body) // 2]
    if fault.kind == "odd":
        return status, headers, json.dumps(odd(json.loads(body))).encode()
    if fault.kind == "partial":
        return status, headers, json.dumps(json.loads(body) | {"unreachable": ["nowhere-1"]}).encode()
    if fault.kind in ("endless", "repeated"):
        value = json.loads(body)
        value[token] = f"again-{fault.number if fault.kind == 'endless' else 0}"
        return status, headers, json.dumps(value).encode()
    return answer
