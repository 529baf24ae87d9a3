"""Values from shapes: the same member has the same value everywhere, whatever asks for it and when."""

import base64
import hashlib
from typing import Any

from .shapes import Service

# Deeper objects are left out.
DEEPEST = 9


def number(*parts: object) -> int:
    """A number that depends on nothing but the parts."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:6])


class Maker:
    """Makes values of one service. `text` is asked for each text, and answers None where it knows nothing better."""

    def __init__(self, service: Service, rules: dict[str, Any], mild: bool) -> None:
        self.service = service
        self.numbers = set(rules["numbers"])
        self.durations = set(rules["durations"])
        self.bytes = set(rules["bytes"])
        self.left_out = set(rules["left_out"]) | (set(rules["left_out_if_mild"]) if mild else set())

    def value(self, shape: int, path: tuple[str, ...], at: int, text: Any, above: tuple[int, ...] = ()) -> Any:
        """`path`: names of the members from the collection on; `at`: the number of the element in the nearest list."""
        form, name = self.service.shape(shape), path[-1]
        h = number(name)
        match form.kind:
            case "S" if form.free:
                return {"some": f"{name}-{at}", "more": [at, at + 1]}
            case "S":
                return self.structure(shape, path, at, text, above)
            case "L":
                inner = form.members[0].shape
                count = 2 if len(above) < 2 else 1
                made = [self.value(inner, path, n, text, above) for n in range(count)]
                return [value for value in made if value is not None]
            case "M":
                return self.map(form.members[1].shape, path, at, text, above)
            case "E":
                return form.values[(h + at) % len(form.values)]
            case "boolean":
                return (h + at) % 2 == 0
            case "integer" | "long":
                return 1 + (h + at) % 50
            case "float" | "double":
                return (h + at) % 100 + 0.25
            case "timestamp":
                return moment(h + at, "Z")
        return self.text(path, at, text)

    def structure(self, shape: int, path: tuple[str, ...], at: int, text: Any, above: tuple[int, ...]) -> Any:
        if shape in above or len(above) >= DEEPEST:
            return None
        made = {}
        for member in self.service.shape(shape).members:
            inner = (*path, member.name)
            if self.is_left_out(inner):
                continue
            value = self.value(member.shape, inner, at, text, (*above, shape))
            if value is not None:
                made[member.name] = value
        return made

    def map(self, shape: int, path: tuple[str, ...], at: int, text: Any, above: tuple[int, ...]) -> Any:
        if path[-1].lower().endswith("labels"):
            return {"env": "prod", "owner": f"team-{at}"}
        made = {f"{path[-1]}-key-{n}": self.value(shape, path, n, text, above) for n in range(2)}
        return {key: value for key, value in made.items() if value is not None}

    def is_left_out(self, path: tuple[str, ...]) -> bool:
        return any(".".join(path[start:]) in self.left_out for start in range(len(path)))

    def text(self, path: tuple[str, ...], at: int, text: Any) -> str:
        name, better = path[-1], text(path, at)
        h = number(name)
        if better is not None:
            return better
        if name in self.numbers:
            return str(1 + (h + at) % 5000)
        if name in self.durations:
            return f"{60 * (1 + (h + at) % 60)}s"
        if name in self.bytes:
            return base64.b64encode(f"{name}-{at}".encode()).decode()
        if name.endswith(("Timestamp", "Time")):
            return moment(h + at, "-07:00")
        return f"{name}-{at}"


def moment(h: int, zone: str) -> str:
    return f"2024-{1 + h % 12:02}-{1 + h % 28:02}T{h % 24:02}:{h % 60:02}:{h % 59:02}.{h % 1000:03}{zone}"
