"""A fake Hetzner Cloud: two projects, each with a token, with every kind that is collected and what is odd about it.

Options: `page_size` (what it gives at most, 2 by default, so that listings have pages), `servers` (so many more), `without_datacenters` (as the API
is when datacenters are gone from it), `odd=1` (what a project may have, too, and the Python worker cannot bear).
"""

import copy
import re
from typing import Any

from fake import Refusal, Request

LOCATIONS = [("fsn1", "Falkenstein DC Park 1", 50.47612, 12.370071), ("nbg1", "Nuremberg DC Park 1", 49.452102, 11.076665), ("ash", "Ashburn, VA", 39.045821, -77.487073)]
CODES = {400: "invalid_input", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 423: "locked", 429: "rate_limit_exceeded", 500: "server_error", 503: "unavailable"}
CREATED = "2024-03-0{}T10:15:30+00:00"
PROTECTED = {"delete": True, "rebuild": True}
OPEN = {"delete": False, "rebuild": False}


def location(index: int) -> dict[str, Any]:
    name, description, latitude, longitude = LOCATIONS[index]
    return {"id": index + 1, "name": name, "description": description, "country": "DE", "city": "City", "latitude": latitude, "longitude": longitude, "network_zone": "eu-central"}


def datacenter(index: int) -> dict[str, Any]:
    name = LOCATIONS[index][0]
    types = {"supported": [1, 2], "available": [1], "available_for_migration": [1]}
    return {"id": 10 + index, "name": f"{name}-dc14", "description": f"{name} virtual DC 14", "location": location(index), "server_types": types}


def server_type(index: int, name: str) -> dict[str, Any]:
    price = {"net": "1.0000000000", "gross": "1.1900000000000000"}
    deprecation = {"announced": "2023-06-01T00:00:00+00:00", "unavailable_after": "2023-09-01T00:00:00+00:00"}
    return {
        "id": 20 + index, "name": name, "description": name.upper(), "cores": 2 + index, "memory": 2.0 * (index + 1), "disk": 20 * (index + 1),
        "deprecated": index == 1, "deprecation": deprecation if index == 1 else None, "storage_type": "local", "cpu_type": "shared",
        "architecture": "x86", "prices": [{"location": "fsn1", "price_hourly": price, "price_monthly": price, "included_traffic": 654321, "price_per_tb_traffic": price}],
    }


def isos() -> list[dict[str, Any]]:
    deprecation = {"announced": "2018-01-28T00:00:00+00:00", "unavailable_after": "2018-02-28T00:00:00+00:00"}
    iso = {"id": 30, "name": "FreeBSD-11.0", "description": "FreeBSD 11.0 x64", "type": "public", "architecture": "x86", "deprecated": None, "deprecation": deprecation}
    return [iso, {**iso, "id": 31, "name": "virtio", "description": "virtio drivers", "architecture": None, "deprecation": None}]


def server(number: int, name: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "name": name, "status": "running", "created": CREATED.format(1), "server_type": server_type(0, "cx22"),
        "datacenter": datacenter(at), "location": location(at), "image": None, "iso": None, "rescue_enabled": False, "locked": False,
        "backup_window": "22-02", "outgoing_traffic": 123456, "ingoing_traffic": 654321, "included_traffic": 21990232555520,
        "protection": dict(OPEN), "labels": {}, "volumes": [], "load_balancers": [], "primary_disk_size": 40, "placement_group": None,
        "public_net": {"ipv4": None, "ipv6": None, "floating_ips": [], "firewalls": []}, "private_net": [], **more,
    }


