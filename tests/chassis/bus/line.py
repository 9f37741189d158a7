"""A service of one table on the real chassis: hears what it tells, and keeps every effect in the order in which it took effect."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Table, Text, func, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from chassis import outbox
from chassis.bus import Bus, Following, Offsets, Received
from chassis.bus_kafka import KafkaBus
from chassis.bus_postgres import PostgresBus
from chassis.context import Context, Subscriptions
from chassis.database import TRANSACTION_LIMIT, Database, Tx, is_transient, lock
from chassis.inbox import Consumer
from chassis.kafka_address import KafkaAddress
from chassis.logs import configure
from chassis.metrics import Metrics
from chassis.now import Now
from chassis.outbox import Outgoing, Relay
from chassis.parking import OnParked
from chassis.settings import ServiceSettings
from chassis.tables import OUTBOX, define
from chassis.topics import Topic
from chassis.vault import Vault
from contracts.envelope import Envelope, Record, to_record
from contracts.events import Event

PATIENCE = 60.0
"""Seconds until something must have happened; a guard against hanging, never a measure of speed."""

_TOGETHER = 500
"""Records appended at once: they fit into one batch of Kafka's."""

METADATA = MetaData()
define(METADATA)
EFFECTS = Table(
    "effects",
    METADATA,
    Column("n", BigInteger, Identity(), primary_key=True),
    Column("key", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked(Event):
    """A number was reached under a key."""

    TYPE: ClassVar[str] = "tongban.test.ticked.v1"
    TOPIC: ClassVar[str] = ""

    thing: str
    number: int

    @property
    def key(self) -> str:
        """The thing."""
        return self.thing

    @property
    def place(self) -> str:
        """Anywhere."""
        return "360926"


def ticked_on(topic: str) -> type[Ticked]:
    """The event on a topic that no other test uses."""
    return type("TickedHere", (Ticked,), {"TOPIC": topic})


_CUT = text("select pg_terminate_backend(pid) from pg_stat_activity where application_name = any(:names) and datname = current_database()")


class LineSettings(ServiceSettings):
    """Settings of the line; the tests give them, no environment."""

    NAME = "line"


class Poisoned(Exception):
    """The handler cannot cope with this event."""


@dataclass(kw_only=True)
class Line(Context):
    """The service, with what its handler is to do."""

    topic: str
    poison: frozenset[int] = frozenset()
    """Numbers that the handler fails on."""
    takes: Mapping[int, float] = field(default_factory=dict)
    """Seconds that the handler needs for a number."""
    tried: int = 0
    """How often the handler failed."""
    lose_connection: int = 0
    """How many more times the connection breaks under the handler."""

    async def tell(self, key: str, *numbers: int) -> None:
        """One transaction: lock the key, write the events."""
        async with self.database.begin(self) as tx:
            await lock(tx, key)
            await put(tx, key, *numbers)

    async def effects(self) -> list[tuple[str, int]]:
        """Key and number of every effect, in order."""
        async with self.database.read(self) as tx:
            return [(row.key, row.number) for row in await tx.execute(select(EFFECTS).order_by(EFFECTS.c.n))]

    async def numbers(self, key: str) -> list[int]:
        """The numbers that took effect under a key, in order."""
        return [number for each, number in await self.effects() if each == key]

    async def unsent(self) -> int:
        """Rows in the outbox."""
        async with self.database.read(self) as tx:
            return await tx.connection.scalar(select(func.count()).select_from(OUTBOX)) or 0

    async def cut(self, *application_names: str) -> None:
        """End these connections to the service's database, as a restart of the server would."""
        async with self.database.begin(self) as tx:
            await tx.execute(_CUT, {"names": list(application_names)})

    async def rows(self, table: Table) -> Sequence[Any]:
        """Everything in a table."""
        async with self.database.read(self) as tx:
            return (await tx.execute(select(table))).all()


async def put(tx: Tx[Line], key: str, *numbers: int) -> None:
    """Write events to the outbox without locking anything."""
    kind = ticked_on(tx.context.topic)
    await outbox.put(tx, [Outgoing(event=kind(at=tx.at, thing=key, number=number), sequence=number) for number in numbers])
    # The positions are drawn now and not at the end.
    await tx.flush()


async def on_ticked(tx: Tx[Line], event: Ticked) -> None:
    """Keep the effect; fail as told."""
    await asyncio.sleep(tx.context.takes.get(event.number, 0))
    if event.number in tx.context.poison:
        tx.context.tried += 1
        raise Poisoned
    if tx.context.lose_connection > 0:
        tx.context.lose_connection -= 1
        raise ConnectionResetError
    envelope = tx.envelope
    assert envelope is not None
    row = {"key": event.thing, "number": event.number, "event_id": envelope.id, "position": envelope.position}
    await tx.execute(insert(EFFECTS), row)


def subscriptions(topic: str) -> Subscriptions:
    """What the line hears."""
    return {ticked_on(topic): on_ticked}


async def make_tables(url: str) -> None:
    """The chassis' tables and the line's own."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()


async def empty_tables(url: str) -> None:
    """Take every row out."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(f"truncate {', '.join(METADATA.tables)} restart identity"))
    await engine.dispose()


def make_bus(kind: str, address: str) -> Bus:
    """The adapter under test, quick to miss a silent member."""
    return KafkaBus(KafkaAddress(bootstrap=address), session=3.0) if kind == "kafka" else PostgresBus(address, lease=3.0)


def make_line(*, database_url: str, bus: Bus, topic: str, limit: float = TRANSACTION_LIMIT, **settings: Any) -> Line:
    """The service; nothing runs yet."""
    configure("warning")
    chosen = LineSettings(
        database_url=database_url,
        log_url=database_url,
        topics_file=Path("topics.yaml"),
        internal_jwks_file=Path("jwks.json"),
        development=True,
        **settings,
    )
    return Line(
        settings=chosen,
        database=Database(database_url, name="line", limit=limit),
        now=Now(development=True),
        metrics=Metrics("line"),
        bus=bus,
        vault=Vault(b"A" * 32),
        subscriptions=subscriptions(topic),
        hears=frozenset({"other"}),
        topic=topic,
    )


@contextlib.asynccontextmanager
async def relaying(line: Line, *, sends: Sequence[str] = ()) -> AsyncIterator[Relay]:
    """The relay at work."""
    relay = Relay(line, sends=sends)
    async with at_work(relay.run()):
        yield relay


@contextlib.asynccontextmanager
async def hearing(line: Line, *, on_parked: OnParked | None = None) -> AsyncIterator[Consumer[Line]]:
    """The consumer at work."""
    consumer = Consumer(line, line.subscriptions, on_parked=on_parked)
    async with at_work(consumer.run()):
        yield consumer


@contextlib.asynccontextmanager
async def at_work(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    """A task that is cancelled and awaited at the end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], Awaitable[bool]], *, what: str = "it") -> None:
    """Wait until something holds; whoever is asked may be busy for a while."""

    async def ask() -> bool:
        try:
            return await holds()
        except Exception as error:
            if is_transient(error):
                return False
            raise

    try:
        async with asyncio.timeout(PATIENCE):
            while not await ask():  # noqa: ASYNC110 - what is asked lives in another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen within {PATIENCE} s") from None


async def until_effects(line: Line, count: int) -> None:
    """Wait for as many effects."""

    async def there() -> bool:
        return len(await line.effects()) >= count

    await until(there, what=f"{count} effects")


def record(key: str, number: int, *, event_id: str | None = None, type: str = Ticked.TYPE, position: int = 0) -> Record:  # noqa: A002
    """A tick as it stands on the log, of a service called ``other``."""
    at = Now().now()
    envelope = Envelope(
        id=event_id or f"{key}-{number}",
        type=type,
        source="/other/360926",
        subject=key,
        time=at,
        key=key,
        sequence=number,
        position=position or number,
        data={"at": at.isoformat(), "thing": key, "number": number},
    )
    return to_record(envelope)


class ReadingBehind:
    """A reading that hands on what another one gives; who changes one thing of it says only that."""

    def __init__(self, reading: Following) -> None:
        self.reading = reading

    @property
    def ends(self) -> Offsets:
        return self.reading.ends

    @property
    def offsets(self) -> Offsets:
        return self.reading.offsets

    @property
    def log(self) -> str:
        return self.reading.log

    async def batch(self, *, limit: int = 500, wait: float = 0.5) -> list[Received]:
        return await self.reading.batch(limit=limit, wait=wait)

    async def close(self) -> None:
        await self.reading.close()


async def append(bus: Bus, topic: str, *records: Record) -> None:
    """Put records where their keys belong, one after the other."""
    for each in records:
        await bus.append(topic, await bus.partition(topic, each.key), [each])


async def append_many(bus: Bus, topic: str, *records: Record) -> None:
    """Put so many records where their keys belong that one transaction for each would outlast the test: the records of a partition together."""
    by_partition: dict[int, list[Record]] = {}
    for each in records:
        by_partition.setdefault(await bus.partition(topic, each.key), []).append(each)
    for partition, some in by_partition.items():
        for first in range(0, len(some), _TOGETHER):
            await bus.append(topic, partition, some[first : first + _TOGETHER])


def topic_of(name: str, *, partitions: int = 6, **config: str) -> Topic:
    """A topic for one test; ``a_b`` in ``config`` stands for ``a.b``."""
    return Topic(name=name, partitions=partitions, config={key.replace("_", "."): value for key, value in config.items()})
