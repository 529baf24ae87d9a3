"""The zone in the ids of the Python worker.

It takes the zone of any resource above another one into the id of that: an image has that of the disk it was made of, a health check
that of one of the groups that use it; which one is a matter of the order in which things were collected, and with the disk goes
the id. Ours depends on nothing but where the resource is. Nodes whose id differs in nothing else are taken for the same.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

UNDEFINED = "undefined"


def node_id(parts: list[str]) -> str:
    """As the Python worker makes it of the parts of a key."""
    text = "(" + ", ".join(map(repr, parts)) + ")"
    return base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=16).digest()).rstrip(b"=").decode()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_foreign_zones(reference: Path, candidate: Path, project: str) -> dict[str, int]:
    """Changes the ids in the file `reference` to those without a zone, where `candidate` has such a node. How many of which
    kind there were."""
    ours = {line["id"] for line in lines(candidate) if "reported" in line}
    graph = lines(reference)
    nodes = [line["reported"] | {"node": line["id"]} for line in graph if "reported" in line]
    zones = [node["id"] for node in nodes if node["kind"] == "gcp_zone"]
    regions = [node["id"] for node in nodes if node["kind"] == "gcp_region"]
    renamed, counts = {}, {}
    for node in nodes:
        if node["node"] in ours:
            continue
        for region in regions:
            key = [node["id"], *([node["link"]] if "link" in node else [])]
            parts = [[node["kind"], "gcp", project, region, zone, *key] for zone in [UNDEFINED, *zones]]
            plain, *zonal = map(node_id, parts)
            if node["node"] in zonal and plain in ours:
                renamed[node["node"]] = plain
                counts[node["kind"]] = counts.get(node["kind"], 0) + 1
    for line in graph:
        for member in ("id", "from", "to"):
            if line.get(member) in renamed:
                line[member] = renamed[line[member]]
    reference.write_text("".join(json.dumps(line) + "\n" for line in graph))
    return counts
