"""A database that came back from a backup finds out what it does not know and learns it, once, also when it is cut short."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import orjson
import pytest
from sqlalchemy import insert, text

from chassis import outbox, parking, sent
from chassis.bus import Bus
from chassis.context import Subscriptions
from chassis.database import Tx, lock
from chassis.follow import Follower
from chassis.inbox import Consumer
from chassis.learning import BehindTheLog, Difference, Learning, Lessons, NotCaughtUp
from chassis.outbox import Outgoing
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED, INBOX, OUTBOX, SEEN, SENT
from chassis.writing import Conflict, Rows
from contracts.codec import encode_object
from contracts.documents import ACCESS_RULES
from contracts.envelope import Envelope, Record, to_record
from contracts.events import Event
from contracts.values import PersonRef
from tests.chassis.bus.line import (
    EFFECTS,
    Line,
    append,
    at_work,
    hearing,
    make_bus,
    make_line,
    make_tables,
    on_ticked,
    record,
    ticked_on,
    topic_of,
    until,
)
from tests.chassis.bus.test_follow import Memory, document
from tests.support.engines import DatabaseUrl

TOPIC = "test.events.v1"
TRACES = "test.traces.v1"
RULES = "test.rules.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """The line answered a tick."""

    TYPE: ClassVar[str] = "tongban.test.answered.v1"
    TOPIC: ClassVar[str] = TOPIC

    thing: str

    @property
    def key(self) -> str:
        """The thing."""
        return self.thing

    @property
    def place(self) -> str:
        """Anywhere."""
        return "360926"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced(Answered):
    """The line left a trace that it hears itself."""

    TYPE: ClassVar[str] = "tongban.test.traced.v1"
    TOPIC: ClassVar[str] = TRACES


@pytest.fixture
async def bus(database_url: DatabaseUrl) -> AsyncIterator[Bus]:
    """The log, with two topics."""
    bus = make_bus("postgres", await database_url("log"))
    await bus.start()
    await bus.create([topic_of(TOPIC), topic_of(TRACES)])
    yield bus
    await bus.stop()


@pytest.fixture
async def line(bus: Bus, database_url: DatabaseUrl) -> AsyncIterator[Line]:
    """The service, stopped, on a database that knows nothing."""
    line = make_line(database_url=await database_url("line", prepare=make_tables), bus=bus, topic=TOPIC)
    yield line
    await line.database.close()


def own(line: Line, key: str, sequence: int, *, position: int, kind: type[Answered] = Answered) -> Record:
    """An event of the line's own as it stands on the log."""
    at: datetime = line.now.now()
    return to_record(
        Envelope(
            id=f"own-{position}",
            type=kind.TYPE,
            source="/line/360926",
            subject=key,
            time=at,
            key=key,
            sequence=sequence,
            position=position,
            data=encode_object(kind(at=at, thing=key)),
        )
    )


def learning(line: Line, *, heard: Subscriptions | None = None, lessons: Lessons | None = None, **more: Any) -> Learning[Line]:
    """What the line can learn; it hears ticks unless told otherwise."""
    line.subscriptions = {ticked_on(TOPIC): on_ticked} if heard is None else heard
    consumer = Consumer(line, line.subscriptions)
    return Learning(line, sends=[TOPIC, TRACES], consumer=consumer, lessons={Answered: _no_lesson} if lessons is None else lessons, **more)


async def _no_lesson(_tx: Tx[Line], _event: Answered) -> Sequence[Difference]:
    return ()


async def answer(tx: Tx[Line], event: Any) -> None:
    """Answer a tick, under a new id."""
    await outbox.put(tx, [Outgoing(event=Answered(at=tx.at, thing=event.thing), sequence=event.number)])


