"""A container that is told to stop: what Kubernetes and Compose do to it, under load, without either."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import httpx
import pytest

from tests.deploy.brokers import wait_for
from tests.deploy.outside import Outside, seconds
from tests.support.line import receive
from tongban_local.ports import LOOPBACK, free_ports
from tongban_local.visitor import Reply, Unexpected, Visitor

pytestmark = pytest.mark.timeout(1200)

REFUSED = "not accepted"
BROKEN = "broken"

BEFORE = 2.0
"""Seconds of load before somebody is told to stop."""
AFTER = 2.0


@asynccontextmanager
async def load(*calls: Callable[[int], Awaitable[int]]) -> AsyncIterator[Counter[object]]:
    """Call over and over, each caller one call after the other; statuses and failures are counted."""
    counted: Counter[object] = Counter()

    async def again(call: Callable[[int], Awaitable[int]], start: int) -> None:
        number = start
        while True:
            number += 1
            try:
                counted[await call(number)] += 1
            except httpx.ConnectError:
                counted[REFUSED] += 1
                await asyncio.sleep(0.05)
            except (httpx.HTTPError, Unexpected) as error:
                counted[f"{BROKEN}: {error!r}"] += 1

    callers = [asyncio.create_task(again(call, 1000 * (number + 1))) for number, call in enumerate(calls)]
    try:
        yield counted
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


@pytest.fixture
async def two(outside: Outside) -> AsyncIterator[str]:
    """A second intake beside the first, and a gateway that knows both; its address."""
    intake, gateway = free_ports(2)
    outside.start("intake", replica="-2", port=intake)
    wait_for("the second intake", holds=lambda: outside.healthy("intake", port=intake), why=lambda: outside.log("intake-2"))
    both = f"http://{LOOPBACK}:{outside.ports['intake']},http://{LOOPBACK}:{intake}"
    outside.start("gateway", replica="-2", port=gateway, more={"TONGBAN_GATEWAY_INTAKE_URL": both, "TONGBAN_GATEWAY_CONNECT_TIMEOUT": "30"})
    wait_for("the second gateway", holds=lambda: outside.healthy("gateway", port=gateway), why=lambda: outside.log("gateway-2"))
    yield f"http://{LOOPBACK}:{gateway}"
    for name in ("gateway-2", "intake-2"):
        with suppress(KeyError):
            process = outside.processes.pop(name)
            process.terminate()
            process.wait(timeout=30)


async def test_a_service_that_is_told_to_stop_fails_nobody(outside: Outside, two: str) -> None:
    grace = seconds(outside.composition.services["intake"]["stop_grace_period"])
    clerks = [await Visitor.sign_in(name, url=two) for name in ("tonggu-clerk", "tonggu-clerk2")]
    leaving = outside.processes["intake-2"]
    refused: list[str] = []

    def note(method: str, path: str, reply: Reply) -> None:
        if reply.status >= HTTPStatus.BAD_REQUEST:
            refused.append(f"{method} {path}: {reply.status}")

    # She comes back when she is told to, which is not to happen here either.
    clerks[1].watch = note

    async def read(_: int) -> int:
        return (await clerks[0].call("GET", "/cases", params={"limit": "5"})).status

    async def write(number: int) -> int:
        await receive(clerks[1], seed=number)
        return 201

    async with load(read, read, write) as counted:
        await asyncio.sleep(BEFORE)
        told = time.monotonic()
        leaving.send_signal(signal.Signals[outside.image.stop_signal])
        status = await asyncio.to_thread(leaving.wait, grace)
        took = time.monotonic() - told
        await asyncio.sleep(AFTER)

    assert counted.keys() == {200, 201}, counted
    assert not refused
    assert counted[200] + counted[201] > 10
    assert status == 0
    assert took < grace
    for clerk in clerks:
        await clerk.close()


async def test_a_gateway_that_is_told_to_stop_answers_what_it_took(outside: Outside, two: str) -> None:
    grace = seconds(outside.composition.services["gateway"]["stop_grace_period"])
    clerk = await Visitor.sign_in("tonggu-clerk", url=two)
    leaving = outside.processes["gateway-2"]

    async def read(_: int) -> int:
        return (await clerk.call("GET", "/cases", params={"limit": "5"})).status

    async with load(read, read, read) as counted:
        await asyncio.sleep(BEFORE)
        leaving.send_signal(signal.Signals[outside.image.stop_signal])
        status = await asyncio.to_thread(leaving.wait, grace)

    assert counted.keys() <= {200, REFUSED}, counted
    assert counted[200] > 10
    assert status == 0
    await clerk.close()


def test_everything_stops_in_order_when_the_system_is_taken_down(outside: Outside) -> None:
    """The last test of the system: ``docker compose stop``."""
    statuses = outside.stop()

    assert statuses
    assert set(statuses.values()) == {0}, statuses
