"""Asks the Python worker 4.2 what it does, and writes the answers as JSON beside this file.

Run it with the interpreter of an environment that has fixinventoryworker==4.2.0 and its aws and random plugins:
    python make.py
The tests of this crate read the files and need no Python.
"""
import copy
import io
import json
import logging
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from enum import Enum
from pathlib import Path

from attrs import fields
from fix_plugin_aws.configuration import AwsConfig
from fix_plugin_random.config import RandomConfig
from fixlib.args import ArgumentParser
from fixlib.config import Config, RunningConfig
from fixlib.core import add_args as core_add_args
from fixlib.core.ca import TLSData
from fixlib.core.model_export import dataclasses_to_fixcore_model
from fixlib.json import to_json
from fixlib.jwt import add_args as jwt_add_args
from fixlib.logger import add_args as logging_add_args
from fixlib.utils import ensure_bw_compat, replace_env_vars
from fixworker.__main__ import add_args
from fixworker.config import FixWorkerConfig, HomeDirectoryFile
from fixworker.utils import write_files_to_home_dir

HERE = Path(__file__).parent
logging.disable(logging.CRITICAL)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


# ---- command line ----

def parser():
    arg_parser = ArgumentParser(prog="fixworker", env_args_prefix="FIXWORKER_")
    add_args(arg_parser)
    jwt_add_args(arg_parser)
    logging_add_args(arg_parser)
    core_add_args(arg_parser)
    Config.add_args(arg_parser)
    TLSData.add_args(arg_parser)
    return arg_parser


def command_line(args, env):
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["fixworker", *args]
    ensure_bw_compat()
    try:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            parsed = vars(parser().parse_args())
    except SystemExit as ex:
        return {"args": args, "env": env, "exit": ex.code}
    return {"args": args, "env": env, "parsed": parsed}


COMMAND_LINES = [
    ([], {}),
    (["--subscriber-id", "me", "--psk", "secret", "-v", "--fixcore-uri", "http://core:8900"], {}),
    (["--psk=secret", "--trace"], {}),
    (["--psk", ""], {}),
    (["--psk="], {}),
    (["--psk", "one", "--psk", "two"], {}),
    (["--psk"], {}),
    (["--psk", "--verbose"], {}),
    (["--override", "a.b=1"], {}),
    (["--override", "a.b=1", "c.d=2,3", "--quiet"], {}),
    (["--override=a.b=1"], {}),
    (["--override=a.b=1", "--quiet"], {}),
    (["--override"], {}),
    (["--override", "--quiet"], {}),
    (["--override", "a.b=x y"], {}),
    (["--ca-cert", "ca.pem", "--cert", "c.pem", "--cert-key", "k.pem", "--cert-key-pass", "pw"], {}),
    (["--no-verify-certs"], {}),
    (["--idle-timeout", "60"], {}),
    (["--idle-timeout", "-5"], {}),
    (["--idle-timeout", "0"], {}),
    (["--idle-timeout", "x"], {}),
    (["--verbose", "--quiet"], {}),
    (["-v", "--trace"], {}),
    (["-v", "-v"], {}),
    (["--nope"], {}),
    (["--verbose=1"], {}),
    # Beginnings of options.
    (["--subs", "me", "--idle", "3", "--ps", "secret", "--verb", "--fixc", "https://x"], {}),
    (["--v"], {}),
    (["--ver"], {}),
    (["--t"], {}),
    (["--f", "https://x"], {}),
    (["--o", "a.b=1"], {}),
    (["--no"], {}),
    (["--no-v"], {}),
    (["--c", "x"], {}),
    (["--ca", "x"], {}),
    (["--cert-k", "x"], {}),
    # Names of the predecessor.
    (["--resotocore-uri", "https://old:8900"], {}),
    (["--resotocore-uri=https://old:8900"], {}),
    ([], {"RESOTOWORKER_RESOTOCORE_URI": "https://old:8900", "RESOTOWORKER_PSK": "old"}),
    ([], {"RESOTOWORKER_PSK": "old", "FIXWORKER_PSK": "new"}),
    ([], {"RESOTOWORKER_OVERRIDE": "resotoworker.collector=aws"}),
    # Variables.
    ([], {"FIXWORKER_SUBSCRIBER_ID": "me", "FIXWORKER_PSK": "secret", "FIXWORKER_FIXCORE_URI": "http://core"}),
    (["--psk", "mine"], {"FIXWORKER_PSK": "theirs"}),
    ([], {"FIXWORKER_PSK": ""}),
    ([], {"FIXWORKER_VERBOSE": "true"}),
    ([], {"FIXWORKER_VERBOSE": "YES"}),
    ([], {"FIXWORKER_VERBOSE": "1"}),
    ([], {"FIXWORKER_VERBOSE": "on"}),
    ([], {"FIXWORKER_VERBOSE": "false"}),
    ([], {"FIXWORKER_TRACE": "true"}),
    ([], {"FIXWORKER_QUIET": "true"}),
    ([], {"FIXWORKER_IDLE_TIMEOUT": "60"}),
    ([], {"FIXWORKER_IDLE_TIMEOUT": "x"}),
    ([], {"FIXWORKER_OVERRIDE": "a.b=1 c.d=2"}),
    ([], {"FIXWORKER_OVERRIDE0": "a.b=x y", "FIXWORKER_OVERRIDE7": "c.d=2", "FIXWORKER_OVERRIDE254": "e.f=3"}),
    ([], {"FIXWORKER_OVERRIDE255": "a.b=1"}),
    ([], {"FIXWORKER_OVERRIDE": "a.b=1", "FIXWORKER_OVERRIDE0": "c.d=2"}),
    (["--override", "a.b=1"], {"FIXWORKER_OVERRIDE": "c.d=2"}),
    ([], {"FIXWORKER_CA_CERT": "ca.pem", "FIXWORKER_CERT": "c.pem", "FIXWORKER_CERT_KEY": "k.pem",
          "FIXWORKER_CERT_KEY_PASS": "pw"}),
    ([], {"FIX_PSK": "not ours"}),
]


