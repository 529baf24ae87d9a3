"""From HTTP to parameters: what a client asked for, in botocore's member names."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from botocore.model import OperationModel, Shape

from .services import Service, Unknown, candidates, service

CREDENTIAL = re.compile(r"Credential=([^/\s]+)/\d+/([^/]*)/([^/]*)/aws4_request")


@dataclass
class Asked:
    """One understood request."""

    service: Service
    operation: OperationModel
    protocol: str
    region: str
    access_key: str
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.service.name}.{self.operation.name}"


def understand(method: str, target: str, headers: Any, body: bytes, region: str) -> Asked:
    """Service, operation and parameters of a request. `region` counts for requests without a signature."""
    path, _, query_text = target.partition("?")
    query = parse_qs(query_text, keep_blank_values=True)
    found = CREDENTIAL.search(headers.get("Authorization") or "")
    key, region, scope = found.groups() if found else ("", region, "sts")
    names = candidates(scope)
    if not names:
        raise Unknown(f"no service signs with {scope!r}")
    if amz_target := headers.get("X-Amz-Target"):
        prefix, _, operation = amz_target.rpartition(".")
        for name in names:
            s = service(name)
            if s.model.metadata.get("targetPrefix") == prefix and operation in s.operations:
                op = s.operations[operation]
                return Asked(s, op, "json", region, key, rename(op.input_shape, json.loads(body or b"{}")))
        raise Unknown(f"{scope} has no operation {amz_target}")
    content = (headers.get("Content-Type") or "").lower()
    form = (
        parse_qs(body.decode(), keep_blank_values=True)
        if content.startswith("application/x-www-form-urlencoded")
        else query
    )
    if "Action" in form and "Version" in form:
        flat = {k: v[0] for k, v in form.items()}
        for name in names:
            s = service(name)
            if s.model.api_version == flat["Version"] and flat["Action"] in s.operations:
                op = s.operations[flat["Action"]]
                protocol = "ec2" if s.model.metadata["protocol"] == "ec2" else "query"
                params = unflatten(op.input_shape, "", flat, protocol) if op.input_shape else {}
                return Asked(s, op, protocol, region, key, params or {})
        raise Unknown(f"{scope} has no action {flat['Action']} in version {flat['Version']}")
    best = None
    for name in names:
        s = service(name)
        hit = s.route(method, path, query) if s.model.metadata["protocol"].startswith("rest-") else None
        if hit and (best is None or hit[0].weight > best[1].weight):
            best = (s, *hit)
    if best:
        s, found_route, variables = best
        op, protocol = found_route.operation, s.model.metadata["protocol"]
        return Asked(s, op, protocol, region, key, rest_params(op, protocol, variables, query, headers, body))
    raise Unknown(f"{scope} has nothing at {method} {target}")


def rename(shape: Shape | None, value: Any) -> Any:
    """A JSON body in botocore's member names."""
    if shape is None or value is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        wire = {m.serialization.get("name", n): (n, m) for n, m in shape.members.items()}
        return {wire[k][0] if k in wire else k: rename(wire[k][1] if k in wire else None, v) for k, v in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [rename(shape.member, v) for v in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {k: rename(shape.value, v) for k, v in value.items()}
    return value


def unflatten(shape: Shape, prefix: str, form: dict[str, str], protocol: str) -> Any:
    """The value at `prefix` of a query form; None if the form has nothing there."""
    if shape.type_name == "structure":
        out = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if protocol == "ec2":
                wire = member.serialization.get("queryName") or wire[0].upper() + wire[1:]
            elif member.type_name == "list" and member.serialization.get("flattened"):
                wire = member.member.serialization.get("name", wire)
            value = unflatten(member, f"{prefix}.{wire}" if prefix else wire, form, protocol)
            if value is not None:
                out[name] = value
        return out or None
    if shape.type_name == "list":
        flat = protocol == "ec2" or shape.serialization.get("flattened")
        inner = prefix if flat else f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        out, n = [], 1
        while (value := unflatten(shape.member, f"{inner}.{n}", form, protocol)) is not None:
            out.append(value)
            n += 1
        return out or None
    if shape.type_name == "map":
        inner = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
        out, n = {}, 1
        while f"{inner}.{n}.key" in form:
            out[form[f"{inner}.{n}.key"]] = unflatten(shape.value, f"{inner}.{n}.value", form, protocol)
            n += 1
        return out or None
    return scalar(shape, form.get(prefix))


def scalar(shape: Shape, text: str | None) -> Any:
    if text is None:
        return None
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return text == "true"
    return text


def rest_params(
    op: OperationModel, protocol: str, variables: dict, query: dict, headers: Any, body: bytes
) -> dict[str, Any]:
    shape = op.input_shape
    out: dict[str, Any] = {}
    if shape is None:
        return out
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "uri" and wire in variables:
            out[name] = unquote(variables[wire])
        elif where == "querystring" and wire in query:
            values = [scalar(member, v) for v in query[wire]]
            out[name] = query[wire] if member.type_name == "list" else values[0]
        elif where == "header" and headers.get(wire) is not None:
            out[name] = headers.get(wire)
    if payload and body:
        member = shape.members[payload]
        out[payload] = (
            parse_body(member, protocol, body) if member.type_name == "structure" else body.decode("utf-8", "replace")
        )
    elif body:
        out.update(parse_body(shape, protocol, body) or {})
    return out


def parse_body(shape: Shape, protocol: str, body: bytes) -> Any:
    return rename(shape, json.loads(body)) if protocol == "rest-json" else from_xml(shape, ElementTree.fromstring(body))


def from_xml(shape: Shape, node: ElementTree.Element) -> Any:
    """An XML element in botocore's member names."""
    local = {}
    for child in node:
        local.setdefault(child.tag.rpartition("}")[2], []).append(child)
    if shape.type_name == "structure":
        out = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if member.type_name == "list" and member.serialization.get("flattened"):
                wire = member.member.serialization.get("name", wire)
                if wire in local:
                    out[name] = [from_xml(member.member, c) for c in local[wire]]
            elif wire in local:
                out[name] = from_xml(member, local[wire][0])
        return out
    if shape.type_name == "list":
        return [from_xml(shape.member, c) for c in node]
    return scalar(shape, node.text or "")
