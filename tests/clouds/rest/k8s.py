"""A fake cluster of Kubernetes: discovery, lists in pages, metadata alone where that is asked for, changes with their preconditions.

Options: `page_size` (what it gives at most, 2 by default), `pods` (so many more), `deny` (names of resources, with commas, that must not be listed),
`without` (kinds that it does not serve), `odd=1` (what a cluster may have, too, and the Python worker cannot bear), `anonymous=1` (no token is asked for), `another=1`
(another cluster: everything has the same names, and other uids).
"""

import copy
import json
import re
from typing import Any

import k8s_estate as given
from fake import Refusal, Request

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 409: "Conflict", 410: "Expired", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


def add_oddities(estate: dict[str, list[given.Object]]) -> None:
    """What the Python worker ends the cluster for, or gets wrong."""
    estate["ConfigMap"].append(given.thing("ConfigMap", "new", "made-meanwhile", data={"a": "b"}))
    estate["Node"][1]["status"]["capacity"] = {"cpu": "1e1", "memory": "8e9"}
    # Members that are there and null.
    estate["Endpoints"][1]["subsets"] = None
    estate["Node"][1]["status"].update(addresses=None, images=[{"names": None}])
    estate["Pod"][3]["spec"]["volumes"] = estate["Pod"][3]["status"]["conditions"] = None
    estate["PersistentVolume"][1]["spec"]["capacity"]["storage"] = "500M"
    estate["Service"][2]["spec"]["selector"] = None
    bare = given.thing("Pod", "bare", "other")
    del bare["metadata"]["creationTimestamp"]
    bare["metadata"].update(labels=None, annotations=None, ownerReferences=None)
    # The same names and labels in another namespace.
    estate["Pod"] += [bare, given.thing("Pod", "web-of-others", "other", labels={"app": "web"}, status={"phase": "Running", "conditions": [given.condition("Ready", "2024-03-01T10:17:00.123456Z")]}, spec={"containers": [], "future": {"member": 1}})]
    estate["Secret"].insert(0, given.thing("Secret", "web-secret", "other", data={"password": given.SECRET}))
    estate["PersistentVolume"].append(given.thing("PersistentVolume", "pv-odd", status=None, spec={"capacity": {"storage": "1e3"}, "claimRef": None}))


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.page_size, self.anonymous = int(options.get("page_size", 2)), bool(options.get("anonymous"))
        self.denied = set(options.get("deny", "").split(","))
        without = set(options.get("without", "").split(","))
        self.resources = [resource for resource in given.RESOURCES if resource[2] not in without]
        self.estate = given.estate()
        # Kinds of others that are called as those of Kubernetes; the Python worker takes them in their place.
        self.foreign = ["serving.example.dev/v1"] if options.get("odd") else []
        if options.get("odd"):
            add_oddities(self.estate)
        if options.get("another"):
            text = re.sub(r'"uid": "([0-9a-f-]{36})"', lambda found: f'"uid": "{found[1][::-1]}"', json.dumps(self.estate))
            self.estate = json.loads(text)
        pod = self.estate["Pod"][0]
        for number in range(int(options.get("pods", 0))):
            more = copy.deepcopy(pod)
            more["metadata"].update(name=f"more-{number}", uid=given.uid("Pod", f"more-{number}", "shop"))
            self.estate["Pod"].append(more)

    def error(self, status: int, headers: dict[str, str] | None = None, message: str = "") -> Refusal:
        reason = REASONS.get(status, "Unknown")
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message or f"{reason} (fake)", "reason": reason, "code": status}
        return Refusal(status, body, headers)

    def answer(self, request: Request) -> tuple[int, Any]:
        token = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not self.anonymous and token != "k8s-token":
            raise self.error(401)
        if found := self.discovery(request.path):
            return 200, found
        found = re.fullmatch(r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))(?:/namespaces/(?P<namespace>[^/]+))?/(?P<name>[^/]+)(?:/(?P<one>[^/]+))?", request.path)
        # `/api/v1/namespaces/shop` is no list in a namespace.
        if not found:
            found = re.fullmatch(r"/api/(?P<core>v1)/(?P<name>namespaces)(?P<group>)(?P<namespace>)/(?P<one>[^/]+)", request.path)
        resource = found and next((r for r in self.resources if r[0] == (found["core"] or found["group"]) and r[1] == found["name"]), None)
        if not resource:
            raise self.error(404, message="the server could not find the requested resource")
        version, name, kind, namespaced = resource
        if name in self.denied:
            raise self.error(403, message=f'{name} is forbidden: User "reader" cannot {request.method.lower()} resource "{name}"')
        things = [thing for thing in self.estate[kind] if not found["namespace"] or thing["metadata"].get("namespace") == found["namespace"]]
        if not found["one"]:
            return 200, self.listed(request, version, kind, things)
        if namespaced and not found["namespace"]:
            raise self.error(404)
        thing = next((thing for thing in things if thing["metadata"]["name"] == found["one"]), None)
        if not thing:
            raise self.error(404, message=f'{name} "{found["one"]}" not found')
        done = thing if request.method == "GET" else self.changed(request, kind, thing)
        if "as=PartialObjectMetadata;" in (request.headers.get("Accept") or "") and "metadata" in done:
            done = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": done["metadata"]}
        return 200, done

    def discovery(self, path: str) -> Any:
        if path == "/version":
            return {"major": "1", "minor": "29+", "gitVersion": "v1.29.1-eks", "platform": "linux/amd64"}
        groups = sorted({resource[0] for resource in self.resources} - {"v1"})
        if path == "/apis":
            of = lambda version: {"groupVersion": version, "version": version.split("/")[1]}
            return {"kind": "APIGroupList", "groups": [{"name": group.split("/")[0], "versions": [of(group)], "preferredVersion": of(group)} for group in [*groups, *self.foreign]]}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version in self.foreign:
            return {"kind": "APIResourceList", "groupVersion": version, "resources": [{"name": "services", "kind": "Service", "namespaced": True, "verbs": ["list"]}]}
        found = [{"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["create", "delete", "get", "list", "patch", "watch"]} for of, name, kind, namespaced in self.resources if of == version]
        more = [{"name": f"{found[0]['name']}/status", "kind": found[0]["kind"], "namespaced": True, "verbs": ["get"]}] if found else []
        return {"kind": "APIResourceList", "groupVersion": version, "resources": found + more} if found else None

    def listed(self, request: Request, version: str, kind: str, things: list[given.Object]) -> Any:
        if request.method != "GET":
            raise self.error(405)
        begin = int(request.one("continue") or 0)
        limit = min(int(request.one("limit") or 10**9), self.page_size) if request.one("limit") else 10**9
        page, left = things[begin : begin + limit], len(things) - begin - limit
        meta = {"resourceVersion": "5000"} | ({"continue": str(begin + limit), "remainingItemCount": left} if left > 0 else {})
        if "as=PartialObjectMetadataList" in (request.headers.get("Accept") or ""):
            page = [{"metadata": thing["metadata"]} for thing in page]
            return {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": page}
        items = [{name: value for name, value in thing.items() if name != "kind"} for thing in page]
        return {"kind": f"{kind}List", "apiVersion": version, "metadata": meta, "items": items}

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        if "items" in body:
            body["metadata"]["continue"] = str(int(request.one("continue") or 0) + 1) if fault == "endless" else "1"
            body["items"] = self.estate["Pod"][:1]
        return body, headers

    def changed(self, request: Request, kind: str, thing: given.Object) -> Any:
        meta, wanted = thing["metadata"], request.json() or {}
        if request.method == "DELETE":
            if wanted.get("preconditions", {}).get("uid", meta["uid"]) != meta["uid"]:
                raise self.error(409, message="Precondition failed: UID in precondition")
            if meta.get("finalizers"):
                meta["deletionTimestamp"] = given.CREATED
                return thing
            self.estate[kind].remove(thing)
            return {"kind": "Status", "status": "Success", "details": {"name": meta["name"], "uid": meta["uid"]}}
        if request.method != "PATCH":
            raise self.error(405)
        if request.headers.get("Content-Type") not in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            raise self.error(415, message="the body of the request was in an unknown format")
        if wanted.get("metadata", {}).get("uid", meta["uid"]) != meta["uid"]:
            raise self.error(409, message="Precondition failed: UID in precondition")
        annotations = meta.get("annotations") or {}
        for name, value in (wanted["metadata"].get("annotations") or {}).items():
            if value is None:
                annotations.pop(name, None)
            elif isinstance(value, str):
                annotations[name] = value
            else:
                raise self.error(400, message="an annotation is a text")
        meta["annotations"] = annotations
        return json.loads(json.dumps(thing))
