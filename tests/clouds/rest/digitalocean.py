"""A fake DigitalOcean: two teams, each with a token and a pair of keys for Spaces, with every kind that is collected and what is odd
about it. Spaces are below `/s3/REGION`, as `SPACES_ENDPOINT_URL=ADDRESS/s3/{{.Region}}` says.

Options: `page_size` (what it gives at most, 2 by default, so that listings have pages), `droplets` (so many more), `bare=1` (a team
that has nothing but its project), `odd=1` (what a team may have, too, and the Python worker cannot bear).
"""

import hashlib
import re
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from fake import Refusal, Request

IDS = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 412: "precondition_failed", 422: "unprocessable_entity", 429: "too_many_requests", 500: "server_error", 503: "service_unavailable"}
CREATED = "2022-03-0{}T16:26:55Z"
FRA, NYC = "0d3176ad-41e0-4021-b831-0c5c45c60959", "0d3176ad-41e0-4021-b831-0c5c45c60960"
OWN_VPC = "1a2b76ad-41e0-4021-b831-0c5c45c60961"
CLUSTER, DATABASE = "e1c48631-b382-4001-2168-c47c54795a26", "2848a998-e151-4d5a-9813-0904a44c2397"
VOLUME, SPARE = "631f81d2-9fc1-11ec-800c-0a58ac14d197", "631f81d2-9fc1-11ec-800c-0a58ac14d198"
BALANCER, CERTIFICATE = "9625f517-75f0-4af8-a336-62374e68dc0d", "429199eb-e6c6-4ab3-bad6-f8f8c05d7f2d"
APP = "5dc41512-7523-4eeb-9f93-4a0d2b4f1d5c"
# The things that belong to projects, by what their urn calls them, and the word of their lists.
URNS = {"droplet": "droplets", "volume": "volumes", "dbaas": "databases", "kubernetes": "kubernetes_clusters", "loadbalancer": "load_balancers", "floatingip": "floating_ips", "domain": "domains", "app": "apps"}
LISTS = {
    "regions": "regions", "projects": "projects", "vpcs": "vpcs", "droplets": "droplets", "volumes": "volumes", "databases": "databases",
    "kubernetes/clusters": "kubernetes_clusters", "snapshots": "snapshots", "images": "images", "load_balancers": "load_balancers",
    "floating_ips": "floating_ips", "apps": "apps", "cdn/endpoints": "endpoints", "certificates": "certificates", "account/keys": "ssh_keys",
    "domains": "domains", "firewalls": "firewalls", "monitoring/alerts": "policies",
}
# How one of them is called when it is read alone.
ONE = {"kubernetes_clusters": "kubernetes_cluster", "endpoints": "endpoint", "ssh_keys": "ssh_key", "policies": "policy"}
TAGGED = {"droplet": "droplets", "image": "images", "volume": "volumes", "volume_snapshot": "snapshots", "database": "databases"}


def region(slug: str, name: str) -> dict[str, Any]:
    return {"name": name, "slug": slug, "features": ["backups", "ipv6", "storage"], "available": True, "sizes": ["s-1vcpu-1gb", "s-2vcpu-2gb"]}


REGIONS = [region("nyc1", "New York 1"), region("fra1", "Frankfurt 1"), region("ams3", "Amsterdam 3"), {**region("sfo1", "San Francisco 1"), "available": False, "features": []}]


def project(number: int, owner: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"75088298-73bd-4c8f-ba4b-91fc220d0a{number:02}", "owner_uuid": "d63ae7cb6500140c46fdb3585b0c1a874e195760", "owner_id": owner,
        "name": f"project-{number}", "description": "A project", "purpose": "Just trying out DigitalOcean", "environment": "Development",
        "is_default": False, "created_at": CREATED.format(1), "updated_at": CREATED.format(2), **more,
    }


def vpc(number: str, slug: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "urn": f"do:vpc:{number}", "name": f"default-{slug}", "description": "", "region": slug, "created_at": CREATED.format(3), "ip_range": "10.114.0.0/20", "default": True, **more}


def image(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "name": "20.04 (LTS) x64", "distribution": "Ubuntu", "slug": "ubuntu-20-04-x64", "public": True, "regions": ["nyc1", "fra1"], "created_at": CREATED.format(4),
        "min_disk_size": 15, "type": "base", "size_gigabytes": 0.61, "description": "Ubuntu 20.04 x86", "tags": [], "status": "available", **more,
    }


