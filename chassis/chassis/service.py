"""One service: its routes, what it hears, what it follows, what it does by itself, started and stopped in order.

::

    def create_app(settings: Settings) -> FastAPI:
        return create_service(
            Listing, settings, title="…", metadata=METADATA, migrations=MIGRATIONS,
            routers=(widget.api.router, owner.api.router),
            subscriptions={**widget.handlers.SUBSCRIPTIONS, **owner.handlers.SUBSCRIPTIONS},
            sends=(WIDGET_EVENTS,), hears=frozenset({"stock"}),
        )
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic

from fastapi import APIRouter, FastAPI
from sqlalchemy import MetaData

from chassis import crash, idempotency, inbox, logs, operations, parking, sent, topics, tracing
from chassis.application import create_application
from chassis.bus import Bus
from chassis.bus_kafka import KafkaBus
from chassis.bus_postgres import PostgresBus
from chassis.bus_unruly import UnrulyBus
from chassis.context import Prepare, Subscriptions
from chassis.database import C, Database
from chassis.figures import Look
from chassis.flow import followed_look, heard_look, remade_counter, waiting_look
from chassis.follow import Follower
from chassis.followed import Briefly
from chassis.health import Check, Health
from chassis.inbox import Consumer
from chassis.jobs import Job, Rounds, is_told_to_end
from chassis.learning import BehindTheLog, Learning, Lessons
from chassis.metrics import Metrics
from chassis.migrate import upgrade
from chassis.now import Now
from chassis.outbox import Relay
from chassis.parking import OnParked
from chassis.settings import ServiceSettings
from chassis.timers import TimerKind, Timers
from chassis.topics import Topic
from chassis.vault import open_vault
from contracts.documents import ACCESS_RULES
from contracts.events import ACCESS_EVENTS
from contracts.values import JsonObject

_CLOCK = "clock/offset"
_REST = 1.0
"""Seconds before something that ended unexpectedly is started again."""

_TURN = 0.1
"""Seconds between two looks whether it is this process' turn to begin."""

_STOP_BY_THEMSELVES = frozenset({"relay", "consumer"})
_PATIENCE = 3.0
"""Seconds they have for the batch in hand."""

_HOUR = 3600.0

_log = logs.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Generic[C]):
    """Compacted topics that a service keeps in memory."""

    topics: tuple[str, ...]
    apply: Callable[[C, str, str, JsonObject | None], None]
    """Takes context, topic, key and document; None takes the key out."""
    briefly: Callable[[C], Briefly] | None = None
    """Gives what tells in a few words what is in memory of a document; without it a restart reads the whole of each."""


