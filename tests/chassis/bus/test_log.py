"""What both logs promise at the port: order, groups, following, compaction."""

import asyncio

import pytest

from chassis.bus import LARGEST_RECORD, Bus, Following, Received, RecordTooLarge, Subscription, UnknownTopic, murmur2, partition_of
from contracts.envelope import Record
from tests.chassis.bus.conftest import Log, MakeTopic
from tests.chassis.bus.line import PATIENCE, append, record, until


async def read(source: Subscription | Following, count: int) -> list[Received]:
    """As many records, or what there is when patience ends."""
    found: list[Received] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await source.batch()
    return found


def shown(records: list[Received]) -> list[tuple[str | None, bytes | None]]:
    return [(each.key, each.value) for each in records]


def numbered(topic_key: str, count: int) -> list[Record]:
    return [Record(key=topic_key, value=str(n).encode()) for n in range(count)]


@pytest.mark.parametrize(
    ("key", "hashed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("a-little-bit-longer-string", -1486304829),
     ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971), ("abc", 479470107)],
)  # fmt: skip
def test_the_hash_of_a_key_is_the_one_of_kafkas_own_clients(key: str, hashed: int) -> None:
    assert murmur2(key.encode()) == hashed % 2**32
    assert partition_of(key, 6) == (hashed % 2**32 & 0x7FFFFFFF) % 6


async def test_what_was_appended_is_read_as_it_was(bus: Bus, topic: str) -> None:
    odd = Record(key="办件", value="值".encode(), headers=(("ce_type", b"t"), ("raw", b"\x00\xff\x80")))
    tombstone = Record(key="办件", value=None, headers=(("ce_type", b"t"),))
    partition = await bus.partition(topic, "办件")

    await bus.append(topic, partition, [odd, tombstone])

    following = await bus.follow(topic)
    first, second = await read(following, 2)
    await following.close()
    assert (first.partition, first.key, first.value, first.headers) == (partition, "办件", "值".encode(), odd.headers)
    assert (second.key, second.value, second.offset) == ("办件", None, first.offset + 1)


async def test_whoever_watches_is_told_where_a_topic_ends_and_how_far_a_group_is(bus: Bus, topic: str) -> None:
    await bus.append(topic, 0, numbered("k", 5))

    member = await bus.subscribe(f"watched-{topic}", [topic])
    await read(member, 5)
    await member.commit()
    await bus.append(topic, 0, numbered("k", 2))
    await member.close()

    assert (await bus.committed(f"watched-{topic}"))[topic, 0] == 5
    assert await bus.ends([topic]) == {(topic, 0): 7} | {(topic, n): 0 for n in range(1, 6)}


async def test_records_of_a_partition_keep_the_order_of_their_appends(bus: Bus, topic: str) -> None:
    for n in range(10):
        await bus.append(topic, 2, [Record(key="k", value=f"{n}-{m}".encode()) for m in range(30)])

    following = await bus.follow(topic)
    found = await read(following, 300)
    await following.close()

    assert [each.value for each in found] == [f"{n}-{m}".encode() for n in range(10) for m in range(30)]
    assert [each.offset for each in found] == list(range(300))


async def test_appends_of_many_writers_leave_no_gap_and_lose_nothing(log: Log, bus: Bus, topic: str) -> None:
    other = await log.bus()
    writes = [
        writer.append(topic, n % 3, [Record(key=str(n), value=b"a"), Record(key=str(n), value=b"b")])
        for n in range(60)
        for writer in [bus if n % 2 else other]
    ]
    await asyncio.gather(*writes)
    await other.stop()

    following = await bus.follow(topic)
    found = await read(following, 120)
    await following.close()

    assert {(each.key, each.value) for each in found} == {(str(n), value) for n in range(60) for value in (b"a", b"b")}
    for partition in range(3):
        assert [each.offset for each in found if each.partition == partition] == list(range(40))


