"""Clouds that misbehave: what a fault does to an answer."""

import fnmatch
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .answers import Answer, error
from .requests import Asked
from .services import Unknown

SPEC = re.compile(
    r"(?P<operation>[^@/=]+)(@(?P<region>[^/=]+))?(/(?P<account>[^=]+))?=(?P<kind>[\w-]+)(:(?P<times>\d+))?$"
)
ERRORS = {
    "AccessDenied": (
        403,
        {"ec2": "UnauthorizedOperation", "query": "AccessDenied", "rest-xml": "AccessDenied"},
        "AccessDeniedException",
        "User is not authorized to perform this operation",
    ),
    "ExpiredToken": (
        403,
        {"ec2": "RequestExpired", "json": "ExpiredTokenException", "rest-json": "ExpiredTokenException"},
        "ExpiredToken",
        "The security token included in the request is expired",
    ),
    "InvalidToken": (
        403,
        {"ec2": "AuthFailure", "query": "InvalidClientTokenId", "rest-xml": "InvalidClientTokenId"},
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    ),
    "SignatureDoesNotMatch": (
        403,
        {"json": "InvalidSignatureException", "rest-json": "InvalidSignatureException"},
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
    ),
    "ClockSkew": (
        403,
        {"ec2": "RequestExpired", "json": "InvalidSignatureException", "rest-json": "InvalidSignatureException"},
        "RequestTimeTooSkewed",
        "Signature expired: 20200101T000000Z is now earlier than 20240101T000000Z",
    ),
    "Throttling": (
        400,
        {
            "ec2": "RequestLimitExceeded",
            "json": "ThrottlingException",
            "rest-json": "ThrottlingException",
            "rest-xml": "Throttling",
        },
        "Throttling",
        "Rate exceeded",
    ),
    "OptInRequired": (403, {}, "OptInRequired", "You are not subscribed to this service"),
    "InternalError": (500, {}, "InternalError", "An internal error has occurred"),
}
OTHERS = {"none", "html", "truncated", "empty", "endless", "repeated", "reset", "slow"}
HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>proxy.example.com</body></html>"


class Reset(Exception):
    """The connection is to be reset."""


@dataclass
class Fault:
    """One fault: where it strikes and how often (None: always)."""

    operation: str
    region: str
    account: str
    kind: str
    left: int | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """`SERVICE.OPERATION[@REGION][/ACCOUNT]=KIND[:TIMES]`, the first three with wildcards."""
        m = SPEC.match(text)
        if not m or m["kind"] not in ERRORS.keys() | OTHERS:
            raise SystemExit(f"not a fault: {text!r}; kinds are {', '.join([*ERRORS, *sorted(OTHERS)])}")
        return cls(
            m["operation"], m["region"] or "*", m["account"] or "*", m["kind"], int(m["times"]) if m["times"] else None
        )

    def strikes(self, asked: Asked, account: str) -> bool:
        named = fnmatch.fnmatchcase(asked.name, self.operation) and fnmatch.fnmatchcase(asked.region, self.region)
        if not named or not fnmatch.fnmatchcase(account, self.account):
            return False
        with self.lock:
            if self.left == 0:
                return False
            if self.left is not None:
                self.left -= 1
            return True

    def before(self, asked: Asked) -> Answer | None:
        """An answer instead of the operation's."""
        if self.kind in ERRORS:
            status, codes, code, message = ERRORS[self.kind]
            return error(asked.service.name, asked.protocol, status, codes.get(asked.protocol, code), message)
        match self.kind:
            case "html":
                return 502, {"Content-Type": "text/html"}, HTML
            case "empty":
                return 200, {"Content-Type": "text/plain"}, b""
            case "reset":
                raise Reset
            case "slow":
                time.sleep(30)
        return None

    def during(self, asked: Asked, value: dict[str, Any]) -> None:
        """Changes the values before they are written: pages without an end."""
        if self.kind not in ("endless", "repeated"):
            return
        paging = asked.service.pagination.get(asked.operation.name)
        if not paging:
            raise Unknown(f"{asked.name} has no pages")
        first = lambda x: x[0] if isinstance(x, list) else x  # noqa: E731
        given = str(asked.params.get(first(paging["input_token"]), "page-0"))
        token = "page-again" if self.kind == "repeated" else f"page-{int(given.rpartition('-')[2]) + 1}"
        place(value, first(paging["output_token"]).split("||")[0].strip(), token)
        if more := paging.get("more_results"):
            place(value, more, True)

    def after(self, answer: Answer) -> Answer:
        """Changes the bytes: half of the body, with its length told as it is."""
        if self.kind == "truncated":
            status, headers, body = answer
            return status, headers, body[: len(body) // 2]
        return answer


def place(value: dict[str, Any], path: str, what: Any) -> None:
    *parents, last = path.split(".")
    for p in parents:
        value = value.setdefault(p, {})
    value[last] = what
