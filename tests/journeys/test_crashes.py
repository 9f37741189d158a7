"""One service dies at a named point while cases are under way: nothing is lost, nothing happens twice."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.line import until
from tests.support.whole import SignIn
from tongban_local.postgres import PostgresServer
from tongban_local.sole_trader import application, upload
from tongban_local.system import System
from tongban_local.visitor import Reply, Visitor

CASES = 20
PATIENCE = 90.0
"""Seconds in which a call that met a dead service is tried again."""

POINTS = (
    ("intake", "after-commit-before-send:4"),
    ("routing", "after-send-before-mark:4"),
    ("routing", "after-effect-before-offset:6"),
    ("intake", "relay-handover"),
    ("credential", "in-sealing:5"),
)


@pytest.fixture
def mended(system: System) -> Iterator[System]:
    """The system, with every service running again afterwards whatever the test did."""
    yield system
    for service in system.services.values():
        if service.pid is None:
            service.start()
            service.wait_ready()


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("name", "point"), POINTS, ids=[point for _, point in POINTS])
async def test_a_service_that_dies_loses_and_doubles_nothing(
    mended: System, sign_in: SignIn, postgres: PostgresServer, name: str, point: str
) -> None:
    people = {who: await sign_in(who) for who in ("tonggu-clerk", "liuyang-reviewer", "liuyang-approver")}
    service = mended[name]
    handed_over = point == "relay-handover"
    if not handed_over:
        service.stop()
        service.start({"crash_point": point})

    lives = [asyncio.create_task(_whole_life(people, seed=1000 + number, key=f"{point}-{number}")) for number in range(CASES)]
    if handed_over:
        # The relay is taken over while rows wait: the first process dies under load, the next one in the act of taking over.
        await asyncio.sleep(2)
        service.kill()
        service.start({"crash_point": point})
    died = await asyncio.to_thread(service.wait_gone, seconds=PATIENCE)
    service.start()
    await asyncio.to_thread(service.wait_ready)
    numbers = await asyncio.gather(*lives)

    assert died, "the crash point was never reached"
    assert len(set(numbers)) == CASES
    assert _effects(postgres, numbers) == {
        "cases": CASES,
        "closed": CASES,
        "transfers": CASES,
        "handlings": CASES,
        "acceptance notices": CASES,
        "decision notices": CASES,
        "deliveries": CASES,
        "seals": 2 * CASES,
        "credentials": CASES,
    }
    await until("every outbox empty", lambda: _drained(postgres))


async def _steadfast(who: Visitor, path: str, body: dict[str, Any] | None, *, key: str, tag_from: str | None = None) -> Reply:
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


async def _upload(clerk: Visitor, seed: int) -> list[dict[str, str]]:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await upload(clerk, seed=seed)
        except AssertionError:
            assert time.monotonic() < end
            await asyncio.sleep(0.3)


async def _seen(who: Visitor, path: str, wanted: str, found: Any) -> Any:
    async def ask() -> Any:
        reply = await who.call("GET", path)
        return found(reply.body) if reply.status == 200 else None

    return await until(wanted, ask, patience=PATIENCE)


async def _whole_life(people: dict[str, Visitor], *, seed: int, key: str) -> str:
    clerk, reviewer, approver = people.values()
    body = application(await _upload(clerk, seed))
    no = str((await _steadfast(clerk, "/cases", body, key=f"{key}-receive"))["case_no"])
    transfer = await _seen(
        reviewer, f"/transfers?case={no}", "validated", lambda got: [each for each in got["items"] if each["state"] == "validated"]
    )
    await _steadfast(reviewer, f"/transfers/{transfer[0]['transfer_id']}/receipts", {"step": "signed_for"}, key=f"{key}-sign")
    handling = f"/handlings/{no}"
    await _steadfast(reviewer, f"{handling}/acceptance", None, key=f"{key}-accept", tag_from=handling)
    await _seen(approver, handling, "acceptance sealed", lambda got: got["state"] == "accepted" and got["awaiting_seal"] is None)
    await _steadfast(approver, f"{handling}/decision", {"outcome": "granted"}, key=f"{key}-decide", tag_from=handling)
    await _seen(approver, handling, "credential", lambda got: got["credential_id"])
    delivery = await _seen(
        clerk, "/deliveries?state=open&limit=200", "delivery", lambda got: [each for each in got["items"] if each["case_no"] == no]
    )
    await _steadfast(clerk, f"/deliveries/{delivery[0]['delivery_id']}/handover", {"means": "window"}, key=f"{key}-deliver")
    await _seen(clerk, f"/cases/{no}", "closed", lambda got: got["state"] == "closed")
    return no


def _effects(postgres: PostgresServer, numbers: list[str]) -> dict[str, int]:
    """What the owners' own tables say, counted around the services."""
    ids = _rows(postgres, "intake", f"select case_id from cases where case_no in ({_listed(numbers)})")  # noqa: S608 - our own numbers

    def count(database: str, table: str, and_where: str = "true") -> int:
        counting = f"select count(*) from {table} where case_id in ({_listed(ids)}) and {and_where}"  # noqa: S608 - our own ids
        return int(_rows(postgres, database, counting)[0])

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


async def _drained(postgres: PostgresServer) -> bool:
    return all(_rows(postgres, name, "select count(*) from outbox") == ["0"] for name in ("intake", "routing", "credential"))


def _rows(postgres: PostgresServer, name: str, sql: str) -> list[str]:
    return postgres.query(sql, database=f"journeys_{name}").splitlines()


def _listed(texts: list[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
