"""Who may call what: every cell of ``matrix.yaml`` tried on the running system.

A cell is tried by a real call. *Let in* means that access did not refuse: the call succeeded, or what was asked is refused for another
reason (400, 409, 412, 422, 428), because requests are harmless on purpose and the case is closed. 404 and 403 are told apart, since a
stranger must not learn that a case exists. Anything else, a 5xx above all, fails the cell.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi.routing import APIRoute, iter_route_contexts

from chassis.identity import SigningKey
from contracts.caller import Caller, CallerKind, Role
from contracts.values import RegionCode
from tests.access.prepared import Prepared, call, prepare
from tests.support.whole import SignIn
from tongban_local.layout import MACHINE
from tongban_local.openapi import applications
from tongban_local.system import System
from tongban_local.visitor import Visitor

MATRIX: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "matrix.yaml").read_text(encoding="utf-8"))

NOT_FOR_CALLERS = {"/livez", "/readyz", "/healthz", "/metrics", "/openapi.json"}
"""On the service's own port only; the gateway passes none of them."""

PEOPLE = {
    "clerk": "tonggu-clerk",
    "other clerk": "liuyang-clerk",
    "reviewer": "liuyang-reviewer",
    "approver": "liuyang-approver",
    "other reviewer": "tonggu-reviewer",
    "supervisor": "hunan-supervisor",
    "applicant": "applicant-chen",
    "stranger": "applicant-li",
    "operator": "operator",
    "author": "catalog-author",
    "catalogue reviewer": "catalog-reviewer",
    "nobody": "public",
}
"""Through the gateway, as they sign in."""

BEHIND_THE_GATEWAY = {
    "other supervisor": Caller(
        kind=CallerKind.STAFF,
        issuer="https://staff.example",
        account="gd-1",
        roles=frozenset({Role.SUPERVISOR}),
        region=RegionCode("440000"),
    ),
}
"""Nobody of the seed: called at the service with the token that the gateway would have made."""

LET_IN = {400, 409, 412, 422, 428}
CLASSES = {"+": "let in", "x": "forbidden", "0": "absent", "n": "unauthenticated"}


def class_of(status: int) -> str:
    if status < 300 or status in LET_IN:
        return "let in"
    return {401: "unauthenticated", 403: "forbidden", 404: "absent"}.get(status, str(status))


@cache
def served() -> dict[str, str]:
    """Every route of the four services by its name at the gateway, with its service; made when first asked for, not to be collected."""
    found: dict[str, str] = {}
    for service, application in applications().items():
        for context in iter_route_contexts(application.routes):
            route, path = context.route, context.path
            if not isinstance(route, APIRoute) or path is None or path in NOT_FOR_CALLERS:
                continue
            shown = path.replace("/v1/parked", f"/v1/{service}/parked").replace(":path}", "}")
            found |= {f"{method} {shown}": service for method in route.methods or ()}
    return found


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert set(MATRIX["routes"]) == set(served())


def test_every_row_says_something_for_every_caller() -> None:
    callers = MATRIX["callers"]

    assert set(callers) == {*PEOPLE, *BEHIND_THE_GATEWAY, "machine"}
    assert [route for route, row in MATRIX["routes"].items() if len(row.split()) != len(callers) or set(row.split()) - set(CLASSES)] == []


TRIES = 30
"""Calls of one who is told to come back in a moment: a machine may stand still for some seconds."""


class Door:
    """Calls the system as one of the callers."""

    def __init__(self, system: System, sign_in: SignIn) -> None:
        self._system = system
        self._sign_in = sign_in
        self._key = SigningKey.load(system.layout.data / "keys/gateway.json")
        self._tokens: dict[str, str | None] = {}
        self._http = httpx.AsyncClient(timeout=60)

    async def status(self, caller: str, route: str, at: Prepared) -> int:
        asked, method = call(route, at), route.split(" ", 1)[0]
        headers = dict(asked.headers or {})
        url = f"{self._system.layout.url}{asked.path}"
        if caller in BEHIND_THE_GATEWAY:
            service = served()[route]
            headers["Authorization"] = f"Bearer {self._key.mint(BEHIND_THE_GATEWAY[caller], audience=service)}"
            url = f"{self._system.layout.service_url(service)}{asked.path.replace(f'/v1/{service}/parked', '/v1/parked')}"
        elif (token := await self._token(caller)) is not None:
            headers["Authorization"] = f"Bearer {token}"
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        for _ in range(TRIES):
            answer = await self._http.request(method, url, json=asked.json, content=asked.content, params=asked.params, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer.status_code
            await asyncio.sleep(1)
        return httpx.codes.SERVICE_UNAVAILABLE

    async def _token(self, caller: str) -> str | None:
        if caller not in self._tokens:
            visitor = await (self._machine() if caller == "machine" else self._sign_in(PEOPLE[caller]))
            self._tokens[caller] = visitor.token
        return self._tokens[caller]

    async def _machine(self) -> Visitor:
        key = await asyncio.to_thread((self._system.layout.data / f"keys/{MACHINE.client_id}.pem").read_bytes)
        visitor = await Visitor.as_machine(MACHINE.client_id, url=self._system.layout.url, key=key)
        await visitor.close()
        return visitor

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def door(system: System, sign_in: SignIn) -> AsyncIterator[Door]:
    made = Door(system, sign_in)
    yield made
    await made.close()


async def test_every_cell_is_as_the_matrix_says(door: Door, sign_in: SignIn) -> None:
    at = await prepare(sign_in)
    wrong: list[str] = []

    for route, row in MATRIX["routes"].items():
        wanted = {caller: CLASSES[mark] for caller, mark in zip(MATRIX["callers"], row.split(), strict=True)}
        statuses = await asyncio.gather(*(door.status(caller, route, at) for caller in wanted))
        wrong += [
            f"{route} by {caller}: {status}, wanted {meant}"
            for (caller, meant), status in zip(wanted.items(), statuses, strict=True)
            if class_of(status) != meant
        ]

    assert not wrong, "\n".join(wrong)
