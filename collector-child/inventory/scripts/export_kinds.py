"""Write the kinds of one collector as a data file of this crate.

Usage: python export_kinds.py NAME DATA_DIR      (NAME: base, example, random, aws, ...)

Runs in a Python 3.12 environment that holds fixinventoryworker==4.2.0 and the plugin of the collector. `base` is
what every collector shares; any other name writes only what that plugin adds to it.

The file is one JSON object with a line for each kind:
  model        the kind exactly as fixcore's data model takes it
  python_type  the class that fixcore and Python workers know the kind by (resources only)
  categories   what goes into the metadata of a node (resources only)
  fields       the properties in output order, each [name, type, default?, rule?]
In a type `?` marks what may be null (such values are passed on as they are, all others are converted) and `!` what is
converted although it may be null. A rule: `id_if_unset`, `id` (always the id), `constant` (always the default),
`upper` (upper case).
"""

import dataclasses
import importlib
import json
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs
from fixlib.baseresources import BaseResource
from fixlib.core import model_export as me
from fixlib.graph import export_model
from fixlib.json import to_json

MODULES = {"example": "fix_plugin_example_collector"}

# What constructors do beyond assigning their arguments: (kind, field) -> (mark in the type, rule).
INIT = {
    ("resource", "name"): ("", "id_if_unset"),
    ("instance_type", "instance_type"): ("", "id_if_unset"),
    ("instance_type", "reservations"): ("!", None),
    ("instance_type", "ondemand_cost"): ("!", None),
    ("volume_type", "volume_type"): ("", "id_if_unset"),
    ("volume_type", "ondemand_cost"): ("!", None),
    ("quota", "quota"): ("!", None),
    ("quota", "usage"): ("!", None),
    ("instance_quota", "instance_type"): ("", "id"),
    ("instance_quota", "quota_type"): ("", "constant"),
    ("dns_record", "record_type"): ("", "upper"),
    ("dns_record_set", "record_type"): ("", "upper"),
}
CONSTANTS = {("instance_quota", "quota_type"): "standard"}


def subclasses(cls: type) -> set[type]:
    found = set(cls.__subclasses__())
    return found.union(*(subclasses(c) for c in found)) if found else found


def notation(tp: Any) -> str:
    if get_origin(tp) in (Union, UnionType) and type(None) in get_args(tp):
        rest = [a for a in get_args(tp) if a is not type(None)]
        return (notation(rest[0]).removesuffix("?") if len(rest) == 1 else "any") + "?"
    if me.is_collection(tp):
        return notation(me.type_arg(tp)) + "[]"
    if me.is_dict(tp):
        key, value = me.dict_types(tp)
        return f"dictionary[{notation(key)}, {notation(value)}]"
    name = me.model_name(tp)
    return "any?" if name == "any" else name


def default_of(field: Any) -> list[Any]:
    default = field.default
    if default is attrs.NOTHING:
        return []
    if isinstance(default, attrs.Factory):
        default = default.factory()
    # A comma too many behind a default, and a field of the wrong library: no value that a property could have.
    if default == (None,) or isinstance(default, dataclasses.Field):
        return []
    default = to_json(default)
    return [] if default is None and notation(field.type).endswith("?") else [default]


def field_entry(cls: type, field: Any) -> list[Any]:
    kind = field.metadata.get("type_hint")
    entry: list[Any] = [field.name, kind or notation(field.type), *default_of(field)]
    for owner in cls.mro():
        own_kind = owner.__dict__.get("kind")
        if init := INIT.get((own_kind, field.name)):
            mark, rule = init
            if mark:
                entry[1] = entry[1].removesuffix("?") + mark + "?"
            if rule:
                default = CONSTANTS.get((own_kind, field.name), entry[2] if len(entry) > 2 else None)
                entry = [entry[0], entry[1], default, rule]
            break
    return entry


def load(name: str) -> dict[str, Any]:
    if name != "base":
        importlib.import_module(MODULES.get(name, f"fix_plugin_{name}"))
    resources = subclasses(BaseResource) | {BaseResource}
    classes = {me.model_name(c): c for c in me.transitive_classes(resources)}
    known_inits = {k for k, _ in INIT} | {"resource"}
    kinds = {}
    for model in export_model():
        if model.get("successor_kinds"):
            model["successor_kinds"] = {k: sorted(v) for k, v in sorted(model["successor_kinds"].items())}
        if (meta := model.get("metadata")) and "categories" in meta:
            meta["categories"] = sorted(str(getattr(c, "value", c)) for c in meta["categories"])
        entry: dict[str, Any] = {"model": model}
        cls = classes.get(model["fqn"])
        if cls and attrs.has(cls):
            if issubclass(cls, BaseResource):
                entry["python_type"] = f"{cls.__module__}.{cls.__qualname__}"
                entry["categories"] = sorted(str(getattr(c, "value", c)) for c in cls.categories())
                if "__attrs_post_init__" in cls.__dict__ and model["fqn"] not in known_inits:
                    print(f"look at the constructor of {model['fqn']}", file=sys.stderr)
            fields = [f for f in attrs.fields(cls) if f.init and not f.name.startswith("_")]
            entry["fields"] = [field_entry(cls, f) for f in fields]
        kinds[model["fqn"]] = entry
    return kinds


def main() -> None:
    name, out = sys.argv[1], Path(sys.argv[2])
    shared = {}
    if name != "base":
        shared = json.loads((out / "base.json").read_text())
    lines = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'), ensure_ascii=True)}"
             for k, v in sorted(load(name).items()) if k not in shared]
    (out / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{name}: {len(lines)} kinds", file=sys.stderr)


if __name__ == "__main__":
    main()
