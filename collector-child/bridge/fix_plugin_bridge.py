"""Runs a collector plugin of the Python worker as a program of fixworker, unchanged.

    fix-plugin-bridge describe PLUGIN [--name NAME] [--identity trusted] > /etc/fixworker/external.d/NAME.json
    fix-plugin-bridge run PLUGIN [--name NAME]       (what fixworker starts, by that file)

PLUGIN is a module, or module:Class. It and fixinventorylib have to be installed where this is. docs/external.md of fixworker
has the protocol.

A plugin knows nothing of accounts: all of them are collected to list them, and again for each. One that has two more methods
is asked for what is needed only:

    @classmethod
    def accounts(cls) -> list[dict]:           # [{"id": ..., "name": ...}]
    def collect_account(self, account_id: str) -> None:     # instead of collect()
    @classmethod
    def account_id(cls) -> str:                # whose account the credentials are: --identity asked
"""

import argparse
import importlib
import json
import os
import sys
import traceback
from queue import Queue
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple, Type

PROTOCOL = 1


class Plugin:
    """A plugin class with what belongs to it."""

    def __init__(self, text: str, name: str) -> None:
        from fixlib.args import ArgumentParser
        from fixlib.baseplugin import BaseCollectorPlugin
        from fixlib.config import Config

        module, _, wanted = text.partition(":")
        found = importlib.import_module(module)
        classes = [
            one
            for one in vars(found).values()
            if isinstance(one, type) and issubclass(one, BaseCollectorPlugin) and one.__module__.startswith(module)
        ]
        if wanted:
            classes = [one for one in classes if one.__name__ == wanted]
        if len(classes) != 1:
            names = ", ".join(one.__name__ for one in classes) or "none"
            raise SystemExit(f"{text} has to name one collector plugin, and there is: {names}")
        self.cls: Any = classes[0]
        self.package = module
        self.name = name or str(self.cls.cloud)
        known = set(Config.running_config.classes)
        self.cls.add_config(Config)
        sections = [one for key, one in Config.running_config.classes.items() if key not in known]
        if len(sections) > 1:
            raise SystemExit(f"{text} has {len(sections)} config sections, and a collector has one")
        self.section: Any = sections[0] if sections else None
        ArgumentParser.args = argparse.Namespace(
            subscriber_id="fix-plugin-bridge", fixcore_uri=None, psk=None, log_level="INFO", verbose=False, quiet=False
        )

    def resources(self) -> Dict[str, type]:
        """Its classes of resources, by kind."""
        from fixlib.baseresources import BaseResource

        modules = [one for name, one in list(sys.modules.items()) if name == self.package or name.startswith(self.package + ".")]
        classes = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
        own = [one for one in classes if issubclass(one, BaseResource) and one.__module__.startswith(self.package)]
        return {str(one.kind): one for one in sorted(own, key=lambda one: one.__qualname__)}

    def overrides(self, cls: type, method: str) -> bool:
        """Whether a class, or one of the plugin's that it is made from, has the method itself."""
        own = (one for one in cls.__mro__ if one.__module__.startswith(self.package))
        return any(method in vars(one) for one in own)

    def configure(self, settings: Dict[str, Any]) -> None:
        from fixlib.config import Config
        from fixlib.json import from_json

        if self.section:
            Config.running_config.data[self.section.kind] = from_json(settings, self.section)

    def describe(self, identity: str, environment: List[str], paths: List[str]) -> Dict[str, Any]:
        from fixlib.baseresources import BaseAccount, BaseResource, Cloud, GraphRoot, PhantomBaseResource
        from fixlib.graph import resource_classes_to_fixcore_model

        classes = self.resources()
        model = resource_classes_to_fixcore_model({BaseResource, Cloud, GraphRoot, *classes.values()}, aggregate_root=BaseResource)
        for kind in model:
            if kind["fqn"] == "resource":
                kind.setdefault("properties", []).append({"name": "kind", "kind": "string", "required": True, "description": ""})
        accounts = [kind for kind, cls in classes.items() if issubclass(cls, BaseAccount)]
        if not accounts:
            raise SystemExit(f"{self.package} has no class of accounts")
        real = {kind: cls for kind, cls in classes.items() if not issubclass(cls, (PhantomBaseResource, BaseAccount))}
        of = self.cls

        def able(method: str, whole: str) -> List[str]:
            all_of_them = self.overrides(of, whole)
            return sorted(kind for kind, cls in real.items() if all_of_them or self.overrides(cls, method))

        told: Dict[str, Any] = {
            "protocol": PROTOCOL,
            "collector": self.name,
            "command": [sys.executable, os.path.abspath(__file__), "run", f"{self.package}:{of.__name__}", "--name", self.name],
            "clouds": [str(of.cloud)],
            "account_kinds": accounts,
            "kinds": model,
            "environment": environment,
            "paths": [{"path": path, "access": "execute"} for path in sorted({sys.prefix, sys.base_prefix, *places(self.package), *places(__name__)})],
            "clean": able("delete", "cleanup"),
            "tag": able("update_tag", "update_tag"),
            "identity": identity,
        }
        told["paths"] += [{"path": path, "access": "read"} for path in paths]
        if self.section:
            told["settings"] = self.settings()
        return told

    def settings(self) -> Dict[str, Any]:
        from fixlib.core.model_export import dataclasses_to_fixcore_model
        from fixlib.json import to_json

        kinds = dataclasses_to_fixcore_model({self.section}, allow_unknown_props=False, aggregate_root=None)
        for kind in kinds:
            if kind["fqn"] == self.section.kind:
                kind["fqn"] = self.name
        defaults = to_json(self.section())
        defaults.pop("kind", None)
        return {"kinds": kinds, "defaults": defaults}

    def graphs(self, work: Callable[[Any], None]) -> Any:
        """One graph of all that the plugin has sent."""
        from fixlib.baseresources import GraphRoot
        from fixlib.core.actions import CoreFeedback
        from fixlib.graph import Graph, GraphMergeKind, sanitize

        queue: "Queue[Any]" = Queue()
        task = {"task": "fixworker", "step": "collect"}
        plugin = self.cls(graph_queue=queue, graph_merge_kind=GraphMergeKind.account, task_data=task)
        if hasattr(plugin, "core_feedback"):
            plugin.core_feedback = CoreFeedback("fixworker", "collect", "collect", Queue())
        work(plugin)
        whole = Graph(root=GraphRoot(id="root", tags={}))
        # Whoever is run as a whole sends its graph, or those of its accounts.
        sent = [queue.get() for _ in range(queue.qsize())] or [plugin.graph]
        for graph in sent:
            whole.merge(graph)
        sanitize(whole)
        return whole