def project() -> dict[str, list[dict[str, Any]]]:
    """The project that holds something of everything."""
    ipv4 = {"id": 42, "ip": "131.232.99.1", "blocked": False, "dns_ptr": "static.1.99.232.131.clients.example.net"}
    ipv6 = {"id": 43, "ip": "2001:db8::/64", "blocked": False, "dns_ptr": [{"ip": "2001:db8::1", "dns_ptr": "server.example.com"}]}
    primary = {"created": CREATED.format(2), "labels": {"env": "test"}, "auto_delete": True, "blocked": False, "assignee_type": "server", "assignee_id": 100, "protection": {"delete": False}, "datacenter": datacenter(0), "location": location(0)}
    volume = {"created": CREATED.format(3), "labels": {}, "size": 42, "status": "available", "server": None, "location": location(0), "linux_device": "/dev/disk/by-id/scsi-0HC_Volume_4711", "protection": {"delete": False}, "format": "xfs"}
    network = {"created": CREATED.format(4), "labels": {"a": "b"}, "expose_routes_to_vswitch": False, "protection": {"delete": False}, "load_balancers": []}
    floating = {"created": CREATED.format(5), "labels": {"pool": "web"}, "blocked": False, "home_location": location(0), "protection": {"delete": False}}
    rule = {"direction": "in", "protocol": "tcp", "port": "80", "source_ips": ["28.239.13.1/32", "28.239.14.0/24"], "destination_ips": [], "description": "web"}
    return {
        "locations": [location(i) for i in range(3)],
        "datacenters": [datacenter(i) for i in range(3)],
        "server_types": [server_type(0, "cx22"), server_type(1, "cx11"), server_type(2, "cpx51")],
        "isos": isos(),
        "servers": [
            server(100, "web", 0, labels={"env": "test", "team": "a"}, volumes=[4711], public_net={"ipv4": ipv4, "ipv6": ipv6, "floating_ips": [478], "firewalls": [{"id": 38, "status": "applied"}]}, private_net=[{"network": 4712, "ip": "10.0.0.2", "alias_ips": ["10.0.0.3"], "network_id": 4712, "mac_address": "86:00:ff:2a:7d:e1"}]),
            server(101, "db", 0, status="off", server_type=server_type(2, "cpx51"), backup_window=None, protection=dict(PROTECTED), private_net=[{"network": 4712, "ip": "10.0.0.4", "alias_ips": [], "mac_address": "86:00:ff:2a:7d:e2"}]),
            server(102, "lone", 1, status="migrating", rescue_enabled=True, locked=True),
        ],
        "primary_ips": [
            {**primary, "id": 42, "name": "web-v4", "ip": "131.232.99.1", "type": "ipv4", "dns_ptr": [{"ip": "131.232.99.1", "dns_ptr": "static.1.99.232.131.clients.example.net"}]},
            {**primary, "id": 43, "name": "web-v6", "ip": "2001:db8::", "type": "ipv6", "dns_ptr": []},
            {**primary, "id": 45, "name": "free", "ip": "131.232.99.9", "type": "ipv4", "dns_ptr": [], "assignee_id": None, "auto_delete": False, "datacenter": datacenter(1), "location": location(1), "labels": {}},
        ],
        "volumes": [
            {**volume, "id": 4711, "name": "data", "labels": {"env": "test"}, "server": 100},
            {**volume, "id": 4713, "name": "spare", "format": None, "location": location(1), "protection": {"delete": True}},
            {**volume, "id": 4714, "name": "new", "status": "creating", "linux_device": None},
        ],
        "networks": [
            {**network, "id": 4712, "name": "mynet", "ip_range": "10.0.0.0/16", "servers": [100, 101], "subnets": [{"type": "cloud", "ip_range": "10.0.1.0/24", "network_zone": "eu-central", "gateway": "10.0.0.1"}, {"type": "vswitch", "ip_range": "10.0.2.0/24", "network_zone": "eu-central", "gateway": "10.0.0.1", "vswitch_id": 1000}], "routes": [{"destination": "10.100.1.0/24", "gateway": "10.0.1.1"}]},
            {**network, "id": 4715, "name": "empty", "ip_range": "10.1.0.0/16", "servers": [], "subnets": [], "routes": [], "expose_routes_to_vswitch": True, "labels": {}},
        ],
        "floating_ips": [
            {**floating, "id": 478, "name": "web-float", "description": "this describes it", "ip": "131.232.99.5", "type": "ipv4", "server": 100, "dns_ptr": [{"ip": "131.232.99.5", "dns_ptr": "float.example.com"}]},
            {**floating, "id": 479, "name": "spare-float", "description": None, "ip": "2001:db8:1::", "type": "ipv6", "server": None, "dns_ptr": [], "blocked": True, "home_location": location(1)},
        ],
        "firewalls": [
            {"id": 38, "name": "web-rules", "created": CREATED.format(6), "labels": {"env": "test"}, "rules": [rule, {**rule, "direction": "out", "protocol": "icmp", "port": None, "source_ips": [], "destination_ips": ["0.0.0.0/0"], "description": None}], "applied_to": [{"type": "server", "server": {"id": 100}}]},
            {"id": 39, "name": "unused", "created": CREATED.format(6), "labels": {}, "rules": [rule], "applied_to": []},
        ],
        "images": [
            {"id": 1, "name": "ubuntu-24.04", "type": "system", "status": "available", "description": "Ubuntu 24.04", "image_size": None, "disk_size": 5, "created": CREATED.format(1), "labels": {}, "created_from": None, "bound_to": None, "os_flavor": "ubuntu", "os_version": "24.04", "architecture": "x86", "rapid_deploy": True, "protection": {"delete": False}, "deprecated": None, "deleted": None},
        ],
    }


