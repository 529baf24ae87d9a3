"""Reads the packed tables of operations; their format is told in collector-child/shapes/src/table/mod.rs."""

import gzip
from functools import cached_property
from pathlib import Path

FORMAT = "2"
SCALARS = ["string", "integer", "long", "float", "double", "boolean", "timestamp", "blob"]


class Member:
    """A place where a shape is used."""

    def __init__(self, text: str) -> None:
        self.name, shape, *self.traits = text.split(" ")
        self.shape = int(shape)

    @property
    def location(self) -> str:
        """u path, q query, empty body."""
        return next((trait[1:] for trait in self.traits if trait[0] == "l"), "")

    @property
    def required(self) -> bool:
        return "r" in self.traits


class Shape:
    """One shape: `kind` is a scalar's name, or S, L, M, E."""

    def __init__(self, line: str) -> None:
        self.kind, *self.fields = line.split("\t")
        self.free = self.kind == "S" and "d" in self.fields[:1]

    @cached_property
    def members(self) -> list[Member]:
        return [Member(field) for field in self.fields[1 if self.kind == "S" else 0 :]]

    @property
    def values(self) -> list[str]:
        return self.fields


class Operation:
    """One operation."""

    def __init__(self, line: str) -> None:
        self.name, self.method, self.uri, *rest = line.split("\t")
        self.traits = dict(field.split("=", 1) for field in rest)
        self.input = int(self.traits["in"]) if "in" in self.traits else None
        self.output = int(self.traits["out"]) if "out" in self.traits else None
        self.collection, _, self.verb = self.name.rpartition(".")


class Service:
    """The operations of one service."""

    def __init__(self, path: Path) -> None:
        lines = gzip.decompress(path.read_bytes()).decode().split("\n")[:-1]
        self.head = dict(field.split("=", 1) for field in lines[0].split("\t"))
        assert self.head["format"] == FORMAT, f"{path} has format {self.head['format']}"
        self.name, self.endpoint = self.head["name"], self.head["endpoint"]
        count = int(self.head["operations"])
        operations = [Operation(line) for line in lines[1 : count + 1]]
        self.operations = {operation.name: operation for operation in operations}
        self.shapes = [Shape(name) for name in SCALARS] + [Shape(line) for line in lines[count + 1 :]]

    def shape(self, number: int) -> Shape:
        return self.shapes[number]


def services(folder: Path) -> dict[str, Service]:
    """All tables of a folder, by name."""
    found = [Service(path) for path in sorted(folder.glob("*.gz"))]
    return {service.name: service for service in found}