def size(slug: str, memory: int, cores: int, price: float) -> dict[str, Any]:
    return {"slug": slug, "memory": memory, "vcpus": cores, "disk": 25, "transfer": 1.0, "price_monthly": price * 672, "price_hourly": price, "regions": ["nyc1", "fra1"], "available": True, "description": "Basic"}


SMALL, LARGE = size("s-1vcpu-1gb", 1024, 1, 0.00744), size("s-2vcpu-2gb", 2048, 2, 0.02232)


def droplet(number: int, name: str, slug: str, vpc_uuid: str, kind: dict[str, Any] = SMALL, **more: Any) -> dict[str, Any]:
    place = next(dict(region) for region in REGIONS if region["slug"] == slug)
    return {
        "id": number, "name": name, "memory": kind["memory"], "vcpus": kind["vcpus"], "disk": 25, "locked": False, "status": "active", "kernel": None, "created_at": CREATED.format(5), "features": ["private_networking"],
        "backup_ids": [], "next_backup_window": None, "snapshot_ids": [], "image": image(101111514), "volume_ids": [], "size": dict(kind), "size_slug": kind["slug"], "networks": {"v4": [], "v6": []}, "region": place, "tags": [], "vpc_uuid": vpc_uuid, **more,
    }


def snapshot(number: str, of: str, kind: str, regions: list[str], **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"{kind}-snapshot", "created_at": CREATED.format(6), "regions": regions, "resource_id": of, "resource_type": kind, "min_disk_size": 25, "size_gigabytes": 1.43, "tags": None, **more}


def balancer(number: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "name": name, "ip": "157.230.0.1", "size": "lb-small", "size_unit": 1, "algorithm": "round_robin", "status": "active", "created_at": CREATED.format(7), "forwarding_rules": [], "sticky_sessions": {},
        "region": dict(REGIONS[1]), "tag": "", "droplet_ids": [], "redirect_http_to_https": False, "enable_proxy_protocol": False, "enable_backend_keepalive": True, "vpc_uuid": FRA, "disable_lets_encrypt_dns_records": False, **more,
    }


def record(number: int, kind: str, name: str, data: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "name": name, "data": data, "priority": None, "port": None, "ttl": 1800, "weight": None, "flags": None, "tag": None, **more}


def estate(owner: int) -> dict[str, Any]:
    """A team with nothing but its project."""
    lists: dict[str, Any] = {name: [] for name in LISTS.values()}
    return lists | {"regions": REGIONS, "projects": [project(1, owner, name="first", is_default=True)], "resources": {}, "registry": None, "repositories": [], "repository_tags": [], "domain_records": {}, "neighbor_ids": [], "tags": {}, "buckets": {"fra1": {}, "nyc1": {}}}


