"""The token endpoints of Google Cloud: service account keys, refresh tokens, federation, impersonation, metadata server.

Every signature is accepted, every token is `ya29.fake`; what a grant has to have is looked at.
"""

import base64
import json

from .server import Answer, Request, reply

TOKEN = "ya29.fake"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def answer(request: Request) -> Answer | None:
    """The answer, if it is about tokens."""
    host = request.host.partition(":")[0]
    if host in ("oauth2.googleapis.com", "accounts.google.com") and request.path.endswith("/token"):
        return token(request)
    if host == "sts.googleapis.com" and request.path == "/v1/token":
        return exchange(request)
    if host == "iamcredentials.googleapis.com" and request.path.endswith(":generateAccessToken"):
        return impersonate(request)
    if request.path.startswith("/computeMetadata/v1/"):
        return metadata(request)
    return None


def refused(error: str, text: str) -> Answer:
    return reply(400, {"error": error, "error_description": text})


def granted() -> Answer:
    return reply(200, {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"})


def token(request: Request) -> Answer:
    form = request.form()
    if form.get("grant_type") == JWT:
        head, claims, signature = form.get("assertion", "..").split(".")
        claims = json.loads(base64.urlsafe_b64decode(claims + "=="))
        good = claims.get("iss") and claims.get("aud") and signature and claims["exp"] - claims["iat"] <= 3600
        return granted() if good and SCOPE in claims.get("scope", "") else refused("invalid_grant", "Invalid JWT")
    if form.get("grant_type") == "refresh_token":
        good = form.get("client_id") and form.get("client_secret") and form.get("refresh_token", "").startswith("1//")
        return granted() if good else refused("invalid_grant", "Token has been expired or revoked.")
    return refused("unsupported_grant_type", "Invalid grant_type")


def exchange(request: Request) -> Answer:
    form = request.form()
    good = form.get("grant_type") == EXCHANGE and form.get("subject_token") and form.get("audience")
    return granted() if good else refused("invalid_grant", "The given credential is rejected by the attribute condition.")


def impersonate(request: Request) -> Answer:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}" or SCOPE not in (request.json() or {}).get("scope", []):
        return reply(403, {"error": {"code": 403, "message": "Permission denied", "status": "PERMISSION_DENIED"}})
    return reply(200, {"accessToken": TOKEN, "expireTime": "2100-01-01T00:00:00Z"})


def metadata(request: Request) -> Answer:
    if request.headers.get("Metadata-Flavor") != "Google":
        return 403, {"Content-Type": "text/html"}, b"Missing Metadata-Flavor:Google header."
    flavor = {"Metadata-Flavor": "Google"}
    if request.path.endswith("/token"):
        status, headers, body = granted()
        return status, headers | flavor, body
    if request.path.endswith("/project/project-id"):
        return 200, {"Content-Type": "application/text"} | flavor, b"demo-project"
    return 200, {"Content-Type": "application/text"} | flavor, b"default/"
