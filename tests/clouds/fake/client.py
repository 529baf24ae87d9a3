"""How a program is led to a fake Google Cloud: the variables that name it, and credentials that it accepts."""

import json
from pathlib import Path

# The service as gcloud's variables call it, and its address behind the one of the fake.
SERVICES = {
    "AIPLATFORM": "aiplatform.googleapis.com",
    "CLOUDBILLING": "cloudbilling.googleapis.com",
    "CLOUDFUNCTIONS": "cloudfunctions.googleapis.com",
    "CLOUDRESOURCEMANAGER": "cloudresourcemanager.googleapis.com",
    "COMPUTE": "compute.googleapis.com/compute/v1",
    "CONTAINER": "container.googleapis.com",
    "FILE": "file.googleapis.com",
    "FIRESTORE": "firestore.googleapis.com",
    "MONITORING": "monitoring.googleapis.com",
    "PUBSUB": "pubsub.googleapis.com",
    "SECURITYCENTER": "securitycenter.googleapis.com",
    "SQL": "sqladmin.googleapis.com",
    "STORAGE": "storage.googleapis.com/storage/v1",
}


def environment(url: str) -> dict[str, str]:
    """The variables that name the fake at `url`."""
    return {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": f"{url}/_host/{at}" for name, at in SERVICES.items()}


def user_file(folder: Path, url: str) -> str:
    """The path of a file as `gcloud auth application-default login` writes it."""
    told = {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "secret",
        "refresh_token": "1//token",
        "token_uri": f"{url}/_host/oauth2.googleapis.com/token",
    }
    path = folder / "user.json"
    path.write_text(json.dumps(told))
    return str(path)
