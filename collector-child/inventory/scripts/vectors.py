"""Write the test vectors of this crate: what the peer makes of nasty input.

Usage: python vectors.py DIR     (the environment of export_kinds.py, and fixinventorycore==4.2.0)

  repr.json       [text, repr(text)]
  ids.json        [[key part or null, ...], id]
  floats.json     [bits as hexadecimal text, json.dumps(float)]
  times.json      [text, isoparse -> time or null, fromisoformat -> time or null, date or null]
  durations.json  [text, normal form or null]
  kinds.json      the kinds of the classes below, as a data file
  encoding.json   [property, value, its JSON text, "" if it is left out, or null if it has to be refused]
"""

import base64
import hashlib
import json
import random
import struct
import sys
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Optional

from attrs import define, field
from dateutil.parser import isoparse
from export_kinds import load
from fixcore.model.model import Kind, Model
from fixcore.model.typed_model import from_js
from fixlib.baseresources import BaseResource
from fixlib.durations import duration_str, parse_duration
from fixlib.json import from_json
from fixlib.utils import make_valid_timestamp, utc_str


class Colour(Enum):
    red = "red"
    dark_blue = "dark-blue"


@define(eq=False, slots=False)
class Inner:
    kind: ClassVar[str] = "vector_inner"
    label: Optional[str] = field(default=None)
    size: int = field(default=0)
    weights: List[float] = field(factory=list)
    colour: Optional[Colour] = field(default=None)
    extra: Optional[Dict[str, Any]] = field(default=None)


@define(eq=False, slots=False)
class VectorResource(BaseResource):
    kind: ClassVar[str] = "vector_resource"
    text: str = ""
    maybe_text: Optional[str] = None
    number: int = 0
    maybe_number: Optional[int] = None
    ratio: float = 0.0
    maybe_ratio: Optional[float] = None
    flag: bool = False
    maybe_flag: Optional[bool] = None
    colour: Optional[Colour] = None
    colours: List[Colour] = field(factory=list)
    at: Optional[datetime] = None
    day: Optional[date] = None
    took: Optional[timedelta] = None
    texts: List[str] = field(factory=list)
    maybe_texts: Optional[List[str]] = None
    texts_of_maybe: List[Optional[str]] = field(factory=list)
    numbers: List[int] = field(factory=list)
    ratios: Dict[str, float] = field(factory=dict)
    labels: Dict[str, Optional[str]] = field(factory=dict)
    inner: Optional[Inner] = None
    inners: List[Inner] = field(factory=list)
    named: Dict[str, Inner] = field(factory=dict)
    grid: List[List[str]] = field(factory=list)
    anything: Optional[Any] = None


SCALARS = [0, 1, -7, 2**53, 2**63 - 1, 2.7, -2.7, 1e16, 1e-5, 1e30, 0.1, -0.0, 5e-324, True, False, "", "5", " 6 ", "1_0", "2.5",
           "1e3", "inf", "abc", "true", "No", "False", "red", "dark-blue", "blue", "it's \"é\" \u2028 \U0001f600 \x7f\\\n",
           "2026-01-02", "2026-01-02T03:04:05.999+02:00", "20260102T030405Z", "2026", "3d2h", "PT90M", "-3h"]
LISTS = [[], ["a", "b"], [1, 2.9, "3"], ["red"], ["red", "blue"], [None, "a"], [[1, None, {"a": None}], {"a": None, "b": 1}],
         [["a", "b"], []], [{}], [{"label": "x", "size": "4", "weights": [1, "2"], "colour": "red"}, {"size": 2.9}]]
OBJECTS = [{}, {"a": "1", "b": 2}, {"a": None, "b": "x"}, {"a": {"label": "y"}}, {"label": None, "weights": []},
           {"label": "z", "extra": {"a": None, "b": [{"c": None}, None, [{"d": None}]], "e": {"f": None}}},
           {"label": "z", "colour": "blue"}, {"a b\"": True}]


