"""The resources of a fake Google Cloud: which there are, what they are called and what they refer to, and what was changed.

A resource is known by its path behind the address of its API (`projects/demo-project/zones/us-east1-b/disks/disk-us-east1-b-0`).
Everything is made from the path when it is asked for; only changes are kept.
"""

import base64
import json
import re
import threading
from dataclasses import dataclass
from typing import Any

from . import measured
from .shapes import Operation, Service
from .values import Maker, number

REGIONS = ["us-east1", "europe-west1"]
ZONES = ["us-east1-b", "us-east1-c", "europe-west1-b", "europe-west1-c"]
PLACES = {"zones": ZONES, "regions": REGIONS}


def region_of(place: str) -> str:
    """The region of a zone; a region itself."""
    return place.rsplit("-", 1)[0] if place in ZONES else place


def kebab(word: str) -> str:
    """`targetHttpProxies` -> `target-http-proxy`."""
    word = re.sub(r"(?<=[a-z])([A-Z])", lambda m: "-" + m[1].lower(), word)
    for plural, singular in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("s", "")):
        if word.endswith(plural):
            return word.removesuffix(plural) + singular
    return word


@dataclass(frozen=True)
class Place:
    """Where a collection is: `kind` is zones, regions, locations or global."""

    project: str
    kind: str
    name: str

    @property
    def region(self) -> str:
        return region_of(self.name) if self.name in ZONES + REGIONS else REGIONS[0]

    @property
    def zone(self) -> str | None:
        return self.name if self.name in ZONES else None

    @property
    def path(self) -> str:
        """As it stands in paths of compute."""
        return "global" if self.kind == "global" else f"{self.kind}/{self.name}"


