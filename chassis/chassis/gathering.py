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
from contextvars import Context as Variables
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from starlette.responses import Response

from chassis import idempotency, tracing
from chassis.context import Context
from chassis.database import Tx
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

PATIENCE = 0.25
"""Seconds that others wait for one that goes by itself: it may be waiting for a lock, and everybody would wait for that."""

Outcome: TypeAlias = Answer | Refusal | None
"""What became of one request; one that was refused has left nothing, and one that must go by itself has not begun."""

Act: TypeAlias = Callable[[Tx[C], Sequence[R]], Awaitable[Sequence[Outcome]]]
"""Does several requests in one transaction and gives the outcome of each, in order; it raises when all must be undone."""

Prepare: TypeAlias = Callable[[Tx[C], Sequence[R]], Awaitable[None]]
"""Reads and locks for several requests what each would ask for."""

Alone: TypeAlias = Callable[[Writer[C], R, Claim], Awaitable[Response]]
"""Does one request in a transaction of its own."""

_log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rider(Generic[C, R]):
    """One request that waits."""

    write: Writer[C]
    claimed: Claim
    request: R
    traceparent: str | None
    variables: Variables
    """Of the request's own task, for when it has to go by itself."""
    answered: "asyncio.Future[Response]"


@dataclass(frozen=True, slots=True)
class _Sent:
    kept: Kept
    again: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Station(Generic[C, R]):
    """Where the requests of one running service wait."""

    waiting: deque[_Rider[C, R]] = field(default_factory=deque)
    flushing: set[asyncio.Task[None]] = field(default_factory=set)
    parted: set[asyncio.Task[None]] = field(default_factory=set)
    """Requests that go by themselves."""
    at_work: "dict[tuple[str, str, str], asyncio.Future[Response]]" = field(default_factory=dict)
    """By the use of the key."""


