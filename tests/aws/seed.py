#!/usr/bin/env python3
"""Fills a moto server with an estate: several accounts, two regions, every service that moto serves.

seed.py --endpoint http://127.0.0.1:5000 --accounts 100000000001,100000000002 [--scale 2]
"""

import argparse
from collections import Counter

from estate import compute, identity, network, operations, storage
from estate.place import GLOBAL_REGION, Place, session, warn

# In this order: later parts use what earlier ones made.
REGIONAL = [*storage.PARTS[:1], *network.PARTS, *storage.PARTS[1:], *compute.PARTS, *identity.PARTS, *operations.PARTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--accounts", required=True)
    parser.add_argument("--regions", default="us-east-1,eu-west-1")
    parser.add_argument("--scale", type=int, default=1, help="how many times more of most things")
    parser.add_argument("--tell", action="store_true", help="say what the mock did not take")
    args = parser.parse_args()
    refused: Counter[str] = Counter()
    for number, account in enumerate(args.accounts.split(",")):
        places = {}
        login = session(args.endpoint, account)
        for region in args.regions.split(","):
            places[region] = Place(args.endpoint, account, region, number, args.scale, login)
        home = places[GLOBAL_REGION]
        home.run(identity.FIRST)
        for place in places.values():
            place.ids["policy"] = home.ids["policy"]
        # The last account has little, and in one region only: the other is found unused.
        small = number > 0 and account == args.accounts.split(",")[-1]
        home.run(storage.PARTS[:1] + storage.ONCE)
        for place in [home] if small else places.values():
            skip = storage.PARTS[:1] if place is home else []
            place.run(
                [part for part in REGIONAL if part not in skip] if not small else network.PARTS + storage.PARTS[7:9]
            )
        home.run(identity.ONCE)
        for place in places.values():
            refused.update(place.refused)
    if args.tell:
        for what, count in sorted(refused.items()):
            warn(f"not taken ({count} times): {what}")


if __name__ == "__main__":
    main()
