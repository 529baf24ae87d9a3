"""How fix-collector is led to the fake Azure, and credentials that it accepts."""

from pathlib import Path
from typing import Any

# Two subscriptions, and the organization of their tenant.
ACCOUNTS = (
    "aaaaaaaa-0000-0000-0000-000000000001",
    "aaaaaaaa-0000-0000-0000-000000000002",
    "11111111-1111-1111-1111-111111111111",
)

HOSTS = {
    "AZURE_AUTHORITY_HOST": "login.microsoftonline.com",
    "AZURE_GRAPH_ENDPOINT": "graph.microsoft.com",
    "AZURE_PRICES_ENDPOINT": "prices.azure.com",
    "AZURE_RESOURCE_MANAGER_ENDPOINT": "management.azure.com",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST": "169.254.169.254",
}


def environment(url: str) -> dict[str, str]:
    """The variables that name the fake at `url`."""
    return {name: f"{url}/_host/{host}" for name, host in HOSTS.items()}


def settings(secret: str = "secret", **more: Any) -> dict[str, Any]:
    """The section of the config document."""
    tenant, client = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
    account = {"client_secret": {"tenant_id": tenant, "client_id": client, "client_secret": secret}}
    return {"azure": {"accounts": {"default": account | more}, "collect_usage_metrics": True}}


def lead(folder: Path, url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings and the variables."""
    return settings(), environment(url)


def align(reference: Path, candidate: Path, subscription: str) -> list[str]:
    """Nothing of the Python worker's graph is changed."""
    return []
