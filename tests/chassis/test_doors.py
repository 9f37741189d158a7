"""What every writing and reading route of every service does, through HTTP, on a real database."""

import asyncio
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, text

from chassis.idempotency import forget_old
from chassis.tables import IDEMPOTENCY, OUTBOX, SEEN
from contracts.values import digest
from tests.support.toy import CLERK, OPERATOR, PERSON, WIDGETS, MakeToy, RunningToy
from tests.support.waits import until_one_waits_for_a_lock

WIDGET = {"id": "w-1", "name": "扳手"}


async def test_a_commit_that_fails_answers_500_and_stores_nothing(toy: RunningToy) -> None:
    answer = await toy.client.post("/widgets", json={"id": "w-1", "owner": "nobody"}, headers=toy.headers(key="k-1"))

    assert answer.status_code == 500
    assert answer.json()["rule"] == "internal"
    assert await toy.rows(WIDGETS) == []
    assert await toy.rows(IDEMPOTENCY) == []
    assert await toy.rows(OUTBOX) == []


async def test_what_was_answered_is_committed(toy: RunningToy) -> None:
    answer = await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    assert answer.status_code == 201
    assert answer.headers["location"] == "/widgets/w-1"
    assert [row.id for row in await toy.rows(WIDGETS)] == ["w-1"]


async def test_a_repeat_gets_the_same_bytes_and_changes_nothing(toy: RunningToy) -> None:
    first = await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))
    again = await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key='"k-1"'))

    assert again.content == first.content
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["tongban-seen"] == first.headers["tongban-seen"]
    assert again.headers["location"] == first.headers["location"]
    assert toy.context.acts == 1


async def test_another_body_under_the_same_key_is_refused(toy: RunningToy) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    other = await toy.client.post("/widgets", json={"id": "w-2"}, headers=toy.headers(key="k-1"))

    assert other.status_code == 422
    assert other.json()["rule"] == "idempotency.reused"
    assert [row.id for row in await toy.rows(WIDGETS)] == ["w-1"]


async def test_a_key_belongs_to_its_caller(toy: RunningToy) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(CLERK, key="k-1"))

    other = await toy.client.post("/widgets", json={"id": "w-2"}, headers=toy.headers(OPERATOR, key="k-1"))

    assert other.status_code == 201


async def test_a_key_belongs_to_its_route(toy: RunningToy) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    other = await toy.client.post("/widgets/w-1:stale", headers=toy.headers(key="k-1"))

    assert other.status_code == 200


async def test_two_requests_with_one_key_at_the_same_time_have_one_effect_and_one_answer(toy: RunningToy) -> None:
    first = asyncio.create_task(toy.client.post("/widgets/w-1:wait", headers=toy.headers(key="k-1")))
    await toy.context.entered.wait()
    second = asyncio.create_task(toy.client.post("/widgets/w-1:wait", headers=toy.headers(key="k-1")))
    await until_one_waits_for_a_lock(toy.context)

    toy.context.go_on.set()

    answers = await asyncio.gather(first, second)
    assert {answer.status_code for answer in answers} == {201}
    assert answers[0].content == answers[1].content
    assert toy.context.acts == 1


async def test_a_key_still_in_flight_after_the_wait_is_refused_with_when_to_come_back(make_toy: MakeToy) -> None:
    toy = await make_toy(lock_wait=0.5)
    first = asyncio.create_task(toy.client.post("/widgets/w-1:wait", headers=toy.headers(key="k-1")))
    await toy.context.entered.wait()

    second = await toy.client.post("/widgets/w-1:wait", headers=toy.headers(key="k-1"))
    toy.context.go_on.set()
    await first

    assert second.status_code == 409
    assert second.json()["rule"] == "idempotency.in-flight"
    assert second.headers["retry-after"] == "1"
    assert toy.context.acts == 1


@pytest.mark.parametrize("key", [None, "", "a b", "键", "x" * 256, '"'])
async def test_a_write_without_a_usable_key_is_refused(toy: RunningToy, key: str | None) -> None:
    headers: dict[str, Any] = toy.headers()
    if key is not None:
        headers["idempotency-key"] = key.encode()

    answer = await toy.client.post("/widgets", json=WIDGET, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["rule"] == "idempotency.missing"


async def test_old_answers_are_forgotten_and_young_ones_kept(toy: RunningToy) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))
    await toy.client.post("/widgets", json={"id": "w-2"}, headers=toy.headers(key="k-2"))
    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(text("update idempotency set at = now() - interval '8 days' where key = 'k-1'"))

    assert await forget_old(toy.context) == 1

    assert [row.key for row in await toy.rows(IDEMPOTENCY)] == ["k-2"]


