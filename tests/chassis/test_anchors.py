"""A write that says what it is about finds and locks it with its claim: the same guarantees, fewer statements."""

import asyncio

import pytest
from sqlalchemy import func, insert, select, text

from chassis import idempotency, outbox, seen
from chassis.anchors import Anchor
from chassis.database import Held, lock
from chassis.doors import Answer, seal_answer
from chassis.idempotency import Claim, Kept
from chassis.outbox import Outgoing
from chassis.problems import IdempotencyInFlight, IdempotencyKeyReused
from chassis.tables import IDEMPOTENCY, OUTBOX
from rules.access import NEVER, All, AnyOf, Eq, In, Tree
from tests.support.sending import statements
from tests.support.toy import WIDGETS, MakeToy, RunningToy, opened
from tests.support.waits import until_one_waits_for_a_lock

BY_ID = Anchor(
    select(WIDGETS.c.owner.label("key"), WIDGETS.c.id, WIDGETS.c.name),
    by=WIDGETS.c.id,
    shown={"id": WIDGETS.c.id, "name": WIDGETS.c.name},
)
CLAIM = Claim(caller="c", route="POST /widgets", key="k", fingerprint=b"f")
LOCKED = select(func.pg_try_advisory_xact_lock(func.hashtextextended("somebody", 0)))


async def with_a_widget(toy: RunningToy) -> RunningToy:
    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(insert(WIDGETS).values(id="w-1", owner="somebody", name="old", version=1))
    return toy


@pytest.fixture
async def shop(toy: RunningToy) -> RunningToy:
    return await with_a_widget(toy)


@pytest.fixture
async def hasty(make_toy: MakeToy) -> RunningToy:
    """A shop that waits for no lock for long."""
    return await with_a_widget(await make_toy(lock_wait=0.3))


async def is_free(toy: RunningToy) -> bool:
    async with toy.context.database.begin(toy.context) as tx:
        return bool((await tx.execute(LOCKED)).scalar_one())


async def act_once(toy: RunningToy, *abouts: str, claimed: Claim = CLAIM, id: str = "w-1") -> Kept:  # noqa: A002 - the column's name
    """As the door does."""
    async with toy.context.database.begin(toy.context) as tx:
        first = await idempotency.claim(tx, claimed, at=BY_ID.of(id))
        if first is not None:
            return first
        await outbox.put(tx, [Outgoing(event=opened(tx, about), sequence=1) for about in abouts])
        return await idempotency.keep(tx, claimed, seal_answer(toy.context, Answer(status=200, body={}), positions={}))


async def test_key_row_and_lock_are_taken_by_one_statement_and_not_asked_for_again(shop: RunningToy) -> None:
    with statements(shop.context.database) as sent:
        async with shop.context.database.begin(shop.context) as tx:
            assert await idempotency.claim(tx, CLAIM, at=BY_ID.of("w-1")) is None
            assert await BY_ID.find(tx, "w-1") == ("w-1", "old")
            await lock(tx, "somebody")
            free = await is_free(shop)

    assert not free
    assert await is_free(shop)
    assert len([each for each in sent if "try_advisory" not in each]) == 1


