"""How a program is led to the fake Azure, and credentials that it accepts."""

from typing import Any

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
    return {"azure": {"accounts": {"default": account | more}, "collect_usage_metrics": False}}
