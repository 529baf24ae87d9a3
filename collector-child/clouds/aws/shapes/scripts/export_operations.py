#!/usr/bin/env python3
"""Writes data/: the operations of AWS as compact tables, from the API descriptions that botocore publishes.

A developer's tool; neither the build nor the tests need Python. Usage, with the botocore named below installed:

    python scripts/export_operations.py            # writes data/
    python scripts/export_operations.py --check    # writes nothing, fails if data/ is not what it would write

The cargo test `manifest` fails when this file or paging.py changed and data/ was not written again. The format of the tables
is told in collector-child/shapes/src/table/mod.rs; FORMAT goes up with each change of it. How listings go on is in paging.py.
"""
import gzip
import hashlib
import io
import json
import re
import sys
from pathlib import Path

import botocore
import botocore.session

import paging

BOTOCORE = "1.44.5"
FORMAT = 2
SERVICES = """
    acm apigateway athena autoscaling backup bedrock bedrock-agent cloudformation cloudfront cloudtrail cloudwatch
    cognito-idp config dynamodb ec2 ecr ecr-public ecs efs eks elasticache elasticbeanstalk elb elbv2 glacier guardduty iam
    inspector2 kinesis kms lambda logs opensearch organizations pricing qapps qbusiness rds redshift route53 s3 s3control
    sagemaker secretsmanager service-quotas sns sqs ssm sts wafv2
""".split()

# Ids of the shapes that need no line: they carry nothing but their type.
SCALARS = ["string", "integer", "long", "float", "double", "boolean", "timestamp", "blob"]
LOCATIONS = {"header": "h", "headers": "H", "querystring": "q", "uri": "u", "statusCode": "s"}
TIMESTAMPS = {"iso8601": "i", "unixtimestamp": "u", "rfc822": "r"}
# A service that speaks CBOR offers older protocols too; the first of these is taken.
PROTOCOLS = ["query", "ec2", "json", "rest-json", "rest-xml"]

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"


