"""How fix-collector is led to the fake Google Cloud, and what of the Python worker's graph is not compared."""

from pathlib import Path
from typing import Any

from fake.client import environment, user_file
from zones import without_foreign_zones

ACCOUNTS = ("demo-project", "second-project")


def lead(folder: Path, url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings and the variables."""
    return {"gcp": {"service_account": [user_file(folder, url)], "collect_usage_metrics": False}}, environment(url)


def align(reference: Path, candidate: Path, project: str) -> list[str]:
    """Changes `reference` where the Python worker's ids differ on purpose, and tells where."""
    counts = without_foreign_zones(reference, candidate, project)
    return [f"zone of another one in {count} ids of {kind} of the Python worker (zones.py)" for kind, count in sorted(counts.items())]
