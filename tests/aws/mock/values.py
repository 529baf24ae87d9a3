"""Values for the members of an answer, derived from nothing but names, so that references between answers resolve."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from botocore.model import Shape

from .names import GENERIC, canonical, singular, subject, thing

BASE_TIME = 1_704_067_200  # 2024-01-01, timestamps are spread over the days after it
FAR = 4_070_908_800  # 2099-01-01, for whatever must not have expired
TOKENS = re.compile(
    r"^(Next|Previous)?(Page|Pagination|Next|Continuation|Previous)?(Token|Marker)$"
    r"|^LastEvaluated|^NextRecord|^Next\w*(Marker|Token)$"
)
MORE = re.compile(r"^(IsTruncated|HasMore\w*|MoreResults\w*|MoreDataAvailable|Truncated)$")
DOCUMENTS = re.compile(
    r"^(Resource|Delivery|EffectiveDelivery|Bucket|Key|Function|Repository|Topic)?Policy$"
    r"|(PolicyDocument|PolicyText|AccessPolicies)$"
)
NUMBERED = re.compile(r"[-/](\d)$")
MAX_DEPTH = 14  # levels of nested members
MAX_LISTS = 3  # levels of nested lists with more than one element


class Table:
    """What is said about names, in full (`VpcId`) or by their end (`*VpcId`); the longest end counts."""

    def __init__(self, entries: dict[str, str]) -> None:
        self.full = {k: v for k, v in entries.items() if k[0] != "*"}
        self.ends = sorted(((k[1:], v) for k, v in entries.items() if k[0] == "*"), key=lambda e: -len(e[0]))
        self.known: dict[str, str | None] = {}

    def get(self, name: str) -> str | None:
        if name not in self.known:
            end = next((v for k, v in self.ends if name.endswith(k)), None)
            self.known[name] = self.full.get(name, end)
        return self.known[name]


class Names:
    """The part of the overrides that is about names."""

    def __init__(self, entries: dict[str, Any]) -> None:
        self.alias = Table(entries.get("alias", {}))
        self.value = Table(entries.get("value", {}))
        self.arn: dict[str, str] = entries.get("arn", {})
        self.unbound = set(entries.get("unbound", []))


@dataclass
class Maker:
    """Makes the answer of one operation."""

    service: str
    operation: str
    region: str
    account: str
    params: dict[str, Any]
    names: Names
    counts: dict[str, int] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.about = subject(self.operation)
        scalars = [v for v in self.params.values() if isinstance(v, str)]
        lists = [v for v in self.params.values() if isinstance(v, list) and v and all(isinstance(x, str) for x in v)]
        self.asked = [number(v) for v in (lists[0] if lists else [])]
        self.asked = [n for n in self.asked if n is not None]
        found = [n for v in scalars if (n := number(v)) is not None]
        self.parent = found[-1] if found else None
        self.echo = {self.spelled(canonical(k)): v for k, v in self.params.items() if isinstance(v, str)}

    def output(self, shape: Shape | None) -> dict[str, Any]:
        if shape is None:
            return {}
        self.stack: list[str] = []
        return self.make(shape, "", [], "") or {}

    # `trail` holds the lists passed on the way: (what they hold, index). `inside` is the nearest container's thing.
    def make(self, shape: Shape, name: str, trail: list[int], inside: str, path: str = "") -> Any:
        if self.stack.count(shape.name) > 1 or len(self.stack) > MAX_DEPTH:
            return None
        self.stack.append(shape.name)
        try:
            match shape.type_name:
                case "structure":
                    return self.structure(shape, name, trail, inside, path)
                case "list":
                    return self.elements(shape, name, trail, inside, path)
                case "map":
                    return self.mapping(shape, name, trail, inside, path)
                case _:
                    return self.scalar(shape, name, trail, inside)
        finally:
            self.stack.pop()

    def structure(self, shape: Shape, name: str, trail: list[int], inside: str, path: str) -> Any:
        if getattr(shape, "is_document_type", False):
            return {"document": name}
        if getattr(shape, "is_eventstream", False):
            return None
        members = shape.members
        if shape.is_tagged_union:  # exactly one member may be set
            keys = list(members)
            members = {(k := keys[self.index(trail) % len(keys)]): members[k]}
        if name and not re.fullmatch(r"\[\]", name):
            inside = thing(name) or inside
        out = {}
        for key, member in members.items():
            if self.is_paging(key, member, trail):
                continue
            value = self.make(member, key, trail, inside, f"{path}.{key}" if path else key)
            if value is not None:
                out[key] = value
        return out

    def is_paging(self, key: str, member: Shape, trail: list[int]) -> bool:
        if trail:
            return False
        name = canonical(key)
        return key in self.tokens or (member.type_name in ("string", "map") and bool(TOKENS.match(name)))

    def elements(self, shape: Shape, name: str, trail: list[int], inside: str, path: str) -> Any:
        element = shape.member
        if element.type_name == "structure" and is_tag(element):
            return self.tags(element, trail, inside)
        holds = thing(name) or inside
        inner = singular(canonical(name)) if element.type_name not in ("structure", "list", "map") else ""
        indexes = self.indexes(element, trail, path)
        out = [self.make(element, inner, [*trail, i], holds, path + "[]") for i in indexes]
        return [v for v in out if v is not None]

    def indexes(self, element: Shape, trail: list[int], path: str) -> list[int]:
        count = self.counts.get(path)
        if count is not None:
            return list(range(count))
        if not trail and self.asked:  # what has been asked for by name, in that order
            return self.asked
        if not trail and self.parent is not None:  # children of the n-th parent: the n-th
            return [self.parent]
        return [0] if len(trail) >= MAX_LISTS else [0, 1]

    def tags(self, element: Shape, trail: list[int], inside: str) -> list[dict[str, str]]:
        key, value = list(tag_members(element))
        owner = f"{inside or self.about}-{self.index(trail)}"
        return [{key: "Name", value: f"Tag-{owner}"}, {key: "stage", value: f"stage-{self.index(trail)}"}]

    def mapping(self, shape: Shape, name: str, trail: list[int], inside: str, path: str) -> dict[str, Any]:
        base = singular(canonical(name))
        if base == "Tag" and shape.value.type_name == "string":
            return {"Name": f"Tag-{inside or self.about}-{self.index(trail)}", "stage": f"stage-{self.index(trail)}"}
        keys = getattr(shape.key, "enum", None) or [f"{base}-0", f"{base}-1"]
        out = {}
        for i, key in enumerate(k for k in keys if k != "All"):
            named = shape.value.type_name == "string" and getattr(shape.key, "enum", None)
            value = self.make(
                shape.value, key if named else base, trail if named else [*trail, i], inside, f"{path}.{key}"
            )
            if value is not None:
                out[key] = value
        return out

    def index(self, trail: list[int]) -> int:
        if trail:
            return trail[-1]
        return self.asked[0] if self.asked else self.parent or 0

    def spelled(self, name: str) -> str:
        return self.names.alias.get(name) or name

    def scalar(self, shape: Shape, member: str, trail: list[int], inside: str) -> Any:
        name, i = canonical(member), self.index(trail)
        if name in GENERIC:
            name = (inside or self.about) + name
        name = self.spelled(name)
        if len(trail) <= 1 and name in self.echo and shape.type_name == "string":
            return self.echo[name]
        match shape.type_name:
            case "string" | "character":
                return self.text(shape, name, i)
            case "integer" | "long":
                return crc32(name.encode()) % 89 + 2 + i
            case "float" | "double":
                return crc32(name.encode()) % 89 + 2.5 + i
            case "boolean":
                return False if MORE.match(name) else i % 2 == 0
            case "timestamp":
                return FAR if name == "Expiration" else BASE_TIME + i * 86_400 * 40 + crc32(name.encode()) % 2_000_000
            case "blob":
                return f"blob of {name}"
        return None

    def text(self, shape: Shape, name: str, i: int) -> str | None:
        if enum := getattr(shape, "enum", None):
            return enum[i % len(enum)]
        region = "" if name in self.names.unbound or self.region == "us-east-1" else f"{self.region}-"
        if (form := self.names.value.get(name)) is not None:
            return form.format(i=i, r=region, region=self.region, account=self.account)
        if name.endswith("Arn"):
            resource = name[:-3] or "Resource"
            where = "" if name in self.names.unbound else self.region
            service = self.names.arn.get(resource, "mock")
            resource = resource[0].lower() + resource[1:]
            return f"arn:aws:{service}:{where}:{self.account}:{resource}/{resource}-{region}{i}"
        if re.search(r"(AccountId|OwnerId|Owner|RegistryId|CatalogId)$", name) or name == "Account":
            return self.account
        if name in ("Region", "RegionName", "AwsRegion"):
            return self.region
        if name == "AvailabilityZone":
            return self.region + "ab"[i % 2]
        if re.search(r"(Date|Time|Timestamp|[a-z]At|LastModified)$", name):
            return f"2024-0{1 + i % 9}-{1 + crc32(name.encode()) % 28:02}T01:02:03Z"
        if DOCUMENTS.search(name):
            return policy(name, i)
        if re.search(r"(Ur[li]|Endpoint)$", name):
            return f"https://{name.lower()}-{region}{i}.example.com/{i}"
        if re.search(r"Cidr(Block|Ip|)$", name):
            return f"10.{crc32(name.encode()) % 200}.{i}.0/24"
        # clients check lengths before they send what they got here
        missing = shape.metadata.get("min", 0) - len(f"{name}-{region}{i}")
        return f"{name}-{'x' * (missing - 1) + '-' if missing > 0 else ''}{region}{i}"


def number(value: str) -> int | None:
    """The index that a made value carries at its end."""
    found = NUMBERED.search(value)
    return int(found[1]) if found else None


def tag_members(element: Shape) -> list[str]:
    pair = {canonical(m): m for m in element.members}
    for k, v in (("Key", "Value"), ("TagKey", "TagValue")):
        if {k, v} <= set(pair):
            return [pair[k], pair[v]]
    return []


def is_tag(element: Shape) -> bool:
    return "tag" in element.name.lower() and bool(tag_members(element))


def policy(name: str, i: int) -> str:
    statement = {
        "Sid": f"{name}{i}",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