def add_oddities(estate: dict[str, list[dict[str, Any]]]) -> None:
    """What the Python worker ends the project for."""
    estate["firewalls"].insert(0, {"id": 40, "name": "no-rules", "created": CREATED.format(6), "labels": {}, "rules": [], "applied_to": [{"type": "label_selector", "label_selector": {"selector": "env=test"}, "applied_to_resources": [{"type": "server", "server": {"id": 100}}]}]})
    # Its addresses went away between the two listings.
    gone = {"id": 999, "ip": "131.232.99.77", "blocked": False, "dns_ptr": "gone.example.com"}
    estate["servers"][2]["public_net"]["ipv4"] = gone
    estate["primary_ips"][2].update(datacenter=None, location=location(1))
    # A location that the token is not shown.
    estate["floating_ips"][1]["home_location"] = {"id": 9, "name": "moon1"}
    estate["isos"].append({**isos()[1], "id": 32, "name": None, "type": "private", "description": "mine"})
    snapshot = estate["images"][0]
    estate["images"] += [
        {**snapshot, "id": 2, "name": None, "type": "snapshot", "description": "before the update", "image_size": 2.3, "disk_size": 40, "labels": {"env": "test"}, "created_from": {"id": 100, "name": "web"}},
        {**snapshot, "id": 3, "name": None, "type": "backup", "description": "Backup", "image_size": 2.5, "bound_to": 101, "created_from": {"id": 101, "name": "db"}, "protection": {"delete": True}},
    ]


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.page_size = int(options.get("page_size", 2))
        first, second = project(), {kind: [] for kind in project()}
        for kind in ("locations", "datacenters", "server_types", "isos"):
            second[kind] = copy.deepcopy(first[kind])
        second["servers"] = [server(900, "other", 0, labels={"env": "prod"})]
        first["servers"] += [server(1000 + n, f"more-{n}", 0) for n in range(int(options.get("servers", 0)))]
        if options.get("odd"):
            add_oddities(first)
        self.projects = {"hcloud-token": first, "other-token": second, "read-token": first}
        if options.get("without_datacenters"):
            for estate in self.projects.values():
                estate["datacenters"] = None
                for thing in estate["servers"] + estate["primary_ips"]:
                    thing.pop("datacenter", None)

    def error(self, status: int, headers: dict[str, str] | None = None, code: str | None = None) -> Refusal:
        code = code or CODES.get(status, "unknown_error")
        return Refusal(status, {"error": {"code": code, "message": f"{code.replace('_', ' ')} (fake)", "details": None}}, headers)

    def answer(self, request: Request) -> tuple[int, Any]:
        token = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        estate = self.projects.get(token)
        if estate is None:
            raise self.error(401)
        found = re.fullmatch(r"/v1/(\w+)(?:/(\d+))?", request.path)
        things = estate.get(found[1]) if found else None
        if things is None:
            raise self.error(404)
        if token == "read-token" and request.method != "GET":
            raise self.error(403, code="token_readonly")
        if found[2] is None:
            if request.method != "GET":
                raise self.error(405, code="method_not_allowed")
            return 200, self.page(request, found[1], things)
        thing = next((t for t in things if t["id"] == int(found[2])), None)
        if thing is None:
            raise self.error(404)
        one = found[1].removesuffix("s")
        if request.method == "GET":
            return 200, {one: thing}
        if request.method == "PUT":
            return 200, {one: self.changed(thing, request.json())}
        if request.method == "DELETE":
            self.delete(estate, found[1], thing)
            return 204, None
        raise self.error(405, code="method_not_allowed")

    def page(self, request: Request, kind: str, things: list[dict[str, Any]]) -> dict[str, Any]:
        if types := request.query.get("type"):
            things = [thing for thing in things if thing["type"] in types]
        number, size = int(request.one("page", "1")), min(int(request.one("per_page", "25")), self.page_size)
        last = max(1, -(-len(things) // size))
        pagination = {"page": number, "per_page": size, "previous_page": number - 1 or None, "next_page": number + 1 if number < last else None, "last_page": last, "total_entries": len(things)}
        return {kind: things[(number - 1) * size : number * size], "meta": {"pagination": pagination}}

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        number = int(request.one("page", "1"))
        body["meta"]["pagination"]["next_page"] = number + 1 if fault == "endless" else 1
        kind = next(kind for kind in body if kind != "meta")
        estate = self.projects["hcloud-token"]
        body[kind] = estate[kind][:1]
        return body, headers

    def changed(self, thing: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        labels = wanted.get("labels", {})
        if any(not isinstance(v, str) or len(v) > 63 or not re.fullmatch(r"[a-z0-9A-Z._/-]{1,127}", k) for k, v in labels.items()):
            raise self.error(400, code="invalid_input")
        thing.update({k: v for k, v in wanted.items() if k in ("labels", "name", "description")})
        return thing

    def delete(self, estate: dict[str, list[dict[str, Any]]], kind: str, thing: dict[str, Any]) -> None:
        number = thing["id"]
        if (thing.get("protection") or {}).get("delete"):
            raise self.error(403, code="protected")
        if kind == "volumes" and thing["server"]:
            raise self.error(409, code="volume_already_attached")
        if kind == "firewalls" and thing["applied_to"]:
            raise self.error(409, code="resource_in_use")
        if kind == "primary_ips" and thing["assignee_id"]:
            raise self.error(422, code="server_not_stopped")
        if kind in ("locations", "datacenters", "server_types", "isos"):
            raise self.error(405, code="method_not_allowed")
        if kind == "servers":
            self.without_server(estate, number)
        estate[kind].remove(thing)

    def without_server(self, estate: dict[str, list[dict[str, Any]]], number: int) -> None:
        for volume in estate["volumes"]:
            volume["server"] = None if volume["server"] == number else volume["server"]
        for network in estate["networks"]:
            network["servers"] = [n for n in network["servers"] if n != number]
        for firewall in estate["firewalls"]:
            firewall["applied_to"] = [to for to in firewall["applied_to"] if to.get("server", {}).get("id") != number]
        for address in list(estate["primary_ips"]):
            if address["assignee_id"] == number:
                if address["auto_delete"]:
                    estate["primary_ips"].remove(address)
                address["assignee_id"] = None
