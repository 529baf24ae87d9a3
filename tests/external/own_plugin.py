"""A collector plugin as a user of the Python worker may have one: disks of two accounts in a file, with tags, deletion and
settings. It knows its accounts."""

import json
import os
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Optional

from attrs import define, field
from fixlib.baseplugin import BaseCollectorPlugin
from fixlib.baseresources import BaseAccount, BaseRegion, BaseResource, BaseVolume
from fixlib.config import Config
from fixlib.graph import Graph


@define
class OwnConfig:
    kind: ClassVar[str] = "own"
    estate: Optional[str] = field(default=None, metadata={"description": "The file that the cloud is"})
    crashes: List[str] = field(factory=list, metadata={"description": "Accounts in which the plugin crashes"})


def estate() -> Dict[str, Dict[str, Any]]:
    return json.loads(Path(Config.own.estate).read_text())  # type: ignore


def keep(accounts: Dict[str, Dict[str, Any]]) -> None:
    Path(Config.own.estate).write_text(json.dumps(accounts))  # type: ignore


@define(eq=False, slots=False)
class OwnAccount(BaseAccount):
    kind: ClassVar[str] = "own_account"

    def delete(self, graph: Graph) -> bool:
        return NotImplemented


@define(eq=False, slots=False)
class OwnRegion(BaseRegion):
    kind: ClassVar[str] = "own_region"

    def delete(self, graph: Graph) -> bool:
        return NotImplemented


@define(eq=False, slots=False)
class OwnDisk(BaseVolume):
    kind: ClassVar[str] = "own_disk"
    encrypted: Optional[bool] = None

    def disks(self, accounts: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
        return accounts[self.account().id]

    def delete(self, graph: Graph) -> bool:
        print("deleting", self.id)
        accounts = estate()
        found = accounts[self.account(graph).id].pop(self.id, None)
        keep(accounts)
        return found is not None

    def update_tag(self, key: str, value: str) -> bool:
        accounts = estate()
        self.disks(accounts)[self.id][key] = value
        keep(accounts)
        return True

    def delete_tag(self, key: str) -> bool:
        accounts = estate()
        del self.disks(accounts)[self.id][key]
        keep(accounts)
        return True


class OwnPlugin(BaseCollectorPlugin):
    cloud = "own"

    @classmethod
    def accounts(cls) -> List[Dict[str, str]]:
        return [{"id": account, "name": account.title()} for account in estate()]

    def collect(self) -> None:
        raise RuntimeError("the bridge asks for one account")

    def collect_account(self, account_id: str) -> None:
        print("collecting", account_id)
        if account_id in Config.own.crashes:  # type: ignore
            os.abort()
        account = OwnAccount(id=account_id, name=account_id.title())
        region = OwnRegion(id="here", tags={})
        self.graph.add_resource(self.graph.root, account)
        self.graph.add_resource(account, region)
        for name, tags in estate()[account_id].items():
            self.graph.add_resource(region, OwnDisk(id=name, tags=tags, volume_size=3))

    @staticmethod
    def add_config(config: Config) -> None:
        config.add_config(OwnConfig)
