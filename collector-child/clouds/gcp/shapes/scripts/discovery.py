#!/usr/bin/env python3
"""Writes data/: the operations of Google Cloud as compact tables, from the discovery documents that Google publishes.

A developer's tool; neither the build nor the tests need Python. Usage, with the wheel named below:

    pip download --no-deps google-api-python-client==VERSION
    python scripts/discovery.py WHEEL            # writes data/
    python scripts/discovery.py WHEEL --check    # writes nothing, fails if data/ is not what it would write

data/MANIFEST.json has hashes of this file and of the tables; tests/clouds/test_fake.py compares them. The format of the tables is told in
collector-child/shapes/src/table/mod.rs; FORMAT goes up with each change of it.

What is not taken over: methods that no table could need (only what reads, lists, labels and deletes is kept; it is a tenth of
the text), and the parameters that all methods of an API share.
"""
import gzip
import hashlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path

WHEEL = "google_api_python_client-2.202.0-py3-none-any.whl"
WHEEL_SHA256 = "aaa90064c9bb642ff1d065b22ca8958a2cb6e345909cefe70d0e5452fc50e08b"
FORMAT = 2
# The version of each API that is asked.
APIS = {
    "aiplatform": "v1",
    "cloudbilling": "v1",
    "cloudfunctions": "v2",
    "cloudresourcemanager": "v1",
    "compute": "v1",
    "container": "v1",
    "file": "v1",
    "firestore": "v1",
    "monitoring": "v3",
    "pubsub": "v1",
    "securitycenter": "v1",
    "sqladmin": "v1",
    "storage": "v1",
}
# The last word of a method's name.
KEPT = re.compile(r"get|list|aggregatedList|delete|patch|setLabels|listInstances|getIamPolicy|testIamPermissions")
# What besides is deleted, or has to be done before something can be deleted.
KEPT_IN_FULL = {
    "aiplatform.projects.locations.endpoints.undeployModel",
    "aiplatform.projects.locations.indexEndpoints.undeployIndex",
    "container.projects.locations.clusters.setResourceLabels",
    "sqladmin.instances.update",
    "sqladmin.users.delete",
}
# Resources of which no kind is made, by API.
LEFT_OUT = {
    "aiplatform": r"operations|artifacts|contexts|executions|metadataStores|reasoningEngines|memories|sessions|ragCorpora|ragFiles"
    r"|evaluation(Items|Runs|Sets|Metrics)|cachedContents|onlineEvaluators|semanticGovernance\w*|\w*[Mm]emory\w*|studies|trials|media|publishers"
    r"|notebook\w*|deploymentResourcePools|featureOnlineStores|featureViews?|featureViewSyncs|persistentResources"
    r"|specialistPools|nasJobs|nasTrialDetails|dataLabelingJobs|migratableResources|agents|skills|solvers|apps|edgeDevices"
    r"|extensions|extensionControllers|exampleStores|tasks|a2a\w*|message|card|v1|runtimeRevisions|sandbox\w*|ragEngineConfig",
    "securitycenter": r"organizations|folders",
    "monitoring": r"organizations|folders|snoozes|uptimeCheck\w*|groups|notificationChannel\w*|services|serviceLevelObjectives|alert\w*",
}

# A member of answers that the document calls unused, where it looks as if there was more: API, schema, member.
UNUSED = {("sqladmin", "UsersListResponse", "nextPageToken")}

# Ids of the shapes that need no line: they carry nothing but their type.
SCALARS = ["string", "integer", "long", "float", "double", "boolean", "timestamp", "blob"]
# Whole numbers of 64 bits and bytes travel as text, and stay what they are: ids and fingerprints are among them.
FORMATS = {"google-datetime": "timestamp", "date-time": "timestamp"}
NUMBERS = {"float": "float", "double": "double", None: "double"}

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"


