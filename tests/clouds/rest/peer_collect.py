"""Lets the Python worker's plugin of a cloud collect a fake one and writes the graph that it would send.

    peer_collect.py CLOUD --url URL --out FILE

Runs in an environment with the peer's packages (peer-requirements.txt). The plugin is unmodified, but for the address that
its client library speaks to, and for what is broken in it so far that there would be nothing to compare with (`REPAIRS`).
"""

import argparse
import importlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from queue import Queue
from typing import Any

PLUGINS = {
    "digitalocean": ("fix_plugin_digitalocean", "DigitalOceanCollectorPlugin"),
    "dockerhub": ("fix_plugin_dockerhub", "DockerHubCollectorPlugin"),
    "github": ("fix_plugin_github", "GithubCollectorPlugin"),
    "hetzner": ("fix_plugin_hetzner", "HetznerCollectorPlugin"),
    "k8s": ("fix_plugin_k8s", "KubernetesCollectorPlugin"),
    "onelogin": ("fix_plugin_onelogin", "OneLoginPlugin"),
    "posthog": ("fix_plugin_posthog", "PosthogCollectorPlugin"),
    "scarf": ("fix_plugin_scarf", "ScarfCollectorPlugin"),
    "slack": ("fix_plugin_slack", "SlackCollectorPlugin"),
}


def hetzner(config: Any, url: str) -> None:
    import hcloud._client as client

    config.hcloud_project_names, config.hcloud_tokens = ["demo-project"], ["hcloud-token"]
    init = client.Client.__init__

    def with_address(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **{**kwargs, "api_endpoint": f"{url}/v1"})

    client.Client.__init__ = with_address


def github(config: Any, url: str) -> None:
    import fix_plugin_github as plugin
    from github.Requester import Requester

    config.access_token, config.organizations, config.users = "ghp_demo", ["demo-org"], ["demo-user"]
    config.repos = ["demo-org/demo-repo", "lone-user/lone-repo"]
    config.pull_request_state = type(config.pull_request_state)("all")
    made, asked = plugin.Github, Requester.requestJsonAndCheck
    plugin.Github = lambda token: made(token, base_url=url)
    # Its client goes by the addresses in answers.
    Requester.requestJsonAndCheck = lambda self, verb, link, *a, **k: asked(self, verb, link.replace("https://api.github.com", url), *a, **k)