class Estate:
    """All resources of all projects."""

    def __init__(self, services: dict[str, Service], rules: dict[str, Any], mild: bool) -> None:
        self.services, self.rules, self.mild = services, rules, mild
        self.makers = {name: Maker(service, rules, mild) for name, service in services.items()}
        self.changes: dict[tuple[str, str], dict[str, Any] | None] = {}
        self.made: dict[tuple[str, str], dict[str, Any]] = {}
        self.lock = threading.Lock()
        # By service and last word of the path: the shape of an item.
        self.items = {name: items(service) for name, service in services.items()}
        self.scopes = scopes(services["compute"], rules["zonal_if_mild"] if mild else [])

    @staticmethod
    def project_of(params: dict[str, str]) -> str:
        """The project that is asked for, if one is."""
        whole = next((v for v in params.values() if v.startswith("projects/")), None)
        return whole.split("/")[1] if whole else params.get("project") or params.get("projectId", "")

    def answer(
        self, service: Service, region: str | None, operation: Operation, params: dict[str, str], body: Any
    ) -> Any:
        """What an operation answers; None: nothing."""
        path = filled(operation.uri, params)
        match operation.verb:
            case "aggregatedList":
                return self.aggregated(service, operation, params)
            case "list" if (service.name, operation.name) in SPECIAL:
                return SPECIAL[service.name, operation.name](self, params)
            case "list":
                return self.listed(service, operation, path, params)
            case "listInstances":
                return self.group_members(path.removesuffix("/listInstances"))
        return self.of_one(service, operation, path, params, body)

    def of_one(self, service: Service, operation: Operation, path: str, params: dict[str, str], body: Any) -> Any:
        verbs = ("setLabels", "setResourceLabels")
        path = re.sub(rf"[:/]({'|'.join(verbs)})$", "", path)
        value = self.value(service.name, path)
        match operation.verb:
            case "get":
                return value
            case "delete":
                self.change(service.name, path, None)
                return None if service.name == "storage" else done(service.name)
            case "setLabels":
                self.fingerprint_fits(body.get("labelFingerprint"), value["labelFingerprint"])
                self.change(service.name, path, {"labels": body.get("labels", {})})
            case "setResourceLabels":
                self.fingerprint_fits(body.get("labelFingerprint"), value["labelFingerprint"])
                self.change(service.name, path, {"resourceLabels": body.get("resourceLabels", {})})
            case "patch" | "update":
                self.patched(service.name, path, value, params, body)
                if service.name not in ("compute", "sqladmin"):
                    return self.value(service.name, path)
            case verb:
                raise ValueError(f"{service.name} {verb} is not made")
        return done(service.name)

    def patched(self, service: str, path: str, value: Any, params: dict[str, str], body: Any) -> None:
        from .gcp import Refused

        if service == "pubsub":
            mask, body = body.get("updateMask"), next(v for k, v in body.items() if k != "updateMask")
        else:
            mask = params.get("updateMask")
        if "updateMask" not in params and service in ("aiplatform", "file", "cloudfunctions", "firestore"):
            raise Refused(400, "INVALID_ARGUMENT", "update_mask is required", "badRequest")
        if service == "sqladmin":
            labels = merged(value["settings"].get("userLabels", {}), body["settings"]["userLabels"])
            return self.change(service, path, {"settings": value["settings"] | {"userLabels": labels}})
        if mask and mask != "labels":
            raise ValueError(f"{mask} cannot be changed here")
        labels = body.get("labels", {})
        self.change(service, path, {"labels": merged(value.get("labels", {}), labels) if service == "storage" else labels})

    @staticmethod
    def fingerprint_fits(given: str | None, now: str) -> None:
        from .gcp import Refused

        if given != now:
            raise Refused(412, "FAILED_PRECONDITION", "Labels fingerprint either invalid or resource labels have changed", "conditionNotMet")

    def change(self, service: str, path: str, members: dict[str, Any] | None) -> None:
        with self.lock:
            before = self.changes.get((service, path)) or {}
            self.changes[service, path] = None if members is None else {**before, **members}

    # What there is

    def names(self, service: str, path: str) -> list[str]:
        """The last parts of the paths of what is in a collection."""
        place, word = self.place(path), path.rsplit("/", 1)[-1]
        given = self.rules["names"].get(service, {}).get(word)
        zone_of_few = place.zone and not place.zone.endswith("-b")
        count = 1 if zone_of_few else 2
        scope = place.name or place.project
        if (service, word) == ("sqladmin", "operations"):
            # All are in one collection; each is about an instance.
            return [f"about-{name}-{n}" for name in self.names(service, path.replace(word, "instances")) for n in range(2)]
        if given:
            made = [name.format(place=scope, project=place.project) for name in given]
        else:
            made = [f"{kebab(word)}-{scope}-{n}" for n in range(count)]
        return [name for name in made if self.changes.get((service, f"{path}/{name}"), {}) is not None]

    def place(self, path: str) -> Place:
        parts = path.split("/")
        project = parts[1] if parts[0] == "projects" and len(parts) > 1 else ""
        for kind in ("zones", "regions", "locations"):
            if kind in parts[:-1]:
                return Place(project, kind, parts[parts.index(kind) + 1])
        return Place(project, "global", "global" if "global" in parts else "")

    def value(self, service: str, path: str) -> dict[str, Any]:
        """One resource."""
        from .gcp import Refused

        collection, name = path.rsplit("/", 1)
        word = collection.rsplit("/", 1)[-1]
        names = self.names(service, collection) if word in self.items[service] else []
        if name not in names:
            raise Refused(404, "NOT_FOUND", f"The resource '{path}' was not found", "notFound")
        if (service, path) not in self.made:
            at = int(re.search(r"(\d?)$", name)[1] or names.index(name))
            self.made[service, path] = self.make(service, path, word, at)
        value = self.made[service, path] | (self.changes.get((service, path)) or {})
        fingerprint = json.dumps(value.get("labels") or value.get("resourceLabels") or {}, sort_keys=True)
        if "labelFingerprint" in value:
            value["labelFingerprint"] = base64.b64encode(number(fingerprint).to_bytes(6)).decode()
        return value

    def make(self, service: str, path: str, word: str, at: int) -> dict[str, Any]:
        """One resource as it was in the beginning."""
        place = self.place(path)

        def text(inner: tuple[str, ...], n: int) -> str | None:
            return self.text(service, path, place, inner, n)

        value = self.makers[service].value(self.items[service][word], (word,), at, text)
        if not self.mild and word == "machineTypes" and path.rsplit("/", 1)[-1].startswith("e2-"):
            del value["accelerators"]  # E2 has none
        if not self.mild and (service, word) == ("compute", "instances"):
            value["status"] = ("RUNNING", "TERMINATED")[at % 2]
        if service == "compute":
            # The others would name a place where it is not.
            for member, kind in (("zone", "zones"), ("region", "regions")):
                if place.kind != kind and (word, member) != ("zones", "region"):
                    value.pop(member, None)
        return value

    def text(self, service: str, path: str, place: Place, inner: tuple[str, ...], at: int) -> str | None:
        """A text where more is known than the name of its member."""
        name = path.rsplit("/", 1)[-1]
        for start in range(len(inner)):
            suffix = ".".join(inner[start:])
            rule = self.rules["texts"].get(suffix) or self.rules["texts"].get(f"{service}:{suffix}")
            if rule is not None and (start == 0 or len(inner) - start > 1 or ":" not in suffix):
                return self.filled(rule if isinstance(rule, str) else rule[at % len(rule)], service, path, place, at)
        if len(inner) != 2:
            return None
        match inner[1]:
            case "name":
                return path if service in self.rules["long_names"] else name
            case "id":
                return str(10**18 + number(service, path))
            case "selfLink":
                return self.link(service, path)
            case "zone" if place.zone:
                return self.link("compute", f"projects/{place.project}/zones/{place.zone}")
            case "region" if place.name in REGIONS or place.zone:
                return self.link("compute", f"projects/{place.project}/regions/{place.region}")
            case "project":
                return place.project
        return None

    def filled(self, rule: str, service: str, path: str, place: Place, at: int) -> str | None:
        """A rule's text: `-> WORD`, `-> WORD#name`, `-> SERVICE WORD` refer to another resource."""
        if not rule.startswith("-> "):
            parts = path.split("/")
            known = {"project": place.project, "zone": place.zone, "region": place.region, "place": place.name, "at": at}
            known["home"] = region_of(parts[-1])
            return rule.format(name=parts[-1], parent=parts[-3] if len(parts) > 2 else "", about=parts[-1].removeprefix("about-")[:-2], path=path, **known)
        target, _, form = rule.removeprefix("-> ").partition("#")
        of, _, word = target.rpartition(" ")
        return self.reference(of or service, word, form, place, at)

    def reference(self, service: str, word: str, form: str, place: Place, at: int) -> str | None:
        if service == "compute":
            collection = f"projects/{place.project}/{self.nearest(word, place).path}/{word}"
        elif service in self.rules["top"]:
            collection = f"projects/{place.project}/{word}"
        else:
            collection = f"projects/{place.project}/locations/{place.region}/{word}"
        names = self.names(service, collection)
        if not names:
            return None
        path = f"{collection}/{names[at % len(names)]}"
        if form == "name":
            return names[at % len(names)]
        return path if service in self.rules["long_names"] else self.link(service, path)

    def nearest(self, word: str, place: Place) -> Place:
        """Where the things of this word are that something here would use."""
        kinds = self.scopes[word]
        local = place.name in ZONES + REGIONS
        if "zones" in kinds and (place.zone or kinds == {"zones"}):
            return Place(place.project, "zones", place.zone or next(z for z in ZONES if region_of(z) == place.region))
        if "regions" in kinds and (local or "global" not in kinds):
            return Place(place.project, "regions", place.region)
        return Place(place.project, "global", "global")

    def link(self, service: str, path: str) -> str:
        """The link of a resource, as the resource itself tells it."""
        known = {"compute": "https://www.googleapis.com/compute/v1", "storage": "https://www.googleapis.com/storage/v1"}
        versions = {"container": "/v1", "sqladmin": "/v1"}
        base = known.get(service) or self.services[service].endpoint + versions.get(service, "")
        return f"{base}/{path}"

    # Listings

    def listed(self, service: Service, operation: Operation, path: str, params: dict[str, str]) -> Any:
        member = self.list_member(service, operation)
        found = [item for collection in self.collections(service.name, path) for item in self.all_of(service.name, collection)]
        if wanted := params.get("filter"):
            names = set(re.findall(r"name\s*=\s*\"?([\w.-]+)", wanted))
            found = [item for item in found if not names or item["name"] in names]
        return page(found, member, params, "page.in" in operation.traits)

    def collections(self, service: str, path: str) -> list[str]:
        """The collections of a path in which `-` stands for all places."""
        if "/locations/-/" not in path:
            return [path]
        return [path.replace("/-/", f"/{place}/") for place in self.rules["locations"][service]]

    def all_of(self, service: str, collection: str) -> list[Any]:
        return [self.value(service, f"{collection}/{name}") for name in self.names(service, collection)]

    @staticmethod
    def list_member(service: Service, operation: Operation) -> str:
        if results := operation.traits.get("page.result"):
            return results.split(",")[0]
        members = service.shape(operation.output).members
        return next(m.name for m in members if service.shape(m.shape).kind == "L" and m.name not in ("unreachable", "missingZones"))

    def aggregated(self, service: Service, operation: Operation, params: dict[str, str]) -> Any:
        project = params["project"]
        output = service.shape(operation.output)
        by_scope = next(m for m in output.members if m.name == "items")
        scoped = service.shape(service.shape(by_scope.shape).members[1].shape)
        word = next(m.name for m in scoped.members if service.shape(m.shape).kind == "L")
        places = [Place(project, "global", "global")]
        places += [Place(project, kind, name) for kind in ("regions", "zones") for name in PLACES[kind]]
        entries = []
        for place in places:
            items = []
            if place.kind in self.scopes[word]:
                items = self.all_of(service.name, f"projects/{project}/{place.path}/{word}")
            warning = {"code": "NO_RESULTS_ON_PAGE", "message": f"There are no results for scope '{place.path}' on this page."}
            entries.append((place.path, {word: items} if items else {"warning": warning}))
        at = int(params.get("pageToken", "0"))
        more = {"nextPageToken": str(at + 4)} if at + 4 < len(entries) else {}
        return {"id": f"projects/{project}/aggregated/{word}", "items": dict(entries[at : at + 4]), **more}

    def group_members(self, path: str) -> Any:
        """The instances of an instance group."""
        self.value("compute", path)
        place = self.place(path)
        zones = [place.zone] if place.zone else [z for z in ZONES if region_of(z) == place.region]
        items = []
        for zone in zones:
            collection = f"projects/{place.project}/zones/{zone}/instances"
            names = self.names("compute", collection)
            items += [{"instance": self.link("compute", f"{collection}/{name}"), "status": "RUNNING"} for name in names]
        return {"kind": "compute#instanceGroupsListInstances", "items": items}

    # What no shape could tell

    def services_of_billing(self, params: dict[str, str]) -> Any:
        return page(self.rules["billing_services"], "services", params, True)

    def skus(self, params: dict[str, str]) -> Any:
        skus = [sku(*told) for told in self.rules["skus"]] if params["parent"] == self.rules["billing_services"][1]["name"] else []
        return page(skus, "skus", params, True)

    def sql_operations(self, params: dict[str, str]) -> Any:
        found = self.all_of("sqladmin", f"projects/{params['project']}/operations")
        return page([o for o in found if o["targetId"] == params.get("instance", o["targetId"])], "items", params, True)

    def time_series(self, params: dict[str, str]) -> Any:
        return page(measured.series(self, self.project_of(params), params), "timeSeries", params, True)

    def billing_accounts(self, params: dict[str, str]) -> Any:
        accounts = [
            {"name": f"billingAccounts/01D4EE-079462-DFD6E{n}", "open": n == 0, "displayName": f"Account {n}", "masterBillingAccount": ""}
            for n in range(2)
        ]
        return page(accounts, "billingAccounts", params, True)

    def billed_projects(self, params: dict[str, str]) -> Any:
        account = params["name"]
        if not account.endswith("0"):
            return {}
        infos = [
            {"name": f"projects/{project}/billingInfo", "projectId": project, "billingAccountName": account, "billingEnabled": True}
            for project in ("demo-project", "second-project", "other-project")
        ]
        return page(infos, "projectBillingInfo", params, True)

    def findings(self, params: dict[str, str]) -> Any:
        project = self.project_of(params)
        zone = f"projects/{project}/zones/{ZONES[0]}"
        instance, bucket = self.names("compute", f"{zone}/instances")[0], self.names("storage", "b")[0]
        about = [(instance, ZONES[0], "HIGH"), (instance, REGIONS[0], "LOW"), (project, None, "CRITICAL"), (bucket, "us", "MEDIUM")]
        results = []
        for at, (resource, location, severity) in enumerate(about):
            finding = {
                "name": f"organizations/1/sources/2/findings/{at}",
                "category": "PUBLIC_IP_ADDRESS",
                "state": "ACTIVE",
                "severity": severity,
                "description": f"finding {at}",
                "eventTime": f"2024-05-0{at + 1}T10:00:00.123Z",
                "createTime": f"2024-05-0{at + 1}T09:00:00Z",
                "sourceProperties": {"Recommendation": f"do {at}", "Explanation": f"because {at}", "ScannerName": "SCANNER"},
            }
            where = {"location": location} if location else {}
            told = {"displayName": resource, "name": f"//x/{resource}", "cloudProvider": "GOOGLE_CLOUD_PLATFORM", **where}
            results.append({"finding": finding, "resource": told})
        return page(results, "listFindingsResults", params, True)


