"""What names alone do not give: values set by hand, from a TOML file (its head explains the form)."""

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

from .values import Names

STEP = re.compile(r"([^.\[\]]+)|\[(\d*)\]")


class Overrides:
    """The hand-set values of all operations."""

    def __init__(self, path: Path) -> None:
        data = tomllib.loads(path.read_text())
        self.names = Names(data.pop("names", {}))
        self.operations: dict[str, dict[str, Any]] = {}
        for service, operations in data.items():
            for operation, entries in operations.items():
                self.operations[f"{service}.{operation}"] = entries

    def of(self, name: str) -> dict[str, Any]:
        return self.operations.get(name, {})

    def counts(self, name: str) -> dict[str, int]:
        """Lists with another length than two."""
        return {k[1:]: v for k, v in self.of(name).items() if k.startswith("#")}

    def error(self, name: str) -> dict[str, Any] | None:
        return self.of(name).get("!")

    def apply(self, name: str, value: dict[str, Any], variables: dict[str, str]) -> dict[str, Any]:
        for key, wanted in self.of(name).items():
            if key.startswith("-"):
                put(value, steps(key[1:]), None, variables, [])
            elif not key.startswith(("#", "!")):
                put(value, steps(key), wanted, variables, [])
        return value


def steps(path: str) -> list[str | int]:
    """Names are members, -1 is every element, others are the element of that index."""
    return [m[1] if m[1] else int(m[2] or -1) for m in STEP.finditer(path)]


def put(at: Any, path: list[str | int], wanted: Any, variables: dict[str, str], indexes: list[int]) -> None:
    """Sets, or with None removes, what `path` leads to."""
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        for i, _ in enumerate(at if isinstance(at, list) else []):
            if step in (-1, i):
                if rest:
                    put(at[i], rest, wanted, variables, [*indexes, i])
                else:
                    at[i] = fill(wanted, variables, [*indexes, i])
        return
    if not isinstance(at, dict):
        return
    if rest:
        if step not in at and isinstance(rest[0], str) and wanted is not None:
            at[step] = {}
        if step in at:
            put(at[step], rest, wanted, variables, indexes)
    elif wanted is None:
        at.pop(step, None)
    else:
        at[step] = fill(wanted, variables, indexes)


def fill(wanted: Any, variables: dict[str, str], indexes: list[int]) -> Any:
    """The value with its `{...}` replaced, as the head of overrides.toml says."""
    if isinstance(wanted, str):
        values = variables | {"i": str(indexes[-1]) if indexes else variables["n"]}
        return re.sub(r"\{([\w.-]+)\}", lambda m: values.get(m[1], m[0]), wanted)
    if isinstance(wanted, list):
        return [fill(v, variables, indexes) for v in wanted]
    if isinstance(wanted, dict):
        return {k: fill(v, variables, indexes) for k, v in wanted.items()}
    return copy.copy(wanted)
