"""A fake GitHub: two organizations, two users and their repositories, as the API of 2022-11-28 tells them.

Options: `page_size` (what it gives at most, 2 by default), `pulls` (so many more pull requests of demo-org/demo-repo), `limit` (so many calls
are allowed) and `reset` (in so many seconds there are more, 1800 by default), `secondary` (so many calls are refused for being too fast, first).
Besides what the Python worker was recorded with there is what it cannot bear: repositories of two owners with one name (`other-org/demo-repo`),
pull requests of two repositories with one number, a repository that has moved (`demo-org/old-name`).
"""

import itertools
import time
from typing import Any

from fake import Refusal, Request

TOKEN = "ghp_demo"
API = "https://api.github.com"
CREATED, UPDATED = "2020-01-31T09:00:00Z", "2024-05-01T08:00:00Z"
MESSAGES = {401: "Bad credentials", 403: "Resource not accessible by personal access token", 404: "Not Found", 429: "API rate limit exceeded (fake)"}
# Members of a repository that are addresses below its own.
LINKS = "archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees"


def owner(number: int, login: str, of: str) -> dict[str, Any]:
    """What organizations and users have in common."""
    link = f"{API}/{'orgs' if of == 'Organization' else 'users'}/{login}"
    names = ("events", "repos") if of == "Organization" else ("events", "repos", "followers", "following", "gists", "organizations", "received_events", "starred", "subscriptions")
    return {
        "login": login, "id": number, "node_id": f"MDQ6{number}", "avatar_url": f"https://avatars.example.com/u/{number}", "url": link, "html_url": f"https://github.com/{login}",
        "type": of, **{f"{name}_url": f"{link}/{name}" for name in names},
    }


def organization(number: int, login: str, **more: Any) -> dict[str, Any]:
    link = f"{API}/orgs/{login}"
    return {
        **owner(number, login, "Organization"), "hooks_url": f"{link}/hooks", "issues_url": f"{link}/issues", "members_url": f"{link}/members{{/member}}", "public_members_url": f"{link}/public_members{{/member}}",
        "description": "a fake", "name": login.title(), "company": "Demo", "blog": "https://demo.example.com", "location": "Berlin", "email": "hello@demo.example.com", "twitter_username": None,
        "is_verified": True, "has_organization_projects": True, "has_repository_projects": False, "public_repos": 4, "public_gists": 1, "followers": 30, "following": 2, "created_at": CREATED, "updated_at": UPDATED,
        "total_private_repos": 7, "owned_private_repos": 6, "private_gists": 5, "disk_usage": 10000, "collaborators": 8, "billing_email": "billing@demo.example.com", "default_repository_permission": "read",
        "members_can_create_repositories": True, "two_factor_requirement_enabled": True, **more,
    }


def user(number: int, login: str, **more: Any) -> dict[str, Any]:
    return {
        **owner(number, login, "User"), "gravatar_id": "", "site_admin": False, "name": "Demo User", "company": "@demo-org", "blog": "", "location": "Potsdam", "email": None, "hireable": True,
        "bio": "a fake", "twitter_username": "demo", "public_repos": 2, "public_gists": 1, "followers": 20, "following": 0, "created_at": CREATED, "updated_at": UPDATED, **more,
    }