# ---- config ----

def load(document):
    config = RunningConfig()
    classes = {"fixworker": FixWorkerConfig, "aws": AwsConfig, "random": RandomConfig}
    Config.running_config.classes.clear()
    Config.running_config.types.clear()
    for clazz in classes.values():
        Config.add_config(clazz)
    Config.running_config.data = {}
    Config.init_default_config()
    config.data = Config.read_config({**Config.dict(), **document})
    return config


def values_of(config):
    # Not to_json: an override leaves values of the wrong type behind, which it cannot write.
    def plain(value):
        return copy.deepcopy(value.value if isinstance(value, Enum) else value)

    return {name: {field.name: plain(getattr(section, field.name)) for field in fields(type(section))
                   if not field.name.startswith("_")}
            for name, section in config.data.items()}


def override(document, text):
    ArgumentParser.args.config_override = [text]
    config = load(document)
    before = values_of(config)
    errors = []
    Config_log = sys.modules["fixlib.config"].log
    saved = Config_log.error, Config_log.exception
    Config_log.error = Config_log.exception = lambda message, *_: errors.append(message)
    try:
        Config.override_config(config)
    finally:
        Config_log.error, Config_log.exception = saved
    after = values_of(config)
    changed = {}
    for section, values in after.items():
        for key, value in values.items():
            if value != before[section][key]:
                changed[f"{section}.{key}"] = value
    return {"override": text, "changed": changed, "refused": bool(errors)}


OVERRIDES = [
    "fixworker.collector=aws", "fixworker.collector=aws,gcp", "fixworker.collector=aws, gcp", "fixworker.collector=",
    "fixworker.collector=aws,", "resotoworker.collector=aws", "fixworker.graph=other", "fixworker.graph=a=b",
    "fixworker.pool_size=7", "fixworker.pool_size= 7 ", "fixworker.pool_size=1_000", "fixworker.pool_size=+7",
    "fixworker.pool_size=five", "fixworker.pool_size=1.5", "fixworker.cleanup=true", "fixworker.cleanup=True",
    "fixworker.cleanup=1", "fixworker.cleanup=yes", "fixworker.cleanup=on", "fixworker.cleanup_dry_run=false",
    "fixworker.cleanup_dry_run=no", "fixworker.cleanup_dry_run=ture", "fixworker.cleanup_dry_run=off",
    "fixworker.tempdir=/tmp/x", "fixworker.tempdir=null", "fixworker.max_resources_per_account=100",
    "fixworker.graph_merge_kind=cloud", "fixworker.graph_merge_kind=nope", "fixworker.files_in_home_dir=x",
    "fixworker.nope=1", "nope.x=1", "fixworker=1", "fixworker.collector", "random.size=1.5", "random.size=2",
    "random.size=1e3", "random.size=1_0.5", "random.size=x", "random.seed=3", "aws.account=1,2", "aws.role=r", "aws.role=",
    "aws.profiles=a", "aws.resource_pool_tasks_per_service.elb=9", "aws.resource_pool_tasks_per_service.nope=9",
    "aws.collect_usage_metrics=false", "aws.cloudwatch_metrics_for_atime_mtime_period=90d",
]

PLACEHOLDERS = [
    "plain", "$(A)", "x$(A)y", "$(A)$(B)", "$(A) and $(A)", "$(NOPE)", "$(A)$(NOPE)", "$(EMPTY)", "$A", "${A}",
    "$(A", "$()", "$( A )", "$$(A)", "$($(A))", "\\$(A)", "$(a-b)", "$(ÄÖ)", 5, None, True,
    ["$(A)", "$(NOPE)", "c"], {"k": "$(A)", "l": "$(NOPE)", "$(A)": 1}, [["$(NOPE)"], {"x": "$(B)"}],
    "$(REF)",
]
PLACEHOLDER_ENV = {"A": "1", "B": "two", "EMPTY": "", "ÄÖ": "umlaut", "REF": "$(A)"}