async def test_a_large_append_arrives_whole_and_a_larger_record_is_refused(bus: Bus, topic: str) -> None:
    large = [Record(key="k", value=bytes([n]) * 400_000) for n in range(6)]

    await bus.append(topic, 0, large)
    with pytest.raises(RecordTooLarge):
        await bus.append(topic, 0, [Record(key="k", value=bytes(LARGEST_RECORD))])

    following = await bus.follow(topic)
    assert [each.value for each in await read(following, 6)] == [each.value for each in large]
    await following.close()


async def test_a_topic_nobody_made_is_unknown(bus: Bus) -> None:
    with pytest.raises(UnknownTopic):
        await bus.append("nowhere.v1", 0, numbered("k", 1))
    with pytest.raises(UnknownTopic):
        await bus.subscribe("group", ["nowhere.v1"])
    with pytest.raises(UnknownTopic):
        await bus.follow("nowhere.v1")


async def test_making_a_topic_again_changes_nothing(bus: Bus, make_topic: MakeTopic) -> None:
    topic = await make_topic(partitions=2)
    await bus.append(topic.name, 1, numbered("k", 1))

    await bus.create([topic])

    following = await bus.follow(topic.name)
    assert len(await read(following, 1)) == 1
    await following.close()
    assert await bus.partitions(topic.name) == 2


async def test_a_member_goes_on_where_its_group_committed(bus: Bus, topic: str) -> None:
    await bus.append(topic, 0, numbered("k", 5))
    member = await bus.subscribe(topic, [topic])
    done = await member.batch(limit=3, wait=PATIENCE)
    await member.commit()
    undone = await member.batch(limit=1, wait=PATIENCE)
    await member.close()

    successor = await bus.subscribe(topic, [topic])
    found = await read(successor, 5 - len(done))
    await successor.close()

    assert [each.offset for each in done] == [0, 1, 2]
    assert [each.offset for each in undone] == [3]
    assert [each.offset for each in found] == [3, 4]


async def test_a_batch_that_was_rewound_comes_again(bus: Bus, topic: str) -> None:
    await bus.append(topic, 0, numbered("k", 4))
    member = await bus.subscribe(topic, [topic])
    first = await member.batch(limit=2, wait=PATIENCE)
    second = await member.batch(limit=2, wait=PATIENCE)

    await member.rewind()

    again = await member.batch(limit=2, wait=PATIENCE)
    await member.close()
    assert shown(first) == [("k", b"0"), ("k", b"1")]
    assert shown(second) == shown(again) == [("k", b"2"), ("k", b"3")]


async def test_two_groups_each_hear_everything(bus: Bus, topic: str) -> None:
    await bus.append(topic, 0, numbered("k", 3))
    members = [await bus.subscribe(f"{topic}-{n}", [topic]) for n in range(2)]

    found = [await read(member, 3) for member in members]

    for member in members:
        await member.close()
    assert [shown(each) for each in found] == [[("k", b"0"), ("k", b"1"), ("k", b"2")]] * 2


async def test_a_second_member_takes_its_share_and_gives_it_back(log: Log, bus: Bus, topic: str) -> None:
    first = await bus.subscribe(topic, [topic])
    heard: dict[str, list[Received]] = {"first": [], "second": []}
    appended = 0

    async def tick(**members: Subscription) -> None:
        nonlocal appended
        for partition in range(6):
            await bus.append(topic, partition, [Record(key=str(partition), value=str(appended).encode())])
        appended += 1
        for name, member in members.items():
            heard[name] += await member.batch(wait=0.1)
            await member.commit()

    async def first_alone() -> bool:
        await tick(first=first)
        return {each.partition for each in heard["first"]} == set(range(6))

    await until(first_alone, what="one member reading all partitions")
    other = await log.bus()
    second = await other.subscribe(topic, [topic])

    async def shared() -> bool:
        before = {name: len(each) for name, each in heard.items()}
        await asyncio.gather(tick(first=first, second=second), asyncio.sleep(0.1))
        fresh = {name: {each.partition for each in heard[name][before[name] :]} for name in heard}
        return len(fresh["first"]) == 3 == len(fresh["second"]) and not fresh["first"] & fresh["second"]

    await until(shared, what="two members sharing the partitions")
    await second.close()
    await other.stop()

    async def all_heard() -> bool:
        heard["first"] += await first.batch(wait=0.1)
        places = {(each.partition, each.offset) for records in heard.values() for each in records}
        return len(places) == 6 * appended

    await until(all_heard, what="the first member reading all partitions again")
    await first.close()
    for partition in range(6):
        for records in heard.values():
            offsets = [each.offset for each in records if each.partition == partition]
            assert offsets == sorted(offsets)


