"""How each cloud is reached on its fake."""

import json
from typing import Any

from k8s_estate import CLUSTER, kubeconfig

# The settings, the variables that name the fake, and the account. `{}` is the address of the fake.
CLOUDS: dict[str, tuple[Any, dict[str, str], str]] = {
    "digitalocean": (
        {"digitalocean": {"credentials": [{"api_token": "do-token", "spaces_keys": {"access_key": "access", "secret_key": "secret"}}]}},
        {"DIGITALOCEAN_API_URL": "{}", "SPACES_ENDPOINT_URL": "{}/s3/{{{{.Region}}}}"},
        "1000",
    ),
    "dockerhub": ({"dockerhub": {"namespaces": ["demo"]}}, {"DOCKERHUB_API_URL": "{}/v2"}, "demo"),
    "github": (
        {"github": {"access_token": "ghp_demo", "organizations": ["demo-org"], "users": ["demo-user"], "repos": ["demo-org/demo-repo", "lone-user/lone-repo"], "pull_request_state": "all"}},
        {"GITHUB_API_URL": "{}"},
        "GitHub",
    ),
    "hetzner": (
        {"hetzner": {"hcloud_project_names": ["demo-project"], "hcloud_tokens": ["hcloud-token"]}},
        {"HCLOUD_ENDPOINT": "{}/v1"},
        "demo-project",
    ),
    "k8s": (lambda url: {"k8s": {"configs": [kubeconfig(url)]}}, {}, CLUSTER),
    "onelogin": (
        {"onelogin": {"client_id": "ol-client", "client_secret": "ol-secret"}},
        {"ONELOGIN_API_URL": "{}"},
        "ol-client",
    ),
    "posthog": (
        {"posthog": {"api_key": "phx-demo", "url": "{}", "projects": ["Demo"]}},
        {},
        "017e4d1c-0000-0000-0000-000000000001",
    ),
    "scarf": (
        {"scarf": {"email": "me@demo.example.com", "password": "scarf-secret", "organizations": ["demo-org"]}},
        {"SCARF_API_URL": "{}/api/v1", "SCARF_INTERNAL_API_URL": "{}/internal"},
        "demo-org",
    ),
    "slack": ({"slack": {"bot_token": "xoxb-demo"}}, {"SLACK_API_URL": "{}/api"}, "T1"),
}


def way(cloud: str, url: str) -> tuple[dict[str, Any], dict[str, str], str]:
    """Settings, variables and account for a fake at this address."""
    settings, variables, account = CLOUDS[cloud]
    made = settings(url) if callable(settings) else settings
    told = json.loads(json.dumps(made).replace('"{}"', json.dumps(url)))
    return told, {name: value.format(url) for name, value in variables.items()}, account
