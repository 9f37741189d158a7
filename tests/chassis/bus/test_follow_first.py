"""A topic that is read for the first time: the tables say nothing of how far until they hold all of it, whoever reads it and whatever fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import insert, text

from chassis.bus import Bus
from chassis.follow import AT_ONCE, Follower
from chassis.followed import LogLost, let_go
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED
from contracts.values import JsonObject
from tests.chassis.bus.conftest import MakeLine, MakeTopic
from tests.chassis.bus.line import PATIENCE, Line, append, at_work, until
from tests.chassis.bus.test_follow import Memory, document, following, stored, until_stored

MANY = AT_ONCE * 4
REFUSED = f"k{AT_ONCE * 3}"
"""A key of the last batch."""


@pytest.fixture
async def compacted(make_topic: MakeTopic) -> str:
    return (await make_topic(partitions=1, cleanup_policy="compact")).name


@pytest.fixture
async def long(bus: Bus, compacted: str) -> str:
    """A topic of four batches."""
    await bus.append(compacted, 0, [document(f"k{n}", n) for n in range(MANY)])
    return compacted


@contextlib.asynccontextmanager
async def refusing(line: Line, *, key: str) -> AsyncIterator[None]:
    """The service's database takes no document under this key."""
    refuse = f"""create function refuse() returns trigger language plpgsql as $$ begin
        if new.key = '{key}' then raise exception 'refused'; end if; return new; end $$"""
    async with line.database.begin(line) as tx:
        await tx.execute(text(refuse))
        await tx.execute(text("create trigger refused before insert on followed for each row execute function refuse()"))
    try:
        yield
    finally:
        async with line.database.begin(line) as tx:
            await tx.execute(text("drop trigger refused on followed"))
            await tx.execute(text("drop function refuse()"))


async def until_refused(line: Line, *followers: Follower) -> None:
    """Wait until one of them writes, and could not store a batch though the ones before stand."""

    async def refused() -> bool:
        there = len(await line.rows(FOLLOWED))
        return there > 0 and any(each.trouble is not None for each in followers)

    await until(refused, what="a store that fails")


async def from_tables(line: Line, bus: Bus, *topics: str) -> tuple[dict[str, Any], bool]:
    """What a process knows that starts now and cannot ask the log, and whether it answers."""
    memory = Memory(bus=bus, database=line.database)
    follower = Follower(memory, topics, memory.apply)
    await follower.remember(line.database)
    return memory.documents, follower.informed.is_set()


async def said(line: Line, *topics: str) -> dict[tuple[str, int], int]:
    return {(row.topic, row.partition): row.offset for row in await line.rows(FOLLOW_OFFSETS) if row.topic in topics}


async def until_said(line: Line, expected: dict[tuple[str, int], int]) -> None:
    async def there() -> bool:
        return await said(line, *(topic for topic, _ in expected)) == expected

    await until(there, what=f"{expected} in the tables")


async def test_a_store_that_fails_never_lets_the_end_be_said(bus: Bus, line: Line, long: str) -> None:
    memory = Memory(bus=bus, database=line.database)
    follower = Follower(memory, [long], memory.apply)

    async with at_work(follower.run()):
        async with refusing(line, key=REFUSED), asyncio.timeout(PATIENCE):
            await follower.informed.wait()
            await until_refused(line, follower)
            for _ in range(20):
                assert await said(line, long) == {}
                await asyncio.sleep(0.05)
            half, answers = await from_tables(line, bus, long)
        await until_said(line, {(long, 0): MANY})

    assert 0 < len(half) < MANY
    assert not answers
    assert await from_tables(line, bus, long) == ({f"k{n}": n for n in range(MANY)}, True)


