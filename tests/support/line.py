"""The acts of the line as one-liners, each over HTTP by a signed-in person, for journeys and faults."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tongban_local.sole_trader import application, upload
from tongban_local.visitor import Reply, Visitor

PATIENCE = 150.0
"""Seconds to wait for what the system does by itself; only a guard against hanging."""

FIRST_REST, LONGEST_REST = 0.1, 0.6
"""Seconds between two questions: what is not there at once is asked for less and less often, for a crowd that asks is a load of its own."""


async def until(what: str, ask: Callable[[], Awaitable[Any]], *, patience: float = PATIENCE) -> Any:
    """Ask until the answer is true; fail saying what never came."""
    end, rest = time.monotonic() + patience, FIRST_REST
    while True:
        found = await ask()
        if found:
            return found
        assert time.monotonic() < end, f"never came: {what}"
        await asyncio.sleep(rest)
        rest = min(rest * 1.5, LONGEST_REST)


async def receive(clerk: Visitor, *, seed: int = 1, key: str | None = None, **changes: Any) -> str:
    """Receive a complete application; its number."""
    received = await clerk.post("/cases", application(await upload(clerk, seed=seed), **changes), key=key)
    return str(received["case_no"])


async def transfer_in(who: Visitor, no: str, state: str) -> Any:
    """The case's latest transfer once it is in a state."""

    async def ask() -> Any:
        reply = await who.call("GET", "/transfers", params={"case": no})
        found = [each for each in reply["items"] if each["state"] == state] if reply.status == 200 else []
        return found[-1] if found else None

    return await until(f"transfer {state}", ask)


async def sign(reviewer: Visitor, no: str) -> None:
    """Sign for the case."""
    transfer = await transfer_in(reviewer, no, "validated")
    await reviewer.post(f"/transfers/{transfer['transfer_id']}/receipts", {"step": "signed_for"})


async def handling(who: Visitor, no: str) -> Reply:
    """The handling of the case."""
    return await who.get(f"/handlings/{no}")


async def try_act(who: Visitor, no: str, what: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Reply:
    """One move of the handling side at its present version, whatever the answer."""
    tag = (await handling(who, no)).headers["etag"]
    return await who.call("POST", f"/handlings/{no}/{what}", json=body, headers={"If-Match": tag}, key=key)


async def act(who: Visitor, no: str, what: str, body: dict[str, Any] | None = None) -> Reply:
    """One move of the handling side that must be let through."""
    tag = (await handling(who, no)).headers["etag"]
    return await who.post(f"/handlings/{no}/{what}", body, headers={"If-Match": tag})


async def sealed(who: Visitor, no: str) -> Any:
    """The handling once nothing of it waits for a seal."""

    async def ask() -> Any:
        found = await handling(who, no)
        return found.body if found["awaiting_seal"] is None else None

    return await until("the seal", ask)


async def delivered(clerk: Visitor, no: str) -> None:
    """Hand the result out at the window."""

    async def ask() -> Any:
        found = [each for each in (await clerk.get("/deliveries", params={"state": "open"}))["items"] if each["case_no"] == no]
        return found[0] if found else None

    delivery = await until("the delivery", ask)
    await clerk.post(f"/deliveries/{delivery['delivery_id']}/handover", {"means": "window"})


async def closed(who: Visitor, no: str) -> Any:
    """The case once it is closed."""

    async def ask() -> Any:
        found = await who.get(f"/cases/{no}")
        return found.body if found["state"] == "closed" else None

    return await until("closed", ask)


async def forward(operator: Visitor, period: str) -> None:
    """Let days pass on all five services."""
    await operator.post("/dev/now", {"forward": period})
