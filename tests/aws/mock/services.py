"""Which service and operation a request is for, by botocore's descriptions of the APIs."""

import re
from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

# Services that share a signing name, the likelier one first. All others are found by their own signing name below.
SHARED = {
    "elasticloadbalancing": ["elbv2", "elb"],
    "bedrock": ["bedrock", "bedrock-agent", "bedrock-runtime"],
    "es": ["opensearch", "es"],
    "s3": ["s3", "s3control"],
}
# Signing name -> client name where the two differ.
RENAMED = {
    "monitoring": ["cloudwatch"],
    "elasticfilesystem": ["efs"],
    "servicequotas": ["service-quotas"],
    "email": ["ses"],
    "states": ["stepfunctions"],
}

_loader = Loader()


class Unknown(Exception):
    """No service or operation is known for a request."""


class Service:
    """The description of one service and how to find its operations."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = ServiceModel(_loader.load_service_model(name, "service-2"), name)
        try:
            self.pagination = _loader.load_service_model(name, "paginators-1")["pagination"]
        except Exception:  # a service without paginators has no such file
            self.pagination = {}
        self.operations: dict[str, OperationModel] = {
            n: self.model.operation_model(n) for n in self.model.operation_names
        }
        self._routes = [Route(o) for o in self.operations.values()]

    def route(self, method: str, path: str, query: dict[str, list[str]]) -> "tuple[Route, dict[str, str]] | None":
        """The route whose method, path and fixed query fit best, and what its path variables stand for."""
        best = None
        for route in self._routes:
            found = route.match(method, path, query)
            if found is not None and (best is None or route.weight > best[0].weight):
                best = (route, found)
        return best


class Route:
    """One operation's URI template."""

    def __init__(self, operation: OperationModel) -> None:
        self.operation = operation
        self.method = operation.http.get("method", "POST")
        path, _, query = operation.http.get("requestUri", "/").partition("?")
        self.query = dict((p.split("=", 1) + [None])[:2] for p in query.split("&") if p)
        literal = re.sub(r"\{[^}]*\}", "", path)
        # More fixed text is a better fit; of two equal ones the deprecated loses.
        self.weight = (len(self.query), len(literal), not operation.deprecated)
        pattern, at = "", 0
        for m in re.finditer(r"\{(\w+)(\+?)\}", path):
            pattern += re.escape(path[at : m.start()]) + f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})"
            at = m.end()
        self.pattern = re.compile(pattern + re.escape(path[at:]).rstrip("/") + "/?$")

    def match(self, method: str, path: str, query: dict[str, list[str]]) -> "dict[str, str] | None":
        if method != self.method:
            return None
        for key, value in self.query.items():
            if key not in query or (value is not None and query[key][0] != value):
                return None
        found = self.pattern.match(path)
        return found.groupdict() if found else None


@cache
def service(name: str) -> Service:
    """The service with this client name; loads its description once."""
    return Service(name)


@cache
def candidates(signing_name: str) -> tuple[str, ...]:
    """The services that sign requests with this name."""
    known = _loader.list_available_services("service-2")
    names = SHARED.get(signing_name) or RENAMED.get(signing_name) or [signing_name]
    return tuple(n for n in names if n in known)