async def has_sent(line: Line, *positions: int) -> None:
    """What the backup knows to be sent; the sequence stands 32 further, as after a recovery from the WAL."""
    async with line.database.begin(line) as tx:
        for position in positions:
            row = {
                "position": position,
                "topic": TOPIC,
                "key": "k",
                "id": f"own-{position}",
                "type": Answered.TYPE,
                "source": "/line/360926",
            }
            await tx.execute(insert(SENT).values(**row, subject="k", sequence=position, at=tx.at))
        await tx.execute(text("select setval(pg_get_serial_sequence('outbox', 'position'), :to)"), {"to": max(positions) + 32})


class _CutError(Exception):
    pass


def cut_at(told: str) -> Any:
    """Ends the learning at this line of its progress."""

    def stop(line: str) -> None:
        if told in line:
            raise _CutError

    return stop


def quietly(_line: str) -> None:
    """Nobody listens."""


async def test_a_sequence_that_stands_ahead_after_a_recovery_hides_no_event(line: Line, bus: Bus) -> None:
    await has_sent(line, 1, 2)
    await append(bus, TOPIC, own(line, "a", 1, position=20))

    with pytest.raises(BehindTheLog) as behind:
        await learning(line).refuse_if_behind()

    assert behind.value.facts == {"service": "line", "log": 20, "database": 2}


async def test_a_database_that_knows_everything_is_not_behind(line: Line, bus: Bus) -> None:
    await has_sent(line, 1, 20)
    await append(bus, TOPIC, own(line, "a", 1, position=20))

    await learning(line).refuse_if_behind()


async def test_a_fresh_database_has_drawn_no_position(line: Line, bus: Bus) -> None:
    await append(bus, TOPIC, own(line, "a", 1, position=1))

    with pytest.raises(BehindTheLog):
        await learning(line).refuse_if_behind()


async def test_the_last_row_sent_is_never_forgotten(line: Line) -> None:
    await has_sent(line, 1, 2, 3)
    async with line.database.begin(line) as tx:
        await tx.execute(text("update sent set sent_at = now() - interval '90 days'"))

    assert await sent.forget_old(line) == 2
    assert [row.position for row in await line.rows(SENT)] == [3]


async def test_what_was_learned_is_known_although_the_log_shows_a_position_it_no_longer_holds(line: Line, bus: Bus) -> None:
    await has_sent(line, 1)
    watermark = Envelope(
        id="mark",
        type="tongban.watermark.v1",
        source="/line/",
        subject="line",
        time=line.now.now(),
        key="line",
        sequence=0,
        position=70,
        data={},
    )
    await append(bus, TOPIC, own(line, "a", 1, position=20), to_record(watermark))

    await learning(line).learn(progress=quietly)
    await learning(line).refuse_if_behind()

    async with line.database.begin(line) as tx:
        assert await tx.connection.scalar(text("select nextval(pg_get_serial_sequence('outbox', 'position'))")) > 1000


async def test_a_learning_that_is_cut_short_leaves_the_service_behind(line: Line, bus: Bus) -> None:
    await has_sent(line, 1)
    await append(bus, TOPIC, *(own(line, f"key-{number}", 1, position=10 - number) for number in range(6)))

    with pytest.raises(_CutError):
        await learning(line).learn(progress=cut_at("6 + 0"))

    with pytest.raises(BehindTheLog):
        await learning(line).refuse_if_behind()
    await learning(line).learn(progress=quietly)
    await learning(line).refuse_if_behind()


@pytest.mark.parametrize("cut", ["never", "1 + 1"])
async def test_what_the_log_has_is_not_sent_again_under_another_id_also_by_a_second_run(line: Line, bus: Bus, cut: str) -> None:
    await append(bus, TOPIC, record("a", 1), own(line, "a", 1, position=5))
    heard: Subscriptions = {ticked_on(TOPIC): answer}

    if cut != "never":
        with pytest.raises(_CutError):
            await learning(line, heard=heard).learn(progress=cut_at(cut))
        assert len(await line.rows(OUTBOX)) == 1
    await learning(line, heard=heard).learn(progress=quietly)

    assert await line.rows(OUTBOX) == []
    assert [row.id for row in await line.rows(SENT)] == ["own-5"]


