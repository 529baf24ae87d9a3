"""From values to HTTP: the wire forms of every protocol."""

import base64
import functools
import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from botocore.model import OperationModel, Shape

REQUEST_ID = "00000000-0000-4000-8000-000000000000"

XML_HEAD = "<?xml version='1.0' encoding='UTF-8'?>"

Answer = tuple[int, dict[str, str], bytes]


def answer(operation: OperationModel, protocol: str, value: dict[str, Any]) -> Answer:
    """The HTTP answer of an operation."""
    shape = operation.output_shape
    status = operation.http.get("responseCode", 200)
    headers = {"x-amzn-RequestId": REQUEST_ID}
    if protocol == "json":
        version = operation.service_model.metadata.get("jsonVersion", "1.0")
        headers["Content-Type"] = f"application/x-amz-json-{version}"
        return status, headers, json.dumps(to_json(shape, value) if shape else {}).encode()
    if protocol in ("query", "ec2"):
        headers["Content-Type"] = "text/xml"
        return status, headers, query_body(operation, protocol, value)
    return rest(operation, protocol, value, status, headers)


def query_body(operation: OperationModel, protocol: str, value: dict[str, Any]) -> bytes:
    shape, name = operation.output_shape, operation.name
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    inner = members_xml(shape, value, protocol) if shape else ""
    if protocol == "ec2":
        inner += f"<requestId>{REQUEST_ID}</requestId>"
    else:
        if shape and (wrapper := shape.serialization.get("resultWrapper")):
            inner = f"<{wrapper}>{inner}</{wrapper}>"
        inner += f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
    return f"{XML_HEAD}<{name}Response xmlns={quoteattr(namespace)}>{inner}</{name}Response>".encode()


def rest(
    operation: OperationModel, protocol: str, value: dict[str, Any], status: int, headers: dict[str, str]
) -> Answer:
    shape = operation.output_shape
    is_json = protocol == "rest-json"
    headers["Content-Type"] = "application/json" if is_json else "application/xml"
    if shape is None:
        return status, headers, b"{}" if is_json else b""
    body_members = {}
    for name, member in shape.members.items():
        if name not in value:
            continue
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "header":
            headers[wire] = header_text(member, value[name])
        elif where == "headers":
            headers.update({wire + k: str(v) for k, v in value[name].items()})
        elif where == "statusCode":
            status = value[name]
        else:
            body_members[name] = value[name]
    payload = shape.serialization.get("payload")
    if payload and payload not in body_members:
        return status, headers, b""
    if payload:
        member, content = shape.members[payload], body_members[payload]
        if member.type_name in ("blob", "string"):
            headers["Content-Type"] = "application/octet-stream"
            return status, headers, content if isinstance(content, bytes) else content.encode()
        if is_json:
            return status, headers, json.dumps(to_json(member, content)).encode()
        return status, headers, document(member.serialization.get("name", member.name), member, content)
    if is_json:
        return status, headers, json.dumps(to_json(shape, body_members)).encode()
    if operation.name == "GetBucketLocation":  # the only answer whose root is the value itself
        text = escape(str(value.get("LocationConstraint", "")))
        return status, headers, f"<LocationConstraint>{text}</LocationConstraint>".encode()
    root = shape.serialization.get("name", shape.name)
    if operation.service_model.service_name == "s3":
        root = s3_roots().get(operation.name, root)
    return status, headers, document(root, shape, body_members)


@functools.cache
def s3_roots() -> dict[str, str]:
    """The names of roots that no model tells, as the reader of answers has them."""
    own = (Path(__file__).parents[3] / "collector-child/shapes/src/parse/own.rs").read_text()
    return dict(re.findall(r'\("(\w+)", "(\w+)"\)', own.partition("ROOTS_OF_S3")[2].partition("];")[0]))


def document(root: str, shape: Shape, value: Any) -> bytes:
    return f"{XML_HEAD}<{root}>{members_xml(shape, value, 'rest-xml')}</{root}>".encode()


