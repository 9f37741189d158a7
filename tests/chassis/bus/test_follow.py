"""Following compacted topics, on both logs: in memory everywhere, in the tables by one process, from where it stood."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import insert

from chassis.bus import Bus, BusUnavailable, Following, Offsets
from chassis.bus_unruly import UnrulyBus
from chassis.database import Database
from chassis.follow import Follower
from chassis.followed import LogLost, StillFollowed, let_go
from chassis.now import Now
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED, SEEN
from contracts.envelope import Envelope, Record, to_record
from contracts.values import JsonObject
from tests.chassis.bus.conftest import MakeLine, MakeTopic
from tests.chassis.bus.line import PATIENCE, Line, ReadingBehind, append, append_many, at_work, until


@dataclass(kw_only=True)
class Memory:
    """What a process keeps of the documents, and the bus and database it follows with."""

    bus: Bus
    database: Database | None
    documents: dict[str, Any] = field(default_factory=dict)
    taken: list[tuple[str, Any]] = field(default_factory=list)

    def apply(self, _topic: str, key: str, data: JsonObject | None) -> None:
        self.taken.append((key, None if data is None else data["n"]))
        if data is None:
            self.documents.pop(key, None)
        elif data["n"] == "bad":
            raise ValueError(key)
        else:
            self.documents[key] = data["n"]


def document(key: str, n: object, *, position: int = 1) -> Record:
    envelope = Envelope(
        id=f"{key}-{n}",
        type="tongban.test.published.v1",
        source="/other/",
        subject=key,
        time=Now().now(),
        key=key,
        sequence=0,
        position=position,
        data={"n": n},  # type: ignore[dict-item]  # a number or a text
    )
    record = to_record(envelope)
    return Record(key=key, value=None, headers=record.headers) if n is None else record


@contextlib.asynccontextmanager
async def following(memory: Memory, topic: str) -> AsyncIterator[Follower]:
    """A follower at work, caught up."""
    follower = Follower(memory, [topic], memory.apply)
    async with at_work(follower.run()):
        async with asyncio.timeout(PATIENCE):
            await follower.until_caught_up()
        yield follower


async def stored(line: Line) -> dict[str, Any]:
    return {row.key: row.data["n"] for row in await line.rows(FOLLOWED)}


async def until_stored(line: Line, expected: dict[str, Any]) -> None:
    async def there() -> bool:
        return await stored(line) == expected

    await until(there, what=f"{expected} in the tables")


@pytest.fixture
async def compacted(make_topic: MakeTopic) -> str:
    return (await make_topic(partitions=2, cleanup_policy="compact")).name


async def test_without_a_database_every_start_reads_from_zero(bus: Bus, compacted: str) -> None:
    await append(bus, compacted, document("a", 1), document("b", 1), document("a", 2), document("b", None))

    for _ in range(2):
        memory = Memory(bus=bus, database=None)
        async with following(memory, compacted):
            assert memory.documents == {"a": 2}
        assert len(memory.taken) == 4


async def test_an_empty_topic_is_caught_up_at_once(bus: Bus, compacted: str) -> None:
    async with following(Memory(bus=bus, database=None), compacted) as follower:
        assert follower.caught_up


async def test_a_restart_takes_the_tables_and_reads_the_tail(bus: Bus, line: Line, compacted: str) -> None:
    await append(bus, compacted, document("a", 1), document("b", 1), document("a", 2), document("c", 1), document("c", None))
    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_stored(line, {"a": 2, "b": 1})
    await append(bus, compacted, document("b", None), document("d", 1))

    memory = Memory(bus=bus, database=line.database)
    async with following(memory, compacted):
        assert memory.documents == {"a": 2, "d": 1}
        await until_stored(line, {"a": 2, "d": 1})

    assert sorted(memory.taken, key=str) == [("a", 2), ("b", 1), ("b", None), ("d", 1)]
    whole = await bus.follow(compacted)
    ends = whole.ends
    await whole.close()
    assert {(row.topic, row.partition): row.offset for row in await line.rows(FOLLOW_OFFSETS)} == {
        place: end for place, end in ends.items() if end
    }


async def test_what_was_followed_can_be_let_go_and_is_read_again_from_the_topics(bus: Bus, line: Line, compacted: str) -> None:
    await append(bus, compacted, document("a", 1), document("b", 1), document("a", 2))
    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_stored(line, {"a": 2, "b": 1})

    gone = await let_go(line.database, bus, [compacted])
    kept = await stored(line), await line.rows(FOLLOW_OFFSETS)
    memory = Memory(bus=bus, database=line.database)
    async with following(memory, compacted):
        await until_stored(line, {"a": 2, "b": 1})

    assert gone == 2
    assert kept == ({}, [])
    assert memory.documents == {"a": 2, "b": 1}


async def test_nothing_is_let_go_under_a_process_that_follows(bus: Bus, line: Line, make_line_on: MakeLine, compacted: str) -> None:
    other = await make_line_on(line.topic)
    await append(bus, compacted, document("a", 1))

    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_stored(line, {"a": 1})
        with pytest.raises(StillFollowed):
            await let_go(other.database, bus, [compacted])

    assert await stored(line) == {"a": 1}


@pytest.mark.parametrize("row", [{"offset": 900}, {"offset": 1, "log": "lost"}], ids=["shorter", "another"])
async def test_nothing_is_let_go_that_the_log_has_lost(bus: Bus, line: Line, compacted: str, row: dict[str, Any]) -> None:
    await append(bus, compacted, document("a", 1), document("b", 1))
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOWED), [{"topic": compacted, "key": "a", "data": {"n": 1}}])
        await tx.execute(insert(FOLLOW_OFFSETS), [{"topic": compacted, "partition": number} | row for number in range(2)])

    with pytest.raises(LogLost):
        await let_go(line.database, bus, [compacted])

    assert await stored(line) == {"a": 1}


async def test_half_of_a_first_reading_is_not_taken_for_all(bus: Bus, line: Line, compacted: str) -> None:
    """Documents stand in the tables, and nobody said how far they were read: it was killed before it had them all."""
    await append(bus, compacted, document("a", 1), document("b", 1))
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOWED), [{"topic": compacted, "key": "a", "data": {"n": 1}}])
    memory = Memory(bus=bus, database=line.database)
    follower = Follower(memory, [compacted], memory.apply)

    await follower.remember(line.database)
    half = dict(memory.documents), follower.begins_from_nothing
    async with at_work(follower.run()):
        async with asyncio.timeout(PATIENCE):
            await follower.informed.wait()
        whole = dict(memory.documents), follower.begins_from_nothing

        async def said() -> bool:
            return bool(sum(row.offset for row in await line.rows(FOLLOW_OFFSETS)) == len(memory.taken) - 1)

        await until(said, what="how far it was read")
    again = Follower(Memory(bus=bus, database=line.database), [compacted], memory.apply)
    await again.remember(line.database)

    assert half == ({"a": 1}, True)
    assert whole == ({"a": 1, "b": 1}, False)
    assert again.informed.is_set()


async def test_a_first_reading_that_is_cut_off_says_nothing_of_how_far_it_came(bus: Bus, line: Line, make_topic: MakeTopic) -> None:
    topic = (await make_topic(partitions=1, cleanup_policy="compact")).name
    await append_many(bus, topic, *(document(f"k{n}", n) for n in range(6_000)))
    memory, enough = Memory(bus=bus, database=line.database), asyncio.Event()

    def take(name: str, key: str, data: JsonObject | None) -> None:
        memory.apply(name, key, data)
        if len(memory.taken) == 5_000:  # what is ahead of the tables is bounded
            enough.set()

    follower = Follower(memory, [topic], take)
    async with at_work(follower.run()), asyncio.timeout(PATIENCE):
        await enough.wait()

    assert follower.begins_from_nothing
    assert len(await stored(line)) >= 500
    assert await line.rows(FOLLOW_OFFSETS) == []


async def test_one_process_writes_the_tables_and_another_takes_over(bus: Bus, line: Line, make_line_on: MakeLine, compacted: str) -> None:
    other = await make_line_on(line.topic)
    first, second = Memory(bus=bus, database=line.database), Memory(bus=bus, database=other.database)
    await append(bus, compacted, document("a", 1))

    async with contextlib.AsyncExitStack() as leaving:
        writing = await leaving.enter_async_context(following(first, compacted))

        async def leased() -> bool:
            return writing.writing

        await until(leased, what="the lease")
        async with following(second, compacted) as waiting:
            await append(bus, compacted, document("a", 2))
            await until_stored(line, {"a": 2})
            assert not waiting.writing
            await leaving.aclose()

            async def taken_over() -> bool:
                return waiting.writing

            await append(bus, compacted, document("a", 3), document("a", 4), document("b", 1))
            await until(taken_over, what="the take-over")
            await until_stored(line, {"a": 4, "b": 1})
            assert second.documents == {"a": 4, "b": 1}
    numbers = [n for key, n in second.taken if key == "a"]
    assert numbers == sorted(numbers)


async def test_a_document_that_cannot_be_taken_keeps_no_other_out(bus: Bus, line: Line, compacted: str) -> None:
    broken = Record(key="x", value=b"{no json", headers=())
    await append(bus, compacted, document("a", "bad"), broken, document("a", 1), document("b", 1))

    memory = Memory(bus=bus, database=line.database)
    async with following(memory, compacted):
        assert memory.documents == {"a": 1, "b": 1}
        await until_stored(line, {"a": 1, "b": 1})


async def test_whoever_wrote_a_document_can_wait_until_it_is_heard(bus: Bus, line: Line, compacted: str) -> None:
    memory = Memory(bus=bus, database=line.database)
    async with following(memory, compacted) as follower:
        assert not await follower.wait(service="other", key="a", position=5, patience=0.05)
        waiting = asyncio.create_task(follower.wait(service="other", key="a", position=5, patience=PATIENCE))
        await append(bus, compacted, document("a", 1, position=4), document("a", 2, position=5))

        assert await waiting
        assert memory.documents == {"a": 2}
        assert await follower.wait(service="other", key="a", position=4, patience=0)
        await until_stored(line, {"a": 2})
    assert [(row.service, row.key, row.position) for row in await line.rows(SEEN)] == [("other", "a", 5)]


async def test_following_goes_on_after_the_database_was_cut_off(bus: Bus, line: Line, compacted: str) -> None:
    memory = Memory(bus=bus, database=line.database)
    async with following(memory, compacted):
        await append(bus, compacted, document("a", 1))
        await until_stored(line, {"a": 1})
        await line.cut("tongban line holders")
        await append(bus, compacted, document("a", 2), document("b", 1))
        await until_stored(line, {"a": 2, "b": 1})

    assert memory.documents == {"a": 2, "b": 1}


async def test_a_log_that_was_made_anew_is_read_from_its_beginning(bus: Bus, line: Line, compacted: str) -> None:
    """What was read of the lost one stands further than the new one has come."""
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOW_OFFSETS), [{"topic": compacted, "partition": number, "offset": 900} for number in range(2)])
    await append(bus, compacted, document("a", 1), document("b", 2))
    memory = Memory(bus=bus, database=line.database)

    async with following(memory, compacted):
        await until_stored(line, {"a": 1, "b": 2})

    assert memory.documents == {"a": 1, "b": 2}


async def test_an_offset_of_another_log_is_no_place_in_this_one(bus: Bus, line: Line, compacted: str) -> None:
    """The new log was filled past where the lost one was read."""
    await append(bus, compacted, *(document(key, 1) for key in "abcdef"))
    async with line.database.begin(line) as tx:
        rows = [{"topic": compacted, "partition": number, "offset": 1, "log": "lost"} for number in range(2)]
        await tx.execute(insert(FOLLOW_OFFSETS), rows)
    memory = Memory(bus=bus, database=line.database)

    async with following(memory, compacted) as follower:
        assert memory.documents == dict.fromkeys("abcdef", 1)
        await until_stored(line, memory.documents)
        assert follower.caught_up

    reading = await bus.follow(compacted)
    assert {(row.partition, row.offset, row.log) for row in await line.rows(FOLLOW_OFFSETS)} == {
        (partition, end, reading.log) for (_, partition), end in reading.ends.items()
    }
    await reading.close()


async def test_offsets_of_an_older_version_are_taken_as_they_are(bus: Bus, line: Line, compacted: str) -> None:
    """It did not say of which log they are."""
    await append(bus, compacted, *(document("a", n) for n in range(3)))
    place = await bus.partition(compacted, "a")
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOW_OFFSETS), [{"topic": compacted, "partition": place, "offset": 2}])
    memory = Memory(bus=bus, database=line.database)

    async with following(memory, compacted):
        await until_stored(line, {"a": 2})

    assert memory.taken == [("a", 2)]


class Torn(UnrulyBus):
    """A log whose readings end with an error, as where the brokers or a connection went away meanwhile."""

    async def follow(self, topic: str, offsets: Offsets | None = None, *, log: str = "") -> Following:
        return TornReading(await super().follow(topic, offsets, log=log))


class TornReading(ReadingBehind):
    async def close(self) -> None:
        await super().close()
        raise BusUnavailable


async def test_who_is_told_to_end_ends_though_a_reading_fails_at_that(bus: Bus, compacted: str) -> None:
    memory = Memory(bus=Torn(bus, way="twice"), database=None)
    follower = Follower(memory, [compacted], memory.apply)
    following = asyncio.create_task(follower.run())
    async with asyncio.timeout(PATIENCE):
        await follower.until_caught_up()

    following.cancel()
    ended, _ = await asyncio.wait({following}, timeout=PATIENCE)

    assert ended == {following}
