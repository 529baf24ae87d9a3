"""What Cloud Monitoring has measured: one series for each resource, device or code of an answer, the same whenever it is asked."""

import re
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from .values import number

Labels = dict[str, str]
REDUCERS: dict[str, Callable[[list[float]], float]] = {
    "REDUCE_SUM": sum,
    "REDUCE_MIN": min,
    "REDUCE_MAX": max,
    "REDUCE_MEAN": statistics.fmean,
}


def series(estate: Any, project: str, params: dict[str, str]) -> list[dict[str, Any]]:
    """The series of a request, as they are told."""
    wanted = dict(re.findall(r'([\w.]+)\s*=\s*"([^"]*)"', params["filter"]))
    metric = wanted.pop("metric.type")
    if wanted.get("resource.labels.project_id", project) != project:
        return []
    aligner, reducer = params.get("aggregation.perSeriesAligner", ""), params.get("aggregation.crossSeriesReducer", "REDUCE_NONE")
    found = []
    for resource, labels in measured(estate, project, metric):
        known = {f"resource.labels.{name}": value for name, value in resource.items() if name != "type"}
        known |= {f"metric.labels.{name}": value for name, value in labels.items()} | {"resource.type": resource["type"]}
        if all(known.get(name.replace(".label.", ".labels."), value) == value for name, value in wanted.items()):
            found.append((known, value_of(metric, aligner, reducer, known)))
    if reducer != "REDUCE_NONE":
        names = [name for name in params.get("aggregation.groupByFields", "").split(",") if name]
        found = reduced(found, names, reducer)
    return [told(metric, known, value) for known, value in found]


def measured(estate: Any, project: str, metric: str) -> Iterator[tuple[Labels, Labels]]:
    """What a metric is measured for: labels of the resource and of the metric."""
    if metric.startswith("compute.googleapis.com/instance/"):
        for zone in ("us-east1-b", "us-east1-c", "europe-west1-b", "europe-west1-c"):
            at = {"type": "gce_instance", "project_id": project, "zone": zone}
            place = f"projects/{project}/zones/{zone}"
            for instance in estate.names("compute", f"{place}/instances"):
                devices = estate.names("compute", f"{place}/disks") if "/disk/" in metric else [None]
                for device in devices:
                    yield at, {"instance_name": instance} | ({"device_name": device} if device else {})
    elif metric.startswith("cloudsql.googleapis.com/"):
        for name in estate.names("sqladmin", f"projects/{project}/instances"):
            yield {"type": "cloudsql_database", "project_id": project, "database_id": f"{project}:{name}", "region": "us-east1"}, {}
    elif metric.startswith("cloudfunctions.googleapis.com/"):
        for place in estate.rules["locations"]["cloudfunctions"]:
            for name in estate.names("cloudfunctions", f"projects/{project}/locations/{place}/functions"):
                at = {"type": "cloud_function", "project_id": project, "function_name": name, "region": place}
                yield from ((at, {"status": status}) for status in ("ok", "error"))
    elif metric.startswith("loadbalancing.googleapis.com/"):
        for place in ("regions/us-east1", "regions/europe-west1", "global"):
            for name in estate.names("compute", f"projects/{project}/{place}/forwardingRules"):
                at = {"type": "rule", "project_id": project, "forwarding_rule_name": name, "region": place.split("/")[-1]}
                yield from ((at, {"response_code": code}) for code in ("200", "503"))


def value_of(metric: str, aligner: str, reducer: str, known: Labels) -> float:
    most = 1000 + number(metric, *known.values()) % 100_000
    part = 0.25 if "MIN" in aligner or "_05" in aligner + reducer else 1 if "MAX" in aligner or "_99" in aligner + reducer else 0.5
    return most * part / (1_000_000 if "utilization" in metric else 1)


def reduced(found: list[tuple[Labels, float]], names: list[str], reducer: str) -> list[tuple[Labels, float]]:
    groups: dict[tuple[str | None, ...], list[float]] = {}
    for known, value in found:
        groups.setdefault(tuple(known.get(name) for name in names), []).append(value)
    reduce = REDUCERS.get(reducer, max)
    return [({n: v for n, v in zip(names, key, strict=True) if v}, reduce(values)) for key, values in groups.items()]


def told(metric: str, known: Labels, value: float) -> dict[str, Any]:
    def labels(prefix: str) -> Labels:
        return {name.removeprefix(prefix): value for name, value in known.items() if name.startswith(prefix)}

    whole = value == int(value)
    point = {"int64Value": str(int(value))} if whole else {"doubleValue": value}
    interval = {"startTime": "2024-05-01T10:00:00Z", "endTime": "2024-05-01T11:00:00Z"}
    return {
        "metric": {"type": metric, "labels": labels("metric.labels.")},
        "resource": {"type": known.get("resource.type", "x"), "labels": labels("resource.labels.")},
        "metricKind": "GAUGE",
        "valueType": "INT64" if whole else "DOUBLE",
        "points": [{"interval": interval, "value": point}],
    }