async def test_following_begins_at_zero_or_where_it_is_told_and_knows_the_ends(bus: Bus, make_topic: MakeTopic) -> None:
    topic = (await make_topic(partitions=2)).name
    await bus.append(topic, 0, numbered("a", 4))
    await bus.append(topic, 1, numbered("b", 2))

    whole = await bus.follow(topic)
    tail = await bus.follow(topic, {(topic, 0): 3, (topic, 1): 2})
    await bus.append(topic, 1, numbered("later", 1))
    everything, rest = await read(whole, 7), await read(tail, 2)

    assert whole.ends == tail.ends == {(topic, 0): 4, (topic, 1): 2}
    assert whole.offsets == tail.offsets == {(topic, 0): 4, (topic, 1): 3}
    assert sorted(shown(everything)) == sorted([*(("a", str(n).encode()) for n in range(4)), ("b", b"0"), ("b", b"1"), ("later", b"0")])
    assert sorted(shown(rest)) == [("a", b"3"), ("later", b"0")]
    await whole.close()
    await tail.close()


async def test_offsets_hold_in_the_log_in_which_they_were_told_and_in_no_other(bus: Bus, topic: str) -> None:
    await bus.append(topic, 0, numbered("a", 4))
    whole = await bus.follow(topic)
    await whole.close()

    here = await bus.follow(topic, {(topic, 0): 3}, log=whole.log)
    unsaid = await bus.follow(topic, {(topic, 0): 3})
    elsewhere = await bus.follow(topic, {(topic, 0): 3}, log="lost")
    found = [await read(each, count) for each, count in ((here, 1), (unsaid, 1), (elsewhere, 4))]

    for each in (here, unsaid, elsewhere):
        await each.close()
    assert [[record.offset for record in records] for records in found] == [[3], [3], [0, 1, 2, 3]]
    assert {each.log for each in (here, unsaid, elsewhere)} == {whole.log}
    assert whole.log


async def test_compaction_keeps_the_newest_of_each_key_and_in_the_end_no_tombstone(log: Log, bus: Bus, make_topic: MakeTopic) -> None:
    topic = await make_topic(
        partitions=1,
        cleanup_policy="compact",
        delete_retention_ms="100",
        segment_ms="200",
        min_cleanable_dirty_ratio="0.01",
    )
    for n in range(3):
        await append(bus, topic.name, Record(key="kept", value=str(n).encode()), Record(key="gone", value=str(n).encode()))
    await append(bus, topic.name, Record(key="gone", value=None))
    filler = 0

    async def compacted() -> bool:
        nonlocal filler
        # Kafka closes a file, and then cleans it, only when something is appended after it.
        filler += 1
        await append(bus, topic.name, Record(key="filler", value=str(filler).encode()))
        if log.kind == "postgres":
            await bus.maintain()  # type: ignore[attr-defined]  # what the background does every half minute
        await asyncio.sleep(0.3)
        following = await bus.follow(topic.name)
        found: list[Received] = []
        while dict(following.offsets) != dict(following.ends):
            found += await following.batch(wait=0.1)
        await following.close()
        left = [(each.key, each.value) for each in found if each.key != "filler"]
        assert left[-1] != ("gone", b"2")
        assert ("kept", b"2") in left
        return left == [("kept", b"2")]

    await until(compacted, what="compaction")


async def test_an_event_record_has_the_key_and_the_partition_of_its_order(bus: Bus, topic: str) -> None:
    await append(bus, topic, record("thing-1", 1))

    following = await bus.follow(topic)
    (found,) = await read(following, 1)
    await following.close()

    assert (found.key, found.partition) == ("thing-1", partition_of("thing-1", 6))