def team() -> dict[str, Any]:
    """The team that holds something of everything."""
    droplets = [
        droplet(289110074, "web", "fra1", FRA, tags=["env--test", "web"], backup_ids=[53893572], volume_ids=[VOLUME]),
        droplet(290075243, "pool-node", "fra1", FRA, LARGE, tags=["k8s", f"k8s:{CLUSTER}", "k8s:worker"], image=image(101111600, slug=None, public=False, name="node image", size_gigabytes=2.0, distribution="Debian", type="snapshot")),
        droplet(289110075, "stopped", "nyc1", NYC, status="off", locked=True),
        droplet(289110076, "own", "fra1", OWN_VPC, LARGE, status="new", image=image(101111700, slug=None, public=False, name="own image", type="custom", description=None, tags=["origin--me"], status="available"), tags=[]),
    ]
    volume = {"name": "data", "description": "for data", "size_gigabytes": 1, "created_at": CREATED.format(6), "filesystem_type": "ext4", "filesystem_label": "", "region": dict(REGIONS[1]), "droplet_ids": [289110074], "tags": ["env--test"]}
    database = {
        "id": DATABASE, "name": "do-plugin-test-db", "engine": "pg", "version": "14", "connection": {"host": "host.b.db.ondigitalocean.com", "port": 25060}, "users": None, "db_names": None, "num_nodes": 1,
        "region": "fra1", "status": "online", "maintenance_window": None, "size": "db-s-1vcpu-1gb", "tags": ["env--test"], "private_network_uuid": FRA, "created_at": CREATED.format(6), "storage_size_mib": 10240,
    }
    cluster = {
        "id": CLUSTER, "name": "k8s-test", "region": "fra1", "version": "1.22.8-do.1", "cluster_subnet": "10.244.0.0/16", "service_subnet": "10.245.0.0/16", "vpc_uuid": FRA, "ipv4": "127.0.0.1", "endpoint": f"https://{CLUSTER}.k8s.ondigitalocean.com",
        "tags": ["k8s", f"k8s:{CLUSTER}"], "node_pools": [{"id": "e1", "name": "pool", "size": "s-2vcpu-2gb", "count": 1, "nodes": [{"id": "n1", "name": "pool-node", "status": {"state": "running"}, "droplet_id": "290075243"}]}, {"id": "e2", "name": "empty", "nodes": []}],
        "maintenance_policy": {"day": "any"}, "auto_upgrade": False, "status": {"state": "running"}, "created_at": CREATED.format(7), "updated_at": CREATED.format(8), "surge_upgrade": True, "registry_enabled": False, "ha": False,
    }
    address = {"region": dict(REGIONS[1]), "locked": False, "project_id": "75088298-73bd-4c8f-ba4b-91fc220d0a02"}
    app = {"id": APP, "owner_uuid": "x", "spec": {"name": "app", "databases": [{"name": "do-plugin-test-db", "engine": "PG", "production": True}]}, "default_ingress": "https://app.ondigitalocean.app", "created_at": CREATED.format(7), "updated_at": CREATED.format(8), "tier_slug": "basic", "live_url": "https://app.ondigitalocean.app", "live_url_base": "https://app.ondigitalocean.app", "live_domain": "app.ondigitalocean.app", "region": {"slug": "fra", "data_centers": ["fra1"]}}
    static = {**app, "id": APP.replace("5dc4", "5dc5"), "spec": {"name": "site"}, "region": {}, "tier_slug": "starter"}
    certificate = {"id": CERTIFICATE, "name": "cert", "not_after": "2022-06-06T00:00:00Z", "sha1_fingerprint": "5909e5e05bbce0c63c2e2523542f74700849b7c2", "created_at": CREATED.format(8), "dns_names": ["do-plugin-test.fix", "www.do-plugin-test.fix"], "state": "verified", "type": "custom"}
    policy = {"uuid": "78b3da62-27e5-49ba-ac70-5db0b5935c64", "type": "v1/insights/droplet/cpu", "description": "CPU is running high", "compare": "GreaterThan", "value": 70, "window": "5m", "entities": [], "tags": [], "enabled": True}
    firewall = {"id": "fe2e76df-3e15-4895-800f-2d5b3b807711", "name": "k8s-firewall", "status": "succeeded", "created_at": CREATED.format(8), "droplet_ids": [289110074, 290075243], "tags": ["k8s:worker"], "inbound_rules": [], "outbound_rules": [], "pending_changes": []}
    return estate(1000) | {
        "projects": [project(1, 1000, name="first", is_default=True), project(2, 1000, name="second", description="", environment="", purpose="Web")],
        "resources": {1: ["droplet:289110074", f"dbaas:{DATABASE}", "space:demo-space", f"app:{APP}"], 2: [f"volume:{VOLUME}", f"kubernetes:{CLUSTER}", f"loadbalancer:{BALANCER}", "floatingip:127.0.0.1", "domain:do-plugin-test.fix", "droplet:1"]},
        "vpcs": [vpc(FRA, "fra1"), vpc(NYC, "nyc1", ip_range="10.110.0.0/20"), vpc(OWN_VPC, "fra1", name="own", default=False, description="my own")],
        "droplets": droplets,
        "images": [droplet["image"] for droplet in droplets],
        "volumes": [{**volume, "id": VOLUME}, {**volume, "id": SPARE, "name": "spare", "droplet_ids": [], "tags": None, "description": "", "size_gigabytes": 100}],
        "databases": [database, {**database, "id": DATABASE.replace("2848", "2849"), "name": "mysql", "engine": "mysql", "version": "8", "region": "nyc1", "status": "migrating", "size": "db-s-2vcpu-4gb", "private_network_uuid": NYC, "tags": [], "storage_size_mib": 38912}],
        "kubernetes_clusters": [cluster],
        "snapshots": [snapshot("103198134", "289110074", "droplet", ["fra1", "nyc1"], tags=["kept--yes"]), snapshot("6d9e4d4e-9fc1-11ec-9c6c-0a58ac14d1ee", VOLUME, "volume", ["fra1"], size_gigabytes=0.5, min_disk_size=1), snapshot("103198135", "5", "droplet", ["nyc1"])],
        "load_balancers": [balancer(BALANCER, "balancer", droplet_ids=[289110074, 289110075], forwarding_rules=[{"entry_protocol": "https", "certificate_id": CERTIFICATE}]), balancer(BALANCER.replace("9625", "9626"), "old", size="lb-medium", size_unit=None, region=dict(REGIONS[0]), vpc_uuid=NYC, status="new", ip="157.230.0.2")],
        "floating_ips": [{**address, "ip": "127.0.0.1", "droplet": dict(droplets[0])}, {**address, "ip": "127.0.0.2", "droplet": None, "region": dict(REGIONS[0]), "locked": True}],
        "apps": [app, static],
        "endpoints": [{"id": "4edbbc3a-79a5-4950-b2d2-ae8f8f8e8e8c", "origin": "demo-space.fra1.digitaloceanspaces.com", "endpoint": "demo-space.fra1.cdn.digitaloceanspaces.com", "created_at": CREATED.format(8), "ttl": 3600, "certificate_id": CERTIFICATE, "custom_domain": "test.do-plugin-test.fix"}],
        "certificates": [certificate],
        "registry": {"name": "fix-do-plugin-test", "created_at": CREATED.format(5), "region": "fra1", "storage_usage_bytes": 6144, "storage_usage_bytes_updated_at": CREATED.format(8), "storage_usage_updated_at": CREATED.format(9), "subscription": {}, "read_only": False},
        "repositories": [{"registry_name": "fix-do-plugin-test", "name": "hw", "latest_manifest": {}, "tag_count": 2, "manifest_count": 2}, {"registry_name": "fix-do-plugin-test", "name": "team/api", "latest_manifest": {}, "tag_count": 1, "manifest_count": 3}],
        "repository_tags": [{"registry_name": "fix-do-plugin-test", "repository": repository, "tag": tag, "manifest_digest": f"sha256:{tag}{repository}", "compressed_size_bytes": 5164, "size_bytes": 12660, "updated_at": CREATED.format(9)} for repository, tag in [("hw", "latest"), ("hw", "v1"), ("team/api", "latest")]],
        "ssh_keys": [{"id": 289794, "fingerprint": "3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45", "public_key": "ssh-ed25519 publickey do@test", "name": "test key"}],
        "domains": [{"name": "do-plugin-test.fix", "ttl": 1800, "zone_file": "$ORIGIN do-plugin-test.fix.\n$TTL 1800\n"}],
        "domain_records": {"do-plugin-test.fix": [record(300035870, "NS", "@", "ns1.digitalocean.com"), record(300035871, "SOA", "@", "1800"), record(300035874, "MX", "@", "mail.do-plugin-test.fix", priority=10), record(300035875, "SRV", "_sip", "sip.do-plugin-test.fix", priority=1, port=5060, weight=5), record(300035876, "CAA", "@", "letsencrypt.org", flags=0, tag="issue")]},
        "firewalls": [firewall],
        "policies": [policy, {**policy, "uuid": policy["uuid"].replace("78b3", "78b4"), "description": "memory", "type": "v1/insights/droplet/memory_utilization_percent", "enabled": False}],
        "neighbor_ids": [[290075243, 289110074]],
        "buckets": {"fra1": {"demo-space": objects()}, "nyc1": {}},
    }


