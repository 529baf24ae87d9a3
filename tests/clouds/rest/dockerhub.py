"""A fake Docker Hub: three namespaces of public repositories. Nobody logs in.

Options: `page_size` (what it gives at most, 2 by default), `odd=1` (what repositories may be, too, and the Python worker cannot bear),
`repositories` (so many more).
"""

from typing import Any

from fake import Refusal, Request


def repository(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "namespace": "demo", "repository_type": "image", "status": 1, "status_description": "active", "description": "a fake",
        "is_private": False, "star_count": 3, "pull_count": 1234567, "last_updated": "2024-05-01T08:00:00.123456Z", "last_modified": "2024-05-01T08:00:00.123456Z",
        "date_registered": "2020-01-31T09:00:00.654321Z", "affiliation": "", "media_types": ["application/vnd.docker.container.image.v1+json"],
        "content_types": ["image"], "categories": [], "storage_size": 99, **more,
    }


class Cloud:
    def __init__(self, options: dict[str, str]) -> None:
        self.page_size = int(options.get("page_size", 2))
        demo = [repository("web"), repository("api", star_count=0, media_types=[None]), repository("tool", repository_type=None, affiliation="owner"), repository("base", media_types=["a", None, "b"])]
        demo += [repository(f"more-{n}") for n in range(int(options.get("repositories", 0)))]
        if options.get("odd"):
            # Dates without a fraction, no images yet, and members that are not there.
            demo += [repository("plain", last_updated="2024-05-01T08:00:00Z", media_types=None), {"name": "bare"}]
        self.namespaces = {"demo": demo, "second": [repository("web", namespace="second")], "empty": []}

    def error(self, status: int, headers: dict[str, str] | None = None) -> Refusal:
        return Refusal(status, {"message": "no (fake)", "errinfo": {}}, headers)

    def answer(self, request: Request) -> tuple[int, Any]:
        match [part for part in request.path.split("/") if part]:
            case ["v2", "repositories", namespace] if request.method == "GET":
                repositories = self.namespaces.get(namespace)
                if repositories is None:
                    raise Refusal(404, {"message": "httperror 404: object not found", "errinfo": {"namespace": namespace}})
                return 200, self.page(request, repositories)
        raise self.error(404)

    def page(self, request: Request, things: list[Any]) -> dict[str, Any]:
        number, size = int(request.one("page", "1")), min(self.page_size, int(request.one("page_size", "10")))
        more = number * size < len(things)
        link = f"{request.base}{request.path.rstrip('/')}/?page={number + 1}&page_size={size}"
        return {"count": len(things), "next": link if more else None, "previous": None, "results": things[(number - 1) * size : number * size]}

    def never_ends(self, request: Request, body: Any, headers: dict[str, str], fault: str) -> tuple[Any, dict[str, str]]:
        number = int(request.one("page", "1")) + 1 if fault == "endless" else 2
        base = "http://elsewhere.example" if fault == "elsewhere" else request.base
        return {**body, "results": self.namespaces["demo"][:1], "next": f"{base}/v2/repositories/demo/?page={number}"}, headers
