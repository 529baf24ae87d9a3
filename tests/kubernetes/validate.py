"""Renders a Kustomization and holds each object against the schemas of the Kubernetes API; prints what is rendered as JSON.

Of Kustomize it knows what deploy/kubernetes uses (resources, labels, patches by JSON Patch), and refuses the rest.
"""

import copy
import json
import pathlib
import sys

import kubernetes_validate
import yaml


def load(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def known(mapping, keys, where):
    unknown = set(mapping) - set(keys)
    if unknown:
        sys.exit(f"{where}: this test does not know {', '.join(sorted(unknown))}")


def put_labels(thing, pairs):
    thing.setdefault("metadata", {}).setdefault("labels", {}).update(pairs)
    spec = thing.get("spec", {})
    if thing["kind"] in ("Deployment", "StatefulSet"):
        spec.setdefault("selector", {}).setdefault("matchLabels", {}).update(pairs)
        spec["template"].setdefault("metadata", {}).setdefault("labels", {}).update(pairs)
    elif thing["kind"] == "Service":
        spec.setdefault("selector", {}).update(pairs)
    elif thing["kind"] == "NetworkPolicy":
        peers = [peer for rule in spec.get("ingress", []) for peer in rule.get("from", [])]
        for selector in [spec["podSelector"], *(peer["podSelector"] for peer in peers)]:
            selector.setdefault("matchLabels", {}).update(pairs)


def patch(thing, operations):
    for operation in operations:
        *folders, last = operation["path"].lstrip("/").split("/")
        place = thing
        for part in folders:
            place = place[int(part)] if isinstance(place, list) else place[part]
        name = operation["op"]
        if isinstance(place, list):
            if name == "add" and last == "-":
                place.append(operation["value"])
                continue
            last = int(last)
        if name == "remove":
            del place[last]
        elif name == "replace":
            place[last]  # what is replaced has to be there
            place[last] = operation["value"]
        elif name == "add" and isinstance(place, dict):
            place[last] = operation["value"]
        else:
            sys.exit(f"this test does not know {name} of {operation['path']}")


def render(folder):
    path = folder / "kustomization.yaml"
    (plan,) = load(path)
    known(plan, ("apiVersion", "kind", "resources", "labels", "patches"), path)
    things = []
    for resource in plan["resources"]:
        place = folder / resource
        things += render(place.resolve()) if place.is_dir() else load(place)
    things = copy.deepcopy(things)
    for one in plan.get("patches", []):
        target = one["target"]
        hit = [t for t in things if t["kind"] == target["kind"] and t["metadata"]["name"] == target["name"]]
        if not hit:
            sys.exit(f"{path}: a patch meets nothing")
        for thing in hit:
            patch(thing, yaml.safe_load(one["patch"]))
    for labels in plan.get("labels", []):
        for thing in things:
            put_labels(thing, labels["pairs"])
    return things


def main():
    things = render(pathlib.Path(sys.argv[1]).resolve())
    version = kubernetes_validate.latest_version()
    for thing in things:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            sys.exit(f"{thing['kind']} {thing['metadata']['name']}: {list(error.path)}: {error.message}")
    print(json.dumps(things))


main()