async def test_what_the_log_does_not_have_is_kept_and_takes_no_position_twice(line: Line, bus: Bus) -> None:
    await append(bus, TOPIC, record("a", 1), own(line, "b", 1, position=1))

    await learning(line, heard={ticked_on(TOPIC): answer}).learn(progress=quietly)

    assert [(row.subject, row.position > 1000) for row in await line.rows(OUTBOX)] == [("a", True)]


async def test_what_waited_in_the_backup_is_kept_whatever_was_sent_under_the_same_count(line: Line, bus: Bus) -> None:
    async with line.database.begin(line) as tx:
        await lock(tx, "a")
        await outbox.put(tx, [Outgoing(event=Traced(at=tx.at, thing="a"), sequence=1)])
    await append(bus, TRACES, own(line, "a", 1, position=9, kind=Traced))

    await learning(line).learn(progress=quietly)

    assert len(await line.rows(OUTBOX)) == 1


async def test_a_second_run_learns_what_the_first_had_left_below_what_it_had_learned(line: Line, bus: Bus) -> None:
    await append(bus, TOPIC, *(own(line, f"key-{number}", 1, position=40 - number) for number in range(12)))
    done: list[str] = []

    async def cut_at_the_fourth(_tx: Tx[Line], event: Answered) -> Sequence[Difference]:
        if len(done) == 3:
            raise _CutError
        done.append(event.thing)
        return ()

    with pytest.raises(_CutError):
        await learning(line, lessons={Answered: cut_at_the_fourth}).learn(progress=quietly)
    await learning(line).learn(progress=quietly)

    assert len(await line.rows(SENT)) == 12


async def test_what_is_held_is_held_once_by_two_runs(line: Line, bus: Bus) -> None:
    await append(bus, TOPIC, own(line, "a", 1, position=5), own(line, "b", 1, position=6))
    heard: Subscriptions = {ticked_on(TOPIC): answer}

    async def cut(_tx: Tx[Line], _event: Answered) -> Sequence[Difference]:
        raise _CutError

    with pytest.raises(_CutError):
        await learning(line, heard=heard, lessons={Answered: cut}, holds=[TOPIC]).learn(progress=quietly)
    again = await learning(line, heard=heard, holds=[TOPIC]).learn(progress=quietly)

    async with line.database.read(line) as tx:
        parked = await parking.list_parked(tx, limit=9)
    assert sorted((each.event_id, each.reason) for each in parked) == [("own-5", parking.RESTORED), ("own-6", parking.RESTORED)]
    assert {each.key for each in again.differences} == {"a", "b"}


async def test_a_trace_that_the_service_hears_itself_comes_back_and_holds_nobody(line: Line, bus: Bus) -> None:
    await append(bus, TRACES, own(line, "a", 1, position=5, kind=Traced))
    kept: list[str] = []

    async def on_traced(tx: Tx[Line], event: Traced) -> None:
        tx.after_commit(lambda: kept.append(event.thing))

    await learning(line, heard={Traced: on_traced}, holds=[TOPIC]).learn(progress=quietly)
    await learning(line, heard={Traced: on_traced}, holds=[TOPIC]).learn(progress=quietly)

    async with line.database.read(line) as tx:
        assert await parking.list_parked(tx, limit=9) == []
    assert kept == ["a"]


@pytest.mark.parametrize("newer", [False, True], ids=["nothing", "newer"])
async def test_what_is_followed_is_in_memory_as_the_topics_have_it_before_anything_is_handled(line: Line, bus: Bus, *, newer: bool) -> None:
    """The tables came back with the backup, and the document was published anew since."""
    await bus.create([topic_of(RULES, partitions=1, cleanup_policy="compact")])
    await append(bus, RULES, document("calendar", 3), *([document("calendar", 5)] if newer else []))
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOWED), {"topic": RULES, "key": "calendar", "data": {"n": 3}})
        await tx.execute(insert(FOLLOW_OFFSETS), {"topic": RULES, "partition": 0, "offset": 1, "briefed": 1})
    await append(bus, TOPIC, record("a", 1))
    memory = Memory(bus=bus, database=line.database)
    seen: list[object] = []

    async def look(_tx: Tx[Line], _event: Any) -> None:
        seen.append(memory.documents.get("calendar"))

    await learning(line, heard={ticked_on(TOPIC): look}, follower=Follower(line, [RULES], memory.apply)).learn(progress=quietly)

    assert seen == [5 if newer else 3]


