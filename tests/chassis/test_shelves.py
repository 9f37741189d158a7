"""What a transaction has at hand and writes at its end, on a real database: few statements, the same rows as one by one."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast as as_part

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.database import StaleVersion
from chassis.shelves import Shelf, fetch
from chassis.writing import Conflict, Rows
from contracts.codec import decode, encode_object
from tests.support.sending import statements
from tests.support.toy import RunningToy

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
METADATA = MetaData()
PARTS = Table(
    "parts",
    METADATA,
    Column("part_id", Text, primary_key=True),
    Column("order_id", Text, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("body", JSONB, nullable=False),
)
NOTES = Table(
    "notes",
    METADATA,
    Column("note_id", BigInteger, Identity(), primary_key=True),
    Column("words", ARRAY(Text), nullable=False),
    Column("at", DateTime(timezone=True)),
)
ALARMS = Table(
    "alarms",
    METADATA,
    Column("alarm_id", Text, primary_key=True),
    Column("rings", Integer, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
)
FACTS = Table("facts", METADATA, Column("fact_id", Text, primary_key=True), Column("told", Text, nullable=False))

NEW_NOTES = Rows(NOTES, columns=("words", "at"))
NEW_ALARMS = Rows(ALARMS, conflict=Conflict.REPLACE, columns=("alarm_id", "rings"))
NEW_FACTS = Rows(FACTS, conflict=Conflict.IGNORE)


@dataclass(slots=True, kw_only=True)
class Part:
    """A thing that hangs on an order."""

    part_id: str
    order_id: str
    colour: str
    version: int = 0


def _row(part: Part) -> dict[str, object]:
    return {"part_id": part.part_id, "order_id": part.order_id, "version": part.version, "body": encode_object(part)}


AT_HAND = Shelf(PARTS, key="order_id", identity=lambda part: part.part_id, row=_row, read=lambda body: decode(Part, body))


@dataclass(frozen=True, slots=True)
class Name:
    """What is fetched of a part that is not red."""

    part_id: str
    version: int = 0


BRIEF: Shelf[Part | Name] = Shelf(
    PARTS,
    key="order_id",
    identity=lambda part: part.part_id,
    row=lambda part: _row(as_part("Part", part)),
    read=lambda found: Name(found) if isinstance(found, str) else decode(Part, found),
    body=case(
        (PARTS.c.body["colour"].astext == literal_column("'red'"), cast(PARTS.c.body, Text)),
        else_=cast(func.to_json(PARTS.c.part_id), Text),
    ),
)


@pytest.fixture
async def shop(toy: RunningToy) -> RunningToy:
    """The toy with tables of its own kind."""
    engine = create_async_engine(str(toy.context.settings.database_url))
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()
    return toy


async def test_rows_of_four_tables_are_one_statement(shop: RunningToy) -> None:
    with statements(shop.context.database) as sent:
        async with shop.context.database.begin(shop.context) as tx:
            for number in range(30):
                AT_HAND.put(tx, "o", Part(part_id=f"p{number}", order_id="o", colour="red"))
                tx.write(NEW_NOTES, {"words": ["一", f"{number}"], "at": NOON if number else None})
                tx.write(NEW_ALARMS, {"alarm_id": f"a{number}", "rings": number})
                tx.write(NEW_FACTS, {"fact_id": "same", "told": f"{number}"})

    assert len(sent) == 1
    assert len(await shop.rows(PARTS)) == len(await shop.rows(ALARMS)) == 30
    assert [(row.words, row.at) for row in await shop.rows(NOTES)][:2] == [(["一", "0"], None), (["一", "1"], NOON)]
    assert [row.note_id for row in await shop.rows(NOTES)] == list(range(1, 31)), "numbers are drawn in the order written"
    assert [row.told for row in await shop.rows(FACTS)] == ["0"]


async def test_an_empty_list_comes_back_empty(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        tx.write(NEW_NOTES, {"words": [], "at": None})

    assert [row.words for row in await shop.rows(NOTES)] == [[]]


async def test_whoever_reads_sees_what_was_written_before(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        tx.write(NEW_ALARMS, {"alarm_id": "a", "rings": 1})
        assert [row.rings for row in await tx.execute(select(ALARMS))] == [1]
        tx.remove(NEW_ALARMS, {"alarm_id": "a"})
        assert (await tx.execute(select(ALARMS))).all() == []


async def test_a_row_set_anew_has_its_defaults_again(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        tx.write(NEW_ALARMS, {"alarm_id": "a", "rings": 1})
        await tx.execute(text("update alarms set tries = 7"))
        tx.write(NEW_ALARMS, {"alarm_id": "a", "rings": 2})

    assert [tuple(row) for row in await shop.rows(ALARMS)] == [("a", 2, 0)]


async def test_what_is_there_stays_where_a_row_gives_way(shop: RunningToy) -> None:
    for told in ("first", "second"):
        async with shop.context.database.begin(shop.context) as tx:
            tx.write(NEW_FACTS, {"fact_id": "f", "told": told})

    assert [row.told for row in await shop.rows(FACTS)] == ["first"]


async def test_a_transaction_that_fails_has_written_nothing(shop: RunningToy) -> None:
    only_new = Rows(FACTS, name="new_facts")
    async with shop.context.database.begin(shop.context) as tx:
        tx.write(only_new, {"fact_id": "f", "told": "first"})

    async def fail() -> None:
        async with shop.context.database.begin(shop.context) as tx:
            tx.write(NEW_ALARMS, {"alarm_id": "a", "rings": 1})
            tx.write(only_new, {"fact_id": "f", "told": "second"})

    with pytest.raises(IntegrityError):
        await fail()

    assert await shop.rows(ALARMS) == []
    assert [row.told for row in await shop.rows(FACTS)] == ["first"]


async def test_things_of_many_keys_are_fetched_in_one_statement(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        for number in range(20):
            AT_HAND.put(tx, f"o{number}", Part(part_id=f"p{number}", order_id=f"o{number}", colour="red"))

    with statements(shop.context.database) as sent:
        async with shop.context.database.begin(shop.context) as tx:
            await fetch(tx, (AT_HAND,), [f"o{number}" for number in range(25)])
            for number in range(20):
                [part] = await AT_HAND.of(tx, f"o{number}")
                part.colour = "blue"
                AT_HAND.put(tx, part.order_id, part)
            assert await AT_HAND.of(tx, "o24") == ()

    assert len(sent) == 2
    assert {(row.version, row.body["colour"]) for row in await shop.rows(PARTS)} == {(2, "blue")}


async def test_of_rows_that_need_it_not_less_is_fetched(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        for part_id, colour in (("p1", "red"), ("p2", "blue")):
            BRIEF.put(tx, "o", Part(part_id=part_id, order_id="o", colour=colour))

    async with shop.context.database.begin(shop.context) as tx:
        found = {part.part_id: part for part in await BRIEF.of(tx, "o")}

    assert found == {"p1": Part(part_id="p1", order_id="o", colour="red", version=1), "p2": Name("p2")}


async def test_a_thing_is_the_same_however_often_it_is_asked_for(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        new = Part(part_id="p", order_id="o", colour="red")
        AT_HAND.put(tx, "o", new)
        assert (await AT_HAND.of(tx, "o"))[0] is new
        assert (await AT_HAND.of(tx, "o"))[0] is new


async def test_a_version_goes_up_once_for_each_time_it_is_written(shop: RunningToy) -> None:
    part = Part(part_id="p", order_id="o", colour="red")
    async with shop.context.database.begin(shop.context) as tx:
        AT_HAND.put(tx, "o", part)
        AT_HAND.put(tx, "o", part)
        assert part.version == 1
        await tx.flush()
        AT_HAND.put(tx, "o", part)
        assert part.version == 2

    assert [row.version for row in await shop.rows(PARTS)] == [2]


async def test_a_thing_that_somebody_else_changed_is_stale(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        AT_HAND.put(tx, "o", Part(part_id="p", order_id="o", colour="red"))

    async def lose() -> None:
        async with shop.context.database.begin(shop.context) as tx:
            [part] = await AT_HAND.of(tx, "o")
            async with shop.context.database.begin(shop.context) as other:
                await other.execute(text("update parts set version = 2"))
            part.colour = "green"
            AT_HAND.put(tx, "o", part)
            tx.write(NEW_ALARMS, {"alarm_id": "a", "rings": 1})

    with pytest.raises(StaleVersion):
        await lose()

    assert [row.body["colour"] for row in await shop.rows(PARTS)] == ["red"]
    assert await shop.rows(ALARMS) == []


async def test_a_shelf_of_some_columns_changes_what_is_there_and_adds_nothing(shop: RunningToy) -> None:
    some = Shelf(
        PARTS,
        key="order_id",
        identity=lambda part: part.part_id,
        row=_row,
        read=lambda body: decode(Part, body),
        columns=("part_id", "version", "body"),
    )
    async with shop.context.database.begin(shop.context) as tx:
        AT_HAND.put(tx, "o", Part(part_id="p", order_id="o", colour="red"))
    async with shop.context.database.begin(shop.context) as tx:
        [part] = await some.of(tx, "o")
        part.colour = "blue"
        some.put(tx, "o", part)

    async def add() -> None:
        async with shop.context.database.begin(shop.context) as tx:
            some.put(tx, "o", Part(part_id="q", order_id="o", colour="red"))

    with pytest.raises(StaleVersion):
        await add()

    assert [(row.part_id, row.body["colour"]) for row in await shop.rows(PARTS)] == [("p", "blue")]


async def test_whatever_is_written_and_removed_ends_as_if_done_one_by_one(shop: RunningToy) -> None:
    loop = asyncio.get_running_loop()
    acts = st.tuples(st.sampled_from(["write", "remove", "read", "commit"]), st.sampled_from(["a", "b", "c"]), st.integers(0, 9))

    async def play(script: list[tuple[str, str, int]]) -> None:
        told: dict[str, int] = {}
        done = iter([*script, ("commit", "a", 0), ("end", "a", 0)])
        act, alarm, rings = next(done)
        while act != "end":
            async with shop.context.database.begin(shop.context) as tx:
                while act not in {"commit", "end"}:
                    if act == "write":
                        tx.write(NEW_ALARMS, {"alarm_id": alarm, "rings": rings})
                        told[alarm] = rings
                    elif act == "remove":
                        tx.remove(NEW_ALARMS, {"alarm_id": alarm})
                        told.pop(alarm, None)
                    else:
                        found = {row.alarm_id: row.rings for row in await tx.execute(select(ALARMS))}
                        assert found == told
                    act, alarm, rings = next(done)
            act, alarm, rings = next(done)
        assert {row.alarm_id: row.rings for row in await shop.rows(ALARMS)} == told
        async with shop.context.database.begin(shop.context) as tx:
            await tx.execute(text("delete from alarms"))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(script=st.lists(acts, max_size=12))
    def holds(script: list[tuple[str, str, int]]) -> None:
        asyncio.run_coroutine_threadsafe(play(script), loop).result()

    await asyncio.to_thread(holds)


def test_a_key_that_no_index_begins_with_is_refused() -> None:
    bare = Table(
        "bare",
        MetaData(),
        Column("part_id", Text, primary_key=True),
        Column("order_id", Text),
        Column("body", JSONB),
        Index("ix", "body", "order_id"),
    )

    with pytest.raises(ValueError, match="no index of bare begins with order_id"):
        Shelf(bare, key="order_id", identity=lambda part: part.part_id, row=_row, read=lambda body: decode(Part, body))