class Table:
    """One API: gives each reachable schema a number, and equal ones the same one."""

    def __init__(self, document):
        self.document = document
        self.ids = {}
        self.lines = []
        self.known = {}

    def schema(self, schema):
        """The number of a schema."""
        if "$ref" in schema:
            return self.named(schema["$ref"])
        kind = schema.get("type", "any")
        if schema.get("repeated"):
            return self.line("L\t" + member("member", self.schema({**schema, "repeated": False})))
        if kind == "string" and schema.get("enum"):
            return self.line("\t".join(["E"] + schema["enum"]))
        if kind == "string":
            return SCALARS.index(FORMATS.get(schema.get("format"), "string"))
        if kind == "number":
            return SCALARS.index(NUMBERS[schema.get("format")])
        if kind in ("integer", "boolean"):
            return SCALARS.index(kind)
        if kind == "array":
            return self.line("L\t" + member("member", self.schema(schema["items"])))
        if kind == "object" and "properties" in schema:
            return self.line(self.structure(schema["properties"]))
        if kind == "object" and "additionalProperties" in schema:
            return self.line("M\tkey 0\t" + member("value", self.schema(schema["additionalProperties"])))
        assert kind in ("any", "object"), schema
        return self.line("S\td")

    def named(self, name):
        if name not in self.ids:
            # The number is taken before the members are looked at: schemas may contain themselves.
            schema = self.document["schemas"][name]
            if "properties" not in schema:
                self.ids[name] = self.schema(schema) if "additionalProperties" in schema else self.empty(schema)
            else:
                self.ids[name] = self.add(None)
                unused = {member for api, owner, member in UNUSED if (api, owner) == (self.document["name"], name)}
                used = {name: member for name, member in schema["properties"].items() if name not in unused}
                self.lines[self.ids[name] - len(SCALARS)] = self.structure(used)
        return self.ids[name]

    def empty(self, schema):
        """A structure without members, or free JSON."""
        return self.line("S\td" if schema.get("type") == "any" else "S\t")

    def structure(self, properties):
        return "\t".join(["S", ""] + [member(name, self.schema(p)) for name, p in properties.items()])

    def line(self, line):
        if line not in self.known:
            self.known[line] = self.add(line)
        return self.known[line]

    def add(self, line):
        self.lines.append(line)
        return len(SCALARS) + len(self.lines) - 1

    def input(self, method):
        """Parameters of path and query, and the members of the body, on one level. A parameter hides a member of its name."""
        members = []
        parameters = method.get("parameters", {})
        for name, parameter in parameters.items():
            traits = ["l" + {"path": "u", "query": "q"}[parameter["location"]]]
            traits += ["r"] if parameter.get("required") else []
            members.append(member(name, self.schema(parameter), *traits))
        body = self.document["schemas"][method["request"]["$ref"]] if "request" in method else {}
        for name, schema in body.get("properties", {}).items():
            if name not in parameters:
                members.append(member(name, self.schema(schema)))
        return self.line("\t".join(["S", ""] + members)) if members else None

    def operation(self, method):
        name = method["id"].removeprefix(self.document["name"] + ".").removeprefix("sql.")
        path = re.sub(r"\{\+(\w+)\}", r"{\1+}", method["path"])
        fields = [name, method["httpMethod"], "/" + path]
        answer = method.get("response", {}).get("$ref")
        for key, value in (("in", self.input(method)), ("out", self.named(answer) if answer else None)):
            fields += [f"{key}={value}"] if value is not None else []
        fields += ["flags=r"] if method["httpMethod"] == "GET" else []
        return "\t".join(fields + self.paging(method, answer))

    def paging(self, method, answer):
        members = self.document["schemas"][answer]["properties"] if answer and "properties" in self.document["schemas"][answer] else {}
        if "nextPageToken" not in members:
            return []
        parameters = {**method.get("parameters", {}), **self.body(method)}
        if "pageToken" not in parameters:
            assert (self.document["name"], answer, "nextPageToken") in UNUSED, method["id"]
            return []
        limit = [name for name in ("maxResults", "pageSize") if name in parameters]
        items = [name for name, m in members.items() if m.get("type") == "array" or "additionalProperties" in m]
        items = [name for name in items if name not in ("unreachable", "unreachables", "missing")]
        out = ["page.in=pageToken", "page.out=nextPageToken"]
        return out + [f"page.limit={name}" for name in limit[:1]] + [f"page.result={','.join(items)}"]

    def body(self, method):
        return self.document["schemas"][method["request"]["$ref"]].get("properties", {}) if "request" in method else {}

    def text(self):
        name = self.document["name"]
        operations = sorted(self.operation(m) for m in methods(self.document) if wanted(name, m))
        head = {
            "format": FORMAT,
            "name": name,
            "id": self.document["title"],
            "protocol": "rest-json",
            "endpoint": self.document["baseUrl"].rstrip("/"),
            "version": self.document["version"],
            "operations": len(operations),
            "shapes": len(self.lines),
        }
        first = "\t".join(f"{key}={value}" for key, value in head.items())
        return "\n".join([first] + operations + self.lines) + "\n", len(operations), len(self.lines)