def places(package: str) -> Set[str]:
    """Where a package is, if that is not below the environment of this Python."""
    path = getattr(sys.modules[package], "__file__", None)
    outside = path and not any(path.startswith(prefix + os.sep) for prefix in (sys.prefix, sys.base_prefix))
    return {os.path.dirname(os.path.abspath(path))} if path and outside else set()


class Answer:
    """Lines of JSON. Whatever a plugin prints goes to standard error."""

    def __init__(self) -> None:
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def line(self, text: str) -> None:
        self.out.write(text + "\n")

    def say(self, word: str, what: Any) -> None:
        self.line(json.dumps({word: what}))

    def end(self, word: str, what: Any) -> None:
        self.say(word, what)
        self.out.flush()


def accounts_of(graph: Any) -> List[Any]:
    from fixlib.baseresources import BaseAccount

    return [node for node in graph.nodes if isinstance(node, BaseAccount)]


def below(graph: Any, account: Any) -> Set[str]:
    """The ids of an account and of all that hangs below it."""
    from fixlib.graph import EdgeType

    seen, todo = {account.chksum}, [account]
    while todo:
        for node in graph.successors(todo.pop(), EdgeType.default):
            if node.chksum not in seen:
                seen.add(node.chksum)
                todo.append(node)
    return seen


def lines(graph: Any, ids: Set[str]) -> Iterator[str]:
    """The part of a graph that these nodes are, as an export has it."""
    from fixlib.core.model_export import node_to_dict
    from fixlib.graph import ByNodeId, EdgeKey, EdgeType
    from fixlib.json import to_json_str

    for node in graph.nodes:
        if node.chksum in ids:
            yield to_json_str(node_to_dict(node))
    for start, end, key, data in graph.edges(keys=True, data=True):
        if start.chksum not in ids or end.chksum not in ids:
            continue
        edge: Dict[str, Any] = {"from": start.chksum, "to": end.chksum}
        if isinstance(key, EdgeKey) and key.edge_type != EdgeType.default:
            edge["edge_type"] = key.edge_type.value
        if data.get("reported"):
            edge["reported"] = data["reported"]
        yield json.dumps(edge)

    def selector(one: Any) -> Dict[str, str]:
        return {"node_id": one.value} if isinstance(one, ByNodeId) else {"search_criteria": one.query}

    for start, end, edge_type in graph.deferred_edges:
        known = [one.value for one in (start, end) if isinstance(one, ByNodeId)]
        if not known or any(one in ids for one in known):
            yield json.dumps({"from_selector": selector(start), "to_selector": selector(end), "edge_type": edge_type.value})


def accounts(plugin: Plugin, request: Dict[str, Any], answer: Answer) -> None:
    if hasattr(plugin.cls, "accounts"):
        for account in plugin.cls.accounts():
            answer.say("account", account)
        return
    answer.say("step", "collecting everything, to see which accounts there are")
    for account in accounts_of(plugin.graphs(lambda one: one.go())):
        answer.say("account", {"id": account.id, "name": account.name, "kind": account.kind})


def collect(plugin: Plugin, request: Dict[str, Any], answer: Answer) -> None:
    wanted = request["account"]["id"]

    def work(one: Any) -> None:
        if hasattr(one, "collect_account"):
            one.collect_account(wanted)
        else:
            one.go()

    graph = plugin.graphs(work)
    found = [account for account in accounts_of(graph) if account.id == wanted]
    if len(found) != 1:
        raise RuntimeError(f"the plugin has collected {len(found)} accounts of the id {wanted}")
    for line in lines(graph, below(graph, found[0])):
        answer.line(line)