@dataclass(slots=True, kw_only=True)
class _Parts(Generic[C]):
    """What runs beside the routes."""

    context: C
    relay: Relay
    follower: Follower | None
    consumer: Consumer[C] | None
    timers: Timers[C] | None
    jobs: Sequence[Rounds[C]]
    holds: bool

    def running(self) -> "dict[str, Relay | Follower | Consumer[C] | Timers[C] | Rounds[C]]":
        """What runs without an end, by name."""
        parts = {"relay": self.relay, "follower": self.follower, "consumer": self.consumer, "timers": self.timers}
        jobs = {f"job {one.job.name}": one for one in self.jobs}
        return {name: part for name, part in parts.items() if part is not None} | jobs

    def runs(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """Every part by name."""
        found = {name: part.run for name, part in self.running().items()}
        if self.holds:
            found["held"] = partial(parking.watch_held, self.context)
        return found


def create_service(
    context_factory: Callable[..., C],
    settings: ServiceSettings,
    *,
    title: str,
    routers: Sequence[APIRouter],
    metadata: MetaData,
    migrations: str | Path,
    version: str = "0.1.0",
    subscriptions: Subscriptions | None = None,
    sends: Collection[str] = (),
    hears: frozenset[str] = frozenset(),
    awaited: frozenset[str] | None = None,
    follows: Sequence[Follow[C]] = (),
    timers: Sequence[TimerKind[C]] = (),
    jobs: Sequence[Job[C]] = (),
    on_start: Callable[[C], Awaitable[None]] | None = None,
    prepare: Prepare | None = None,
    on_parked: OnParked | None = None,
    lessons: Lessons | None = None,
    holds: bool = False,
    looks: Callable[[C], Sequence[Look]] | None = None,
) -> FastAPI:
    """Make a service; nothing is opened before its lifespan begins.

    Args:
        context_factory: Makes the service's context from the keywords of `chassis.context.Context`.
        settings: The service's own.
        title: As the OpenAPI document names it.
        routers: The rooms' routes.
        metadata: The service's tables, the chassis' among them.
        migrations: Folder with ``env.py`` and ``versions``.
        version: The software's own.
        subscriptions: The events it hears.
        sends: Topics its events go to; watermarks go there too. Traces of access go out from every service.
        hears: Services whose events it subscribes to or follows, for ``Tongban-Seen``.
        awaited: Of its topics those that all who hear it read; a position elsewhere would be waited for in vain. All when None.
        follows: Compacted topics it keeps in memory.
        timers: What happens at an instant.
        jobs: What it does in rounds.
        on_start: Run once the database is there and before anything else, by one process at a time.
        prepare: Has at hand what the handlers of a batch of events will ask for.
        on_parked: Told, in the same transaction, of every event that is put aside.
        lessons: What its database learns from its own events after it came back from a backup.
        holds: What has no lesson is held for a person, for its events do not tell enough to know it again.
        looks: Figures of its own that ``/metrics`` reads.

    Raises:
        ValueError: The settings name no wrapping key.
    """
    metrics = Metrics(settings.NAME)
    remade = remade_counter(metrics)
    bus: Bus = KafkaBus(settings.kafka, remade=remade) if settings.bus == "kafka" else PostgresBus(settings.log_url, remade=remade)
    if settings.bus_unruly:
        bus = UnrulyBus(bus, way=settings.bus_unruly)
    database = Database(
        settings.database_url,
        name=settings.NAME,
        pool_size=settings.pool_size,
        limit=settings.transaction_limit,
        lock_wait=settings.lock_wait,
    )
    context = context_factory(
        settings=settings,
        database=database,
        now=Now(development=settings.development, behind=settings.clock_behind),
        metrics=metrics,
        bus=bus,
        vault=open_vault(settings),
        hears=hears,
        awaited=awaited,
        subscriptions=subscriptions or {},
    )
    forgetting: Sequence[Job[C]] = (
        Job(name="forget answers", every=_HOUR, run=idempotency.forget_old),
        Job(name="forget events", every=_HOUR, run=inbox.forget_old),
        Job(name="forget sent", every=_HOUR, run=sent.forget_old),
    )
    parts = _Parts(
        context=context,
        relay=Relay(context, sends={*sends, ACCESS_EVENTS}),
        follower=_follower(context, follows),
        consumer=Consumer(context, subscriptions, prepare=prepare, on_parked=on_parked) if subscriptions else None,
        timers=Timers(context, timers) if timers else None,
        jobs=[Rounds(job, context) for job in (*jobs, *forgetting)],
        holds=holds,
    )

    context.follower = parts.follower
    learning = Learning(
        context,
        sends={*sends, ACCESS_EVENTS},
        consumer=parts.consumer,
        lessons=lessons or {},
        # Traces of access hold nobody up: they come back as they are heard.
        holds=sends if holds else (),
        follower=parts.follower,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        logs.configure(settings.log_level)
        tracing.work_as(context.name)
        crash.arm(settings.crash_point)
        wanted = topics.load(settings.topics_file) if settings.migrate_on_start else ()
        if settings.migrate_on_start:
            await upgrade(settings.database_url, migrations, metadata=metadata)
        link = _Link(end=partial(_end_serving, app))
        tasks = [asyncio.create_task(_connect(bus, wanted, learning, link), name="log")]
        try:
            await link.tried.wait()
            if link.behind is not None:
                raise link.behind
            if on_start is not None:
                await _alone(context, on_start)
            await parking.know_held(context)
            runs = parts.runs()

            def begin(name: str, *, after: Sequence[asyncio.Event]) -> None:
                running = _keep_running(name, runs.pop(name), after=after, stopping=context.stopping)
                tasks.append(asyncio.create_task(running, name=name))

            if parts.follower is not None:
                begin("follower", after=())
                # Whoever came before would be refused what is right: to a service without its memory no place and no item exists.
                await parts.follower.remembered.wait()
            for name in list(runs):
                # Whatever acts waits until the database is known to be the newest, and until what it would look up is there.
                knowing = () if parts.follower is None or name == "relay" else (parts.follower.informed,)
                begin(name, after=(link.clear, *knowing))
            _log.info("service.started", version=version)
            yield
        finally:
            context.stopping.set()
            await _end(tasks)
            await bus.stop()
            await context.database.close()
            _log.info("service.stopped")

    application = create_application(
        context,
        title=title,
        version=version,
        routers=(*routers, operations.router, *((operations.development,) if settings.development else ())),
        checks=Health(_checks(parts), parts.running()),
        looks=(*_looks(parts), *(looks(context) if looks is not None else ())),
        lifespan=lifespan,
    )
    application.state.learning = learning
    return application


async def _alone(context: C, on_start: Callable[[C], Awaitable[None]]) -> None:
    """Two processes that start together would each put the same first rows in."""
    while True:
        async with context.database.hold("start") as connection:
            if connection is not None:
                await on_start(context)
                return
        await asyncio.sleep(_TURN)


def _follower(context: C, follows: Sequence[Follow[C]]) -> Follower | None:
    topic_names = {topic for follow in follows for topic in follow.topics}
    if context.settings.development:
        topic_names.add(ACCESS_RULES)
    if not topic_names:
        return None

    def apply(topic: str, key: str, data: JsonObject | None) -> None:
        if context.settings.development and topic == ACCESS_RULES and key == _CLOCK and data is not None:
            context.now.set_offset(float(str(data["seconds"])))
        for follow in follows:
            if topic in follow.topics:
                follow.apply(context, topic, key, data)

    briefly = {topic: follow.briefly(context) for follow in follows if follow.briefly is not None for topic in follow.topics}
    return Follower(context, sorted(topic_names), apply, briefly=briefly)


def _looks(parts: _Parts[C]) -> list[Look]:
    context, follower = parts.context, parts.follower
    found = [waiting_look(context, kinds=() if parts.timers is None else parts.timers.kinds)]
    heard = {event.TOPIC for event in context.subscriptions}
    if heard:
        found.append(heard_look(context.bus, group=context.name, topics=heard))
    if follower is not None:
        found.append(followed_look(context.bus, follower))
    return found


def _checks(parts: _Parts[C]) -> dict[str, Check]:
    async def database() -> str | None:
        await parts.context.database.ping()
        return None

    async def log() -> str | None:
        await parts.context.bus.ping()
        return None

    async def followed() -> str | None:
        return None if parts.follower is None or parts.follower.caught_up else "not caught up"

    async def told() -> str | None:
        return None if parts.relay.caught_up else "not caught up"

    return {"database": database, "log": log, "followed": followed, "told": told}


@dataclass(slots=True, kw_only=True)
class _Link:
    """How the service stands to the log."""

    tried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the log was reached, or could not be at once."""
    clear: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the log shows nothing of this service that its database does not know."""
    end: Callable[[Exception], None]
    """Ends the process, once it serves."""
    behind: BehindTheLog | None = None


async def _connect(bus: Bus, wanted: Sequence[Topic], learning: Learning[Any], link: _Link) -> None:
    """Reach the log as soon as it is there; until then the service answers from its own store, and nothing else of it acts."""
    for step in (bus.start, partial(bus.create, wanted), learning.refuse_if_behind):
        while True:
            try:
                await step()
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, a log that comes later must be found
                if isinstance(error, BehindTheLog):
                    _log.error("service.behind_the_log", rule=error.RULE, position=error.facts.get("log"))
                    link.behind = error
                    if link.tried.is_set():
                        link.end(error)
                    link.tried.set()
                    return
                _log.warning("log.away", exc_info=error)
                link.tried.set()
                await asyncio.sleep(_REST)
    link.clear.set()
    link.tried.set()


def _end_serving(app: FastAPI, error: Exception) -> None:
    """Stop a service that began to answer before it was known that it must not: `chassis.serving` looks."""
    app.state.ended = error
    app.state.context.stopping.set()


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Let what stops between two batches do so: cut off, it would have whoever comes next do half a batch again."""
    by_themselves = [task for task in tasks if task.get_name() in _STOP_BY_THEMSELVES]
    if by_themselves:
        await asyncio.wait(by_themselves, timeout=_PATIENCE)
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        # Where something failed in that moment, somebody may have taken the failure for one that he outlasts.
        _, left = await asyncio.wait(left, timeout=_PATIENCE)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(
    name: str, run: Callable[[], Coroutine[Any, Any, None]], *, after: Sequence[asyncio.Event], stopping: asyncio.Event
) -> None:
    for event in after:
        await _either(event, stopping)
    while not stopping.is_set():
        try:
            await run()
        except (Exception, asyncio.CancelledError) as error:  # one part that fails must not take the others along
            if is_told_to_end(error):
                raise
            _log.error("part.failed", name=name, exc_info=error)
        if not stopping.is_set():
            await asyncio.sleep(_REST)


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


__all__ = ["Follow", "Job", "create_service"]
