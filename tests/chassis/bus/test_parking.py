"""Events that cannot take effect, on both logs: parked with the later ones of their key, visible, replayed in order."""

from dataclasses import replace
from typing import Any

import pytest

from chassis import parking
from chassis.bus import Bus
from chassis.context import Context
from chassis.database import Tx
from chassis.flow import waiting_look
from chassis.inbox import TRIES
from chassis.parking import AlreadySettled, Parked, ParkedNotFound, ReplayFailed, StillUnreadable
from chassis.tables import PARKED
from contracts.envelope import Record
from contracts.values import PersonRef
from tests.chassis.bus.conftest import MakeLine
from tests.chassis.bus.line import Line, append, hearing, record, until, until_effects

OPERATOR = PersonRef("test|operator")


async def listed(line: Line) -> list[Parked]:
    async with line.database.read(line) as tx:
        return await parking.list_parked(tx, limit=200)


async def until_parked(line: Line, count: int) -> list[Parked]:
    async def there() -> bool:
        return len(await listed(line)) >= count

    await until(there, what=f"{count} parked events")
    return await listed(line)


async def held(line: Line) -> float:
    return (await waiting_look(line).read())["parked_keys"][()]


def with_header(given: Record, name: str, value: bytes) -> Record:
    return replace(given, headers=tuple((each, value if each == name else text) for each, text in given.headers))


async def test_poison_is_parked_with_the_later_events_of_its_key_and_the_rest_flows(bus: Bus, line: Line) -> None:
    line.poison = frozenset({2})
    await append(bus, line.topic, *(record(key, number) for number in (1, 2, 3) for key in ("a", "b")))
    line_b = [record("c", number) for number in (1, 4, 5)]
    await append(bus, line.topic, *line_b)

    async with hearing(line):
        parked = await until_parked(line, 4)
        await append(bus, line.topic, record("a", 6), record("c", 6))
        await until_effects(line, 6)
        parked = await until_parked(line, 5)

    assert [(each.key, each.reason) for each in sorted(parked, key=lambda each: (each.key, each.parked_id))] == [
        ("a", "failed"),
        ("a", "behind"),
        ("a", "behind"),
        ("b", "failed"),
        ("b", "behind"),
    ]
    assert {each.error for each in parked if each.reason == "failed"} == {"Poisoned"}
    assert (await line.numbers("a"), await line.numbers("b"), await line.numbers("c")) == ([1], [1], [1, 4, 5, 6])
    assert await held(line) == 2
    assert line.tried >= 2 * TRIES


async def test_an_event_that_no_transaction_is_long_enough_for_is_parked(bus: Bus, make_line_on: MakeLine, topic: str) -> None:
    line = await make_line_on(topic, limit=1.5)
    line.takes = {2: 60.0}
    await append(bus, topic, *(record("a", number) for number in (1, 2, 3)), record("b", 1))

    async with hearing(line):
        parked = await until_parked(line, 2)
        await until_effects(line, 2)

    assert [(each.reason, each.error) for each in parked] == [("failed", "unavailable.transaction-too-long"), ("behind", "")]
    assert (await line.numbers("a"), await line.numbers("b")) == ([1], [1])


async def test_the_whole_key_is_replayed_in_order_when_its_reason_is_gone(bus: Bus, line: Line) -> None:
    line.poison = frozenset({1})
    await append(bus, line.topic, *(record("a", number) for number in range(1, 6)))

    async with hearing(line):
        parked = await until_parked(line, 5)
        line.poison = frozenset()
        replayed = await parking.replay(line, parked[0].parked_id, by=OPERATOR)
        await append(bus, line.topic, record("a", 6))
        await until_effects(line, 6)

    assert replayed == 5
    assert await line.numbers("a") == [1, 2, 3, 4, 5, 6]
    assert {(each.state, each.settled_by) for each in await listed(line)} == {("replayed", OPERATOR)}
    assert await held(line) == 0
    with pytest.raises(AlreadySettled):
        await parking.replay(line, parked[0].parked_id, by=OPERATOR)
    with pytest.raises(ParkedNotFound):
        await parking.replay(line, 10_000, by=OPERATOR)