async def test_a_refusal_leaves_nothing_but_its_trace(toy: RunningToy) -> None:
    answer = await toy.client.post("/widgets/w-1:forbid", headers=toy.headers(key="k-1"))

    assert answer.status_code == 403
    assert await toy.rows(WIDGETS) == []
    assert await toy.rows(IDEMPOTENCY) == []
    [trace] = await toy.rows(OUTBOX)
    assert trace.type == "tongban.access.refused.v1"
    assert trace.key == digest(b"w-1")
    assert answer.json()["traceId"] == trace.subject


async def test_a_refused_read_leaves_its_trace_with_one_connection(make_toy: MakeToy) -> None:
    toy = await make_toy(pool_size=1)

    answer = await toy.client.get("/forbidden", headers=toy.headers())

    assert answer.status_code == 403
    assert [row.type for row in await toy.rows(OUTBOX)] == ["tongban.access.refused.v1"]


@pytest.mark.parametrize("path", ["/forbidden", "/widgets/w-1/secret", "/secrets"])
async def test_without_its_trace_there_is_no_answer(toy: RunningToy, path: str) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))
    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(text("alter table outbox rename to outbox_away"))

    answer = await toy.client.get(path, headers=toy.headers())

    assert answer.status_code == 503
    assert answer.json()["rule"] == "unavailable.trace"
    assert "张三" not in answer.text


async def test_opening_personal_data_leaves_a_trace_before_the_answer_with_one_connection(make_toy: MakeToy) -> None:
    toy = await make_toy(pool_size=1)
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    answer = await toy.client.get("/widgets/w-1/secret", headers=toy.headers())

    assert answer.status_code == 200
    trace = (await toy.rows(OUTBOX))[-1]
    assert trace.type == "tongban.personal-data.read.v1"
    assert b'"purpose":"test"' in trace.data


async def test_of_several_things_those_refused_leave_the_trace_that_they_leave_alone(toy: RunningToy) -> None:
    answer = await toy.client.get("/secrets", headers=toy.headers())

    traces = {row.type: orjson.loads(row.data) for row in await toy.rows(OUTBOX)}
    refused = traces["tongban.access.refused.v1"]
    assert answer.status_code == 200
    assert list(traces) == ["tongban.personal-data.read.v1", "tongban.access.refused.v1"]
    assert (refused["about"], refused["action"], refused["rule_id"], refused["caller"]) == ("w-2", "view_person", "forbidden", CLERK.ref)


async def test_looking_for_a_person_leaves_a_trace_when_nothing_is_found(toy: RunningToy) -> None:
    answer = await toy.client.get("/widgets/nothing/secret", headers=toy.headers())

    assert answer.status_code == 404
    assert [row.type for row in await toy.rows(OUTBOX)] == ["tongban.personal-data.read.v1"]


async def test_a_trace_names_a_person_by_a_keyed_hash_only(toy: RunningToy) -> None:
    await toy.client.get("/forbidden", headers=toy.headers(PERSON))

    [trace] = await toy.rows(OUTBOX)
    assert PERSON.account.encode() not in trace.data
    assert b"person|" in trace.data


async def test_a_write_says_where_its_last_event_stands(toy: RunningToy) -> None:
    answer = await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    [row] = await toy.rows(OUTBOX)
    assert answer.headers["tongban-seen"] == f"toy/{row.key}/{row.position}"


async def test_a_read_that_has_not_heard_yet_says_so_and_shows_what_is_there(make_toy: MakeToy) -> None:
    toy = await make_toy(hears=frozenset({"intake"}))
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    answer = await toy.client.get("/widgets/w-1", headers=toy.headers(tongban_seen="intake/c-1/7"))

    assert answer.status_code == 200
    assert answer.json() == {"id": "w-1", "name": "扳手", "version": 1, "behind": True}
    assert answer.headers["tongban-behind"] == "true"
    assert "etag" not in answer.headers


