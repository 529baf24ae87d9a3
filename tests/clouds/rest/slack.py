"""A fake Slack: two teams, each with a bot token. Whoever asks the page sizes gets two things at most (option `page_size`).

Options: `odd=1` (what a team may have, too), `moves=1` (the token becomes that of the other team after the first question),
`channels` (so many more), `rate` (so many calls of a method, then none for a second). Errors have the status 200 but for 429, as Slack writes them. Arguments come as query or as form: the Python worker posts them.
"""

import time
from typing import Any

from fake import Refusal, Request

CODES = {400: "invalid_arguments", 401: "invalid_auth", 403: "missing_scope", 404: "channel_not_found", 429: "ratelimited", 500: "internal_error", 503: "service_unavailable"}


def user(number: int, name: str, **more: Any) -> dict[str, Any]:
    profile = {
        "title": "Ms", "phone": "+49 1", "skype": "", "real_name": name.title(), "real_name_normalized": name.title(), "display_name": name,
        "display_name_normalized": name, "status_text": "away", "status_text_canonical": "", "status_emoji": ":tea:", "status_expiration": 0,
        "first_name": name, "last_name": "Doe", "email": f"{name}@example.com", "team": "T1", "avatar_hash": "g1",
        **{f"image_{size}": f"https://img.example.com/{name}_{size}.png" for size in (24, 32, 48, 72, 192, 512)},
    }
    return {
        "id": f"U{number}", "team_id": "T1", "name": name, "deleted": False, "color": "9f69e7", "real_name": name.title(), "tz": "Europe/Berlin",
        "tz_label": "Central European Time", "tz_offset": 3600, "profile": profile, "is_admin": False, "is_owner": False, "is_primary_owner": False,
        "is_restricted": False, "is_ultra_restricted": False, "is_bot": False, "is_app_user": False, "updated": 1_700_000_000 + number, **more,
    }