class Table:
    """One service: gives each reachable shape a number, and equal shapes the same one."""

    def __init__(self, name, model, paginators):
        self.name = name
        self.model = model
        self.pages = paginators
        self.ids = {}
        self.lines = []
        self.enums = {}

    def shape(self, name):
        shape = self.model["shapes"][name]
        kind = shape["type"]
        if kind in SCALARS and not shape.get("enum"):
            return SCALARS.index(kind)
        if kind == "string":
            line = "\t".join(["E"] + shape["enum"])
            if line not in self.enums:
                self.enums[line] = self.add(line)
            return self.enums[line]
        if name not in self.ids:
            # The number is taken before the members are looked at: shapes may contain themselves.
            self.ids[name] = self.add(None)
            self.lines[self.ids[name] - len(SCALARS)] = getattr(self, kind)(shape)
        return self.ids[name]

    def add(self, line):
        self.lines.append(line)
        return len(SCALARS) + len(self.lines) - 1

    def structure(self, shape):
        flags = []
        if shape.get("document"):
            flags.append("d")
        if shape.get("union"):
            flags.append("u")
        if shape.get("eventstream"):
            flags.append("e")
        if shape.get("payload"):
            flags.append("p=" + shape["payload"])
        required = set(shape.get("required", []))
        members = [self.member(name, ref, name in required) for name, ref in shape["members"].items()]
        return "\t".join(["S", " ".join(flags)] + members)

    def list(self, shape):
        return "L\t" + self.member("member", shape["member"], False)

    def map(self, shape):
        return "M\t" + self.member("key", shape["key"], False) + "\t" + self.member("value", shape["value"], False)

    def member(self, name, ref, required):
        target = self.model["shapes"][ref["shape"]]
        # What is said at the place where a shape is used wins over what the shape says itself.
        traits = {**target, **ref}
        out = [name, str(self.shape(ref["shape"]))]
        wire = traits.get("locationName")
        if wire:
            out.append("n=" + wire)
        if traits.get("queryName"):
            out.append("q=" + traits["queryName"])
        if traits.get("location"):
            out.append("l" + LOCATIONS[traits["location"]])
        if traits.get("timestampFormat"):
            out.append("t" + TIMESTAMPS[traits["timestampFormat"].lower()])
        if traits.get("xmlNamespace"):
            out.append("x=" + namespace(traits["xmlNamespace"]))
        flags = {
            "r": required,
            "f": traits.get("flattened"),
            "a": traits.get("xmlAttribute"),
            "i": traits.get("idempotencyToken"),
            "s": traits.get("streaming"),
            "h": traits.get("hostLabel"),
            "j": traits.get("jsonvalue") and traits.get("location") == "header",
            # What boto3 does by hand for single shapes.
            "p": self.name == "iam" and ref["shape"] == "policyDocumentType",
            "5": self.name == "route53" and ref["shape"] in ("ResourceId", "DelegationSetId", "ChangeId"),
        }
        out += [flag for flag, on in flags.items() if on]
        for part in out:
            assert not re.search(r"\s", part), part
        return " ".join(out)

    def operation(self, name, op):
        http = op["http"]
        fields = [name, http["method"], http["requestUri"]]

        def field(key, value):
            if value is not None:
                assert "\t" not in str(value) and "\n" not in str(value)
                fields.append(f"{key}={value}")

        if "input" in op:
            field("in", self.shape(op["input"]["shape"]))
            field("root", op["input"].get("locationName"))
            if "xmlNamespace" in op["input"]:
                field("ns", namespace(op["input"]["xmlNamespace"]))
        if "output" in op:
            field("out", self.shape(op["output"]["shape"]))
            field("wrap", op["output"].get("resultWrapper"))
        field("auth", op.get("authtype"))
        field("host", op.get("endpoint", {}).get("hostPrefix"))
        checksum = op.get("httpChecksum", {})
        flags = ""
        flags += "m" if op.get("httpChecksumRequired") or checksum.get("requestChecksumRequired") else ""
        flags += "u" if op.get("unsignedPayload") else ""
        flags += "d" if op.get("endpointoperation") else ""
        flags += "r" if op.get("readonly") else ""
        field("flags", flags or None)
        page = paging.table(self.model, self.name, name, self.pages.get(name))
        if page:
            field("page.in", joined(page["input_token"]))
            field("page.out", joined(page["output_token"]))
            field("page.more", page.get("more_results"))
            field("page.limit", page.get("limit_key"))
            field("page.result", joined(page["result_key"]) if page.get("result_key") else None)
            size, without = paging.size(self.model, self.name, name, page)
            field("page.size", size)
            field("page.without", joined(without) if without else None)
        return "\t".join(fields)

    def text(self):
        meta = self.model["metadata"]
        offered = [p for p in PROTOCOLS if p in meta.get("protocols", [meta["protocol"]])]
        operations = [self.operation(name, op) for name, op in sorted(self.model["operations"].items())]
        head = {
            "format": FORMAT,
            "name": self.name,
            "id": meta["serviceId"],
            "protocol": offered[0],
            "endpoint": meta["endpointPrefix"],
            "signing": meta.get("signingName", meta["endpointPrefix"]),
            "version": meta["apiVersion"],
            "json": meta.get("jsonVersion"),
            "target": meta.get("targetPrefix"),
            "compatible": "query" if "awsQueryCompatible" in meta else None,
            "global": meta.get("globalEndpoint"),
            "operations": len(operations),
            "shapes": len(self.lines),
        }
        first = "\t".join(f"{k}={v}" for k, v in head.items() if v is not None)
        return "\n".join([first] + operations + self.lines) + "\n", len(operations), len(self.lines)


def namespace(value):
    if isinstance(value, str):
        return "|" + value
    return value.get("prefix", "") + "|" + value["uri"]


