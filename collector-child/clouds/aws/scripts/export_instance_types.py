#!/usr/bin/env python3
"""Writes data/instance_types.gz: what types of instances are called, what they have, and what they cost on demand with Linux.

    pip download --no-deps --dest DIR fixinventorydata==0.2.6
    python scripts/export_instance_types.py DIR/fixinventorydata-0.2.6-py3-none-any.whl            # writes the table
    python scripts/export_instance_types.py --check DIR/fixinventorydata-0.2.6-py3-none-any.whl    # fails if it differs

A developer's tool; neither the build nor the tests need Python. The package has the published tables of
https://ec2instances.info (MIT license) of the day on which it was made; the Python worker takes the same facts from it. Only
facts are taken: names, numbers, prices in US dollars per hour.

The table is text, packed: a line `# source`, a line with the regions, and for each type, sorted, its fields separated by tabs:
name, cores, MiB of memory, ECU, name for people, processor, GPU, and the price in each region. What is not known is empty.
"""
import argparse
import gzip
import hashlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path

PACKAGE = "fixinventorydata 0.2.6"
WHEEL_SHA256 = "fe6d27efa6650b9bb1749722fbe9c3bc734c8fb0717281f8271949c452d62c09"
DATA = Path(__file__).resolve().parent.parent / "data" / "instance_types.gz"
# Not those of local and wavelength zones, which no account is collected by.
REGION = re.compile(r"[a-z]+(-[a-z]+)+-\d")


def price(entry, region):
    return entry["pricing"].get(region, {}).get("linux", {}).get("ondemand")


def number(value):
    """The shortest text of it; empty for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return ""
    try:
        return f"{float(value):.10f}".rstrip("0").rstrip(".")
    except ValueError:
        return ""


def text(value):
    assert value is None or not re.search(r"[\t\n]", value), value
    return value or ""


def table(wheel):
    with zipfile.ZipFile(io.BytesIO(wheel)) as package:
        member = package.getinfo("fixinventorydata/data/instances.json")
        date = "{:04}-{:02}-{:02}".format(*member.date_time[:3])
        types = json.loads(package.read(member))["aws"]
    priced = {region for entry in types.values() for region in entry["pricing"] if price(entry, region)}
    regions = sorted(region for region in priced if REGION.fullmatch(region))
    source = f"# source: {PACKAGE} (PyPI, {date}, sha256 {WHEEL_SHA256}), which has it from https://ec2instances.info (MIT)"
    lines = [source, "\t".join(regions)]
    for name, entry in sorted(types.items()):
        memory = number(round(float(entry["memory"]) * 1024)) if entry.get("memory") else ""
        gpu = entry.get("GPU_model")
        facts = [name, number(entry.get("vCPU")), memory, number(entry.get("ECU")), text(entry.get("pretty_name"))]
        facts += [text(entry.get("physical_processor")), text(gpu)]
        lines.append("\t".join(facts + [number(price(entry, region)) for region in regions]))
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    wheel = args.wheel.read_bytes()
    if hashlib.sha256(wheel).hexdigest() != WHEEL_SHA256:
        sys.exit(f"{args.wheel} is not the package that this script was written for")
    written = table(wheel)
    if args.check:
        if gzip.decompress(DATA.read_bytes()).decode() != written:
            sys.exit(f"{DATA} is not what the package says")
        return
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_bytes(gzip.compress(written.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