async def test_nothing_is_learned_while_what_is_followed_cannot_be_read(line: Line, bus: Bus) -> None:
    await append(bus, TOPIC, record("a", 1))
    memory = Memory(bus=bus, database=line.database)
    told: list[str] = []

    with pytest.raises(NotCaughtUp) as refused:
        await learning(line, follower=Follower(line, [RULES], memory.apply), patience=0.5).learn(progress=told.append)

    assert refused.value.facts == {"topics": [RULES], "error": "UnknownTopic"}
    assert told == [f"{RULES}: 0"]
    assert await line.rows(INBOX) == []
    await learning(line).refuse_if_behind()


async def test_what_one_process_settles_another_goes_on_with(line: Line, bus: Bus) -> None:
    await append(bus, TOPIC, own(line, "a", 1, position=5))
    await learning(line, holds=[TOPIC]).learn(progress=quietly)
    other = make_line(database_url=line.settings.database_url, bus=bus, topic=TOPIC)
    try:
        await parking.know_held(other)
        assert other.held == {"a"}
        async with line.database.begin(line) as tx:
            [parked] = await parking.list_parked(tx, limit=2)
            await parking.discard(tx, parked.parked_id, by=PersonRef("operator|1"))

        async with at_work(parking.watch_held(other)):
            await until(_holds_nothing(other))
    finally:
        await other.database.close()


def _holds_nothing(line: Line) -> Callable[[], Awaitable[bool]]:
    async def holds_nothing() -> bool:
        return not line.held

    return holds_nothing


async def test_a_replay_that_is_refused_at_the_writing_has_failed_like_any_other(line: Line, bus: Bus) -> None:
    rows = Rows(EFFECTS, name="effects_once", columns=("n", "key", "number", "event_id", "position"), conflict=Conflict.REFUSE)

    async def on_tick(tx: Tx[Line], event: Any) -> None:
        tx.write(rows, {"n": 1, "key": event.thing, "number": event.number, "event_id": "e", "position": 1})

    line.subscriptions = {ticked_on(TOPIC): on_tick}
    await append(bus, TOPIC, record("a", 1), record("a", 2))
    async with hearing(line):
        await until(_has_parked(line))
    async with line.database.read(line) as tx:
        [parked] = await parking.list_parked(tx, limit=2)

    with pytest.raises(parking.ReplayFailed):
        await parking.replay(line, parked.parked_id, by=PersonRef("operator|1"))


def _has_parked(line: Line) -> Callable[[], Awaitable[bool]]:
    async def has_parked() -> bool:
        async with line.database.read(line) as tx:
            return bool(await parking.list_parked(tx, limit=2))

    return has_parked


@pytest.mark.parametrize(("heard", "published"), [(None, 60), (4, 60), (9, 30)])
async def test_a_document_that_was_sent_and_not_yet_followed_back_is_the_one_that_is_published_again(
    line: Line, heard: int | None, published: int
) -> None:
    newer = {"topic": ACCESS_RULES, "key": "clock/offset", "id": "d", "type": "clock", "source": "/line/", "subject": "clock/offset"}
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOWED), {"topic": ACCESS_RULES, "key": "clock/offset", "data": {"seconds": 30}})
        await tx.execute(insert(SENT), newer | {"position": 9, "sequence": 0, "at": tx.at, "data": b'{"seconds": 60}'})
        if heard is not None:
            await tx.execute(insert(SEEN), {"service": "line", "key": "clock/offset", "position": heard})

    async with line.database.consume(line) as tx:
        await sent.publish_again(tx, topic=ACCESS_RULES)

    assert [orjson.loads(row.data)["seconds"] for row in await line.rows(OUTBOX)] == [published]
