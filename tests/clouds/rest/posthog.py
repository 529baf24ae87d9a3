"""A fake PostHog: three projects, of which the key sees all. Options: `page_size` (2 by default), `events` (so many more),
`odd=1` (what the Python worker cannot bear: insights without a result, members that are not there).
"""

from typing import Any

from fake import Refusal, Request

KEY = "phx-demo"
CODES = {401: ("authentication_error", "authentication_failed"), 403: ("authentication_error", "permission_denied"), 404: ("invalid_request", "not_found"), 429: ("throttled_error", "throttled")}


def project(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "uuid": f"017e4d1c-0000-0000-0000-00000000000{number}", "name": name, "created_at": "2022-01-31T09:00:00.123456Z", "updated_at": "2024-05-01T08:00:00.123456Z",
        "organization": "017e4d1c-aaaa-0000-0000-000000000001", "api_token": "phc_public", "app_urls": ["https://demo.example.com"], "slack_incoming_webhook": None,
        "anonymize_ips": True, "completed_snippet_onboarding": True, "ingested_event": True, "test_account_filters": [{"key": "email", "value": "@demo", "operator": "not_icontains"}],
        "test_account_filters_default_checked": False, "path_cleaning_filters": [{"alias": "id", "regex": "[0-9]+"}], "is_demo": False, "timezone": "UTC",
        "data_attributes": ["data-attr"], "person_display_name_properties": ["email", "name"], "correlation_config": {"excluded_person_property_names": ["a"]},
        "session_recording_opt_in": True, "effective_membership_level": 15, "access_control": False, "has_group_types": False, "primary_dashboard": 7,
        "live_events_columns": ["event", "person"], "recording_domains": ["https://demo.example.com"], **more,
    }


def event(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"018e4d1c-0000-0000-0000-0000000000{number:02}", "name": name, "owner": None, "description": "a fake", "tags": ["core"], "volume_30_day": 300, "query_usage_30_day": 2,
        "created_at": "2022-02-01T09:00:00.123456Z", "updated_at": "2024-05-01T08:00:00.123456Z", "last_updated_at": "2024-05-01T08:30:00.654321Z", "updated_by": None,
        "last_seen_at": "2024-05-02T08:00:00.123456Z", "verified": True, "verified_at": "2023-01-01T00:00:00Z", "is_action": False, "action_id": None,
        "is_calculating": False, "last_calculated_at": "2024-05-01T08:00:00.123456Z", "post_to_slack": None, **more,
    }


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.page_size = int(options.get("page_size", 2))
        bare = dict.fromkeys(("app_urls", "test_account_filters", "path_cleaning_filters", "data_attributes", "person_display_name_properties", "correlation_config", "primary_dashboard", "live_events_columns", "recording_domains", "updated_at"))
        self.projects = [project(1, "Demo"), project(2, "Other"), project(3, "Bare", **bare)]
        events = [event(1, "$pageview"), event(2, "signed up", is_action=True, action_id=4, description=None), event(3, "signed \"out\"", volume_30_day=None, query_usage_30_day=None, last_updated_at=None)]
        self.counts = {"$pageview": 41.0, "signed up": 1, "signed \"out\"": 0}
        if options.get("odd"):
            events += [event(4, "never"), {"id": "018e4d1c-0000-0000-0000-000000000005", "name": "bare"}]
        events += [event(10 + n, f"more-{n}") for n in range(int(options.get("events", 0)))]
        self.events = {1: events, 2: [event(9, "other")], 3: []}

    def error(self, status: int, headers: dict[str, str] | None = None) -> Refusal:
        kind, code = CODES.get(status, ("server_error", "error"))
        return Refusal(status, {"type": kind, "code": code, "detail": "no (fake)", "attr": None}, headers)

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refusal(401, {"type": "authentication_error", "code": "authentication_failed", "detail": "Invalid personal API key (fake).", "attr": None})
        match [part for part in request.path.split("/") if part]:
            case ["api", "projects"]:
                # The listing tells less than the project itself.
                return 200, self.page(request, [{name: one[name] for name in ("id", "uuid", "name", "organization", "timezone")} for one in self.projects])
            case ["api", "projects", number]:
                return 200, self.project(number)
            case ["api", "projects", number, "event_definitions"]:
                return 200, self.page(request, self.events[self.project(number)["id"]])
            case ["api", "projects", number, "insights", "trend"]:
                self.project(number)
                asked = request.json()
                if asked["insight"] != "TRENDS" or asked["date_from"] != "-1h":
                    raise self.error(400)
                name = asked["events"][0]["id"]
                known = {"action": {"id": name, "name": name}, "label": name, "count": self.counts.get(name, 5), "data": [1.0], "labels": ["1-May"]}
                return 200, {"result": [] if name == "never" else [known], "is_cached": False, "next": None}
        raise self.error(404)

    def project(self, number: str) -> dict[str, Any]:
        found = next((one for one in self.projects if str(one["id"]) == number), None)
        if found is None:
            raise self.error(404)
        return found

    def page(self, request: Request, things: list[Any]) -> dict[str, Any]:
        begin, size = int(request.one("offset", "0")), min(self.page_size, int(request.one("limit", "100")))
        link = f"{request.base}{request.path}?limit={size}&offset={begin + size}"
        return {"count": len(things), "next": link if begin + size < len(things) else None, "previous": None, "results": things[begin : begin + size]}

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        begin = int(request.one("offset", "0")) + 2 if fault == "endless" else 2
        base = "http://elsewhere.example" if fault == "elsewhere" else request.base
        return {**body, "results": self.events[1][:1], "next": f"{base}{request.path}?offset={begin}"}, headers