def joined(value):
    values = value if isinstance(value, list) else [value]
    assert all("," not in v for v in values)
    return ",".join(values)


def endpoints(loader, prefixes):
    """Partitions, their regions, and where the services at hand deviate from the partition's pattern."""
    known = {p["id"]: p for p in loader.load_data("partitions")["partitions"]}
    out = []
    for partition in loader.load_data("endpoints")["partitions"]:
        newer = known[partition["partition"]]["outputs"]
        services = {}
        for prefix in sorted(prefixes & set(partition["services"])):
            service = partition["services"][prefix]
            entry = {
                "partition_endpoint": service.get("partitionEndpoint"),
                "regionalized": service.get("isRegionalized", True),
                "defaults": host(service.get("defaults", {})),
                "endpoints": {
                    region: host(value)
                    for region, value in sorted(service["endpoints"].items())
                    if not value.get("deprecated")
                },
            }
            services[prefix] = {k: v for k, v in entry.items() if v is not None}
        out.append(
            {
                "id": partition["partition"],
                "dns_suffix": newer["dnsSuffix"],
                "dual_stack_dns_suffix": newer["dualStackDnsSuffix"],
                "implicit_global_region": newer["implicitGlobalRegion"],
                "region_prefixes": region_prefixes(known[partition["partition"]]["regionRegex"]),
                "regions": sorted(r for r in known[partition["partition"]]["regions"] if not r.endswith("-global")),
                "defaults": host(partition["defaults"]),
                "services": services,
            }
        )
    return {"format": FORMAT, "partitions": out}


def host(value):
    scope = value.get("credentialScope", {})
    entry = {
        "hostname": value.get("hostname"),
        "dns_suffix": value.get("dnsSuffix"),
        "signing_region": scope.get("region"),
        "signing_name": scope.get("service"),
        "variants": [
            {k: v for k, v in {
                "hostname": x.get("hostname"),
                "dns_suffix": x.get("dnsSuffix"),
                "fips": "fips" in x["tags"],
                "dual_stack": "dualstack" in x["tags"],
            }.items() if v is not None}
            for x in value.get("variants", [])
        ],
    }
    return {k: v for k, v in entry.items() if v}


def region_prefixes(regex):
    """The patterns are all of the form ^one\\-two\\-\\w+\\-\\d+$, with alternatives in the first parts."""
    head = re.fullmatch(r"\^(.*?)\\-\\w\+\\-\\d\+\$", regex).group(1).replace("\\-", "-")
    alternatives = re.fullmatch(r"(.*?)\(([^)]*)\)(.*)", head)
    if not alternatives:
        return [head + "-"]
    before, names, after = alternatives.groups()
    return [before + name + after + "-" for name in names.split("|")]


def compressed(text):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0, filename="") as out:
        out.write(text.encode())
    return buffer.getvalue()


def export():
    loader = botocore.session.get_session().get_component("data_loader")
    files, services, prefixes = {}, {}, set()
    for name in SERVICES:
        model = loader.load_service_model(name, "service-2")
        pages = loader.load_service_model(name, "paginators-1")["pagination"]
        text, operations, shapes = Table(name, model, pages).text()
        files[f"{name}.gz"] = text
        services[name] = {"operations": operations, "shapes": shapes}
        prefixes.add(model["metadata"]["endpointPrefix"])
    files["endpoints.json.gz"] = json.dumps(endpoints(loader, prefixes), separators=(",", ":"), sort_keys=True)
    packed = {name: compressed(text) for name, text in files.items()}
    manifest = {
        "format": FORMAT,
        "botocore": BOTOCORE,
        "script_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        "paging_sha256": hashlib.sha256(Path(paging.__file__).read_bytes()).hexdigest(),
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
    if botocore.__version__ != BOTOCORE:
        sys.exit(f"botocore {BOTOCORE} is needed, {botocore.__version__} is installed")
    packed, texts = export()
    if "--check" in sys.argv[1:]:
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