def resource(plugin: Plugin, told: Dict[str, Any], clean: bool = False) -> Any:
    """A node of fixcore as the plugin knows it, with what it is in."""
    import fixlib.baseresources as base
    from fixlib.core.model_export import node_from_dict

    classes = plugin.resources()

    def typed(node: Dict[str, Any]) -> Dict[str, Any]:
        kind = node["reported"].get("kind")
        cls: Any = classes.get(kind) or (base.Cloud if kind in ("cloud", None) else None)
        if cls is None:
            return node
        return {**node, "metadata": {**(node.get("metadata") or {}), "python_type": f"{cls.__module__}.{cls.__name__}"}}

    above = {level: typed(node) for level, node in (told.get("ancestors") or {}).items() if node and node["reported"].get("kind")}
    return node_from_dict({**typed(told), "ancestors": above, "desired": {"clean": clean}}, include_select_ancestors=True)


def clean(plugin: Plugin, request: Dict[str, Any], answer: Answer) -> None:
    from fixlib.baseresources import GraphRoot
    from fixlib.config import Config
    from fixlib.graph import EdgeType, Graph

    node = resource(plugin, request["resource"], clean=True)
    if request["dry_run"]:
        answer.say("log", f"would be deleted by the plugin {plugin.package}")
        answer.say("cleaned", "planned")
        return
    graph = Graph(root=GraphRoot(id="root", tags={}))
    graph.add_node(node)
    for one in request.get("related", []):
        other = resource(plugin, one["resource"])
        ends: Tuple[Any, Any] = (node, other) if one["outgoing"] else (other, node)
        graph.add_node(other)
        graph.add_edge(*ends, edge_type=EdgeType(one["edge"]))
    delete = node.delete

    def deleted(*args: Any, **kwargs: Any) -> bool:
        # NotImplemented is true, and nothing was done.
        done = delete(*args, **kwargs)
        if done is NotImplemented:
            raise NotImplementedError(f"the plugin cannot delete a {node.kind}")
        return bool(done)

    node.delete = deleted
    try:
        plugin.cls.pre_cleanup(Config, node, graph)
        done = plugin.cls.cleanup(Config, node, graph)
    except Exception as error:
        traceback.print_exc()
        answer.say("cleaned", {"failed": f"the plugin failed: {error}"})
        return
    if done is True:
        answer.say("log", f"deleted by the plugin {plugin.package}")
        answer.say("cleaned", "gone")
    else:
        answer.say("cleaned", {"failed": f"the plugin {plugin.package} did not delete it"})


def tag(plugin: Plugin, request: Dict[str, Any], answer: Answer) -> None:
    from fixlib.config import Config

    node = resource(plugin, request["resource"])
    for key in request["remove"]:
        if plugin.cls.delete_tag(Config, node, key) is not True:
            raise RuntimeError(f"the plugin {plugin.package} did not remove the tag {key}")
        node.tags.pop(key, None)
    for key, value in request["set"].items():
        if plugin.cls.update_tag(Config, node, key, value) is not True:
            raise RuntimeError(f"the plugin {plugin.package} did not set the tag {key}")
        node.tags[key] = value


def identity(plugin: Plugin, request: Dict[str, Any], answer: Answer) -> None:
    answer.say("identity", {"id": plugin.cls.account_id()})


WORK = {"accounts": accounts, "collect": collect, "clean": clean, "tag": tag, "identity": identity}


def run(text: str, name: str) -> None:
    answer = Answer()
    try:
        request = json.loads(sys.stdin.readline())
        if request.get("protocol") != PROTOCOL:
            raise RuntimeError(f"this bridge speaks the protocol {PROTOCOL}")
        plugin = Plugin(text, name)
        plugin.configure(request.get("config") or {})
        WORK[request["do"]](plugin, request, answer)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        answer.end("error", {"message": f"the plugin {text} failed: {type(error).__name__}: {error}", "later": True})
        # Threads of a plugin do not hold the process.
        os._exit(1)
    answer.end("done", {})
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, told in (("describe", "print what fixworker has to know"), ("run", "answer one request of fixworker")):
        sub = commands.add_parser(command, help=told)
        sub.add_argument("plugin", metavar="PLUGIN")
        sub.add_argument("--name", default="", help="the name of the collector, if not that of the plugin's cloud")
        if command == "describe":
            sub.add_argument("--identity", choices=("unknown", "asked", "trusted"), default="unknown", help="who knows whose account the credentials are; unknown: nothing is changed")
            sub.add_argument("--env", action="append", default=[], metavar="NAME", help="a variable that the plugin may see; NAME* is all that begin so")
            sub.add_argument("--path", action="append", default=[], metavar="PATH", help="a file or folder that it may read")
    args = parser.parse_args()
    if args.command == "run":
        run(args.plugin, args.name)
    told = Plugin(args.plugin, args.name).describe(args.identity, args.env, args.path)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