async def test_a_write_that_has_not_heard_yet_is_told_to_come_back(make_toy: MakeToy) -> None:
    toy = await make_toy(hears=frozenset({"intake"}))

    answer = await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1", tongban_seen="intake/c-1/7"))

    assert answer.status_code == 503
    assert answer.json()["rule"] == "unavailable.behind"
    assert answer.headers["retry-after"] == "1"
    assert toy.context.acts == 0


async def test_a_read_waits_until_it_has_heard(make_toy: MakeToy) -> None:
    toy = await make_toy(hears=frozenset({"intake"}), seen_wait=30)
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))
    asked = asyncio.create_task(toy.client.get("/widgets/w-1", headers=toy.headers(tongban_seen="intake/c-1/7")))
    await asyncio.sleep(0.1)

    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(insert(SEEN).values(service="intake", key="c-1", position=8))

    answer = await asked
    assert "behind" not in answer.json()


@pytest.mark.parametrize("header", ["toy/w-1/999", "catalog/x/9", "nonsense", "a/b/c", "/" * 500])
async def test_nobody_waits_for_what_is_never_heard_here(make_toy: MakeToy, header: str) -> None:
    toy = await make_toy(hears=frozenset({"intake"}))
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))

    answer = await toy.client.get("/widgets/w-1", headers=toy.headers(tongban_seen=header))

    assert "behind" not in answer.json()


async def test_what_the_caller_has_already_is_not_sent_again(toy: RunningToy) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))
    first = await toy.client.get("/widgets/w-1", headers=toy.headers())

    again = await toy.client.get("/widgets/w-1", headers=toy.headers(if_none_match=first.headers["etag"]))

    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("if_match", "status", "rule"),
    [(None, 428, "precondition.required"), ('"7"', 412, "stale"), ('W/"1"', 412, "stale"), ("*", 412, "stale"), ('"1"', 200, None)],
)
async def test_an_edit_names_the_version_it_was_made_on(toy: RunningToy, if_match: str | None, status: int, rule: str | None) -> None:
    await toy.client.post("/widgets", json=WIDGET, headers=toy.headers(key="k-1"))
    headers = toy.headers(key="k-2") | ({} if if_match is None else {"if-match": if_match})

    answer = await toy.client.put("/widgets/w-1", json=WIDGET, headers=headers)

    assert (answer.status_code, answer.json().get("rule")) == (status, rule)


@pytest.mark.parametrize(("losses", "status"), [(2, 200), (3, 412)])
async def test_an_act_that_lost_against_another_is_run_again_twice(toy: RunningToy, losses: int, status: int) -> None:
    toy.context.stale = losses

    answer = await toy.client.post("/widgets/w-1:stale", headers=toy.headers(key="k-1"))

    assert answer.status_code == status
    assert toy.context.acts == 3


async def test_a_deadlock_costs_nobody_the_answer(toy: RunningToy) -> None:
    answers = await asyncio.gather(
        toy.client.post("/ring?first=a&second=b", headers=toy.headers(key="k-1")),
        toy.client.post("/ring?first=b&second=a", headers=toy.headers(key="k-2")),
    )

    assert [answer.status_code for answer in answers] == [200, 200]
    assert toy.context.acts > 2


async def test_a_transaction_that_lives_too_long_is_given_up_whole(make_toy: MakeToy) -> None:
    toy = await make_toy(transaction_limit=0.3)

    answer = await toy.client.post("/widgets/w-1:wait", headers=toy.headers(key="k-1"))

    assert answer.status_code == 503
    assert answer.json()["rule"] == "unavailable.transaction-too-long"
    assert await toy.rows(WIDGETS) == []
    assert await toy.rows(IDEMPOTENCY) == []


async def test_a_database_without_a_free_connection_is_told_apart_from_an_error(make_toy: MakeToy) -> None:
    toy = await make_toy(pool_size=1)
    blocked = asyncio.create_task(toy.client.post("/widgets/w-1:wait", headers=toy.headers(key="k-1")))
    await toy.context.entered.wait()

    answer = await toy.client.get("/widgets/w-1", headers=toy.headers())
    toy.context.go_on.set()
    await blocked

    assert answer.status_code == 503
    assert answer.json()["rule"] == "unavailable.database"