def repository(number: int, of: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    full = f"{of['login']}/{name}"
    link = f"{API}/repos/{full}"
    brief = {member: of[member] for member in ("login", "id", "node_id", "avatar_url", "url", "html_url", "type")}
    return {
        "id": number, "node_id": f"R_{number}", "name": name, "full_name": full, "private": True, "owner": brief, "html_url": f"https://github.com/{full}", "description": "a fake", "fork": False, "url": link,
        **{f"{part}_url": f"{link}/{part}" for part in LINKS.split()}, "created_at": CREATED, "updated_at": UPDATED, "pushed_at": "2024-05-02T08:00:00Z", "git_url": f"git://github.com/{full}.git",
        "ssh_url": f"git@github.com:{full}.git", "clone_url": f"https://github.com/{full}.git", "svn_url": f"https://github.com/{full}", "mirror_url": f"git://mirror.example.com/{full}", "homepage": "https://demo.example.com",
        "size": 108, "stargazers_count": 80, "watchers_count": 80, "language": "Rust", "has_issues": True, "has_projects": True, "has_downloads": True, "has_wiki": True, "has_pages": False,
        "forks_count": 9, "archived": False, "disabled": False, "open_issues_count": 3, "license": {"key": "mit"}, "topics": ["fake"], "visibility": "private", "forks": 9, "open_issues": 3, "watchers": 80,
        "default_branch": "main", "master_branch": "main", "permissions": {"admin": True, "push": True, "pull": True}, "allow_squash_merge": True, "allow_merge_commit": False, "allow_rebase_merge": True,
        "delete_branch_on_merge": True, "network_count": 9, "subscribers_count": 42, **more,
    }


def pull(number: int, of: dict[str, Any], at: int, **more: Any) -> dict[str, Any]:
    """All of it; listings tell less (`BRIEF`)."""
    link, page = f"{of['url']}/pulls/{at}", f"{of['html_url']}/pull/{at}"
    return {
        "id": number, "node_id": f"PR_{number}", "number": at, "url": link, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch", "issue_url": f"{of['url']}/issues/{at}",
        "commits_url": f"{link}/commits", "review_comments_url": f"{link}/comments", "comments_url": f"{of['url']}/issues/{at}/comments", "state": "open", "locked": False, "title": f"Change {at}",
        "body": "Why\n\nBecause.", "created_at": f"2024-04-{at % 27 + 1:02}T09:00:00Z", "updated_at": UPDATED, "closed_at": None, "merged_at": None, "merge_commit_sha": "e5bd3914e2e596debea16f433f57875b5b90bcd6",
        "assignee": None, "labels": [], "milestone": None, "draft": False, "user": {"login": "demo-user"}, "merged": False, "mergeable": True, "rebaseable": False, "mergeable_state": "clean",
        "comments": 10, "review_comments": 2, "maintainer_can_modify": True, "commits": 3, "additions": 100, "deletions": 3, "changed_files": 5, **more,
    }


DETAILS = ("merged", "mergeable", "rebaseable", "mergeable_state", "comments", "review_comments", "maintainer_can_modify", "commits", "additions", "deletions", "changed_files")


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.page_size = int(options.get("page_size", 2))
        self.allowed = int(options["limit"]) if "limit" in options else None
        self.secondary, self.wait = int(options.get("secondary", 0)), int(options.get("reset", 1800))
        self.reset = int(time.time()) + self.wait
        self.organizations = [organization(1, "demo-org"), organization(2, "other-org", name=None, company=None, blog=None, email=None)]
        self.users = [user(3, "demo-user"), user(4, "lone-user", name=None, bio=None, location=None, hireable=None)]
        demo, other, lone = self.organizations[0], self.organizations[1], self.users[1]
        self.repositories = [
            repository(11, demo, "demo-repo"),
            repository(12, lone, "lone-repo", description=None, homepage=None, language=None, mirror_url=None, permissions={"admin": False, "push": False, "pull": True}),
            repository(13, other, "demo-repo"),
            repository(14, demo, "quiet"),
            repository(15, demo, "new-name"),
        ]
        closed = {"state": "closed", "closed_at": "2024-05-01T07:00:00Z", "merged_at": "2024-05-01T07:00:00Z", "merged": True, "mergeable": None, "rebaseable": None, "mergeable_state": "unknown"}
        one, second, third = self.repositories[:3]
        self.pulls = {
            11: [pull(101, one, 1, **closed), pull(102, one, 2, body=None), pull(103, one, 3, draft=True), pull(104, one, 4, title="A \"quoted\" title"), pull(105, one, 5)],
            12: [pull(201, second, 12)],
            13: [pull(301, third, 2), pull(302, third, 7)],
        }
        self.pulls[11] += [pull(1000 + n, one, 1000 + n) for n in range(int(options.get("pulls", 0)))]

    def error(self, status: int, headers: dict[str, str] | None = None) -> Refusal:
        return Refusal(status, {"message": MESSAGES.get(status, "no (fake)"), "documentation_url": "https://docs.github.com/rest", "status": str(status)}, headers)

    def answer(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        if request.headers.get("Authorization") != f"token {TOKEN}":
            raise self.error(401)
        path = [part for part in request.path.split("/") if part]
        if path[:2] == ["api", "v3"]:
            path = path[2:]
        headers = self.allowance(path)
        status, body, *more = self.of(request, path)
        return status, body, {**headers, **(more[0] if more else {})}

    def allowance(self, path: list[str]) -> dict[str, str]:
        if self.secondary and path != ["rate_limit"]:
            self.secondary -= 1
            raise Refusal(403, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. (fake)"}, {"Retry-After": "0", "X-RateLimit-Remaining": "4000"})
        left = 5000
        if self.allowed is not None and path != ["rate_limit"]:
            left = self.allowed = self.allowed - 1
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": str(max(left, 0)), "X-RateLimit-Reset": str(self.reset)}
        if left < 0:
            raise Refusal(403, {"message": "API rate limit exceeded for user ID 1. (fake)"}, headers)
        return headers

    def of(self, request: Request, path: list[str]) -> Any:
        match path:
            case ["rate_limit"]:
                return 200, {"resources": {"core": {"limit": 5000, "remaining": 5000, "reset": self.reset, "used": 0}}, "rate": {"limit": 5000, "remaining": 5000, "reset": self.reset, "used": 0}}
            case ["orgs", name]:
                return 200, self.named(self.organizations, "login", name)
            case ["users", name]:
                return 200, self.named(self.organizations + self.users, "login", name)
            case ["repos", "demo-org", "old-name"]:
                location = f"{request.base}/repositories/15"
                return 301, {"message": "Moved Permanently", "url": location}, {"Location": location}
            case ["repositories", number]:
                return 200, next(one for one in self.repositories if one["id"] == int(number))
            case ["repos", of, name, *rest]:
                return self.of_repository(request, self.named(self.repositories, "full_name", f"{of}/{name}"), rest)
        raise self.error(404)

    def named(self, things: list[dict[str, Any]], member: str, name: str) -> dict[str, Any]:
        found = next((thing for thing in things if thing[member].lower() == name.lower()), None)
        if found is None:
            raise self.error(404)
        return found

    def of_repository(self, request: Request, repository: dict[str, Any], rest: list[str]) -> Any:
        match rest:
            case []:
                return 200, repository
            case ["contributors"] if repository["name"] == "quiet":
                return 204, None
            case ["contributors"]:
                return self.page(request, [{"login": f"contributor-{n}", "id": 900 + n, "contributions": 9 - n} for n in range(3 if repository["id"] == 11 else 1)])
            case ["traffic", *what]:
                if not repository["permissions"]["push"]:
                    raise Refusal(403, {"message": "Must have push access to repository (fake)"})
                return 200, self.traffic(what)
            case ["pulls"]:
                return self.page(request, self.listed(request, self.pulls.get(repository["id"], [])))
            case ["pulls", number]:
                found = [one for one in self.pulls.get(repository["id"], []) if str(one["number"]) == number]
                if found:
                    return 200, found[0]
        raise self.error(404)

    def traffic(self, what: list[str]) -> Any:
        counts = [{"timestamp": "2024-04-30T00:00:00Z", "count": 14, "uniques": 3}, {"timestamp": "2024-05-01T00:00:00Z", "count": 2, "uniques": 1}]
        match what:
            case ["clones" | "views" as name]:
                return {"count": 16, "uniques": 4, name: counts}
            case ["popular", "referrers"]:
                return [{"referrer": "search.example.com", "count": 4, "uniques": 3}, {"referrer": "demo.example.com", "count": 1, "uniques": 1}]
            case ["popular", "paths"]:
                return [{"path": "/demo-org/demo-repo", "title": "demo-org/demo-repo: a fake", "count": 9, "uniques": 2}]
        raise self.error(404)

    def listed(self, request: Request, pulls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        state, sort = request.one("state", "open"), {"updated": "updated_at"}.get(request.one("sort", "created"), "created_at")
        wanted = [one for one in pulls if state in ("all", one["state"])]
        wanted.sort(key=lambda one: (one[sort], one["number"]), reverse=request.one("direction", "desc") == "desc")
        return [{name: value for name, value in one.items() if name not in DETAILS} for one in wanted]

    def page(self, request: Request, things: list[Any]) -> tuple[int, list[Any], dict[str, str]]:
        number, size = int(request.one("page", "1")), min(self.page_size, int(request.one("per_page", "30")))
        headers = {} if number * size >= len(things) else self.next(request, request.base, number + 1)
        return 200, things[(number - 1) * size : number * size], headers

    def next(self, request: Request, base: str, number: int) -> dict[str, str]:
        asked = itertools.chain(((name, value[0]) for name, value in request.query.items() if name != "page"), [("page", number)])
        return {"Link": f'<{base}{request.path}?{"&".join(f"{name}={value}" for name, value in asked)}>; rel="next"'}

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        number = int(request.one("page", "1")) + 1 if fault == "endless" else 2
        return self.listed(request, self.pulls[11])[:1], self.next(request, "http://elsewhere.example" if fault == "elsewhere" else request.base, number)