def objects() -> dict[str, Any]:
    versions = [("a/b c.txt", "v1", False), ("a/b c.txt", "v2", False), ("a/b c.txt", "v3", True), ("deep/ü&<>.bin", "v4", False), ("z", "null", False)]
    return {"versions": versions, "uploads": [("unfinished", "u1")]}


def series(number: int, metric: str) -> list[dict[str, Any]]:
    """What was measured of a droplet: seconds of each mode so far, and bytes of memory."""
    times = [1650000000 + 240 * n for n in range(4)]
    if metric == "cpu":
        used = {"idle": [1000.0, 1230.5, 1440.25, 1676.0], "user": [100.0, 104.0, 130.0, 134.0]}
        return [{"metric": {"host_id": str(number), "mode": mode}, "values": [[at, str(value)] for at, value in zip(times, values)]} for mode, values in used.items()]
    return [{"metric": {"host_id": str(number)}, "values": [[at, str(600_000_000 + 10_000_000 * n)] for n, at in enumerate(times)]}]


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.page_size = int(options.get("page_size", 2))
        first, second = team(), estate(2000)
        if options.get("bare"):
            first = estate(1000)
        if options.get("odd"):
            add_oddities(first)
        first["droplets"] += [droplet(300000000 + n, f"more-{n}", "fra1", FRA) for n in range(int(options.get("droplets", 0)))]
        second["droplets"] = [droplet(900, "other", "nyc1", NYC)]
        self.teams = {"do-token": first, "second-token": first, "read-token": first, "other-token": second, "no-project": estate(3000) | {"projects": []}}
        self.keys = {"access": first, "other": second}

    def error(self, status: int, headers: dict[str, str] | None = None, message: str = "") -> Refusal:
        name = IDS.get(status, "error")
        return Refusal(status, {"id": name, "message": message or f"{name.replace('_', ' ')} (fake)", "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"}, headers)

    def error_of(self, request: Request, status: int) -> Refusal:
        if request.path.startswith("/s3/"):
            return Spaces(self).error(status, {403: "AccessDenied", 404: "NoSuchBucket", 503: "SlowDown"}.get(status, "InternalError"))
        return self.error(status)

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.path.startswith("/s3/"):
            return Spaces(self).answer(request)
        token = (request.headers.get("Authorization") or "").removeprefix("Bearer ")
        estate = self.teams.get(token)
        if estate is None:
            raise self.error(401, message="Unable to authenticate you")
        if token == "read-token" and request.method != "GET":
            raise self.error(403, message="You are not authorized to perform this operation")
        path = request.path.removeprefix("/v2/")
        answer = getattr(self, request.method.lower(), lambda *_: None)(estate, path, request)
        if answer is None:
            raise self.error(404, message="The resource you were accessing could not be found.")
        return answer

    def get(self, estate: dict[str, Any], path: str, request: Request) -> tuple[int, Any] | None:
        if path in LISTS:
            return 200, self.page(request, LISTS[path], estate[LISTS[path]])
        if path == "registry" and estate["registry"]:
            return 200, {"registry": estate["registry"]}
        if path == "reports/droplet_neighbors_ids":
            return 200, {"neighbor_ids": estate["neighbor_ids"]}
        if found := re.fullmatch(r"projects/(.+)/resources", path):
            urns = estate["resources"].get(int(found[1][-2:]), [])
            return 200, self.page(request, "resources", [{"urn": f"do:{urn}", "assigned_at": CREATED.format(1), "status": "ok"} for urn in urns])
        if found := re.fullmatch(r"domains/([^/]+)/records", path):
            return 200, self.page(request, "domain_records", estate["domain_records"].get(found[1], []))
        if found := re.fullmatch(r"registry/([^/]+)/repositoriesV2", path):
            return 200, self.page(request, "repositories", estate["repositories"])
        if found := re.fullmatch(r"registry/([^/]+)/repositories/(.+)/tags", path):
            return 200, self.page(request, "tags", [tag for tag in estate["repository_tags"] if tag["repository"] == found[2]])
        if found := re.fullmatch(r"monitoring/metrics/droplet/(cpu|memory_available)", path):
            number = int(request.one("host_id"))
            result = series(number, found[1]) if any(d["id"] == number and d["status"] == "active" for d in estate["droplets"]) else []
            return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}
        if found := re.fullmatch(r"tags/([^/]+)", path):
            held = estate["tags"].get(found[1])
            return None if held is None else (200, {"tag": {"name": found[1], "resources": {"count": len(held)}}})
        kind, thing = self.one(estate, path)
        return None if thing is None else (200, {ONE.get(kind, kind.removesuffix("s")): thing})

    def one(self, estate: dict[str, Any], path: str) -> tuple[str, Any]:
        folder, _, number = path.rpartition("/")
        kind = LISTS.get(folder)
        key = {"floating_ips": "ip", "domains": "name", "policies": "uuid"}.get(kind, "id")
        return kind or "", next((thing for thing in estate.get(kind, []) if str(thing[key]) == number), None)

    def page(self, request: Request, name: str, things: list[Any]) -> dict[str, Any]:
        number, size = int(request.one("page", "1")), min(int(request.one("per_page", "20")), self.page_size)
        last = max(1, -(-len(things) // size))
        at = f"{request.base}{request.path}?per_page={request.one('per_page', '20')}&page="
        pages = {} if last == 1 else {"last": f"{at}{last}"} | ({"next": f"{at}{number + 1}"} if number < last else {})
        body = {name: things[(number - 1) * size : number * size], "links": {"pages": pages}, "meta": {"total": len(things)}}
        # As some of its services do it.
        if name in ("apps", "databases", "policies") and not things:
            return {}
        return body

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        number = int(request.one("page", "1")) + 1 if fault == "endless" else 1
        host = "https://elsewhere.example.com" if fault == "elsewhere" else request.base
        body["links"] = {"pages": {"next": f"{host}{request.path}?page={number}", "last": f"{host}{request.path}?page=9999"}}
        name = next(name for name in body if name not in ("links", "meta"))
        body[name] = self.teams["do-token"].get(name, body[name])[:1]
        return body, headers

    def post(self, estate: dict[str, Any], path: str, request: Request) -> tuple[int, Any] | None:
        if path == "tags":
            name = request.json().get("name", "")
            if not re.fullmatch(r"[A-Za-z0-9:_-]{1,255}", name):
                raise self.error(422, message="Tag names may contain letters, numbers, colons, dashes, and underscores")
            if name in estate["tags"]:
                raise self.error(422, message="Tag name already exists")
            estate["tags"][name] = set()
            return 201, {"tag": {"name": name, "resources": {"count": 0}}}
        if found := re.fullmatch(r"tags/([^/]+)/resources", path):
            return self.tagging(estate, found[1], request, True)
        if found := re.fullmatch(r"floating_ips/([^/]+)/actions", path):
            _, thing = self.one(estate, f"floating_ips/{found[1]}")
            if thing is None or request.json() != {"type": "unassign"}:
                return None
            if thing["droplet"] is None:
                raise self.error(422, message="The floating IP is not assigned")
            thing["droplet"], thing["pending"] = None, 1
            return 201, {"action": {"id": 1, "status": "in-progress"}}
        return None

    def tagging(self, estate: dict[str, Any], name: str, request: Request, there: bool) -> tuple[int, Any] | None:
        if there and name not in estate["tags"]:
            return None
        for resource in request.json()["resources"]:
            things = estate[TAGGED[resource["resource_type"]]] if resource["resource_type"] in TAGGED else []
            thing = next((thing for thing in things if str(thing["id"]) == resource["resource_id"]), None)
            # A snapshot of a droplet is an image.
            if thing is None and resource["resource_type"] == "image":
                thing = next((s for s in estate["snapshots"] if s["id"] == resource["resource_id"] and s["resource_type"] == "droplet"), None)
            elif thing is not None and resource["resource_type"] == "volume_snapshot" and thing["resource_type"] == "droplet":
                thing = None
            if thing is None or (not there and name not in (thing["tags"] or [])):
                return None
            thing["tags"] = [tag for tag in thing["tags"] or [] if tag != name] + ([name] if there else [])
            held = estate["tags"].setdefault(name, set())
            (held.add if there else held.discard)(resource["resource_id"])
        return 204, None

    def delete(self, estate: dict[str, Any], path: str, request: Request) -> tuple[int, Any] | None:
        if found := re.fullmatch(r"tags/([^/]+)/resources", path):
            return self.tagging(estate, found[1], request, False)
        if found := re.fullmatch(r"tags/([^/]+)", path):
            return (204, None) if estate["tags"].pop(found[1], None) is not None else None
        if path == "registry" and estate["registry"]:
            estate["registry"], estate["repositories"], estate["repository_tags"] = None, [], []
            return 204, None
        if found := re.fullmatch(r"registry/([^/]+)/repositories/(.+)/tags/([^/]+)", path):
            return self.drop(estate["repository_tags"], lambda tag: (tag["repository"], tag["tag"]) == (found[2], found[3]))
        if found := re.fullmatch(r"domains/([^/]+)/records/(\d+)", path):
            return self.drop(estate["domain_records"].get(found[1], []), lambda record: str(record["id"]) == found[2])
        kind, thing = self.one(estate, path)
        if thing is None:
            # Snapshots of droplets are images as well.
            return None
        self.may_go(estate, kind, thing)
        self.without(estate, kind, thing)
        estate[kind].remove(thing)
        return 204, None

    def drop(self, things: list[Any], which: Any) -> tuple[int, Any] | None:
        found = [thing for thing in things if which(thing)]
        for thing in found:
            things.remove(thing)
        return (204, None) if found else None

    def may_go(self, estate: dict[str, Any], kind: str, thing: dict[str, Any]) -> None:
        if kind == "regions":
            raise self.error(404)
        if kind == "vpcs" and thing["default"]:
            raise self.error(403, message="Can not delete default VPCs")
        if kind == "vpcs" and any(member.get("vpc_uuid", member.get("private_network_uuid")) == thing["id"] for name in ("droplets", "databases", "load_balancers", "kubernetes_clusters") for member in estate[name]):
            raise self.error(409, message="Can not delete VPC with members")
        if kind == "projects" and (thing["is_default"] or estate["resources"].get(int(thing["id"][-2:]))):
            raise self.error(412, message="cannot delete a project with resources" if not thing["is_default"] else "cannot delete the default project")
        if kind == "volumes" and thing["droplet_ids"]:
            raise self.error(409, message="Volume is attached to a Droplet. Detach the volume before deleting.")
        if kind == "images" and thing["public"]:
            raise self.error(403, message="You do not have access for the attempted action.")
        if kind == "certificates" and any(rule.get("certificate_id") == thing["id"] for b in estate["load_balancers"] for rule in b["forwarding_rules"]):
            raise self.error(403, message="Make sure the certificate is not in use before deleting it")
        if kind == "certificates" and any(endpoint["certificate_id"] == thing["id"] for endpoint in estate["endpoints"]):
            raise self.error(403, message="Make sure the certificate is not in use before deleting it")
        if kind == "floating_ips" and thing.get("pending"):
            thing["pending"] = 0
            raise self.error(422, message="The floating IP already has a pending event.")
        if kind == "floating_ips" and thing["droplet"]:
            raise self.error(422, message="The floating IP is assigned to a Droplet.")

    def without(self, estate: dict[str, Any], kind: str, thing: dict[str, Any]) -> None:
        word = next((word for word, name in URNS.items() if name == kind), None)
        urn = f"{word}:{thing.get('id', thing.get('ip', thing.get('name')))}"
        estate["resources"] = {n: [held for held in urns if held != urn] for n, urns in estate["resources"].items()}
        if kind == "kubernetes_clusters":
            nodes = {node["droplet_id"] for pool in thing["node_pools"] for node in pool["nodes"]}
            estate["droplets"] = [droplet for droplet in estate["droplets"] if str(droplet["id"]) not in nodes]
        if kind == "droplets":
            for volume in estate["volumes"]:
                volume["droplet_ids"] = [n for n in volume["droplet_ids"] if n != thing["id"]]
            for address in estate["floating_ips"]:
                if (address["droplet"] or {}).get("id") == thing["id"]:
                    address["droplet"] = None


def add_oddities(first: dict[str, Any]) -> None:
    """A droplet without image and size in the answer, one that nobody knows beside a neighbor, and things without a place."""
    first["droplets"].append({**droplet(289110077, "odd", "ams3", NYC), "image": None, "size": None, "vpc_uuid": None, "features": None, "backup_ids": None, "tags": None})
    first["neighbor_ids"].append([5, 289110077])
    first["floating_ips"].append({"ip": "127.0.0.3", "region": None, "droplet": None, "locked": False})
    first["apps"].append({**first["apps"][0], "id": APP.replace("5dc4", "5dc6"), "spec": None, "region": None})
    first["snapshots"].append(snapshot("103198136", "6", "droplet", []))


class Spaces:
    """The buckets of the team whose key has signed."""

    XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def error(self, status: int, code: str) -> Refusal:
        return Refusal(status, f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{code} (fake)</Message><RequestId>tx1</RequestId></Error>".encode(), {"Content-Type": "application/xml"})

    def xml(self, name: str, inner: str) -> tuple[int, Any, dict[str, str]]:
        return 200, f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{self.XMLNS}">{inner}</{name}>'.encode(), {"Content-Type": "application/xml"}

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        signed = re.match(r"AWS4-HMAC-SHA256 Credential=(\w+)/\d+/(\w+)/s3/aws4_request", request.headers.get("Authorization") or "")
        estate = self.cloud.keys.get(signed[1]) if signed else None
        if estate is None:
            raise self.error(403, "InvalidAccessKeyId")
        if request.headers.get("x-amz-content-sha256") not in ("UNSIGNED-PAYLOAD", hashlib.sha256(request.body).hexdigest()):
            raise self.error(400, "XAmzContentSHA256Mismatch")
        _, _, region, bucket, *key = request.path.split("/", 4) + [""]
        if region != signed[2]:
            raise self.error(403, "SignatureDoesNotMatch")
        buckets = estate["buckets"].get(region, {})
        if not bucket:
            listed = "".join(f"<Bucket><Name>{name}</Name><CreationDate>2022-02-23T13:42:21.455Z</CreationDate></Bucket>" for name in buckets)
            return self.xml("ListAllMyBucketsResult", f"<Owner><ID>1000</ID></Owner><Buckets>{listed}</Buckets>")
        if bucket not in buckets:
            raise self.error(404, "NoSuchBucket")
        return self.of_bucket(request, buckets, bucket, key[0])

    def of_bucket(self, request: Request, buckets: dict[str, Any], bucket: str, key: str) -> tuple[int, Any, dict[str, str]]:
        held = buckets[bucket]
        match request.method, next((n for n in ("versions", "uploads", "object-lock", "versioning", "delete") if n in request.query), ""):
            case "GET", "versions":
                return self.versions(request, held["versions"])
            case "GET", "uploads":
                return self.xml("ListMultipartUploadsResult", "".join(f"<Upload><Key>{escape(k)}</Key><UploadId>{u}</UploadId></Upload>" for k, u in held["uploads"]) + "<IsTruncated>false</IsTruncated>")
            case "GET", "object-lock":
                raise self.error(404, "ObjectLockConfigurationNotFoundError")
            case "GET", "versioning":
                return self.xml("VersioningConfiguration", "<Status>Enabled</Status>")
            case "POST", "delete":
                if not request.headers.get("Content-MD5"):
                    raise self.error(400, "InvalidRequest")
                ns = {"s": self.XMLNS}
                for thing in ElementTree.fromstring(request.body).findall("s:Object", ns):
                    which = (thing.findtext("s:Key", namespaces=ns), thing.findtext("s:VersionId", namespaces=ns))
                    held["versions"] = [v for v in held["versions"] if v[:2] != which]
                return self.xml("DeleteResult", "")
            case "DELETE", _ if key:
                upload = request.one("uploadId")
                held["uploads"] = [u for u in held["uploads"] if u != (key, upload)]
                return 204, None, {}
            case "DELETE", _:
                if held["versions"] or held["uploads"]:
                    raise self.error(409, "BucketNotEmpty")
                del buckets[bucket]
                return 204, None, {}
        raise self.error(501, "NotImplemented")

    def versions(self, request: Request, versions: list[Any]) -> tuple[int, Any, dict[str, str]]:
        after = (request.one("key-marker"), request.one("version-id-marker"))
        # One that is gone meanwhile is not missed.
        rest = [v for v in versions if after[0] is None or (v[0], v[1]) > (after[0], after[1] or "~")]
        page, more = rest[: self.cloud.page_size], len(rest) > self.cloud.page_size
        inner = "".join(f"<{tag}><Key>{escape(k)}</Key><VersionId>{v}</VersionId></{tag}>" for k, v, gone in page for tag in ["DeleteMarker" if gone else "Version"])
        if more:
            inner += f"<NextKeyMarker>{escape(page[-1][0])}</NextKeyMarker><NextVersionIdMarker>{page[-1][1]}</NextVersionIdMarker>"
        return self.xml("ListVersionsResult", f"{inner}<IsTruncated>{'true' if more else 'false'}</IsTruncated>")