def k8s(config: Any, url: str) -> None:
    """The cluster has the name of one of EKS, which the fake as its proxy stands for; the plugin sees no proxies."""
    import tempfile

    import kubernetes.client as client
    from fix_plugin_k8s.base import K8sConfigFile

    sys.path.insert(0, str(Path(__file__).parent))
    from k8s_estate import kubeconfig

    path = Path(tempfile.mkdtemp()) / "config"
    path.write_text(json.dumps(kubeconfig(url)))
    config.config_files = [K8sConfigFile(path=str(path))]
    init = client.Configuration.__init__

    def with_proxy(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.proxy = url

    client.Configuration.__init__ = with_proxy


def slack(config: Any, url: str) -> None:
    """A user group is made with names of arguments that its class does not have."""
    import slack_sdk
    from fix_plugin_slack.resources import SlackUsergroup

    config.bot_token = "xoxb-demo"
    slack_sdk.WebClient.BASE_URL = f"{url}/api/"
    init = slack_sdk.WebClient.__init__
    slack_sdk.WebClient.__init__ = lambda self, **kw: init(self, **{**kw, "base_url": f"{url}/api/"})
    make = SlackUsergroup.__init__
    SlackUsergroup.__init__ = lambda self, **kw: make(self, **{k.lstrip("_"): v for k, v in kw.items()})


def onelogin(config: Any, url: str) -> None:
    """Account and region are made with positional arguments, which their classes do not take."""
    import fix_plugin_onelogin as plugin
    import onelogin.api.client as client

    config.client_id, config.client_secret = "ol-client", "ol-secret"
    builder = client.UrlBuilder.get_url
    client.UrlBuilder.get_url = lambda self, *a, **k: builder(self, *a, **k).replace("https://api.us.onelogin.com", url)
    for name in ("OneLoginAccount", "OneLoginRegion"):
        made = getattr(plugin, name)
        setattr(plugin, name, type(name, (), {"__new__": staticmethod(lambda c, id, tags, made=made: made(id=id, tags=tags))}))


def digitalocean(config: Any, url: str) -> None:
    import boto3
    from fix_plugin_digitalocean.client import StreamingWrapper
    from fix_plugin_digitalocean.config import DigitalOceanSpacesKeys, DigitalOceanTeamCredentials

    keys = DigitalOceanSpacesKeys(access_key="access", secret_key="secret")
    config.credentials = [DigitalOceanTeamCredentials(api_token="do-token", spaces_keys=keys)]
    init, resource = StreamingWrapper.__init__, boto3.session.Session.resource

    def with_address(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.do_api_endpoint = f"{url}/v2"

    def in_region(self: Any, *args: Any, **kwargs: Any) -> Any:
        return resource(self, *args, **{**kwargs, "endpoint_url": f"{url}/s3/{kwargs['region_name']}"})

    StreamingWrapper.__init__, boto3.session.Session.resource = with_address, in_region


def dockerhub(config: Any, url: str) -> None:
    import fix_plugin_dockerhub as plugin

    config.namespaces = ["demo"]
    fetch = plugin.fetch_uri
    plugin.fetch_uri = lambda uri: fetch(uri.replace("https://hub.docker.com", url))


def posthog(config: Any, url: str) -> None:
    config.api_key, config.url, config.projects = "phx-demo", url, ["Demo"]


def scarf(config: Any, url: str) -> None:
    from fix_plugin_scarf.scarf import ScarfAPI

    config.email, config.password, config.organizations = "me@demo.example.com", "scarf-secret", ["demo-org"]
    init = ScarfAPI.__init__

    def with_addresses(self: Any, *args: Any) -> None:
        init(self, *args)
        self.internal_api, self.public_api = f"{url}/internal", f"{url}/api/v1"

    ScarfAPI.__init__ = with_addresses


def export(graph: Any, out: Path) -> int:
    """As the worker does before it sends."""
    from fixlib.baseresources import GraphRoot
    from fixlib.graph import Graph, GraphExportIterator, GraphMergeKind, sanitize

    whole = Graph(root=GraphRoot(id="root", tags={}))
    whole.merge(graph)
    sanitize(whole)
    lines = GraphExportIterator(whole, graph_merge_kind=GraphMergeKind.account)
    lines.export_graph()
    with out.open("wb") as file:
        file.writelines(lines)
    return lines.number_of_nodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cloud", choices=sorted(PLUGINS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    os.environ["TZ"] = "UTC"
    time.tzset()
    from fixlib.args import ArgumentParser
    from fixlib.config import Config
    from fixlib.core.actions import CoreFeedback
    from fixlib.graph import GraphMergeKind
    from fixworker.config import FixWorkerConfig

    module, name = PLUGINS[args.cloud]
    plugin = getattr(importlib.import_module(module), name)
    Config.add_config(FixWorkerConfig)
    plugin.add_config(Config)
    Config.init_default_config()
    globals()[args.cloud](getattr(Config, args.cloud), args.url)
    ArgumentParser.args = argparse.Namespace(log_level="ERROR", subscriber_id="peer", fixcore_uri=None, psk=None)
    logging.getLogger("fix").setLevel("ERROR")
    graphs: Queue = Queue()
    task = {"task": "peer", "step": "collect"}
    collector = plugin(graph_queue=graphs, graph_merge_kind=GraphMergeKind.account, task_data=task)
    if hasattr(collector, "core_feedback"):
        collector.core_feedback = CoreFeedback("peer", "collect", "collect", Queue())
    collector.go()
    sent = [graph for graph in iter(lambda: graphs.get() if not graphs.empty() else None, None)]
    if len(sent) != 1:
        raise SystemExit(f"the peer sent {len(sent)} graphs")
    print(export(sent[0], args.out), "nodes")


if __name__ == "__main__":
    main()
