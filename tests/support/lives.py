"""Whole lives of cases, lived by callers who do not give up: what met a dead service is called again under the same key."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.line import until
from tongban_local.postgres import PostgresServer
from tongban_local.sole_trader import application, upload
from tongban_local.visitor import Reply, Visitor

PATIENCE = 400.0
"""Seconds in which a call that met a dead service is tried again."""

PEOPLE = ("tonggu-clerk", "liuyang-reviewer", "liuyang-approver")
"""Who a life needs, in this order."""


async def steadfast(who: Visitor, path: str, body: dict[str, Any] | None, *, key: str, tag_from: str | None = None) -> Reply:
    """POST until it is answered for good; the same key each time, so it takes effect once."""
    end = time.monotonic() + PATIENCE
    while True:
        headers = {}
        if tag_from is not None:
            read = await who.call("GET", tag_from)
            headers = {"If-Match": read.headers.get("etag", '"0"')}
        reply = await who.call("POST", path, json=body, key=key, headers=headers)
        if reply.status < 300:
            return reply
        # 502–504: the service is away; 409, 412: the seal or another process is at work; 404: not heard of yet.
        assert reply.status in {404, 409, 412, 502, 503, 504}, (path, reply.status, reply.body)
        assert time.monotonic() < end, (path, reply.status, reply.body)
        await asyncio.sleep(0.3)


async def received(clerk: Visitor, *, seed: int, key: str) -> str:
    """Receive a case, however often it takes; its number."""
    body = application(await _upload(clerk, seed))
    return str((await steadfast(clerk, "/cases", body, key=f"{key}-receive"))["case_no"])


async def accepted(people: Mapping[str, Visitor], no: str, *, key: str) -> None:
    """Sign for a case and accept it, until the notice is sealed."""
    _, reviewer, approver = people.values()
    transfer = await seen(
        reviewer, f"/transfers?case={no}", "validated", lambda got: [each for each in got["items"] if each["state"] == "validated"]
    )
    await steadfast(reviewer, f"/transfers/{transfer[0]['transfer_id']}/receipts", {"step": "signed_for"}, key=f"{key}-sign")
    handling = f"/handlings/{no}"
    await steadfast(reviewer, f"{handling}/acceptance", None, key=f"{key}-accept", tag_from=handling)
    await seen(approver, handling, "acceptance sealed", lambda got: got["state"] == "accepted" and got["awaiting_seal"] is None)


async def decided(people: Mapping[str, Visitor], no: str, *, key: str) -> None:
    """Grant a case that is accepted, until its credential is there."""
    approver = people["liuyang-approver"]
    handling = f"/handlings/{no}"
    await steadfast(approver, f"{handling}/decision", {"outcome": "granted"}, key=f"{key}-decide", tag_from=handling)
    await seen(approver, handling, "credential", lambda got: got["credential_id"])


async def delivered(people: Mapping[str, Visitor], no: str, *, key: str) -> None:
    """Hand out what was granted, until the case is closed."""
    clerk = people["tonggu-clerk"]
    delivery = await seen(
        clerk, "/deliveries?state=open&limit=200", "delivery", lambda got: [each for each in got["items"] if each["case_no"] == no]
    )
    await steadfast(clerk, f"/deliveries/{delivery[0]['delivery_id']}/handover", {"means": "window"}, key=f"{key}-deliver")
    await seen(clerk, f"/cases/{no}", "closed", lambda got: got["state"] == "closed")


async def whole_life(people: Mapping[str, Visitor], *, seed: int, key: str) -> str:
    """One case from receipt to closing; its number."""
    no = await received(people["tonggu-clerk"], seed=seed, key=key)
    await accepted(people, no, key=key)
    await decided(people, no, key=key)
    await delivered(people, no, key=key)
    return no


async def seen(who: Visitor, path: str, wanted: str, found: Callable[[Any], Any]) -> Any:
    """GET until the answer holds what is wanted."""

    async def ask() -> Any:
        reply = await who.call("GET", path)
        return found(reply.body) if reply.status == 200 else None

    return await until(wanted, ask, patience=PATIENCE)


def effects(postgres: PostgresServer, numbers: list[str], *, prefix: str) -> dict[str, int]:
    """What the owners' own tables say of these cases, counted around the services."""
    ids = rows(postgres, f"{prefix}_intake", f"select case_id from cases where case_no in ({_listed(numbers)})")  # noqa: S608 - our own numbers

    def count(database: str, table: str, and_where: str = "true") -> int:
        counting = f"select count(*) from {table} where case_id in ({_listed(ids)}) and {and_where}"  # noqa: S608 - our own ids
        return int(rows(postgres, f"{prefix}_{database}", counting)[0])

    return {
        "cases": count("intake", "cases"),
        "closed": count("intake", "cases", "state = 'closed'"),
        "transfers": count("routing", "transfers"),
        "handlings": count("routing", "handlings"),
        "acceptance notices": count("routing", "notices", "kind = 'acceptance'"),
        "decision notices": count("routing", "notices", "kind = 'decision'"),
        "deliveries": count("routing", "deliveries"),
        "seals": count("credential", "sealings", "state = 'sealed'"),
        "credentials": count("credential", "credentials"),
    }


def effects_of_whole_lives(cases: int) -> dict[str, int]:
    """What `effects` are when every case lived to its end, once."""
    once = ("cases", "closed", "transfers", "handlings", "acceptance notices", "decision notices", "deliveries", "credentials")
    return dict.fromkeys(once, cases) | {"seals": 2 * cases}


async def drained(postgres: PostgresServer, *, prefix: str) -> bool:
    """True when nothing waits to be sent."""
    return all(rows(postgres, f"{prefix}_{name}", "select count(*) from outbox") == ["0"] for name in ("intake", "routing", "credential"))


def rows(postgres: PostgresServer, database: str, sql: str) -> list[str]:
    """Rows of a query, each as a line."""
    return postgres.query(sql, database=database).splitlines()


async def _upload(clerk: Visitor, seed: int) -> list[dict[str, str]]:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await upload(clerk, seed=seed)
        except AssertionError:
            assert time.monotonic() < end
            await asyncio.sleep(0.3)


def _listed(texts: list[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
