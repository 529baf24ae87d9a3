"""Google Cloud: answers any operation of the packed tables with values made from its shapes (values.py, gcp.toml).

Two projects with the same estate in two regions, and one that is not to be collected. Labels and deletions are kept: a label
needs the right fingerprint, what is deleted is gone.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from . import faults, google_auth
from .estate import Estate
from .server import Answer, Request, reply
from .shapes import Operation, Service, services

HERE = Path(__file__).parent
TABLES = HERE.parents[2] / "collector-child" / "clouds" / "gcp" / "shapes" / "data"
PROJECTS = ["demo-project", "second-project"]
ERRORS = {
    "denied": (403, "PERMISSION_DENIED", "forbidden"),
    "expired": (401, "UNAUTHENTICATED", "authError"),
    "invalid": (401, "UNAUTHENTICATED", "authError"),
    "throttled": (429, "RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    "unavailable": (503, "UNAVAILABLE", "backendError"),
    "gone": (404, "NOT_FOUND", "notFound"),
    "disabled": (403, "PERMISSION_DENIED", "accessNotConfigured"),
}


def error(status: int, code: str, message: str, reason: str, domain: str = "global", **headers: str) -> Answer:
    """An error as all APIs tell it."""
    told = {"code": status, "message": message, "status": code}
    told["errors"] = [{"message": message, "domain": domain, "reason": reason}]
    return reply(status, {"error": told}, **headers)


def fault_error(kind: str) -> Answer:
    status, code, reason = ERRORS[kind]
    domain = "usageLimits" if kind == "disabled" else "global"
    more = {"Retry_After": "0"} if kind == "throttled" else {}
    return error(status, code, f"this call is {kind} on demand", reason, domain, **more)


class Cloud:
    """All that the fake knows; safe to use from many threads."""

    def __init__(self, args: Any) -> None:
        self.services = services(TABLES)
        rules = tomllib.loads((HERE / "gcp.toml").read_text())
        self.estate = Estate(self.services, rules, mild=args.mild)
        self.faults = faults.Faults(args.fault)
        self.denied_projects = set(args.deny_project)
        self.routes = {name: Routes(service) for name, service in self.services.items()}

    def answer(self, request: Request) -> Answer:
        if (told := google_auth.answer(request)) is not None:
            return told
        if not (request.headers.get("Authorization") or "").startswith("Bearer "):
            return error(401, "UNAUTHENTICATED", "Request is missing required authentication credential.", "required")
        found = self.find(request)
        if found is None:
            return error(404, "NOT_FOUND", f"nothing serves {request.method} {request.host}{request.path}", "notFound")
        service, region, operation, params = found
        params |= {name: ",".join(values) for name, values in request.queries.items()}
        if params.get("pageToken", "").startswith("again-"):
            del params["pageToken"]  # made by a fault: leads back to the first page
        request.name = f"{service.name}.{operation.name}@{region or self.estate.project_of(params)}"
        fault = self.faults.of(request)
        if fault and (instead := faults.before(fault, fault_error)):
            return instead
        answer = self.perform(request, service, region, operation, params)
        return faults.after(fault, answer, "nextPageToken") if fault else answer

    def find(self, request: Request) -> tuple[Service, str | None, Operation, dict[str, str]] | None:
        host, path = request.host.partition(":")[0], request.path
        if host == "www.googleapis.com" and path.startswith("/compute/"):
            host = "compute.googleapis.com"
        matched = re.fullmatch(r"(?:([a-z0-9-]+)-)?([a-z]+)\.googleapis\.com", host)
        if not matched or matched[2] not in self.services:
            return None
        service = self.services[matched[2]]
        prefix = re.sub(r"https://[^/]+", "", service.endpoint)
        found = self.routes[service.name].find(request.method, path.removeprefix(prefix))
        return found and (service, matched[1], *found)

    def perform(
        self, request: Request, service: Service, region: str | None, operation: Operation, params: dict[str, str]
    ) -> Answer:
        project = self.estate.project_of(params)
        if project and (project in self.denied_projects or project not in PROJECTS):
            return error(403, "PERMISSION_DENIED", f"Permission denied on resource project {project}.", "forbidden")
        if service.name == "cloudresourcemanager":
            return self.projects(operation, params)
        try:
            value = self.estate.answer(service, region, operation, params, request.json() if request.body else None)
        except Refused as refused:
            return refused.answer
        return (204, {}, b"") if value is None else reply(200, value)

    def projects(self, operation: Operation, params: dict[str, str]) -> Answer:
        numbers = {name: str(100000000001 + at) for at, name in enumerate(["sys-0001", *PROJECTS])}
        made = [
            {
                "projectId": name,
                "projectNumber": number,
                "name": name.replace("-", " ").title(),
                "lifecycleState": "ACTIVE",
                "createTime": "2021-03-04T05:06:07.089Z",
                "labels": {"env": "prod"},
            }
            for name, number in numbers.items()
            if name not in self.denied_projects
        ]
        if operation.name == "projects.get":
            mine = [p for p in made if params["projectId"] in (p["projectId"], p["projectNumber"])]
            missing = error(403, "PERMISSION_DENIED", "The caller does not have permission", "forbidden")
            return reply(200, mine[0]) if mine else missing
        # One on each page.
        at = int(params.get("pageToken", "0"))
        more = {"nextPageToken": str(at + 1)} if at + 1 < len(made) else {}
        return reply(200, {"projects": made[at : at + 1], **more})


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, *told: Any) -> None:
        super().__init__(told)
        self.answer = error(*told)


class Routes:
    """Finds the operation of a request. The newer APIs have one template for many operations (`/v1/{name+}`): there the names
    of the collections in the path tell which one it is."""

    def __init__(self, service: Service) -> None:
        self.fixed: list[tuple[str, re.Pattern[str], Operation]] = []
        self.open: dict[str, Operation] = {}
        for operation in service.operations.values():
            if "+}" in operation.uri:
                self.open[operation.name] = operation
            else:
                pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/:]+)", re.escape(operation.uri))
                self.fixed.append((operation.method, re.compile(pattern), operation))

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        for known, pattern, operation in self.fixed:
            if known == method and (matched := pattern.fullmatch(path)):
                return operation, matched.groupdict()
        return self.by_names(method, path)

    def by_names(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        version, _, rest = path.lstrip("/").partition("/")
        rest, _, verb = rest.partition(":")
        parts = rest.split("/")
        names, whole = ".".join(parts[0::2]), len(parts) % 2 == 0
        if not verb:
            verbs = {"GET": "get", "DELETE": "delete", "PATCH": "patch"} if whole else {"GET": "list"}
            verb = verbs.get(method, "")
        operation = self.open.get(f"{names}.{verb}")
        if operation is None or operation.method != method:
            return None
        label = re.search(r"\{([\w.]+)\+\}", operation.uri)[1]
        after = operation.uri.partition("+}")[2]
        return operation, {label: rest.removesuffix(after)}
