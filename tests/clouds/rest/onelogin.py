"""A fake OneLogin: one account with one API client. Tokens hold `expires_in` seconds (option), pages have two users. Options: `users` (so many more), `page_size`.

The cursor is what it is at OneLogin: base64 of `page=N`. The Python worker decodes it and asks for the page.
"""

import base64
import time
from typing import Any
from urllib.parse import parse_qs

from fake import Refusal, Request

NAMES = {400: "BadRequestError", 401: "UnauthorizedError", 403: "ForbiddenError", 404: "NotFoundError", 429: "TooManyRequestsError", 500: "InternalServerError"}


def user(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "username": name, "email": f"{name}@example.com", "firstname": name.title(), "lastname": "Doe", "distinguished_name": None,
        "phone": "+49 1", "company": "Demo", "department": "IT", "title": "Dr", "status": 1, "state": 1, "member_of": None, "samaccountname": None,
        "userprincipalname": None, "group_id": 7, "role_ids": [11, 12], "custom_attributes": {"team": "a"}, "openid_name": name, "locale_code": "en",
        "comment": "a comment", "directory_id": None, "manager_ad_id": None, "trusted_idp_id": None, "manager_user_id": None, "external_id": f"x-{number}",
        "activated_at": "2023-02-01T10:00:00.123Z", "created_at": "2023-01-31T09:00:00.456Z", "updated_at": "2024-05-01T08:00:00.789Z",
        "password_changed_at": "2024-01-01T00:00:00.000Z", "invitation_sent_at": None, "invalid_login_attempts": 0, "last_login": "2024-05-01T07:00:00.000Z",
        "locked_until": None, **more,
    }


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.holds = float(options.get("expires_in", 36000))
        self.tokens: dict[str, float] = {}
        never = dict.fromkeys(("activated_at", "password_changed_at", "last_login", "updated_at"))
        # It is a number. The Python worker loses the user then.
        manager = 1 if options.get("odd") else "1"
        self.users = [user(1, "ada"), user(2, "ben", state=0, status=2, role_ids=[], custom_attributes={}, **never), user(3, "cleo", manager_user_id=manager), user(4, "dan", locked_until="2024-06-01T00:00:00.000Z"), user(5, "eve")]
        self.users += [user(100 + n, f"more-{n}") for n in range(int(options.get("users", 0)))]
        self.page_size = int(options.get("page_size", 2))

    def error(self, status: int, headers: dict[str, str] | None = None) -> Refusal:
        return Refusal(status, {"name": NAMES.get(status, "UnknownError"), "statusCode": status, "message": "no (fake)"}, headers)

    def answer(self, request: Request) -> tuple[Any, ...]:
        said = request.headers.get("Authorization") or ""
        if (request.method, request.path) == ("POST", "/auth/oauth2/v2/token"):
            if said != "client_id:ol-client, client_secret:ol-secret" or request.json() != {"grant_type": "client_credentials"}:
                raise Refusal(401, {"status": {"error": True, "code": 401, "type": "Unauthorized", "message": "Authentication Failure"}})
            token = f"token-{len(self.tokens) + 1}"
            self.tokens[token] = time.monotonic() + self.holds
            return 200, {"access_token": token, "token_type": "bearer", "expires_in": int(self.holds), "account_id": 1}
        kind, _, token = said.partition(" ")
        if kind.lower() != "bearer" or self.tokens.get(token, 0) < time.monotonic():
            raise self.error(401)
        if (request.method, request.path) != ("GET", "/api/2/users"):
            raise self.error(404)
        cursor = request.one("cursor")
        asked = parse_qs(base64.b64decode(cursor).decode()) if cursor else request.query
        number = int(asked.get("page", ["1"])[0])
        headers = {"After-Cursor": self.cursor(number + 1)} if number * self.page_size < len(self.users) else {}
        return 200, self.users[(number - 1) * self.page_size : number * self.page_size], headers

    @staticmethod
    def cursor(number: int) -> str:
        return base64.b64encode(f"page={number}".encode()).decode()

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        cursor = request.one("cursor")
        number = int(parse_qs(base64.b64decode(cursor).decode())["page"][0]) if cursor else 1
        return self.users[:1], {"After-Cursor": self.cursor(number + 1 if fault == "endless" else 2)}
