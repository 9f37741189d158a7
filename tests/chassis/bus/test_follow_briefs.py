"""What is told in a few words of a followed document: a restart takes those, and the whole wherever they are missing or not to be believed."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from sqlalchemy import update

from chassis.bus import Bus
from chassis.follow import AT_ONCE, Follower
from chassis.followed import AT_ONCE as ROWS
from chassis.followed import lease
from chassis.tables import FOLLOW_OFFSETS, FOLLOWED
from contracts.values import JsonObject
from tests.chassis.bus.conftest import MakeLine, MakeTopic
from tests.chassis.bus.line import PATIENCE, Line, append, append_many, at_work, until
from tests.chassis.bus.test_follow import Memory, document, until_stored


@dataclass(kw_only=True)
class Brief(Memory):
    """Keeps the number alone, and can be told it in a word."""

    unknown: frozenset[str] = frozenset()
    """Keys of which a word is not enough."""
    recalled: list[str] = field(default_factory=list)

    def brief(self, _topic: str, key: str) -> str | None:
        number = self.documents.get(key)
        return None if number is None or number == "whole" else f"={number}"

    def recall(self, _topic: str, key: str, brief: str) -> bool:
        if brief[:1] != "=":
            raise ValueError(brief)
        if key in self.unknown:
            return False
        self.documents[key] = int(brief[1:])
        self.recalled.append(key)
        return True

    def follower(self, topic: str) -> Follower:
        return Follower(self, [topic], self.apply, briefly={topic: self})


@pytest.fixture
async def compacted(make_topic: MakeTopic) -> str:
    return (await make_topic(partitions=2, cleanup_policy="compact")).name


async def follow(memory: Brief, line: Line, topic: str, expected: JsonObject) -> None:
    """Follow until memory and tables hold what is expected."""
    follower = memory.follower(topic)
    async with at_work(follower.run()), asyncio.timeout(PATIENCE):
        await follower.until_caught_up()
        await until_stored(line, dict(expected))
    assert memory.documents == expected


async def test_a_restart_takes_briefs_and_the_whole_where_there_is_none_or_it_is_not_enough(bus: Bus, line: Line, compacted: str) -> None:
    await append(bus, compacted, document("a", 1), document("b", 2), document("c", "whole"), document("d", 4))
    everything: JsonObject = {"a": 1, "b": 2, "c": "whole", "d": 4}
    await follow(Brief(bus=bus, database=line.database), line, compacted, everything)

    memory = Brief(bus=bus, database=line.database, unknown=frozenset({"a"}))
    await follow(memory, line, compacted, everything)

    assert dict(memory.taken) == {"a": 1, "c": "whole"}
    assert memory.recalled == ["b", "d"]


async def test_a_brief_that_nobody_understands_is_passed_over(bus: Bus, line: Line, compacted: str) -> None:
    await append(bus, compacted, document("a", 1), document("b", "whole"), document("c", 3))
    everything: JsonObject = {"a": 1, "b": "whole", "c": 3}
    await follow(Brief(bus=bus, database=line.database), line, compacted, everything)
    async with line.database.begin(line) as tx:
        await tx.execute(update(FOLLOWED).where(FOLLOWED.c.key == "c").values(brief="of another age"))

    memory = Brief(bus=bus, database=line.database)
    await follow(memory, line, compacted, everything)

    assert dict(memory.taken) == {"b": "whole", "c": 3}
    assert memory.recalled == ["a"]


async def test_briefs_are_not_believed_after_somebody_wrote_documents_without_them(bus: Bus, line: Line, compacted: str) -> None:
    """An older version of the software moves the offset and leaves the brief as it was."""
    await append(bus, compacted, document("a", "whole"), document("b", 1))
    await follow(Brief(bus=bus, database=line.database), line, compacted, {"a": "whole", "b": 1})
    await append(bus, compacted, document("b", 2))
    place = await bus.partition(compacted, "b")
    async with line.database.begin(line) as tx:
        await tx.execute(update(FOLLOWED).where(FOLLOWED.c.key == "b").values(data={"n": 2}))
        here = (FOLLOW_OFFSETS.c.topic == compacted) & (FOLLOW_OFFSETS.c.partition == place)
        ends = await bus.ends([compacted])
        await tx.execute(update(FOLLOW_OFFSETS).where(here).values(offset=ends[compacted, place]))

    memory = Brief(bus=bus, database=line.database)
    follower = memory.follower(compacted)
    async with at_work(follower.run()), asyncio.timeout(PATIENCE):
        await follower.until_caught_up()

        async def said() -> bool:
            return all(row.briefed == row.offset for row in await line.rows(FOLLOW_OFFSETS))

        await until(said, what="the offsets that briefs hold for")

    assert memory.documents == {"a": "whole", "b": 2}
    assert [row.brief for row in await line.rows(FOLLOWED)] == [None, None]


async def test_to_take_in_the_tables_may_last_longer_than_a_transaction_lives(
    bus: Bus, line: Line, make_line_on: MakeLine, compacted: str
) -> None:
    everything: JsonObject = {f"k{number:04}": number for number in range(2 * ROWS + 1)}
    await append_many(bus, compacted, *(document(key, number) for key, number in everything.items()))
    await follow(Brief(bus=bus, database=line.database), line, compacted, everything)
    hurried = await make_line_on(line.topic, limit=0.1)

    class Slow(Brief):
        def recall(self, topic: str, key: str, brief: str) -> bool:
            if len(self.recalled) % ROWS == 1:  # of every page one
                time.sleep(1)
            return super().recall(topic, key, brief)

    memory = Slow(bus=bus, database=hurried.database)
    await asyncio.wait_for(memory.follower(compacted).remember(hurried.database), PATIENCE)

    assert memory.recalled == sorted(everything)


async def test_a_process_cut_off_in_the_middle_of_the_first_reading_loses_nothing(bus: Bus, line: Line, compacted: str) -> None:
    everything: JsonObject = {f"k{number:04}": number for number in range(AT_ONCE * 4)}
    await append_many(bus, compacted, *(document(key, number) for key, number in everything.items()))
    follower = Brief(bus=bus, database=line.database).follower(compacted)
    async with at_work(follower.run()):

        async def begun() -> bool:
            return bool(await line.rows(FOLLOW_OFFSETS))

        await until(begun, what="the first documents in the tables")
    kept = len(await line.rows(FOLLOWED))

    memory = Brief(bus=bus, database=line.database)
    await follow(memory, line, compacted, everything)

    assert 0 < kept <= len(everything)
    assert len(memory.taken) + len(memory.recalled) == len(everything)


async def test_who_becomes_the_writer_of_a_first_reading_that_is_in_its_memory_already_stores_the_briefs_too(
    bus: Bus, line: Line, make_line_on: MakeLine, compacted: str
) -> None:
    """The one who wrote before it had not come to the end."""
    other = await make_line_on(line.topic)
    await append(bus, compacted, document("a", 1), document("a", 2), document("b", 3), document("c", "whole"), document("b", None))
    memory = Brief(bus=bus, database=line.database)
    follower = memory.follower(compacted)

    async with AsyncExitStack() as writing:
        assert await writing.enter_async_context(other.database.hold(lease([compacted]))) is not None
        async with at_work(follower.run()), asyncio.timeout(PATIENCE):
            await follower.until_caught_up()
            await writing.aclose()
            await until_stored(line, {"a": 2, "c": "whole"})

    assert {row.key: row.brief for row in await line.rows(FOLLOWED)} == {"a": "=2", "c": None}