async def test_who_takes_over_in_the_middle_of_a_first_reading_says_nothing_before_all_of_it_is_stored(
    bus: Bus, line: Line, make_line_on: MakeLine, long: str
) -> None:
    """It has everything in memory; the one before it had stored a part."""
    other = await make_line_on(line.topic)
    first, second = Memory(bus=bus, database=line.database), Memory(bus=bus, database=other.database)
    writing, waiting = (Follower(memory, [long], memory.apply) for memory in (first, second))
    told: list[dict[tuple[str, int], int]] = []

    async with refusing(line, key=REFUSED), contextlib.AsyncExitStack() as beside:
        async with at_work(writing.run()):
            await until_refused(line, writing)
            await beside.enter_async_context(at_work(waiting.run()))
            async with asyncio.timeout(PATIENCE):
                await waiting.informed.wait()

        async def taken_over() -> bool:
            return waiting.writing

        await until(taken_over, what="the take-over")
        for _ in range(20):
            told.append(await said(line, long))
            await asyncio.sleep(0.05)
        half, answers = await from_tables(line, bus, long)
    async with following(Memory(bus=bus, database=other.database), long):
        await until_said(line, {(long, 0): MANY})

    assert told == [{}] * 20
    assert 0 < len(half) < MANY
    assert not answers
    assert await from_tables(line, bus, long) == ({f"k{n}": n for n in range(MANY)}, True)


async def test_offsets_of_one_topic_say_nothing_of_another(bus: Bus, line: Line, make_topic: MakeTopic, compacted: str) -> None:
    other, empty = (await make_topic(partitions=2, cleanup_policy="compact")).name, (await make_topic(partitions=2)).name
    await append(bus, compacted, document("a", 1))
    await append(bus, other, document("b", 1))
    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_said(line, {(compacted, 0): 1})

    assert await from_tables(line, bus, compacted, other, empty) == ({"a": 1}, False)
    memory = Memory(bus=bus, database=line.database)
    follower = Follower(memory, [compacted, other, empty], memory.apply)
    async with at_work(follower.run()):
        place = await bus.partition(other, "b")
        await until_said(line, {(compacted, 0): 1, (other, place): 1, (other, 1 - place): 0, (empty, 0): 0, (empty, 1): 0})

    assert await from_tables(line, bus, compacted, other, empty) == ({"a": 1, "b": 1}, True)


async def keep_of_a_lost_log(line: Line, topic: str, documents: JsonObject) -> None:
    async with line.database.begin(line) as tx:
        await tx.execute(insert(FOLLOWED), [{"topic": topic, "key": key, "data": {"n": n}} for key, n in documents.items()])
        await tx.execute(insert(FOLLOW_OFFSETS), {"topic": topic, "partition": 0, "offset": 5, "briefed": 5, "log": "lost"})


@pytest.mark.parametrize("again", [(), ("a",)], ids=["empty", "begun"])
async def test_after_the_log_was_made_anew_a_restart_without_it_answers_from_its_tables(
    bus: Bus, line: Line, compacted: str, again: Sequence[str]
) -> None:
    await append(bus, compacted, *(document(key, 1) for key in again))
    await keep_of_a_lost_log(line, compacted, {"a": 1, "b": 1})

    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_said(line, {(compacted, 0): len(again)})

    assert await from_tables(line, bus, compacted) == ({"a": 1, "b": 1}, True)


async def test_nothing_is_let_go_that_a_log_made_anew_does_not_tell_though_it_was_read_again(bus: Bus, line: Line, compacted: str) -> None:
    """It has as many records as there are documents, and more."""
    await append(bus, compacted, *(document("a", n) for n in range(6)))
    await keep_of_a_lost_log(line, compacted, {"a": 1, "b": 1})
    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_said(line, {(compacted, 0): 6})

    with pytest.raises(LogLost) as lost:
        await let_go(line.database, bus, [compacted])
    refused = await stored(line)
    await append(bus, compacted, document("b", 2))
    gone = await let_go(line.database, bus, [compacted])

    assert lost.value.facts == {"topic": compacted, "key": "b"}
    assert refused == {"a": 5, "b": 1}
    assert gone == 2


async def test_what_the_log_says_was_taken_out_may_be_let_go(bus: Bus, line: Line, compacted: str) -> None:
    await append(bus, compacted, document("a", 1), document("b", 1))
    async with following(Memory(bus=bus, database=line.database), compacted):
        await until_stored(line, {"a": 1, "b": 1})
    await append(bus, compacted, document("b", None))

    assert await let_go(line.database, bus, [compacted]) == 2