async def test_a_replay_that_fails_keeps_the_rest_of_the_key_parked_in_order(bus: Bus, line: Line) -> None:
    line.poison = frozenset({1, 3})
    await append(bus, line.topic, *(record("a", number) for number in range(1, 5)))

    async with hearing(line):
        parked = await until_parked(line, 4)
        line.poison = frozenset({3})
        with pytest.raises(ReplayFailed) as failed:
            await parking.replay(line, parked[3].parked_id, by=OPERATOR)

    assert failed.value.facts == {"parked_id": parked[2].parked_id, "error": "Poisoned"}
    assert await line.numbers("a") == [1, 2]
    assert [each.state for each in await listed(line)] == ["replayed", "replayed", "parked", "parked"]


async def test_a_discarded_event_has_no_effect_and_those_behind_it_wait_for_their_replay(bus: Bus, line: Line) -> None:
    line.poison = frozenset({1})
    await append(bus, line.topic, record("a", 1), record("a", 2))

    async with hearing(line):
        parked = await until_parked(line, 2)
        async with line.database.begin(line) as tx:
            await parking.discard(tx, parked[0].parked_id, by=OPERATOR)
        await append(bus, line.topic, record("a", 3))
        parked = await until_parked(line, 3)
        assert await line.effects() == []
        await parking.replay(line, parked[1].parked_id, by=OPERATOR)

    assert await line.numbers("a") == [2, 3]
    assert [each.state for each in await listed(line)] == ["discarded", "replayed", "replayed"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record("a", 1, type="tongban.test.ticked.v2"), "unknown-version"),
        (replace(record("a", 1), value=b"{no json"), "unreadable"),
        (replace(record("a", 1), headers=(("ce_id", b"\xff\x00"),)), "unreadable"),
        (replace(record("a", 1), value=b'{"thing":"a","number":"one"}'), "malformed"),
        (replace(record("a", 1), value=b"[" * 100_000), "unreadable"),
        (with_header(record("a", 1), "ce_position", b"9" * 19), "unreadable"),
        (with_header(record("a", 1), "ce_id", b"x" * 10_000), "unreadable"),
    ],
    ids=["unknown version", "no JSON", "no CloudEvent", "another shape", "too deep", "position too high", "id too long"],
)
async def test_what_cannot_be_read_is_parked_at_once(bus: Bus, line: Line, bad: Record, reason: str) -> None:
    await append(bus, line.topic, bad, record("a", 2), record("b", 1))

    async with hearing(line):
        parked = await until_parked(line, 2)
        await until_effects(line, 1)
        with pytest.raises(StillUnreadable):
            await parking.replay(line, parked[0].parked_id, by=OPERATOR)

    assert [(each.key, each.reason) for each in parked] == [("a", reason), ("a", "behind")]
    assert await line.effects() == [("b", 1)]
    (row, _) = await line.rows(PARKED)
    assert bytes(row.value) == bad.value


async def test_a_type_that_nobody_handles_is_passed_over_and_holds_nothing_back(bus: Bus, line: Line) -> None:
    await append(bus, line.topic, record("a", 1, type="tongban.nobody.cares.v1"), record("a", 2))

    async with hearing(line):
        await until_effects(line, 1)

    assert await listed(line) == []
    assert line.metrics.registry.get_sample_value("inbox_events_total", {"outcome": "skipped"}) == 1


async def test_a_parked_key_can_be_asked_for_and_the_custodian_is_told_with_it(bus: Bus, line: Line) -> None:
    told: list[str] = []

    async def tell(_tx: Tx[Any], parked: Parked) -> None:
        told.append(parked.key)

    line.poison = frozenset({1})
    await append(bus, line.topic, record("a", 1), record("b", 2))

    async with hearing(line, on_parked=tell):
        await until_parked(line, 1)
        await until_effects(line, 1)

    async with line.database.read(line) as tx:
        assert await parking.parked_keys(tx, topic=line.topic, keys=["a", "b"]) == {"a"}
    assert told == ["a"]


async def test_a_custodian_who_cannot_be_told_does_not_hold_up_the_log(bus: Bus, line: Line) -> None:
    async def fail(_tx: Tx[Context], _parked: Parked) -> None:
        raise LookupError

    line.poison = frozenset({1})
    await append(bus, line.topic, record("a", 1), record("b", 2))

    async with hearing(line, on_parked=fail):
        (parked,) = await until_parked(line, 1)
        await until_effects(line, 1)

    assert parked.key == "a"