async def test_what_is_not_there_takes_the_key_and_no_lock(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        assert await idempotency.claim(tx, CLAIM, at=BY_ID.of("w-2")) is None
        assert await BY_ID.find(tx, "w-2") is None
        assert tx.locked == set()


def any_of_these(*names: str) -> Tree:
    return AnyOf((All((Eq("id", "w-1"), In("name", frozenset(names)))), Eq("id", "w-9")))


async def test_what_is_hidden_is_as_if_it_were_not_there_and_its_lock_is_not_waited_for(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as holder:
        await lock(holder, "somebody")
        async with shop.context.database.begin(shop.context) as tx:
            assert await idempotency.claim(tx, CLAIM, at=BY_ID.of("w-1", seen=any_of_these("new", "other"))) is None
            assert await BY_ID.find(tx, "w-1") is None
            assert tx.locked == set()


async def test_what_is_hidden_is_so_also_where_it_waits_for_a_person(shop: RunningToy) -> None:
    shop.context.held = frozenset({"somebody"})

    async with shop.context.database.begin(shop.context) as tx:
        assert await idempotency.claim(tx, CLAIM, at=BY_ID.of("w-1", seen=NEVER)) is None
        assert await BY_ID.find(tx, "w-1") is None


async def test_what_is_seen_is_found_and_locked_by_whichever_values_the_rule_has(shop: RunningToy) -> None:
    for number, names in enumerate([("old",), ("other", "old", "new"), ("new",), ("old", "new")]):
        claimed = Claim(caller="c", route="r", key=f"k-{number}", fingerprint=b"f")
        async with shop.context.database.begin(shop.context) as tx:
            await idempotency.claim(tx, claimed, at=BY_ID.of("w-1", seen=any_of_these(*names)))
            assert (tx.locked == {"somebody"}) == ("old" in names)


async def test_a_repeat_waits_for_the_first_and_gets_its_answer_without_taking_the_lock(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        await idempotency.claim(tx, CLAIM, at=BY_ID.of("w-1"))
        repeat = asyncio.create_task(act_once(shop, "two"))
        await until_one_waits_for_a_lock(shop.context)
        assert not repeat.done()
        await outbox.put(tx, [Outgoing(event=opened(tx, "one"), sequence=1)])
        first = await idempotency.keep(tx, CLAIM, seal_answer(shop.context, Answer(status=200, body={}), positions={}))

    assert await repeat == first
    assert len(await shop.rows(OUTBOX)) == 1


async def test_a_repeat_that_waits_for_its_key_holds_no_lock_meanwhile(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        await idempotency.claim(tx, CLAIM)
        repeat = asyncio.create_task(act_once(shop))
        await until_one_waits_for_a_lock(shop.context)

        await lock(tx, "somebody")
        first = await idempotency.keep(tx, CLAIM, seal_answer(shop.context, Answer(status=200, body={}), positions={}))

    assert await repeat == first


async def test_a_repeat_that_waits_too_long_is_in_flight(hasty: RunningToy) -> None:
    async with hasty.context.database.begin(hasty.context) as tx:
        await idempotency.claim(tx, CLAIM, at=BY_ID.of("w-1"))

        with pytest.raises(IdempotencyInFlight):
            await act_once(hasty)


async def test_a_lock_that_another_request_holds_is_no_repeat_and_may_be_tried_again(hasty: RunningToy) -> None:
    async with hasty.context.database.begin(hasty.context) as tx:
        await lock(tx, "somebody")

        with pytest.raises(Exception, match="lock timeout") as late:
            await act_once(hasty)

    assert not isinstance(late.value, IdempotencyInFlight)
    assert (await act_once(hasty)).status == 200


async def test_another_request_under_the_same_key_is_refused(shop: RunningToy) -> None:
    await act_once(shop)

    with pytest.raises(IdempotencyKeyReused):
        await act_once(shop, claimed=Claim(caller="c", route="POST /widgets", key="k", fingerprint=b"g"))


async def test_what_waits_for_a_person_is_refused_and_leaves_no_key(shop: RunningToy) -> None:
    shop.context.held = frozenset({"somebody"})

    with pytest.raises(Held):
        await act_once(shop)

    assert await shop.rows(IDEMPOTENCY) == []


async def test_what_was_read_under_the_lock_is_what_the_one_before_committed(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as first:
        await idempotency.claim(first, CLAIM, at=BY_ID.of("w-1"))
        await first.execute(text("update widgets set name = 'new' where id = 'w-1'"))

        async def look() -> str:
            async with shop.context.database.begin(shop.context) as tx:
                await idempotency.claim(tx, Claim(caller="c", route="r", key="other", fingerprint=b"f"), at=BY_ID.of("w-1"))
                return str((await tx.execute(select(WIDGETS.c.name))).scalar_one())

        waiting = asyncio.create_task(look())
        await until_one_waits_for_a_lock(shop.context)

    assert await waiting == "new"


@pytest.mark.parametrize("abouts", [(), ("one",), ("two", "one", "two", "three")])
async def test_the_answer_is_kept_with_where_its_events_stand(shop: RunningToy, abouts: tuple[str, ...]) -> None:
    kept = await act_once(shop, *abouts)

    last: dict[str, int] = {}
    for row in sorted(await shop.rows(OUTBOX), key=lambda row: int(row.position)):
        last[row.key] = row.position
    assert kept.headers.get(seen.HEADER.lower(), "") == seen.write("toy", last)
    assert await act_once(shop) == kept
    assert len(last) == len(set(abouts))


async def test_the_answer_tells_positions_that_an_earlier_statement_drew(shop: RunningToy) -> None:
    async with shop.context.database.begin(shop.context) as tx:
        await idempotency.claim(tx, CLAIM)
        await outbox.put(tx, [Outgoing(event=opened(tx, "one"), sequence=1)])
        await tx.flush()
        await outbox.put(tx, [Outgoing(event=opened(tx, "two"), sequence=1)])
        kept = await idempotency.keep(tx, CLAIM, seal_answer(shop.context, Answer(status=200, body={}), positions={}))

    positions = {row.key: row.position for row in sorted(await shop.rows(OUTBOX), key=lambda row: int(row.position))}
    assert len(positions) == 2
    assert kept.headers[seen.HEADER.lower()] == seen.write("toy", positions)


async def test_a_topic_that_nobody_waits_for_is_not_told(shop: RunningToy) -> None:
    shop.context.awaited = frozenset()

    assert seen.HEADER.lower() not in (await act_once(shop, "one")).headers