def to_json(shape: Shape, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        return {m.serialization.get("name", n): to_json(m, value[n]) for n, m in shape.members.items() if n in value}
    if kind == "list":
        return [to_json(shape.member, v) for v in value]
    if kind == "map":
        return {k: to_json(shape.value, v) for k, v in value.items()}
    if kind == "timestamp":
        return timestamp(value, shape.serialization.get("timestampFormat", "unixTimestamp"))
    if kind == "blob":
        return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    return value


def members_xml(shape: Shape, value: dict[str, Any], protocol: str) -> str:
    return "".join(
        element(wire_name(n, m), m, value[n], protocol)
        for n, m in shape.members.items()
        if n in value and not m.serialization.get("xmlAttribute") and not m.serialization.get("location")
    )


def wire_name(name: str, member: Shape) -> str:
    if member.type_name == "list" and member.serialization.get("flattened"):
        return member.member.serialization.get("name") or member.serialization.get("name", name)
    return member.serialization.get("name", name)


def element(tag: str, shape: Shape, value: Any, protocol: str) -> str:
    kind = shape.type_name
    if kind == "structure":
        attributes = "".join(
            f" {m.serialization.get('name', n)}={quoteattr(str(value[n]))}"
            for n, m in shape.members.items()
            if n in value and m.serialization.get("xmlAttribute")
        )
        if attributes:
            attributes = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"' + attributes
        return f"<{tag}{attributes}>{members_xml(shape, value, protocol)}</{tag}>"
    if kind == "list":
        if shape.serialization.get("flattened"):
            return "".join(element(tag, shape.member, v, protocol) for v in value)
        item = shape.member.serialization.get("name", "item" if protocol == "ec2" else "member")
        return f"<{tag}>" + "".join(element(item, shape.member, v, protocol) for v in value) + f"</{tag}>"
    if kind == "map":
        key, val = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        entries = [
            element(key, shape.key, k, protocol) + element(val, shape.value, v, protocol) for k, v in value.items()
        ]
        if shape.serialization.get("flattened"):
            return "".join(f"<{tag}>{e}</{tag}>" for e in entries)
        return f"<{tag}>" + "".join(f"<entry>{e}</entry>" for e in entries) + f"</{tag}>"
    if kind == "timestamp":
        text = str(timestamp(value, shape.serialization.get("timestampFormat", "iso8601")))
    elif kind == "boolean":
        text = "true" if value else "false"
    elif kind == "blob":
        text = base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    else:
        text = str(value)
    return f"<{tag}>{escape(text)}</{tag}>"


def header_text(shape: Shape, value: Any) -> str:
    if shape.type_name == "timestamp":
        return str(timestamp(value, shape.serialization.get("timestampFormat", "rfc822")))
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "list":
        return ",".join(map(str, value))
    return str(value)


def timestamp(seconds: int | str, form: str) -> Any:
    """Values hold timestamps as seconds since 1970 or, from overrides, as ISO text."""
    if isinstance(seconds, str):
        seconds = int(datetime.fromisoformat(seconds).timestamp())
    if form == "unixTimestamp":
        return seconds
    when = datetime.fromtimestamp(seconds, UTC)
    return format_datetime(when, usegmt=True) if form == "rfc822" else when.strftime("%Y-%m-%dT%H:%M:%SZ")


def error(service: str, protocol: str, status: int, code: str, message: str) -> Answer:
    """An error answer as the protocol's services write it."""
    headers = {"x-amzn-RequestId": REQUEST_ID}
    if protocol in ("json", "rest-json"):
        headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": code}
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    headers["Content-Type"] = "text/xml"
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    elif service != "s3":
        error_text = f"<Error><Type>Sender</Type>{inner}</Error>"
        text = f"<ErrorResponse>{error_text}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    else:
        text = f"<Error>{inner}<RequestId>{REQUEST_ID}</RequestId></Error>"
    return status, headers, text.encode()