def strings() -> list[str]:
    rng = random.Random(20260101)
    out = ["", "'", '"', "'\"", "\\", "\\'", "\n\r\t", "\0", "\x1b[0m", "é", "\xa0", "\xad", "\u0378", "\u200b", "\u2028", "\ufeff",
           "\ue000", "\ufffe", "\U0001f600", "\U000e0001", "\U0010ffff", "undefined", "None", "日本語", "a" * 300, "a'b\\c\"d"]
    pools = [range(0x80), range(0x250), range(0x3000), range(0xd800), range(0xe000, 0x11000), range(0x1d000, 0x20000),
             range(0xe0000, 0x110000), [39, 34, 92, 32, 97]]
    for _ in range(400):
        pool = rng.choice(pools)
        out.append("".join(chr(rng.choice(pool)) for _ in range(rng.randrange(1, 12))))
    return out


def ids() -> list[Any]:
    rng = random.Random(7)
    texts = strings()
    keys: list[list[Optional[str]]] = [["example_volume", "example", "Example Account", "us-west", "undefined", "someVolume1"]]
    for _ in range(150):
        key: list[Optional[str]] = [rng.choice(texts) for _ in range(rng.randrange(6, 10))]
        if rng.random() < 0.3:
            key.append(None)
        keys.append(key)
    digest = lambda key: hashlib.blake2b(str(tuple(key)).encode(), digest_size=16).digest()  # noqa: E731
    return [[key, base64.urlsafe_b64encode(digest(key)).decode().rstrip("=")] for key in keys]


def floats() -> list[Any]:
    rng = random.Random(3)
    some = [0.0, -0.0, 1.0, 2.0, 0.1, 1e15, 1e16, 1e17, 123456789012345678.0, 9999999999999998.0, 1e-4, 1e-5, 9.999e-5, 5e-324,
            1.7976931348623157e308, 1e22, 1e23, -1.5e-10, 1e100, 0.30000000000000004, 1 / 3]
    bits = lambda f: struct.pack(">d", f).hex()  # noqa: E731
    for _ in range(300):
        some.append(struct.unpack(">d", rng.randbytes(8))[0])
        some.append(rng.random() * 10 ** rng.randrange(-8, 20))
    return [[bits(f), json.dumps(f)] for f in some if f == f and abs(f) != float("inf")]


def attempt(fn: Any, *args: Any) -> Any:
    try:
        return fn(*args)
    except Exception:
        return None


def times() -> list[Any]:
    texts = """2026-01-02|2026-01-02T03:04:05|2026-01-02T03:04:05Z|2026-01-02T03:04:05z|2026-01-02T03:04:05.1Z|2026-01-02T03:04:05,123456789Z
2026-01-02 03:04:05+00:00|2026-01-02T03:04:05+02:00|2026-01-02T03:04:05-0230|2026-01-02T03:04:05+05|20260102T030405Z|20260102
2026-01-02T03|2026-01-02T03:04|2026-01-02T0304|2026-01-02T030405.5|2026-02-30|2026-13-01|2026|2026-03|2026-060|2026060|2024-366|2026-366
2026-W05|2026-W05-6|2026W056|2026W05|2026-W54-1|2026-01-02T24:00|2026-01-02T24:00:00Z|2026-01-02T24:01|2026-01-02T25:00|2026-01-02T03:60
2026-01-02T03:04:61|2026-01-02T|2026-01-02TZ|2026-01-02T03:04:05+25:00|2026-01-02T03:0405|2026-1-2|0000-01-01
9999-12-31T23:59:59Z|9999-12-31T23:59:59-01:00|2019-09-05T10:40:11+00:00|2026-01-02t03:04:05Z|2026-01-02_03:04:05|2026-01-02é03:04:05||now
 2026-01-02|2026-01-02 |2026-01-02T03:04:05UTC|12345|2026-01-02T03:04:05+02:00:30""".replace("\n", "|")
    out = []
    for text in texts.split("|"):
        api = attempt(lambda: utc_str(isoparse(text)))
        tag = attempt(lambda: utc_str(make_valid_timestamp(datetime.fromisoformat(text))))
        out.append([text, api, tag, attempt(lambda: date.fromisoformat(text).isoformat())])
    return out


