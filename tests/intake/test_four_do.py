"""What items declare of 马上办、网上办、就近办、一次办, held against what their cases achieved."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Text, case, cast, func, select, text, true

from contracts.caller import Caller, Role
from contracts.elements import FourDo
from contracts.events import CaseEvent
from contracts.values import Ending, ItemVersionId, RegionCode
from intake_svc.case.store import CASES
from intake_svc.case.store.four_do import MOST, four_do_query
from rules.workdays import local_day
from tests.contracts.builders import DAYAO, DAYAO_OFFICE, LIUYANG, TONGGU, a_delegation, a_version, an_organ
from tests.intake.builders import (
    CLERK,
    LIUYANG_CLERK,
    LOCAL_ONLY,
    MACHINE,
    NO_AGREEMENT,
    REVIEWER,
    SECRETS,
    SUPERVISOR,
    Service,
    correction_noticed,
    decided,
    delivered,
    ended,
    person,
    publish,
    staff,
)

ALL = tuple(FourDo)
FOUR = tuple(one.value for one in FourDo)
DAY = timedelta(days=1)

Shown = dict[str, Any]


@pytest.fixture(autouse=True)
def declared(service: Service) -> None:
    """The item declares all four."""
    publish(service.context, replace(a_version(), four_do=ALL))


def now(service: Service) -> datetime:
    return service.context.now.now()


async def told(service: Service, case: Shown, *facts: CaseEvent, first: int = 1) -> None:
    for position, fact in enumerate(facts, first):
        await service.hear(fact, position=position)


async def finish(
    service: Service, case: Shown, *, at: datetime | None = None, means: str = "electronic", later: timedelta = timedelta(), first: int = 1
) -> None:
    """Decided at an instant, handed over some time after it, and closed."""
    case_id, at = case["case_id"], at or now(service)
    await told(
        service,
        case,
        replace(decided(case_id), at=at),
        replace(delivered(case_id), at=at + later, means=means),
        replace(ended(case_id), at=at + later),
        first=first,
    )


async def report(service: Service, *, by: Caller = SUPERVISOR, region: str = LIUYANG, limit: int = 50, query: str = "") -> list[Shown]:
    """Every row, page by page."""
    found: list[Shown] = []
    after: str | None = ""
    while after is not None:
        answer = await service.get(f"/v1/reports/four-do?region={region}&limit={limit}&after={after}{query}", by=by)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        after = page["next"]
    return found


async def kept(service: Service) -> dict[str, tuple[int, int]]:
    """Cases that tell and those that achieved it, of the only row."""
    [row] = await report(service)
    return {name: (row[name]["cases"], row[name]["achieved"]) for name in FOUR}


async def test_a_case_decided_and_collected_while_the_applicant_waits_keeps_all_but_the_one_without_a_window(service: Service) -> None:
    await finish(service, await service.received(), means="window")

    [row] = await report(service)

    assert (row["item_code"], row["version_id"], row["region"]) == (a_version().item_code, "v1", LIUYANG)
    assert (row["received"], row["open"], row["decided"], row["whole"]) == (1, 0, 1, True)
    whole = {"declared": True, "cases": 1, "achieved": 1, "ratio": 1.0, "untold": []}
    assert {name: row[name] for name in FOUR} == dict.fromkeys(FOUR, whole) | {"online": {**whole, "achieved": 0, "ratio": 0.0}}


async def test_a_case_handed_in_online_and_received_electronically_needs_nobody_at_a_window(service: Service) -> None:
    await finish(service, await service.received(by=person(), receiving_region=TONGGU))

    [row] = await report(service)

    assert [row[name]["ratio"] for name in FOUR] == [1.0, 1.0, None, 1.0]
    assert row["nearby"] == {"declared": True, "cases": 0, "achieved": 0, "ratio": None, "untold": [{"reason": "no_window", "cases": 1}]}


async def test_what_was_handed_in_online_and_collected_at_a_window_was_one_visit(service: Service) -> None:
    await finish(service, await service.received(by=person(), receiving_region=TONGGU), means="window")

    assert await kept(service) == {"at_once": (1, 1), "online": (1, 0), "nearby": (0, 0), "one_visit": (1, 1)}


async def test_what_is_decided_the_next_day_is_not_at_once_and_who_comes_again_to_collect_comes_twice(service: Service) -> None:
    for means in ("window", "electronic"):
        await finish(service, await service.received(), at=now(service) + DAY, means=means)

    assert await kept(service) == {"at_once": (2, 0), "online": (2, 0), "nearby": (2, 2), "one_visit": (2, 1)}


async def test_the_first_decision_says_when_a_case_was_decided_and_every_collection_is_a_visit(service: Service) -> None:
    case, at = await service.received(by=person(), receiving_region=TONGGU), now(service)
    amended = replace(decided(case["case_id"], notice="n-2"), decision=2, at=at + DAY)
    await told(service, case, replace(decided(case["case_id"]), at=at), replace(delivered(case["case_id"]), at=at), amended)
    await told(service, case, replace(delivered(case["case_id"]), at=at + DAY), ended(case["case_id"]), first=4)

    assert await kept(service) == {"at_once": (1, 1), "online": (1, 0), "nearby": (0, 0), "one_visit": (1, 0)}


@pytest.mark.parametrize(("by", "visits"), [(CLERK, 2), (person(), 1)])
async def test_a_supplement_handed_in_at_a_window_is_a_visit_and_one_sent_in_is_none(service: Service, by: Caller, visits: int) -> None:
    case = await service.received()
    await told(service, case, correction_noticed(case["case_id"]))
    service.context.now.set_offset(DAY.total_seconds())
    body = {"notice_id": "n-correction", "form": {"capital": 60_000}}
    answer = await service.post(f"/v1/cases/{case['case_no']}/supplements", body, by=by)
    assert answer.status_code == 201, answer.text

    await finish(service, case, first=2)

    assert (await kept(service))["one_visit"] == (1, int(visits == 1))


async def test_a_case_that_came_by_a_partners_system_does_not_tell_how_the_applicant_came(service: Service) -> None:
    await finish(service, await service.received(by=MACHINE))

    [row] = await report(service)

    assert row["at_once"]["ratio"] == 1.0
    assert [(row[name]["cases"], row[name]["untold"]) for name in FOUR[1:]] == [(0, [{"reason": "partner", "cases": 1}])] * 3


async def test_a_case_that_was_decided_before_this_was_kept_is_counted_apart(service: Service) -> None:
    case = await service.received()
    await told(service, case, ended(case["case_id"]))

    [row] = await report(service)

    unrecorded = {"declared": True, "cases": 0, "achieved": 0, "ratio": None, "untold": [{"reason": "unrecorded", "cases": 1}]}
    assert (row["decided"], row["nearby"]["ratio"]) == (1, 1.0)
    assert [row[name] for name in FOUR if name != "nearby"] == [unrecorded] * 3


async def test_open_cases_and_those_without_a_decision_are_no_promise_kept_or_broken(service: Service) -> None:
    await service.received()
    case = await service.received()
    await told(service, case, ended(case["case_id"], ending=Ending.WITHDRAWN))

    [row] = await report(service)

    assert (row["received"], row["open"], row["decided"]) == (2, 1, 0)
    assert [row[name] for name in FOUR] == [{"declared": True, "cases": 0, "achieved": 0, "ratio": None, "untold": []}] * 4


async def test_what_is_declared_is_what_the_version_of_the_case_declares(service: Service) -> None:
    change = now(service) + DAY
    versions = [a_version(effective_to=change), a_version(version_id="v9", version=2, effective_from=change)]
    publish(service.context, replace(versions[0], four_do=(FourDo.ONLINE,)), replace(versions[1], four_do=(FourDo.NEARBY,)))
    await finish(service, await service.received())
    service.context.now.set_offset((2 * DAY).total_seconds())
    await finish(service, await service.received())

    rows = await report(service)
    broken = await report(service, query="&broken=true")

    told = [(row["version_id"], [name for name in FOUR if row[name]["declared"]], row["received"]) for row in rows]
    assert told == [("v1", ["online"], 1), ("v9", ["nearby"], 1)]
    assert broken == rows[:1]


async def test_a_window_of_the_deciding_place_is_not_nearer_and_one_of_the_town_that_decides_is(service: Service) -> None:
    await finish(service, await service.received(by=LIUYANG_CLERK, mode="local"))
    before = await kept(service)
    publish(service.context, an_organ(code=DAYAO_OFFICE, region=DAYAO), a_delegation(region=LIUYANG))
    await finish(service, await service.received(by=LIUYANG_CLERK, mode="local"))
    await told_of(service, receiving=DAYAO, handling=DAYAO)

    rows = {(row["region"], row["nearby"]["achieved"], row["nearby"]["cases"]) for row in await report(service)}

    assert before["nearby"] == (1, 0)
    # A county's window lies above the town that decides; the town's own is as near as can be.
    assert rows == {(LIUYANG, 0, 1), (DAYAO, 1, 2)}


async def told_of(service: Service, *, receiving: RegionCode, handling: RegionCode) -> None:
    """One more case like the last one, received and handled elsewhere."""
    async with service.context.database.begin(service.context) as tx:
        named = {"case_id": "copy", "case_no": "copy", "receiving_region": receiving, "handling_region": handling}
        others = [column for column in CASES.c if column.name not in named]
        one = select(*(text(f"'{value}'") for value in named.values()), *others).order_by(CASES.c.received_at.desc()).limit(1)
        await tx.execute(CASES.insert().from_select([*named, *(column.name for column in others)], one))


async def test_what_was_handed_on_is_seen_where_it_is_decided_and_where_it_comes_from(service: Service) -> None:
    publish(service.context, an_organ(code=DAYAO_OFFICE, region=DAYAO), a_delegation(region=LIUYANG))
    await finish(service, await service.received())

    town = await report(service, region=DAYAO, by=replace(SUPERVISOR, region=DAYAO))

    assert [(row["version_id"], row["region"], row["decided"]) for row in town] == [("v1", DAYAO, 1)]
    assert town == await report(service) == await report(service, region="430000")
    assert await report(service, region="360000", by=replace(SUPERVISOR, region=RegionCode("360000"))) == []


async def test_only_cases_received_within_the_days_are_counted(service: Service) -> None:
    await finish(service, await service.received())
    today = local_day(now(service))

    async def counted(first: int, last: int) -> int:
        return len(await report(service, query=f"&from={today + first * DAY}&to={today + last * DAY}"))

    assert [await counted(0, 0), await counted(-30, 0), await counted(-9, -1)] == [1, 1, 0]
    answer = await service.get(f"/v1/reports/four-do?region={LIUYANG}&from={today - 31 * DAY}&to={today}", by=SUPERVISOR)
    assert (answer.status_code, [one["rule"] for one in answer.json()["errors"]]) == (422, ["report.period-length"])


async def test_pages_follow_one_another_without_a_gap(service: Service) -> None:
    publish(service.context, replace(a_version(version_id="v4", item_code=LOCAL_ONLY), four_do=ALL))
    await finish(service, await service.received())
    await finish(service, await service.received(item_code=LOCAL_ONLY, by=LIUYANG_CLERK, mode="local"))

    whole = await report(service)

    assert [row["item_code"] for row in whole] == sorted([a_version().item_code, LOCAL_ONLY])
    assert await report(service, limit=1) == whole


async def test_items_that_declare_each_are_counted_with_cases_or_without_and_the_pages_add_up(service: Service) -> None:
    publish(service.context, replace(a_version(version_id="v4", item_code=LOCAL_ONLY), four_do=(FourDo.ONLINE,)))
    change = now(service) - DAY
    ended = replace(a_version(version_id="v2", item_code=NO_AGREEMENT, effective_to=change), four_do=ALL)
    begun = replace(a_version(version_id="v9", version=2, item_code=NO_AGREEMENT, effective_from=change), four_do=(FourDo.NEARBY,))
    publish(service.context, ended, begun)

    async def declared(limit: int) -> Counter[str]:
        found = Counter[str]()
        after: str | None = ""
        while after is not None:
            page = (await service.get(f"/v1/reports/four-do?region={LIUYANG}&limit={limit}&after={after}", by=SUPERVISOR)).json()
            found.update(page["declared"])
            after = page["next"]
        return found

    assert await declared(50) == {"items": 5, "at_once": 1, "online": 2, "nearby": 2, "one_visit": 1}
    assert await declared(2) == await declared(50)


@pytest.mark.parametrize("query", ["", "region=x", f"region={LIUYANG}&days=32", f"region={LIUYANG}&limit=51", f"region={LIUYANG}&after=x"])
async def test_a_question_out_of_bounds_is_refused(service: Service, query: str) -> None:
    answer = await service.get(f"/v1/reports/four-do?{query}", by=SUPERVISOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "request.malformed")


async def test_it_is_for_supervisors_and_officers_of_the_catalogue_of_the_place_and_names_nobody(service: Service) -> None:
    await finish(service, await service.received())
    there = [SUPERVISOR, *(staff("o", role, region=LIUYANG) for role in (Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER))]
    elsewhere = [replace(one, region=RegionCode("360000")) for one in there]
    path = f"/v1/reports/four-do?region={LIUYANG}"

    answers = [await service.get(path, by=one) for one in there]
    refused = [await service.get(path, by=one) for one in [CLERK, REVIEWER, MACHINE, person(), *elsewhere, None]]

    assert [one.status_code for one in answers] == [200] * 3
    assert not any(secret in one.text for one in answers for secret in SECRETS)
    assert [one.status_code for one in refused] == [403] * 7 + [401]


async def test_each_version_is_asked_of_the_index_and_no_more_than_so_many_of_its_cases_are_read(service: Service) -> None:
    await finish(service, await service.received())
    since, until = now(service) - DAY, now(service) + DAY
    async with service.context.database.begin(service.context) as tx:
        others = [column for column in CASES.c if column.name not in {"case_id", "case_no", "version_id"}]
        numbers = func.generate_series(1, 10 * MOST).table_valued("number").render_derived()
        number = cast(numbers.c.number, Text)
        version = case((numbers.c.number <= MOST, "v1"), else_=func.concat("w", numbers.c.number % 20))
        more = select(number, number, version, *others).select_from(CASES.join(numbers, true()))
        await tx.execute(CASES.insert().from_select(["case_id", "case_no", "version_id", *(one.name for one in others)], more))
        await tx.execute(text("analyze cases"))
        query = four_do_query([ItemVersionId(name) for name in ("v1", "v2")], handled_in=[LIUYANG], since=since, until=until)
        written = query.compile(dialect=tx.connection.dialect, compile_kwargs={"literal_binds": True})
        plan = [row[0] for row in await tx.execute(text(f"explain {written}"))]

    [row] = await report(service)

    assert (row["received"], row["decided"], row["at_once"]["achieved"], row["whole"]) == (MOST, MOST, MOST, False)
    assert any("ix_cases_version" in line for line in plan), plan
    assert not any("Seq Scan on cases" in line for line in plan), plan