def member(name, shape, *traits):
    assert not re.search(r"\s", name), name
    return " ".join([name, str(shape), *traits])


def methods(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods(inner)


def wanted(api, method):
    if method["id"] in KEPT_IN_FULL:
        return True
    *resources, last = method["id"].split(".")[1:]
    out = LEFT_OUT.get(api)
    return bool(KEPT.fullmatch(last)) and not (out and any(re.fullmatch(out, name) for name in resources))


def compressed(text):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0, filename="") as out:
        out.write(text.encode())
    return buffer.getvalue()


def export(wheel):
    files, services = {}, {}
    for name, version in APIS.items():
        path = f"googleapiclient/discovery_cache/documents/{name}.{version}.json"
        document = json.loads(wheel.read(path))
        text, operations, shapes = Table(document).text()
        files[f"{name}.gz"] = text
        services[name] = {"version": version, "revision": document["revision"], "operations": operations, "shapes": shapes}
    packed = {name: compressed(text) for name, text in files.items()}
    manifest = {
        "format": FORMAT,
        "wheel": WHEEL,
        "wheel_sha256": WHEEL_SHA256,
        "script_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "services": services,
        "files_sha256": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(packed.items())},
    }
    packed["MANIFEST.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return packed, files


def same(name, old, new):
    # Another zlib may pack the same text differently; only the text counts, and the hashes follow from it.
    if name.endswith(".gz"):
        return gzip.decompress(old) == gzip.decompress(new)
    drop = lambda raw: {k: v for k, v in json.loads(raw).items() if k != "files_sha256"}
    return drop(old) == drop(new)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    raw = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(raw).hexdigest() != WHEEL_SHA256:
        sys.exit(f"{sys.argv[1]} is not {WHEEL}")
    packed, texts = export(zipfile.ZipFile(io.BytesIO(raw)))
    if "--check" in sys.argv[2:]:
        present = {path.name for path in DATA.iterdir()}
        wrong = sorted(present ^ set(packed))
        wrong += [n for n in sorted(present & set(packed)) if not same(n, (DATA / n).read_bytes(), packed[n])]
        if wrong:
            sys.exit(f"data/ is not what this script writes: {', '.join(wrong)}")
        print(f"data/ is what this script writes: {len(packed)} files")
        return
    DATA.mkdir(exist_ok=True)
    for path in DATA.iterdir():
        if path.name not in packed:
            path.unlink()
    for name, data in packed.items():
        (DATA / name).write_bytes(data)
    print(f"{len(packed)} files, {sum(map(len, packed.values()))} bytes, {sum(map(len, texts.values()))} unpacked")


if __name__ == "__main__":
    main()
