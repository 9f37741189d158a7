"""Writes that ride together: as soon as somebody is free to commit, all that wait go in one transaction.

For the few routes that are called so often that their commits, round trips and statements are what limits them::

    WIDGETS = Gathering(make_widgets, key=lambda widget: widget.id)

    @router.post("/widgets", status_code=201)
    async def make(write: Annotated[Writer[Listing], WRITER], body: WidgetIn) -> Response:
        return await WIDGETS(write, body)

There is no timer: alone, a request goes at once. It is answered after the commit, as at every other door, and what goes wrong with others
never reaches it: a refusal is one request's own, and when a transaction fails each of its requests goes again by itself.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from starlette.responses import Response

from chassis import idempotency, tracing
from chassis.context import Context
from chassis.database import LOCK_WAIT, Tx
from chassis.doors import Answer, Writer, seal_answer, send, send_again
from chassis.idempotency import Claim, Kept
from chassis.logs import get_logger
from chassis.problems import IdempotencyInFlight
from contracts.refusals import Refusal

C = TypeVar("C", bound=Context)
R = TypeVar("R")

MOST = 64
"""Requests in one transaction: it stays short and its locks few."""

FLUSHERS = 2
"""Transactions at a time: while one waits for its commit, the next one is being filled."""

Outcome: TypeAlias = Answer | Refusal
"""What became of one request; one that was refused has left nothing."""

Act: TypeAlias = Callable[[Tx[C], Sequence[R]], Awaitable[Sequence[Outcome]]]
"""Does several requests in one transaction and gives the outcome of each, in order; it raises when all must be undone."""

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rider(Generic[R]):
    """One request that waits."""

    claimed: Claim
    request: R
    traceparent: str | None
    result: "asyncio.Future[_Sent | Refusal | None]"
    """None when it has to go by itself."""


@dataclass(frozen=True, slots=True)
class _Sent:
    kept: Kept
    again: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Station(Generic[R]):
    """Where the requests of one running service wait."""

    waiting: deque[_Rider[R]] = field(default_factory=deque)
    flushing: set[asyncio.Task[None]] = field(default_factory=set)
    at_work: dict[Claim, asyncio.Task[Response]] = field(default_factory=dict)
    """By the use of the key, without its fingerprint."""


class Gathering(Generic[C, R]):
    """How the requests of one route ride together; what waits is kept by the running service."""

    def __init__(self, act: Act[C, R], *, key: Callable[[R], str], most: int = MOST, flushers: int = FLUSHERS) -> None:
        """Prepare; nothing runs until a request comes.

        Args:
            act: Does several requests in one transaction.
            key: The key under which all events of a request go out.
            most: Requests in one transaction.
            flushers: Transactions at a time.
        """
        self._act = act
        self._key = key
        self._most = most
        self._flushers = flushers

    async def __call__(self, write: Writer[C], request: R) -> Response:
        """Do one request together with those that wait beside it.

        Raises:
            Refusal: What `Writer.__call__` raises, and what the act gave for this request.
        """
        claimed = await write.claim()
        use = Claim(caller=claimed.caller, route=claimed.route, key=claimed.key, fingerprint=b"")
        station: _Station[R] = write.context.gathered.setdefault(self, _Station())
        await _wait_for(use, station)
        # A client that goes away does not take its request out of a transaction that has begun.
        task = asyncio.create_task(self._go(write, request, claimed=claimed, station=station))
        station.at_work[use] = task
        task.add_done_callback(lambda done: _leave(use, done, station=station))
        return await asyncio.shield(task)

    async def _go(self, write: Writer[C], request: R, *, claimed: Claim, station: _Station[R]) -> Response:
        result: asyncio.Future[_Sent | Refusal | None] = asyncio.get_running_loop().create_future()
        rider = _Rider(claimed=claimed, request=request, traceparent=tracing.traceparent(), result=result)
        station.waiting.append(rider)
        if len(station.flushing) < self._flushers:
            flushing = asyncio.create_task(self._flush(write.context, station))
            station.flushing.add(flushing)
            flushing.add_done_callback(station.flushing.discard)
        told = await result
        if isinstance(told, Refusal):
            raise told
        if told is not None:
            return send_again(told.kept) if told.again else send(told.kept)

        async def alone(tx: Tx[C]) -> Answer:
            [outcome] = await self._act(tx, [request])
            if isinstance(outcome, Refusal):
                raise outcome
            return outcome

        return await write.run(alone, claimed)

    async def _flush(self, context: C, station: _Station[R]) -> None:
        """Commit until nobody waits."""
        while station.waiting:
            riders = [station.waiting.popleft() for _ in range(min(len(station.waiting), self._most))]
            results: Sequence[_Sent | Refusal | None] = [None] * len(riders)
            try:
                results = await self._together(context, riders)
            except Exception as error:  # noqa: BLE001 - whatever it was, it is told to the one whose it is
                _log.info("gathering.parted", exc_info=error)
            finally:
                for rider, result in zip(riders, results, strict=True):
                    rider.result.set_result(result)

    async def _together(self, context: C, riders: Sequence[_Rider[R]]) -> list[_Sent | Refusal | None]:
        async with context.database.begin(context) as tx:
            known = await idempotency.claim_all(tx, [rider.claimed for rider in riders])
            fresh = [rider for rider, first in zip(riders, known, strict=True) if first is None]
            keys = [self._key(rider.request) for rider in fresh]
            tx.traceparents |= {key: rider.traceparent for key, rider in zip(keys, fresh, strict=True) if rider.traceparent}
            outcomes = await self._act(tx, [rider.request for rider in fresh]) if fresh else []
            told: dict[Claim, _Sent | Refusal] = {}
            for rider, key, outcome in zip(fresh, keys, outcomes, strict=True):
                if isinstance(outcome, Refusal):
                    told[rider.claimed] = outcome
                else:
                    positions = {key: tx.positions[key]} if key in tx.positions else {}
                    told[rider.claimed] = _Sent(seal_answer(context, outcome, positions=positions), again=False)
            await idempotency.let_go(tx, [claimed for claimed, one in told.items() if isinstance(one, Refusal)])
            await idempotency.keep_all(tx, [(claimed, one.kept) for claimed, one in told.items() if isinstance(one, _Sent)])
        return [
            told[rider.claimed] if first is None else _Sent(first, again=True) if isinstance(first, Kept) else first
            for rider, first in zip(riders, known, strict=True)
        ]


async def _wait_for(use: Claim, station: _Station[Any]) -> None:
    """Let the first request with this key finish: inside a transaction the second would hold up everybody in it."""
    try:
        async with asyncio.timeout(LOCK_WAIT):
            while (first := station.at_work.get(use)) is not None:
                await asyncio.wait([first])
    except TimeoutError:
        raise IdempotencyInFlight(retry_after=1) from None


def _leave(use: Claim, task: asyncio.Task[Response], *, station: _Station[Any]) -> None:
    del station.at_work[use]
    if not task.cancelled():
        # Read here, for nobody may be left to read it.
        task.exception()
