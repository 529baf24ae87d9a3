"""A fake Scarf: two organizations, and packages of them and of somebody else. Tokens are got by logging in.

Options: `packages` (so many more), `odd=1` (what the Python worker cannot bear: members that are not there, dates without a fraction).
"""

from typing import Any

from fake import Refusal, Request

PASSWORD = "scarf-secret"


def package(number: int, owner: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "uuid": f"{number:08}-0000-0000-0000-000000000001", "owner": owner, "name": f"{owner}/{name}", "shortDescription": "a fake", "longDescription": "a fake package",
        "website": "https://demo.example.com", "libraryType": "docker", "createdAt": "2023-01-31T09:00:00.123456Z", "latestVersion": None, "permissionLevel": "admin", **more,
    }


def organization(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "description": "a fake", "website": "https://demo.example.com", "billingEmail": "billing@demo.example.com",
        "createdAt": "2022-01-31T09:00:00.123456Z", "updatedAt": "2024-05-01T08:00:00.123456Z", "role": "admin", **more,
    }


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.tokens = 0
        self.organizations = {"demo-org": organization("demo-org"), "second-org": organization("second-org", description=None, website=None, billingEmail=None)}
        self.packages = [package(1, "demo-org", "tool"), package(2, "demo-org", "plain", libraryType="pip") | {"name": "plain"}, package(3, "foreign", "their"), package(4, "second-org", "other", website=None)]
        self.installs = {self.packages[0]["uuid"]: [{"count": 3, "date": "2024-04-01"}, {"date": "2024-04-02"}, {"count": 39, "date": "2024-04-03"}]}
        self.packages += [package(10 + n, "demo-org", f"more-{n}") for n in range(int(options.get("packages", 0)))]
        if options.get("odd"):
            bare = {"uuid": "00000005-0000-0000-0000-000000000001", "owner": "demo-org", "name": "bare"}
            self.packages += [bare, package(6, "demo-org", "dated", createdAt="2023-01-31T09:00:00Z"), {"uuid": "00000007-0000-0000-0000-000000000001", "name": "nobody's"}]

    def error(self, status: int, headers: dict[str, str] | None = None) -> Refusal:
        return Refusal(status, {"message": "no (fake)"}, headers)

    def answer(self, request: Request) -> tuple[int, Any]:
        path = [part for part in request.path.split("/") if part]
        if (request.method, path) == ("POST", ["internal", "login"]):
            said = request.json()
            if said != {"email": "me@demo.example.com", "password": PASSWORD}:
                raise Refusal(401, {"message": "Incorrect email or password (fake)"})
            self.tokens += 1
            return 200, {"token": f"token-{self.tokens}", "username": "me", "email": said["email"]}
        kind, _, token = (request.headers.get("Authorization") or "").partition(" ")
        if kind != "Bearer" or token != f"token-{self.tokens}":
            raise self.error(401)
        match path:
            case ["api", "v1", "organizations", name] if name in self.organizations:
                return 200, self.organizations[name]
            case ["api", "v1", "packages"]:
                return 200, self.packages
            case ["internal", "insights", owner, uuid, "installs"] if request.one("start_date") == "2020-01-01" and request.one("end_date"):
                if not any(one["uuid"] == uuid and one.get("owner") == owner for one in self.packages):
                    raise self.error(404)
                return 200, self.installs.get(uuid, [])
        raise self.error(404)

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        return body, headers
