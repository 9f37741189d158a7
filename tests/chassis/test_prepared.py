"""A statement run straight on the driver does and fails as SQLAlchemy's own execution does."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, Text, bindparam, cast, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.database import TransactionTooLong, is_transient, sqlstate
from chassis.prepared import Prepared
from tests.support.toy import WIDGETS, MakeToy, RunningToy

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVERYTHING = select(
    bindparam("text", type_=Text).label("text"),
    bindparam("number", type_=BigInteger).label("number"),
    bindparam("at", type_=DateTime(timezone=True)).label("at"),
    bindparam("data", type_=LargeBinary).label("data"),
    cast(bindparam("body", type_=JSONB), JSONB).label("body"),
    bindparam("names", type_=ARRAY(Text)).label("names"),
    literal("fixed", Text).label("fixed"),
)
VALUES = {"text": "一", "number": 2**40, "at": NOON, "data": b"\x00\xff", "body": {"a": ["b", None]}, "names": ["甲", "b"]}
MAKE = Prepared(
    insert(WIDGETS)
    .values(id=bindparam("id", type_=Text), owner="somebody", name=bindparam("name", type_=Text), version=1)
    .returning(WIDGETS.c.id)
)
WIDGET = {"id": "w-1", "name": "secret-name"}
SLEEP = Prepared(select(func.pg_sleep(bindparam("seconds"))))


async def test_values_go_and_come_as_they_do_in_core(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        [prepared] = await tx.fetch(Prepared(EVERYTHING), VALUES)
        core = (await tx.execute(EVERYTHING, VALUES)).one()

    assert tuple(prepared) == tuple(core) == (*VALUES.values(), "fixed")


async def test_what_it_wrote_is_committed_with_the_rest(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        assert [tuple(row) for row in await tx.fetch(MAKE, WIDGET)] == [("w-1",)]
        assert (await tx.execute(select(WIDGETS.c.name))).scalar_one() == "secret-name"

    assert [row.id for row in await toy.rows(WIDGETS)] == ["w-1"]


async def test_what_it_wrote_is_undone_with_the_rest(toy: RunningToy) -> None:
    async def fail() -> None:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.fetch(MAKE, WIDGET)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await toy.rows(WIDGETS) == []


async def test_where_nothing_may_be_written_it_does_not_write(toy: RunningToy) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with toy.context.database.read(toy.context) as tx:
            await tx.fetch(MAKE, WIDGET)


async def test_a_broken_rule_is_told_as_core_tells_it_without_what_was_to_be_stored(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        await tx.fetch(MAKE, WIDGET)

    with pytest.raises(IntegrityError) as refused:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.fetch(MAKE, WIDGET)

    assert sqlstate(refused.value) == "23505"
    assert not is_transient(refused.value)
    assert "secret-name" not in str(refused.value)


async def test_a_value_of_another_kind_is_told_without_it(toy: RunningToy) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.fetch(MAKE, {"id": 1, "name": "secret-name"})

    assert "secret-name" not in str(refused.value)


async def test_a_connection_that_was_cut_is_transient_and_not_used_again(make_toy: MakeToy) -> None:
    toy = await make_toy(pool_size=1)
    own = select(func.pg_backend_pid())

    first = 0

    async def fail() -> None:
        nonlocal first
        async with toy.context.database.begin(toy.context) as tx:
            [(first,)] = await tx.fetch(Prepared(own), {})
            async with toy.context.database.consume(toy.context) as other:
                await other.execute(text("select pg_terminate_backend(:pid)"), {"pid": first})
            await tx.fetch(Prepared(own), {})

    with pytest.raises(DBAPIError) as cut:
        await fail()

    assert cut.value.connection_invalidated
    assert is_transient(cut.value)
    async with toy.context.database.begin(toy.context) as tx:
        [(second,)] = await tx.fetch(Prepared(own), {})
    assert second != first


async def test_a_statement_given_up_in_the_middle_takes_its_connection_with_it(make_toy: MakeToy) -> None:
    toy = await make_toy(pool_size=1, transaction_limit=0.3)

    async def fail() -> None:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.fetch(MAKE, WIDGET)
            await tx.fetch(SLEEP, {"seconds": 600})

    with pytest.raises(TransactionTooLong):
        await fail()

    async def next_one() -> list[str] | None:
        with suppress(TransactionTooLong):
            async with toy.context.database.read(toy.context) as tx:
                return [str(name) for (name,) in await tx.fetch(Prepared(select(WIDGETS.c.id)), {})]
        return None  # the machine stood still

    async with asyncio.timeout(60):
        while (kept := await next_one()) is None:
            pass
    assert kept == []


async def test_a_parameter_that_is_not_given_is_a_mistake(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        with pytest.raises(KeyError):
            await tx.fetch(MAKE, {"id": "w-1"})


async def test_a_list_to_be_spelled_out_is_a_mistake(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        with pytest.raises(TypeError, match="spelled out"):
            await tx.fetch(Prepared(select(WIDGETS.c.id).where(WIDGETS.c.id.in_(["a", "b"]))), {})