def durations() -> list[Any]:
    texts = ["3d2h", "2min42s", "-1h", "1.5h", "1h, 2min and 3s", " 3 days", "5 secs", "+3d", "1y2M", "P1D", "PT1H30M", "P1Y2M", "-PT5S", "P1W",
             "PT1.5H", "P1,5D", "1d-2h", "-1d2h", "3M", "3mo", "P", "PT", "1d,", "1d and", "d", "1.d", ".5d", "P1YT5S", "PT0.9999999S", "1e3s",
             "p1d", "", "5", "1years2months3weeks4days5hours6minutes7seconds", "400d", "0.9s", "59.9999999s", "1h1h", "P1D2Y", "1h and and 2h"]
    return [[text, attempt(lambda: duration_str(parse_duration(text)))] for text in texts]


def refused_on_purpose(name: str, value: Any) -> bool:
    """Where we refuse what the peer makes something useless of, which fixcore would store."""
    many = isinstance(value, (list, dict))
    if name in ("text", "maybe_text") and many:
        return True  # the Python text of a list
    if name in ("texts", "maybe_texts", "texts_of_maybe", "grid") and (not isinstance(value, list) or any(
            isinstance(v, (list, dict)) != (name == "grid") for v in value if v is not None)):
        return True  # the letters of a text, the keys of an object
    if name == "grid":
        return any(isinstance(v, dict) for v in value)
    if (name == "flag" and many) or (name == "took" and isinstance(value, bool)):
        return True
    if name == "maybe_ratio" and value == "inf":
        return True  # fixcore makes a number of it that its database cannot hold
    if name == "inner" and isinstance(value, list):
        return True
    if name == "inners" and isinstance(value, list) and any(isinstance(v, list) for v in value):
        return True
    if name in ("inners", "named", "numbers", "colours") and not isinstance(value, dict if name == "named" else list):
        return True
    if name == "labels" and isinstance(value, dict) and any(isinstance(v, (list, dict)) for v in value.values()):
        return True
    return name in ("inner", "inners", "named") and (not many or any(
        isinstance(v, str) or (isinstance(v, dict) and not set(v) <= {"label", "size", "weights", "colour", "extra"})
        for v in (value.values() if name == "named" and isinstance(value, dict) else value if isinstance(value, list) else [value])))


def handled_otherwise(name: str, value: Any) -> bool:
    """Where the peer loses or garbles the whole value and we keep what is good; see the tests written by hand."""
    if name in ("text", "texts", "maybe_texts", "grid") and isinstance(value, list) and None in value:
        return True
    if name == "number" and isinstance(value, float) and abs(value) >= 2**63:
        return True
    return False


def encoding(model: Model) -> list[Any]:
    out = []
    names = [f.name for f in VectorResource.__attrs_attrs__ if not f.name.startswith("_")][6:]
    for name in names:
        for value in SCALARS + LISTS + OBJECTS:
            if handled_otherwise(name, value):
                continue
            reported = None
            try:
                node = from_json({"id": "v", name: value}, VectorResource).to_json() | {"kind": "vector_resource"}
                model.check_valid(node)
                reported = json.dumps(node[name]) if name in node else ""
                if "Infinity" in reported or "NaN" in reported:
                    reported = None
            except Exception:
                pass
            if refused_on_purpose(name, value):
                reported = None
            out.append([name, value, reported])
    return out


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    kinds = load("base")
    model = Model.from_kinds([from_js(k["model"], Kind) for k in kinds.values()])
    own = {k: v for k, v in kinds.items() if k.startswith("vector_") or k == "colour"}
    lines = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in sorted(own.items())]
    (out / "kinds.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for name, vectors in {
        "repr": [[s, repr(s)] for s in strings()], "ids": ids(), "floats": floats(), "times": times(),
        "durations": durations(), "encoding": encoding(model),
    }.items():
        text = ",\n".join(json.dumps(vector, separators=(",", ":")) for vector in vectors)
        (out / f"{name}.json").write_text(f"[\n{text}\n]\n")
        print(f"{name}: {len(vectors)}", file=sys.stderr)


if __name__ == "__main__":
    main()
