"""The development issuer: an application of its own, mounted only where the settings and the address allow it.

Its name in tokens does not depend on where it runs, since officers are stored by issuer and account; its addresses do.
"""

import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI, Form, Request
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import problems
from chassis.problems import RouteUnknown, Unauthenticated
from contracts.caller import Caller
from contracts.refusals import Refusal
from contracts.values import Json, JsonObject
from gateway.development.grants import CLIENTS, Codes, is_loopback, is_pkce, is_redirect
from gateway.development.page import POLICY, refusal_page, sign_in_page
from gateway.development.people import People, load
from gateway.settings import Settings
from gateway.tokens import Key, person, read_token

DEV_ISSUER = "https://dev.tongban.localhost"
"""In tokens and in the names of officers."""

DEV_PATH = "/dev/oidc"

TOKEN_LIFETIME = 8 * 3600
"""Seconds, of real time: a working day."""

_ALGORITHM = "ES256"
_NO_STORE = {"cache-control": "no-store"}
_HEADERS = _NO_STORE | {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
_BAD_REQUEST, _UNAUTHORIZED = 400, 401

Text = Annotated[str, Form(max_length=2000)]


class OnLoopback:
    """Lets in only who comes from this machine, whatever address the server was bound to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            RouteUnknown: It comes from elsewhere.
        """
        if scope["type"] == "http" and not is_loopback(scope["client"][0] if scope.get("client") else ""):
            raise RouteUnknown
        await self._app(scope, receive, send)


class DevelopmentIssuer:
    """Signs people in, gives them tokens, and is itself one of the gateway's issuers."""

    def __init__(self, people: People, *, key: ECKey, audience: str) -> None:
        """No code is given yet.

        Args:
            people: Who may sign in.
            key: Signs the tokens.
            audience: What access tokens are for.
        """
        self.audience = audience
        self._people = people
        self._key = key
        self._codes = Codes()

    @classmethod
    def load(cls, settings: Settings) -> "DevelopmentIssuer":
        """As the settings say.

        Raises:
            ValueError: Not in development, not on loopback, or no people.
            OSError: A file cannot be read or written.
        """
        if not settings.development or not is_loopback(settings.host) or settings.people_file is None:
            raise ValueError("the development issuer starts only with the development setting and on loopback")
        key = _make_key() if settings.dev_key_file is None else _keep_key(settings.dev_key_file)
        return cls(load(settings.people_file), key=key, audience=settings.oidc_audience)

    async def key(self, kid: str) -> Key | None:
        """Its one key."""
        return self._key if kid == self._key.kid else None

    def caller(self, claims: Mapping[str, Json]) -> Caller:
        """The person signed in, while the file names them."""
        if str(claims.get("sub")) not in self._people.by_name:
            raise Unauthenticated
        return person(claims, issuer=DEV_ISSUER)

    def application(self) -> ASGIApp:
        """Its routes."""
        application = FastAPI(
            openapi_url=None, docs_url=None, redoc_url=None, telemetry={"tracing": False, "metrics": False, "logs": False}
        )
        application.add_exception_handler(Refusal, _refuse)
        application.add_api_route("/.well-known/openid-configuration", self.discover, methods=["GET"])
        application.add_api_route("/jwks", self.show_keys, methods=["GET"])
        application.add_api_route("/authorize", self.ask, methods=["GET"])
        application.add_api_route("/authorize", self.sign_in, methods=["POST"])
        application.add_api_route("/token", self.give_token, methods=["POST"])
        application.add_api_route("/userinfo", self.tell, methods=["GET", "POST"])
        return OnLoopback(application)

    async def discover(self, request: Request) -> Response:
        """OpenID Connect Discovery 1.0; addresses as the request found us, the issuer's name always the same."""
        here = f"{request.url.scheme}://{request.url.netloc}{DEV_PATH}"
        return JSONResponse(
            {
                "issuer": DEV_ISSUER,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/token",
                "userinfo_endpoint": f"{here}/userinfo",
                "jwks_uri": f"{here}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [_ALGORITHM],
                "scopes_supported": ["openid"],
            }
        )

    async def show_keys(self) -> Response:
        """Its public key."""
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def ask(self, request: Request) -> Response:
        """The page to sign in on."""
        asked = dict(request.query_params)
        page = sign_in_page(self._people.by_name.values(), asked=asked)
        return _refused(asked) or HTMLResponse(page, headers=_HEADERS)

    async def sign_in(self, request: Request) -> Response:
        """Take account and password; back to the client with a code."""
        async with request.form(max_files=0, max_fields=20) as form:
            asked = {**request.query_params, **{name: value for name, value in form.items() if isinstance(value, str)}}
        username, password = asked.pop("username", ""), asked.pop("password", "")
        refused = _refused(asked)
        if refused is not None:
            return refused
        found = self._people.sign_in(username, password=password)
        if found is None:
            page = sign_in_page(self._people.by_name.values(), asked=asked, refused=username)
            return HTMLResponse(page, status_code=_UNAUTHORIZED, headers=_HEADERS)
        return _back(asked, {"code": self._codes.give(found, asked=asked), "iss": DEV_ISSUER})

    async def give_token(
        self, grant_type: Text = "", code: Text = "", redirect_uri: Text = "", client_id: Text = "", code_verifier: Text = ""
    ) -> Response:
        """Tokens for a code, once (RFC 6749 §4.1.3, RFC 7636)."""
        if grant_type != "authorization_code":
            return _oauth_error("unsupported_grant_type")
        found = self._codes.take(code, client_id=client_id, redirect_uri=redirect_uri, verifier=code_verifier)
        if found is None:
            return _oauth_error("invalid_grant")
        claims = found.person.claims
        named: JsonObject = {"nonce": found.nonce} if found.nonce else {}
        body = {
            "access_token": self._sign(claims, audience=self.audience, kind="at+jwt"),
            "id_token": self._sign({"sub": claims["sub"], "name": found.person.title, **named}, audience=client_id, kind="JWT"),
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
            "scope": "openid",
        }
        return JSONResponse(body, headers=_NO_STORE)

    async def tell(self, request: Request) -> Response:
        """What is known of whoever shows an access token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        _, claims = await read_token(token.strip() if scheme.lower() == "bearer" else "", issuers={DEV_ISSUER: self})
        found = self._people.by_name.get(str(claims["sub"]))
        if found is None:
            raise Unauthenticated
        return JSONResponse({**found.claims, "name": found.title}, headers=_NO_STORE)

    def _sign(self, claims: JsonObject, *, audience: str, kind: str) -> str:
        now = int(time.time())
        whole = {**claims, "iss": DEV_ISSUER, "aud": audience, "iat": now, "exp": now + TOKEN_LIFETIME, "jti": secrets.token_hex(8)}
        return jwt.encode({"alg": _ALGORITHM, "kid": self._key.kid, "typ": kind}, whole, self._key, algorithms=[_ALGORITHM])


def _refused(asked: Mapping[str, str]) -> Response | None:
    """Why an authorization request cannot be served; told to the client only where the client is known."""
    if asked.get("client_id") not in CLIENTS:
        return HTMLResponse(refusal_page("未知的客户端", en="Unknown client"), status_code=_BAD_REQUEST, headers=_HEADERS)
    if not is_redirect(asked.get("redirect_uri", "")):
        page = refusal_page("回调地址必须在本机", en="The redirect address must be on this machine")
        return HTMLResponse(page, status_code=_BAD_REQUEST, headers=_HEADERS)
    if asked.get("response_type") != "code":
        return _back(asked, {"error": "unsupported_response_type"})
    if not is_pkce(asked):
        return _back(asked, {"error": "invalid_request", "error_description": "PKCE S256 is needed"})
    return None


def _back(asked: Mapping[str, str], answer: Mapping[str, str]) -> Response:
    given = {"state": asked["state"]} if "state" in asked else {}
    target = asked["redirect_uri"]
    return RedirectResponse(f"{target}{'&' if '?' in target else '?'}{urlencode({**answer, **given})}", status_code=302, headers=_HEADERS)


def _oauth_error(error: str) -> Response:
    return JSONResponse({"error": error}, status_code=_BAD_REQUEST, headers=_NO_STORE)


async def _refuse(request: Request, error: Exception) -> Response:
    return problems.answer(request, error)


def _make_key() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": f"dev.{secrets.token_hex(4)}", "use": "sig", "alg": _ALGORITHM})


def _keep_key(path: Path) -> ECKey:
    """The key in the file, made at the first time, readable by its owner alone."""
    if not path.exists():
        temporary = path.with_suffix(path.suffix + ".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(_make_key().as_dict(private=True)))
        temporary.rename(path)
    return ECKey.import_key(orjson.loads(path.read_bytes()))
