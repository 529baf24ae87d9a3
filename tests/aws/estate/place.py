"""One account in one region, and what its parts need of each other."""

import io
import json
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

GLOBAL_REGION = "us-east-1"


def session(endpoint: str, account: str) -> boto3.Session:
    """A session of the account, as the collectors get it: by assuming a role there."""
    root = boto3.client(
        "sts",
        GLOBAL_REGION,
        endpoint_url=endpoint,
        aws_access_key_id="AKIAROOTROOTROOTROOT",
        aws_secret_access_key="secret",
    )
    given = root.assume_role(RoleArn=f"arn:aws:iam::{account}:role/CollectRole", RoleSessionName="seed")["Credentials"]
    return boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=GLOBAL_REGION
    )


@dataclass
class Place:
    """Where something is made, and what has been made there so far."""

    endpoint: str
    account: str
    region: str
    number: int  # of the account
    scale: int
    session: boto3.Session
    ids: dict[str, list[str]] = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            config = Config(retries={"max_attempts": 1}, inject_host_prefix=False)
            self.clients[service] = self.session.client(service, self.region, endpoint_url=self.endpoint, config=config)
        return self.clients[service]

    def keep(self, kind: str, value: str) -> str:
        self.ids.setdefault(kind, []).append(value)
        return value

    def nth(self, kind: str, n: int) -> str:
        """The n-th thing made of a kind, counted around."""
        made = self.ids[kind]
        return made[n % len(made)]

    def many(self, n: int) -> range:
        return range(n * self.scale)

    def attempt(self, what: str, make: Callable[[], Any]) -> Any:
        """Makes something; a mock that does not serve it is no reason to stop, but is told at the end."""
        try:
            return make()
        except (ClientError, BotoCoreError, ResponseParserError, LookupError) as e:
            self.refused[f"{what}: {type(e).__name__} {e}"[:200]] += 1
            return None

    def run(self, parts: list[Callable[["Place"], None]]) -> None:
        for part in parts:
            self.attempt(f"{part.__module__.rpartition('.')[2]}.{part.__name__}", lambda p=part: p(self))


def tags(name: str, **more: str) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in tag_map(name, **more).items()]


def tag_map(name: str, **more: str) -> dict[str, str]:
    return {"Name": name, "env": "test", "owner": f"team-{len(name) % 3}"} | more


def spec(resource: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource, "Tags": tags(name)}]


def document(*actions: str, resource: str = "*", principal: Any = None) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if principal is not None:
        statement["Principal"] = principal
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def code() -> bytes:
    """A function's archive, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "def handler(event, context):\n    return event\n")
    return out.getvalue()


def warn(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