class Gathering(Generic[C, R]):
    """How the requests of one route ride together; what waits is kept by the running service."""

    def __init__(
        self,
        act: Act[C, R],
        *,
        key: Callable[[R], str],
        prepare: Prepare[C, R] | None = None,
        alone: Alone[C, R] | None = None,
        most: int = MOST,
        flushers: int = FLUSHERS,
        patience: float = PATIENCE,
    ) -> None:
        """Prepare; nothing runs until a request comes.

        Args:
            act: Does several requests in one transaction.
            key: The key under which all events of a request go out; asked for after the preparation.
            prepare: Runs before the act in its transaction.
            alone: How a request goes that nobody waits beside, and one that must go by itself; as the act with one unless told.
            most: Requests in one transaction.
            flushers: Transactions at a time.
            patience: Seconds that others wait for one that goes by itself.
        """
        self._act = act
        self._key = key
        self._prepare = prepare
        self._go = alone
        self._most = most
        self._flushers = flushers
        self._patience = patience

    async def __call__(self, write: Writer[C], request: R, *, fingerprint: bytes | None = None) -> Response:
        """Do one request together with those that wait beside it.

        Args:
            write: The request's own door.
            request: What the act is given.
            fingerprint: As for `Writer.__call__`.

        Raises:
            Refusal: What `Writer.__call__` raises, and what the act gave for this request.
        """
        claimed = await write.claim(fingerprint)
        use = (claimed.caller, claimed.route, claimed.key)
        station: _Station[C, R] = write.context.gathered.setdefault(self, _Station())
        if use in station.at_work:
            await _wait_for(use, station, patience=write.context.database.lock_wait)
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        station.at_work[use] = answered
        answered.add_done_callback(lambda done: _leave(use, done, station=station))
        station.waiting.append(
            _Rider(
                write=write,
                claimed=claimed,
                request=request,
                traceparent=tracing.traceparent(),
                variables=copy_context(),
                answered=answered,
            )
        )
        if len(station.flushing) < self._flushers:
            station.flushing.add(asyncio.create_task(self._flush(write.context, station)))
        # A client that goes away does not take its request out of a transaction that has begun.
        return await asyncio.shield(answered)

    async def _flush(self, context: C, station: _Station[C, R]) -> None:
        """Commit until nobody waits."""
        try:
            while station.waiting:
                riders = [station.waiting.popleft() for _ in range(min(len(station.waiting), self._most))]
                await self._take(context, riders, station=station)
        finally:
            # In the very step that saw nobody waiting: whoever comes before a task is known to be done would wait for one that never looks.
            station.flushing.difference_update({asyncio.current_task()})

    async def _take(self, context: C, riders: Sequence[_Rider[C, R]], *, station: _Station[C, R]) -> None:
        if self._go is not None and len(riders) == 1:
            await asyncio.wait([self._part(riders[0], station=station)], timeout=self._patience)
            return
        results: Sequence[_Sent | Refusal | None] = [None] * len(riders)
        try:
            results = await self._together(context, riders)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told to the one whose it is
            _log.info("gathering.parted", exc_info=error)
        finally:
            for rider, result in zip(riders, results, strict=True):
                self._tell(rider, result, station=station)

    def _tell(self, rider: _Rider[C, R], result: _Sent | Refusal | None, *, station: _Station[C, R]) -> None:
        if isinstance(result, Refusal):
            rider.answered.set_exception(result)
        elif result is not None:
            rider.answered.set_result(send_again(result.kept) if result.again else send(result.kept))
        else:
            self._part(rider, station=station)

    def _part(self, rider: _Rider[C, R], *, station: _Station[C, R]) -> "asyncio.Task[None]":
        alone = asyncio.get_running_loop().create_task(self._alone(rider), context=rider.variables)
        station.parted.add(alone)
        alone.add_done_callback(station.parted.discard)
        return alone

    async def _alone(self, rider: _Rider[C, R]) -> None:
        async def act(tx: Tx[C]) -> Answer:
            [outcome] = await self._act(tx, [rider.request])
            if not isinstance(outcome, Answer):
                raise outcome or IdempotencyInFlight(retry_after=1)
            return outcome

        go = self._go
        try:
            going = rider.write.run(act, rider.claimed) if go is None else go(rider.write, rider.request, rider.claimed)
            rider.answered.set_result(await going)
        except Exception as error:  # noqa: BLE001 - raised where the request waits
            rider.answered.set_exception(error)
        finally:
            rider.answered.cancel()

    async def _together(self, context: C, riders: Sequence[_Rider[C, R]]) -> list[_Sent | Refusal | None]:
        async with context.database.begin(context) as tx:
            known = await idempotency.find_all(tx, [rider.claimed for rider in riders])
            fresh = [rider for rider, first in zip(riders, known, strict=True) if first is None]
            if self._prepare is not None and fresh:
                await self._prepare(tx, [rider.request for rider in fresh])
            keys = [self._key(rider.request) for rider in fresh]
            tx.traceparents |= {key: rider.traceparent for key, rider in zip(keys, fresh, strict=True) if rider.traceparent}
            outcomes = await self._act(tx, [rider.request for rider in fresh]) if fresh else []
            # What is written draws the positions that the answers tell.
            await tx.flush()
            told: dict[Claim, _Sent | Refusal | None] = {}
            for rider, key, outcome in zip(fresh, keys, outcomes, strict=True):
                if not isinstance(outcome, Answer):
                    told[rider.claimed] = outcome
                else:
                    positions = {key: tx.positions[key]} if key in tx.positions else {}
                    told[rider.claimed] = _Sent(seal_answer(context, outcome, positions=positions), again=False)
            await idempotency.add_all(tx, [(claimed, one.kept) for claimed, one in told.items() if isinstance(one, _Sent)])
        return [
            told[rider.claimed] if first is None else _Sent(first, again=True) if isinstance(first, Kept) else first
            for rider, first in zip(riders, known, strict=True)
        ]


async def _wait_for(use: tuple[str, str, str], station: _Station[Any, Any], *, patience: float) -> None:
    """Let the first request with this key finish: inside a transaction the second would hold up everybody in it."""
    try:
        async with asyncio.timeout(patience):
            while (first := station.at_work.get(use)) is not None:
                await asyncio.wait([first])
    except TimeoutError:
        raise IdempotencyInFlight(retry_after=1) from None


def _leave(use: tuple[str, str, str], answered: "asyncio.Future[Response]", *, station: _Station[Any, Any]) -> None:
    del station.at_work[use]
    if not answered.cancelled():
        # Read here, for nobody may be left to read it.
        answered.exception()