SPECIAL = {
    ("monitoring", "projects.timeSeries.list"): Estate.time_series,
    ("sqladmin", "operations.list"): Estate.sql_operations,
    ("cloudbilling", "services.list"): Estate.services_of_billing,
    ("cloudbilling", "services.skus.list"): Estate.skus,
    ("cloudbilling", "billingAccounts.list"): Estate.billing_accounts,
    ("cloudbilling", "billingAccounts.projects.list"): Estate.billed_projects,
    ("securitycenter", "projects.sources.findings.list"): Estate.findings,
}


def sku(description: str, family: str, group: str, nanos: int) -> dict[str, Any]:
    """The price of something in the first region."""
    rate = {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD", "units": "0", "nanos": nanos}}
    expression = {"usageUnit": "h", "displayQuantity": 1, "tieredRates": [rate], "usageUnitDescription": "hour", "baseUnit": "s", "baseUnitConversionFactor": 3600}
    name = f"{number(description) % 0xFFFF:04X}-0000-0001"
    return {
        "name": f"services/6F81-5844-456A/skus/{name}",
        "skuId": name,
        "description": description,
        "category": {"serviceDisplayName": "Compute Engine", "resourceFamily": family, "resourceGroup": group, "usageType": "OnDemand"},
        "serviceRegions": [REGIONS[0]],
        "pricingInfo": [{"summary": "", "pricingExpression": expression, "currencyConversionRate": 1, "effectiveTime": "2024-05-01T00:00:00Z"}],
        "serviceProviderName": "Google",
        "geoTaxonomy": {"type": "REGIONAL", "regions": [REGIONS[0]]},
    }


def page(found: list[Any], member: str, params: dict[str, str], pages: bool) -> Any:
    """Three at a time, where there are pages."""
    at = int(params.get("pageToken", "0")) if pages else 0
    size = min(3, int(params.get("maxResults") or params.get("pageSize") or 3)) if pages else len(found)
    more = {"nextPageToken": str(at + size)} if at + size < len(found) else {}
    return {**({member: found[at : at + size]} if found else {}), **more}


def merged(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """As a JSON merge patch does it."""
    return {key: value for key, value in {**before, **changes}.items() if value is not None}


def done(service: str) -> dict[str, Any]:
    """A finished operation."""
    if service in ("compute", "sqladmin", "container"):
        return {"kind": f"{service}#operation", "name": "operation-1", "status": "DONE"}
    return {} if service == "pubsub" else {"name": "operations/1", "done": True}


def filled(uri: str, params: dict[str, str]) -> str:
    """The path of a request behind the version: `projects/p/zones/z/disks`."""
    path = re.sub(r"\{(\w+)\+?\}", lambda m: params[m[1]], uri)
    return re.sub(r"^/(v\d\w*/)?", "", path)


def items(service: Service) -> dict[str, int]:
    """The shape of an item, by the last word of the path of its listing."""
    found: dict[str, int] = {}
    for operation in service.operations.values():
        if operation.verb == "get" and "+}" not in operation.uri and operation.output is not None:
            found.setdefault(operation.uri.rsplit("/", 2)[-2], operation.output)
        if operation.verb != "list" or operation.output is None:
            continue
        word = operation.uri.rsplit("/", 1)[-1]
        member = Estate.list_member(service, operation)
        shape = next(m.shape for m in service.shape(operation.output).members if m.name == member)
        inner = service.shape(shape).members
        if service.shape(shape).kind == "L" and service.shape(inner[0].shape).kind == "S":
            found.setdefault(word, inner[0].shape)
    return found


def scopes(compute: Service, zonal: list[str]) -> dict[str, set[str]]:
    """Where the things of a word can be: zones, regions, global."""
    found: dict[str, set[str]] = {}
    for operation in compute.operations.values():
        uri = operation.uri.rsplit("/", 1)[0] if operation.verb == "get" else operation.uri
        matched = re.fullmatch(r"/projects/\{project\}/(?:(zones|regions)/\{\w+\}|(global))/(\w+)", uri)
        if matched and operation.verb in ("list", "get"):
            found.setdefault(matched[3], set()).add(matched[1] or matched[2])
    for word in zonal:
        found[word] = {"zones"}
    return found
