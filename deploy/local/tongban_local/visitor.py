"""Somebody who uses a running system over HTTP: signs in as a browser would, then calls the API.

The demo and the journeys act through this and nothing else, so what they show is what a clerk's front-end can do.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import secrets
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import OKPKey

CLIENT_ID = "tongban-demo"
CALLBACK = "http://127.0.0.1/callback"
DEMO_PASSWORD = "tongban"  # noqa: S105 - the development issuer's, printed by make run

PATIENCE = 60.0
"""Seconds for which somebody who is told to come back (503 with ``Retry-After``) does so."""

Body = Mapping[str, Any]
"""A JSON object sent or received; ``Any`` because it is another program's document."""


class Unexpected(AssertionError):
    """The system answered otherwise than the story needs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float
    """From the call to the last byte of the answer."""
    body: Any
    """The JSON document, or None."""

    def __getitem__(self, name: str) -> Any:
        """One member of the body."""
        return self.body[name]

    @property
    def rule(self) -> str:
        """The rule id of a refusal, empty otherwise."""
        return str(self.body.get("rule", "")) if isinstance(self.body, dict) else ""


@dataclass(slots=True)
class Visitor:
    """One signed-in person (or nobody) at one gateway; sends back every `Tongban-Seen` it was given."""

    name: str
    http: httpx.AsyncClient
    token: str | None = None
    seen: str | None = None
    watch: Callable[[str, str, Reply], None] | None = None
    """Told of every call: method, path, reply."""
    _headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def sign_in(cls, name: str, *, url: str, password: str = DEMO_PASSWORD) -> Self:
        """Sign in at the development issuer with authorization code and PKCE.

        Raises:
            Unexpected: A step of the sign-in failed.
        """
        http = _open(url)
        discovery = (await http.get("/dev/oidc/.well-known/openid-configuration")).raise_for_status().json()
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        answer = await http.post(discovery["authorization_endpoint"], data=asked | {"username": name, "password": password})
        if answer.status_code not in {302, 303}:
            raise Unexpected(f"sign-in of {name}: {answer.status_code}")
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        if query.get("state") != [asked["state"]]:
            raise Unexpected(f"sign-in of {name}: state was not returned")
        exchange = await http.post(
            discovery["token_endpoint"],
            data={
                "grant_type": "authorization_code",
                "code": query["code"][0],
                "redirect_uri": CALLBACK,
                "client_id": CLIENT_ID,
                "code_verifier": verifier,
            },
        )
        if exchange.status_code != httpx.codes.OK:
            raise Unexpected(f"token for {name}: {exchange.status_code}")
        return cls(name=name, http=http, token=exchange.json()["access_token"])

    @classmethod
    async def as_machine(cls, client_id: str, *, url: str, key: bytes) -> Self:
        """Sign in as a partner's system: OAuth 2 client_credentials with ``private_key_jwt`` (Ed25519).

        Raises:
            Unexpected: No token was given.
        """
        http = _open(url)
        now = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": "tongban", "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
        assertion = jwt.encode({"alg": "Ed25519"}, claims, OKPKey.import_key(key), algorithms=["Ed25519"])
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        answer = await http.post("/v1/token", data=form)
        if answer.status_code != httpx.codes.OK:
            raise Unexpected(f"token for {client_id}: {answer.status_code}: {answer.text[:300]}")
        return cls(name=client_id, http=http, token=answer.json()["access_token"])

    @classmethod
    def nobody(cls, *, url: str) -> Self:
        """A member of the public."""
        return cls(name="public", http=_open(url))

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Body | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Reply:
        """Call and take whatever comes; a changing POST gets a key of its own unless one is given."""
        sent = dict(headers or {})
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if self.seen is not None:
            sent["Tongban-Seen"] = self.seen
        if method == "POST":
            sent.setdefault("Idempotency-Key", key or str(uuid.uuid4()))
        begun = time.perf_counter()
        answer = await self.http.request(method, f"/v1{path}", json=json, content=content, headers=sent, params=params)
        if "tongban-seen" in answer.headers:
            self.seen = answer.headers["tongban-seen"]
        is_json = "json" in answer.headers.get("content-type", "")
        reply = Reply(answer.status_code, answer.headers, answer.content, time.perf_counter() - begun, answer.json() if is_json else None)
        if self.watch is not None:
            self.watch(method, path, reply)
        return reply

    async def get(self, path: str, **options: Any) -> Reply:
        """GET what must be given."""
        return await self._let_in("GET", path, **options)

    async def post(self, path: str, json: Body | None = None, *, key: str | None = None, **options: Any) -> Reply:
        """POST what must be let through, under the same key however often it was told to come back."""
        return await self._let_in("POST", path, json=json, key=key or str(uuid.uuid4()), **options)

    async def _let_in(self, method: str, path: str, **options: Any) -> Reply:
        until = time.monotonic() + PATIENCE
        while True:
            reply = await self.call(method, path, **options)
            if httpx.codes.is_success(reply.status):
                return reply
            come_back = reply.headers.get("retry-after", "")
            if reply.status != httpx.codes.SERVICE_UNAVAILABLE or not come_back.isdecimal() or time.monotonic() >= until:
                raise Unexpected(f"{self.name}: {method} {path}: {reply.status}: {reply.content[:800].decode(errors='replace')}")
            await asyncio.sleep(int(come_back))

    async def close(self) -> None:
        """Give the connections back."""
        await self.http.aclose()


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Whom we believe: read once, for it takes 20 ms, and a crowd of visitors is opened."""
    return httpx.create_ssl_context()


def _open(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=40, follow_redirects=False, verify=_trusted())
