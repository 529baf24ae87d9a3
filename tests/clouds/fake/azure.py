"""Microsoft Azure: two subscriptions of a tenant with the same estate, and its organization, from `azure.json.gz`.

The estate has, for each address below a subscription, the listing or the resource that is there (`{sub}` stands for its id). It
was written once from the members that the Python worker reads of each kind, with ids and references that fit together; what is
odd about a real cloud (ids in another case, a location by its display name) was put in by hand.

Listings have pages of one resource. Two secrets and any statement about an application are accepted; a token is good for the host that it was asked for,
and for no other. Tags and deletions are kept: a deletion needs the version of the API that the resource was listed with, takes
its time (an operation that has to be asked twice), and is refused for what a machine uses.
"""

import gzip
import json
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from . import faults
from .server import Answer, Request, reply
from .values import number

HERE = Path(__file__).parent
TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTIONS = {
    "aaaaaaaa-0000-0000-0000-000000000001": "Production",
    "aaaaaaaa-0000-0000-0000-000000000002": "Development",
}
SECRETS = ("secret", "s3cret")
TAGS = "/providers/microsoft.resources/tags/default"
METRICS = "/providers/microsoft.insights/metrics"
ARM, GRAPH = "management.azure.com", "graph.microsoft.com"
ERRORS = {
    "denied": (403, "AuthorizationFailed"),
    "expired": (401, "ExpiredAuthenticationToken"),
    "invalid": (401, "InvalidAuthenticationToken"),
    "throttled": (429, "TooManyRequests"),
    "unavailable": (503, "ServiceUnavailable"),
    "gone": (404, "ResourceNotFound"),
    "disabled": (409, "MissingSubscriptionRegistration"),
}


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    return reply(status, {"error": {"code": code, "message": message}}, **headers)


def fault_error(kind: str) -> Answer:
    status, code = ERRORS[kind]
    more = {"Retry_After": "0"} if kind == "throttled" else {}
    return error(status, code, f"this call is {kind} on demand", **more)


def token_of(host: str) -> str:
    return f"token-for-{host}"