def channel(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"C{number}", "name": name, "is_channel": True, "is_group": False, "is_im": False, "created": 1_690_000_000, "creator": "U1",
        "is_archived": False, "is_general": number == 1, "unlinked": 0, "name_normalized": name, "is_shared": False, "is_ext_shared": False,
        "is_org_shared": False, "pending_shared": [], "pending_connected_team_ids": [], "is_pending_ext_shared": False, "is_member": True,
        "is_private": False, "is_mpim": False, "topic": {"value": "what is up", "creator": "U1", "last_set": 1_690_000_001},
        "purpose": {"value": "all of us", "creator": "U2", "last_set": 1_690_000_002}, "previous_names": ["old"], "num_members": 3, **more,
    }


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        # So many calls of a method, then none for a second.
        self.rate, self.made = int(options.get("rate", 0)), {}
        # Somebody replaces the token after the first question.
        self.moves, self.asked = bool(options.get("moves")), False
        self.page_size = int(options.get("page_size", 2))
        team = {"id": "T1", "name": "Demo", "domain": "demo", "email_domain": "example.com", "icon": {"image_34": "https://img.example.com/34.png", "image_original": "https://img.example.com/o.png"}}
        users = [user(1, "ada", is_admin=True, is_owner=True, is_primary_owner=True), user(2, "ben"), user(3, "cleo", deleted=True), user(4, "bot", is_bot=True), user(5, "eve", is_restricted=True, is_ultra_restricted=True)]
        # What a deleted user lacks.
        for gone in ("is_admin", "is_owner", "tz", "tz_label", "tz_offset", "color"):
            users[2].pop(gone)
        group = {
            "id": "S1", "team_id": "T1", "is_usergroup": True, "name": "Oncall", "description": "who is on call", "handle": "oncall", "is_external": False,
            "date_create": 1_690_000_003, "date_update": 1_690_000_004, "date_delete": 0, "auto_type": None, "created_by": "U1", "updated_by": "U2",
            "prefs": {"channels": ["C1"], "groups": []}, "users": ["U1", "U5"], "user_count": 2,
        }
        channels = [channel(1, "general"), channel(2, "secret", is_private=True, is_channel=False, is_group=True), channel(3, "past", is_archived=True), channel(4, "empty", topic={"value": "", "creator": "", "last_set": 0})]
        channels += [channel(number, f"team-{number}") for number in range(10, 10 + int(options.get("channels", 0)))]
        members = {"C1": ["U1", "U2", "U4"], "C2": ["U2"], "C3": ["U3"], "C4": []}
        if options.get("odd"):
            # Members on two pages, one of them of another team, a channel without topic, and a user that is listed twice.
            members["C1"] = ["U1", "U2", "U3", "U4", "U5", "U99"]
            channels[1] |= {"topic": None, "previous_names": None}
            users += [users[0], {"id": "U6", "team_id": "T1", "name": "bare"}, {**user(7, "gail"), "tz_offset": "late", "updated": "never", "is_bot": None}]
            group["users"] = None
        members |= {c["id"]: ["U1", "U2"] for c in channels if c["id"] not in members}
        other = {"team": {**team, "id": "T2", "name": "Other"}, "users": [user(9, "zoe")], "usergroups": [], "channels": [], "members": {}}
        first = {"team": team, "users": users, "usergroups": [group, {**group, "id": "S2", "name": "Nobody", "handle": "nobody", "users": [], "user_count": 0}], "channels": channels, "members": members}
        self.teams = {"xoxb-demo": first, "xoxb-other": other}

    def error(self, status: int, headers: dict[str, str] | None = None, code: str | None = None) -> Refusal:
        code = code or CODES.get(status, "fatal_error")
        needed = {"needed": "some:scope", "provided": "team:read"} if code == "missing_scope" else {}
        return Refusal(429 if status == 429 else 200, {"ok": False, "error": code, **needed}, headers)

    def answer(self, request: Request) -> tuple[int, Any]:
        team = self.teams.get((request.headers.get("Authorization") or "").removeprefix("Bearer "))
        if team is None:
            raise self.error(401)
        self.pace(request.path)
        arguments = {name: values[0] for name, values in request.query.items()}
        if request.method == "POST":
            arguments |= request.form()
        match request.path.removeprefix("/api/"):
            case "auth.test":
                return 200, {"ok": True, "team": team["team"]["name"], "team_id": team["team"]["id"]}
            case "team.info" if self.moves and self.asked:
                return 200, {"ok": True, "team": self.teams["xoxb-other"]["team"]}
            case "team.info":
                self.asked = True
                return 200, {"ok": True, "team": team["team"]}
            case "users.list":
                return 200, self.page(arguments, "members", team["users"])
            case "usergroups.list":
                return 200, {"ok": True, "usergroups": team["usergroups"]}
            case "conversations.list":
                hidden = arguments.get("exclude_archived", "").lower() in ("1", "true")
                return 200, self.page(arguments, "channels", [c for c in team["channels"] if not (hidden and c["is_archived"])])
            case "conversations.members":
                members = team["members"].get(arguments.get("channel"))
                if members is None:
                    raise self.error(404)
                # The Python worker asks another method for the second page.
                return 200, self.page(arguments, "members", members, max(self.page_size, 3))
        raise self.error(404, code="unknown_method")

    def pace(self, method: str) -> None:
        made, closed_until = self.made.get(method, (0, 0.0))
        if closed_until:
            if time.monotonic() < closed_until:
                raise self.error(429, {"Retry-After": "1"})
            made = 0
        if self.rate and made == self.rate:
            self.made[method] = (made, time.monotonic() + 1)
            raise self.error(429, {"Retry-After": "1"})
        self.made[method] = (made + 1, 0.0)

    def page(self, arguments: dict[str, str], name: str, things: list[Any], size: int | None = None) -> dict[str, Any]:
        begin = int(arguments.get("cursor") or 0)
        end = begin + min(size or self.page_size, int(arguments.get("limit") or 100))
        cursor = str(end) if end < len(things) else ""
        return {"ok": True, name: things[begin:end], "response_metadata": {"next_cursor": cursor}}

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        begin = int(request.one("cursor") or 0)
        body["response_metadata"] = {"next_cursor": str(begin + 1) if fault == "endless" else "1"}
        return body, headers