STORED = [
    {},
    {"fixworker": {}},
    {"fixworker": None},
    {"fixworker": {"pool_size": 3, "collector": ["aws"]}},
    {"fixworker": {"pool_size": None, "tempdir": None, "files_in_home_dir": None}},
    {"fixworker": {"web_host": "$(HOST)", "tempdir": "$(NOPE)"}},
    {"fixworker": {"files_in_home_dir": {".aws/credentials": "$(CREDENTIALS)"},
                   "write_files_to_home_dir": [{"path": "a", "content": "b"}]}},
    {"fixworker": {"unknown": 1}, "unknown": {"x": 1}},
    {"aws": {"account": ["1"], "resource_pool_tasks_per_service": {"elb": 2}}, "fixworker": {"timeout": 5}},
]

RESTARTS = [
    ({}, {}),
    ({"collector": ["aws"]}, {"collector": ["aws", "gcp"]}),
    ({"collector": ["aws"]}, {"collector": ["aws"]}),
    *[({}, {key: value}) for key, value in {
        "graph": "x", "timeout": 1, "pool_size": 1, "graph_sender_pool_size": 1, "fork_process": False,
        "debug_dump_json": True, "tempdir": "x", "max_resources_per_account": 1,
        "cleanup": True, "cleanup_pool_size": 99, "cleanup_dry_run": False, "no_tls": True, "web_host": "x",
        "web_port": 1, "web_path": "/x", "write_files_to_home_dir": [{"path": "a", "content": "b"}],
        "files_in_home_dir": {"a": "b"}, "graph_merge_kind": "cloud",
    }.items()],
]

HOME_FILES = [
    (".aws/credentials", []), ("~/.kube/config", []), ("HOME/x", []), ("a/../b", []), ("../b", []), ("/etc/x", []),
    ("HOMEless/x", []), ("~nobody-here/x", []), ("dir", []), ("link/x", [["link", "OUTSIDE"]]),
    ("link/x", [["link", "dir"]]), ("dir/../../x", []), ("", []), (".", []),
]


def home_file(path, links):
    with tempfile.TemporaryDirectory() as base:
        base = os.path.realpath(base)
        home, outside = f"{base}/home", f"{base}/outside"
        os.makedirs(f"{home}/dir")
        os.makedirs(outside)
        for name, target in links:
            os.symlink(target.replace("OUTSIDE", outside), f"{home}/{name}")
        os.environ["HOME"] = home
        written = []
        file = HomeDirectoryFile(path=path.replace("HOME", home), content="x")
        try:
            write_files_to_home_dir([file], lambda p, _: written.append(os.path.relpath(p, home)))
        except RuntimeError:
            pass
        return {"path": path, "links": links, "written": written[0] if written else None}


def restart(old, new):
    Config.running_config.data = load({"fixworker": old}).data
    new_config = Config.read_config({"fixworker": {**to_json(FixWorkerConfig()), **new}})
    return {"old": old, "new": new, "restart": Config.restart_required(new_config)}


def stored(document):
    load({})
    Config.running_config.data = {}
    manager = Config.__new__(Config)
    return {"stored": document, "written": manager.with_default_config(copy.deepcopy(document))}


def model(clazz):
    kinds = dataclasses_to_fixcore_model({clazz}, use_optional_as_required=True, with_prop_description=False)
    return [kind for kind in kinds]


if __name__ == "__main__":
    environment = dict(os.environ)
    write("command_lines.json", [command_line(args, env) for args, env in COMMAND_LINES])
    with redirect_stdout(io.StringIO()) as out:
        parser().print_machine_help()
    (HERE / "machine_help.txt").write_text(out.getvalue())
    os.environ.clear()
    os.environ.update({"HOST": "localhost", "CREDENTIALS": "c"})
    write("overrides.json", [override({}, text) for text in OVERRIDES])
    write("placeholders.json", {"env": PLACEHOLDER_ENV, "cases": [
        [value, replace_env_vars({"x": value}, PLACEHOLDER_ENV, keep_unresolved=False)] for value in PLACEHOLDERS]})
    write("stored.json", [stored(document) for document in STORED])
    write("restarts.json", [restart(old, new) for old, new in RESTARTS])
    write("home_files.json", [home_file(path, links) for path, links in HOME_FILES])
    write("sections.json", {clazz.kind: {"kinds": model(clazz), "defaults": to_json(clazz())}
                            for clazz in (FixWorkerConfig, AwsConfig, RandomConfig)})