class Cloud:
    """All that the fake knows; safe to use from many threads."""

    def __init__(self, args: Any) -> None:
        self.faults = faults.Faults(args.fault)
        self.denied = set(args.deny_project)
        self.lock = threading.RLock()
        self.tags: dict[str, dict[str, str]] = {}
        self.gone: set[str] = set()
        self.versions: dict[str, str] = {}
        self.operations: list[list[Any]] = []
        told = gzip.decompress((HERE / "azure.json.gz").read_bytes()).decode()
        self.lists: dict[str, Any] = {}
        self.one: dict[str, Any] = {}
        for subscription in SUBSCRIPTIONS:
            estate = json.loads(told.replace("{sub}", subscription))
            self.lists |= {path.lower(): found for path, found in estate["lists"].items()}
            self.one |= {path.lower(): found for path, found in estate["one"].items()}
            self.graph = estate["graph"]

    def answer(self, request: Request) -> Answer:
        host = request.host.partition(":")[0]
        if host.startswith("login.") or "oauth2/token" in request.path:
            return self.token(request, host)
        request.name = f"{request.method} {request.path}"
        known = request.headers.get("Authorization")
        if known != f"Bearer {token_of(host)}":
            if known and host not in (ARM, GRAPH):
                return error(400, "LeakedToken", f"{host} wants no token")
            if host in (ARM, GRAPH):
                return error(401, "InvalidAuthenticationToken", "The access token is invalid.")
        fault = self.faults.of(request)
        if fault and (instead := faults.before(fault, fault_error)):
            return instead
        answer = self.found(request, host)
        return faults.after(fault, answer, "nextLink") if fault else answer

    def token(self, request: Request, host: str) -> Answer:
        if request.path.endswith("/.well-known/openid-configuration"):
            base = f"{request.base}/{TENANT}"
            told = {"token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize"}
            return reply(200, told | {"issuer": f"https://{host}/{TENANT}/v2.0", "tenant_region_scope": "EU"})
        if request.path.endswith("/discovery/instance"):
            return reply(200, {"tenant_discovery_endpoint": f"{request.base}/{TENANT}/v2.0/.well-known/openid-configuration", "metadata": []})
        if request.path.startswith("/metadata/identity"):
            if request.headers.get("Metadata") != "true":
                return reply(400, {"error": "invalid_request", "error_description": "Required metadata header not specified"})
            return self.granted(request.query.get("resource", ""), str)
        form = request.form()
        proof = form.get("client_assertion") or form.get("client_secret") in SECRETS
        if form.get("grant_type") != "client_credentials" or not form.get("client_id") or not proof:
            told = "AADSTS7000215: Invalid client secret provided."
            return reply(401, {"error": "invalid_client", "error_description": told})
        return self.granted(form.get("scope", "").split()[0], int)

    def granted(self, scope: str, number: type) -> Answer:
        host = re.sub(r"^https://([^/]+).*$", r"\1", scope)
        return reply(200, {"token_type": "Bearer", "expires_in": number(3599), "access_token": token_of(host)})

    def found(self, request: Request, host: str) -> Answer:
        if host == ARM:
            return self.arm(request)
        if host == GRAPH:
            return self.entra(request)
        return self.prices(request)

    def prices(self, request: Request) -> Answer:
        """What a machine costs: as a bargain, as it is, and with Windows."""
        if "armSkuName" not in request.query.get("$filter", ""):
            return reply(200, {"Items": [], "NextPageLink": None})
        offers = [("D2s v3 Spot", "Virtual Machines Dsv3 Series", 0.02), ("D2s v3", "Virtual Machines Dsv3 Series", 0.096)]
        offers.append(("D2s v3", "Virtual Machines Dsv3 Series Windows", 0.188))
        items = [{"skuName": sku, "productName": product, "unitPrice": price} for sku, product, price in offers]
        at = int(request.query.get("$skip", "0"))
        query = urlencode(request.query | {"$skip": str(at + 1)})
        more = f"{request.base}{request.path}?{query}" if at + 1 < len(items) else None
        return reply(200, {"Items": items[at : at + 1], "NextPageLink": more})

    def entra(self, request: Request) -> Answer:
        """What Microsoft Graph tells: a list or one object, and what a tenant does not have."""
        found = self.graph.get(request.path.lower())
        if found is None and request.path.endswith("ies"):
            found = []
        if found is None:
            return error(404, "ResourceNotFound", f"Resource not found for the segment '{request.path.rsplit('/', 1)[1]}'.")
        return self.page(request, found, "@odata.nextLink") if isinstance(found, list) else reply(200, found)

    def arm(self, request: Request) -> Answer:
        if "api-version" not in request.query:
            return error(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required.")
        path = request.path.rstrip("/").lower()
        if path == "/subscriptions":
            return self.page(request, [subscription(id) for id in SUBSCRIPTIONS if id not in self.denied])
        id = path.split("/")[2]
        if id not in SUBSCRIPTIONS or id in self.denied:
            return error(404, "SubscriptionNotFound", f"The subscription '{id}' could not be found.")
        if path == f"/subscriptions/{id}":
            return reply(200, subscription(id))
        with self.lock:
            return self.resource(request, path)

    def resource(self, request: Request, path: str) -> Answer:
        if "/microsoft.fake/operations/" in path:
            return self.operation(int(path.rsplit("/", 1)[1]))
        if path.endswith(TAGS):
            return self.change_tags(request, path.removesuffix(TAGS))
        if found := re.fullmatch(r"/subscriptions/[^/]+/providers/microsoft.dbfor(mysql|postgresql)/locations/([^/]+)/capabilities", path):
            return reply(200, {"value": [offer(*found.groups(), zone) for zone in ("1", "2")]})
        if path.endswith(METRICS):
            return self.measured(request, path.removesuffix(METRICS))
        if request.method == "DELETE":
            return self.delete(request, path)
        if self.is_gone(path):
            return error(404, "ResourceNotFound", "The Resource was not found.")
        if path in self.one:
            return reply(200, self.one[path])
        more = [f"{name}={value}" for name, value in request.query.items() if name.startswith("restorable")]
        listed = self.lists.get("?".join([path, *more]).lower())
        if listed is None:
            return reply(200, {"value": []})
        if isinstance(listed, dict):
            return reply(200, listed)
        return self.page(request, listed)

    def measured(self, request: Request, id: str) -> Answer:
        """What Azure Monitor has measured: two values and a time without, the same whenever it is asked. A machine in another case
        is the same machine, and services of a storage account are measured by the hour."""
        owner = re.sub(r"/(blob|file|table|queue)services/default$", "", id)
        if self.known(owner) is None:
            return error(404, "ResourceNotFound", "The Resource was not found.")
        told = request.query
        parts = id.split("/")
        kind = "/".join([parts[6], *parts[7::2]])
        if told["metricNamespace"].lower() != kind:
            return error(400, "BadRequest", f"{told['metricNamespace']} is no namespace of {kind}")
        if "storageaccounts" in kind and told["interval"] not in ("PT1H", "PT6H", "PT12H", "P1D"):
            return error(400, "BadRequest", "Detected invalid time grain input that does not match any of supported dimensions.")
        start, end = told["timespan"].split("/")
        resource = request.path[: len(request.path.rstrip("/")) - len(METRICS)]
        values = [
            {
                "id": f"{resource}/providers/Microsoft.Insights/metrics/{name}",
                "type": "Microsoft.Insights/metrics",
                "name": {"value": name, "localizedValue": name},
                "displayDescription": name,
                "unit": "Count",
                "timeseries": [{"metadatavalues": [], "data": points(id, name, told["aggregation"], start, end)}],
                "errorCode": "Success",
            }
            for name in told["metricnames"].split(",")
        ]
        whole = {"cost": 59, "timespan": told["timespan"], "interval": told["interval"], "namespace": told["metricNamespace"]}
        return reply(200, whole | {"resourceregion": "westeurope", "value": values})

    def page(self, request: Request, listed: list[Any], link: str = "nextLink") -> Answer:
        listed = [self.tagged(found, request) for found in listed if not self.is_gone(str(found.get("id", "")).lower())]
        at = int(request.query.get("$skiptoken", "0") if request.query.get("$skiptoken", "0").isdigit() else 0)
        told: dict[str, Any] = {"value": listed[at : at + 1]}
        if at + 1 < len(listed):
            query = urlencode({name: value for name, value in request.query.items() if name != "$skiptoken"})
            told[link] = f"{request.base}{request.path}?{query}&$skiptoken={at + 1}"
        return reply(200, told)

    def is_gone(self, id: str) -> bool:
        return any(id == gone or id.startswith(f"{gone}/") for gone in self.gone)

    def tagged(self, found: dict[str, Any], request: Request) -> dict[str, Any]:
        id = str(found.get("id", "")).lower()
        if not request.path.endswith("/resources"):
            self.versions[id] = request.query.get("api-version", "")
        return found | {"tags": self.tags[id]} if id in self.tags else found

    def known(self, id: str) -> dict[str, Any] | None:
        """The resource with this id, if it is there."""
        listings = [listed for listed in self.lists.values() if isinstance(listed, list)]
        mine = (found for listed in listings for found in listed if str(found.get("id", "")).lower() == id)
        return None if self.is_gone(id) else next(mine, None)

    def change_tags(self, request: Request, id: str) -> Answer:
        found = self.known(id)
        if found is None:
            return error(404, "ResourceNotFound", "The Resource was not found.")
        tags = self.tags.setdefault(id, dict(found.get("tags") or {}))
        if request.method == "PATCH":
            told = request.json()
            for name, value in told["properties"]["tags"].items():
                if told["operation"] == "Merge":
                    tags[name] = value
                elif told["operation"] == "Delete" and tags.get(name) == value:
                    del tags[name]
        return reply(200, {"properties": {"tags": tags}})

    def delete(self, request: Request, id: str) -> Answer:
        if self.known(id) is None:
            return 204, {}, b""
        if (wanted := self.versions.get(id)) and wanted != request.query["api-version"]:
            told = f"No registered resource provider found for the API version '{request.query['api-version']}'."
            return error(400, "NoRegisteredProviderFound", told)
        if self.is_used(id):
            return error(409, "OperationNotAllowed", f"{id} is attached to a VM.")
        self.operations.append([id, 0])
        at = f"{request.base}/subscriptions/{id.split('/')[2]}/providers/Microsoft.Fake/operations/{len(self.operations) - 1}"
        return 202, {"Azure-AsyncOperation": f"{at}?api-version=2020-01-01", "Retry-After": "0"}, b""

    def is_used(self, id: str) -> bool:
        """Whether a machine that is there has it in what it is made of."""
        if not re.search(r"/(disks|networkinterfaces)/[^/]+$", id):
            return False
        machines = [listed for path, listed in self.lists.items() if path.endswith("/microsoft.compute/virtualmachines")]
        there = (found for listed in machines for found in listed if not self.is_gone(found["id"].lower()))
        return any(f'"{id}"' in json.dumps(found).lower() for found in there)

    def operation(self, at: int) -> Answer:
        operation = self.operations[at]
        operation[1] += 1
        if operation[1] < 2:
            return reply(200, {"status": "InProgress"}, Retry_After="0")
        self.gone.add(operation[0])
        return reply(200, {"status": "Succeeded"})


def offer(database: str, location: str, zone: str) -> dict[str, Any]:
    """What a zone offers for servers of databases: one tier, version and size that there is a server of, and one that there is not."""
    which = ("eastus", "westeurope").index(location) + 1 if location in ("eastus", "westeurope") else 3
    memory = "supportedMemoryPerVCoreMB" if database == "mysql" else "supportedMemoryPerVcoreMB"
    sizes = [
        {"name": name, "vCores": 2 + which, memory: 2048 * which, "supportedIops": 320, "supportedHAMode": ["SameZone"], "supportedZones": [zone]}
        for name in (f"instance-type-{which}", "instance-type-9")
    ]
    member = "supportedSkus" if database == "mysql" else "supportedVcores"
    versions = [{"name": name, member: sizes} for name in (f"db-version-{which}", "db-version-9")]
    mb = [{"name": str(gb * 1024), "storageSizeMB": gb * 1024, "supportedIops": 120 * gb} for gb in (16 + which, 64)]
    storage = {"name": "Premium", "minStorageSize": 20480, "maxStorageSize": 16777216, "maxBackupRetentionDays": 35, "supportedStorageMB": mb}
    editions = [
        {"name": name, "supportedServerVersions": versions, "supportedStorageEditions": [storage]}
        for name in (f"tier-{which}", "tier-9")
    ]
    told = {"zone": zone, "supportedHAMode": ["SameZone", "ZoneRedundant"], "supportedGeoBackupRegions": ["westus"], "status": "Available"}
    more = {"geoBackupSupported": True, "zoneRedundantHaSupported": True, "zoneRedundantHaAndGeoBackupSupported": False}
    return told | more | {"fastProvisioningSupported": True, "supportedFlexibleServerEditions": editions}


def points(id: str, name: str, aggregations: str, start: str, end: str) -> list[dict[str, Any]]:
    first, second = (
        {aggregation: number(id, name, aggregation, at) % 4000 / 4 for aggregation in aggregations.split(",")}
        for at in range(2)
    )
    return [{"timeStamp": start} | first, {"timeStamp": end}, {"timeStamp": end} | second]


def subscription(id: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{id}",
        "subscriptionId": id,
        "tenantId": TENANT,
        "displayName": SUBSCRIPTIONS[id],
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [{"tenantId": "22222222-2222-2222-2222-222222222222"}],
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
        "tags": {"team": "platform"},
    }
