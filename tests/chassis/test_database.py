"""Transactions, locks and access rules as SQL, on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, DateTime, MetaData, Table, Text, insert, select, text
from sqlalchemy.exc import DBAPIError

from chassis.connections import open_engine
from chassis.database import Database, is_transient, lock, where
from rules.access import ALWAYS, NEVER, All, AnyOf, Before, Eq, In, Tree, allows
from tests.support.toy import WIDGETS, MakeToy, RunningToy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CARDS = Table(
    "cards", MetaData(), Column("id", Text), Column("region", Text), Column("organ", Text), Column("until", DateTime(timezone=True))
)
REGIONS = (None, "360926", "430181", "x'y")
INSTANTS = (None, NOON, NOON + timedelta(days=1))
ROWS = [
    {"id": f"{number}", "region": region, "organ": organ, "until": until}
    for number, (region, organ, until) in enumerate((r, o, u) for r in REGIONS for o in (None, "a", "b") for u in INSTANTS)
]

_leaves = st.one_of(
    st.just(ALWAYS),
    st.just(NEVER),
    st.builds(Eq, st.sampled_from(["region", "organ"]), st.sampled_from(["360926", "a", "x'y", ""])),
    st.builds(In, st.just("region"), st.frozensets(st.sampled_from(["360926", "430181", "x'y", "nowhere"]))),
    st.builds(Before, st.just("until"), st.sampled_from([NOON, NOON + timedelta(hours=1), NOON + timedelta(days=2)])),
)
TREES = st.recursive(
    _leaves,
    lambda trees: st.one_of(
        st.builds(All, st.lists(trees, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(trees, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@pytest.fixture
async def cards(toy: RunningToy) -> RunningToy:
    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(text("create table cards (id text, region text, organ text, until timestamptz)"))
        await tx.execute(insert(CARDS), ROWS)
    return toy


async def test_sql_shows_exactly_the_rows_that_the_rule_allows(cards: RunningToy) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=TREES)
    def holds(tree: Tree) -> None:
        shown = asyncio.run_coroutine_threadsafe(ids_where(cards, tree), loop).result()
        assert shown == {row["id"] for row in ROWS if allows(tree, row)}

    await asyncio.to_thread(holds)


async def ids_where(toy: RunningToy, tree: Tree) -> set[str]:
    async with toy.context.database.read(toy.context) as tx:
        return set((await tx.execute(select(CARDS.c.id).where(where(tree, CARDS.c)))).scalars())


def test_a_rule_over_a_column_that_is_not_given_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        where(Eq("nothing", "x"), {"region": CARDS.c.region})


async def test_an_exception_undoes_the_transaction_and_what_waits_for_its_commit(toy: RunningToy) -> None:
    done: list[str] = []

    async def fail() -> None:
        async with toy.context.database.begin(toy.context) as tx:
            tx.after_commit(lambda: done.append("x"))
            await tx.execute(insert(WIDGETS).values(id="w-1", owner="somebody", name="", version=1))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert await toy.rows(WIDGETS) == []
    assert done == []


async def test_what_waits_for_the_commit_sees_it_committed(toy: RunningToy) -> None:
    done: list[str] = []

    async with toy.context.database.begin(toy.context) as tx:
        tx.after_commit(lambda: done.append("x"))
        assert done == []

    assert done == ["x"]


async def test_a_reading_transaction_cannot_write(toy: RunningToy) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with toy.context.database.read(toy.context) as tx:
            await tx.execute(insert(WIDGETS).values(id="w-1", owner="somebody", name="", version=1))


async def test_two_transactions_with_the_same_keys_in_any_order_take_turns(toy: RunningToy) -> None:
    inside = 0

    async def work(*keys: str) -> None:
        nonlocal inside
        async with toy.context.database.begin(toy.context) as tx:
            await lock(tx, *keys)
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(work(*(("a", "b", "c") if turn % 2 else ("c", "b", "a"))) for turn in range(10)))


async def test_a_lock_waits_for_the_one_before_and_is_free_after_its_commit(toy: RunningToy) -> None:
    order: list[str] = []
    holding = asyncio.Event()

    async def first() -> None:
        async with toy.context.database.begin(toy.context) as tx:
            await lock(tx, "k")
            holding.set()
            await asyncio.sleep(0.1)
            order.append("first")

    async def second() -> None:
        await holding.wait()
        async with toy.context.database.begin(toy.context) as tx:
            await lock(tx, "k")
            order.append("second")

    await asyncio.gather(first(), second())

    assert order == ["first", "second"]


async def test_a_held_name_is_held_once_and_free_when_its_holder_leaves(toy: RunningToy) -> None:
    database = toy.context.database

    async with database.hold("x") as first, database.hold("x") as second, database.hold("y") as other:
        assert first is not None
        assert second is None
        assert other is not None

    async with database.hold("x") as again:
        assert again is not None


async def test_a_consumer_never_plans_a_scan_where_an_index_serves(toy: RunningToy) -> None:
    query = "explain select * from widgets where id in (select unnest(array['a', 'b']))"

    async with toy.context.database.consume(toy.context) as tx:
        plan = "\n".join((await tx.execute(text(query))).scalars())

    assert "Seq Scan" not in plan
    assert "Index" in plan


async def test_a_transaction_whose_process_does_not_go_on_is_ended_by_the_server(toy: RunningToy) -> None:
    shown = "select current_setting('idle_in_transaction_session_timeout'), current_setting('statement_timeout')"

    async with toy.context.database.begin(toy.context) as tx:
        assert tuple((await tx.execute(text(shown))).one()) == ("5s", "10500ms")


async def test_a_statement_that_takes_too_long_is_stopped_on_the_server_too(make_toy: MakeToy) -> None:
    toy = await make_toy(transaction_limit=0.2)

    with pytest.raises(Exception, match="transaction-too-long"):
        async with toy.context.database.begin(toy.context) as tx:
            await tx.execute(text("select pg_sleep(3600)"))

    running = (
        "select count(*) from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%' and state = 'active'"
    )
    patient = Database(toy.context.settings.database_url, name="patient")
    goes_on = 1
    while goes_on:
        async with patient.read(toy.context) as tx:
            goes_on = (await tx.execute(text(running))).scalar_one()
    await patient.close()


async def test_a_broken_connection_is_transient_and_a_broken_rule_is_not(toy: RunningToy) -> None:
    with pytest.raises(DBAPIError) as broken:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.execute(text("select pg_terminate_backend(pg_backend_pid())"))
    with pytest.raises(DBAPIError) as refused:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.execute(text("select 1 / 0"))

    assert is_transient(broken.value)
    assert not is_transient(refused.value)


async def test_an_error_of_the_database_does_not_show_what_was_to_be_stored(toy: RunningToy) -> None:
    row = {"id": "w-1", "owner": "somebody", "name": "340102199001011234", "version": "x"}

    with pytest.raises(Exception, match="hidden") as failed:
        async with toy.context.database.begin(toy.context) as tx:
            await tx.execute(insert(WIDGETS), row)

    assert "340102199001011234" not in str(failed.value)


async def test_the_time_of_a_transaction_is_one_instant(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        first = tx.at
        await asyncio.sleep(0.01)

        assert tx.at == first
        assert first.utcoffset() == timedelta()


async def test_whoever_waits_longest_gets_the_next_connection(toy: RunningToy) -> None:
    engine = open_engine(toy.context.settings.database_url, name="turns", pool_size=1, limit=5)
    served: list[str] = []

    async def use(name: str) -> None:
        async with engine.connect():
            served.append(name)

    first = await engine.connect()
    waiting = asyncio.create_task(use("waited"))
    await asyncio.sleep(0.05)
    await first.close()
    await use("came later")
    await waiting
    await engine.dispose()

    assert served == ["waited", "came later"]


async def test_a_connection_handed_to_whoever_just_gave_up_goes_to_the_next(toy: RunningToy) -> None:
    engine = open_engine(toy.context.settings.database_url, name="turns", pool_size=1, limit=5)
    first = await engine.connect()
    waiting = [asyncio.create_task(engine.connect().start()) for _ in range(2)]
    await asyncio.sleep(0.05)

    await first.close()
    waiting[0].cancel()

    async with asyncio.timeout(60):
        await (await waiting[1]).close()
    assert waiting[0].cancelled()
    await engine.dispose()
