"""Which windows take an item in, which items no window takes in, and which items nobody asks for."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import Text, cast, func, select, text, true

from contracts.caller import Caller, Role
from contracts.values import ItemCode, ItemVersionId, RegionCode
from intake_svc.case.store import CASES
from intake_svc.case.store.usage import used_query, used_versions
from intake_svc.hall.domain import Window
from intake_svc.hall.handlers import furnish_halls
from intake_svc.seed import WINDOWS
from rules.workdays import day_start, local_day
from tests.contracts.builders import LIUYANG, TONGGU, TRADER, a_version
from tests.intake.builders import CLERK, LOCAL_ONLY, NO_AGREEMENT, REVIEWER, SUPERVISOR, Service, publish, staff

Unused = tuple[list[str], list[str]]


async def receiving(service: Service, item: ItemCode, *, region: str = LIUYANG, **more: str) -> list[tuple[str, str]]:
    query = "&".join(f"{name}={value}" for name, value in {"item": item, "region": region, **more}.items())
    answer = await service.get(f"/v1/windows/receiving?{query}", by=None)
    assert answer.status_code == 200, answer.text
    return [(one["window"], one["mode"]) for one in answer.json()["items"]]


async def unserved(service: Service, region: str, *, by: Caller = SUPERVISOR, integrated: bool = False) -> dict[str, bool]:
    """Every item reported and whether a special window takes it in, in pages of two."""
    found: dict[str, bool] = {}
    after: str | None = ""
    while after is not None:
        path = f"/v1/windows/unserved?region={region}&limit=2&after={after}&integrated={integrated}"
        page = (await service.get(path, by=by)).json()
        found |= {one["item_code"]: one["special_window"] for one in page["items"]}
        after = page["next"]
    return found


async def open_only(service: Service, *windows: Window) -> None:
    kept = {one.window for one in windows}
    async with service.context.database.begin(service.context) as tx:
        closed = [replace(one, open=False) for one in WINDOWS if one.window not in kept]
        await furnish_halls(tx, windows=[*closed, *windows], officers=[], duties=[])


async def test_windows_of_both_places_take_in_what_an_agreement_covers(service: Service) -> None:
    found = await receiving(service, TRADER)

    assert {window[:6] for window, _ in found} == {LIUYANG, TONGGU}
    assert {mode for window, mode in found if window.startswith(LIUYANG)} == {"local"}
    assert "local" not in {mode for window, mode in found if window.startswith(TONGGU)}


@pytest.mark.parametrize("item", [NO_AGREEMENT, LOCAL_ONLY])
async def test_without_an_agreement_or_a_mode_only_the_place_itself_takes_an_item_in(service: Service, item: ItemCode) -> None:
    assert {window[:6] for window, _ in await receiving(service, item)} == {LIUYANG}


async def test_a_window_without_the_skill_and_a_closed_one_are_not_named(service: Service) -> None:
    every, special = (next(one for one in WINDOWS if one.window == name) for name in ("430181-01", "430181-02"))
    await open_only(service, special)

    before = await receiving(service, NO_AGREEMENT)
    await open_only(service, every)
    after = await receiving(service, NO_AGREEMENT)

    assert (before, after) == ([], [("430181-01", "local")])


async def test_only_windows_of_a_region_and_below_are_named_when_asked_for(service: Service) -> None:
    assert {window[:6] for window, _ in await receiving(service, TRADER, within=TONGGU)} == {TONGGU}
    assert {window[:6] for window, _ in await receiving(service, TRADER, within="430000")} == {LIUYANG}
    assert await receiving(service, TRADER, within="999999") == []


async def test_windows_come_in_pages(service: Service) -> None:
    whole = await receiving(service, TRADER)

    paged: list[tuple[str, str]] = []
    after: str | None = ""
    while after is not None:
        page = (await service.get(f"/v1/windows/receiving?item={TRADER}&region={LIUYANG}&limit=1&after={after}", by=None)).json()
        paged += [(one["window"], one["mode"]) for one in page["items"]]
        after = page["next"]

    assert len(whole) > 1
    assert paged == whole


async def test_an_item_that_no_window_of_the_place_takes_in_is_reported(service: Service) -> None:
    special = replace(next(one for one in WINDOWS if one.window == "430181-02"), skills=frozenset({TRADER}))

    before = await unserved(service, LIUYANG)
    await open_only(service, special)
    after = await unserved(service, LIUYANG)

    assert before == {}
    assert TRADER not in after
    assert {NO_AGREEMENT, LOCAL_ONLY} <= set(after)
    assert await unserved(service, TONGGU, by=replace(SUPERVISOR, region=TONGGU)) == {}


async def test_an_item_that_only_a_special_window_takes_in_is_reported_when_asked_for_and_told_apart(service: Service) -> None:
    every, special = (next(one for one in WINDOWS if one.window == name) for name in ("430181-01", "430181-02"))
    special = replace(special, skills=frozenset({TRADER}))
    await open_only(service, every, special)

    before = await unserved(service, LIUYANG, integrated=True)
    await open_only(service, special)
    after = await unserved(service, LIUYANG, integrated=True)

    assert before == {}
    assert (after[TRADER], after[NO_AGREEMENT], after[LOCAL_ONLY]) == (True, False, False)


# -- what nobody asks for


async def unused(service: Service, *, by: Caller = SUPERVISOR, region: str = LIUYANG, limit: int = 200, **query: object) -> Unused:
    """Every item reported, page by page: in force all the time, and since some time within it."""
    whole: list[str] = []
    recent: list[str] = []
    after: str | None = ""
    query = query or {"days": 300}
    asked = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    while after is not None:
        answer = await service.get(f"/v1/reports/unused-items?region={region}&limit={limit}&after={after}&{asked}", by=by)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        whole += [one["item_code"] for one in page["items"]]
        recent += [one["item_code"] for one in page["recent"]]
        after = page["next"]
    return whole, recent


async def test_an_item_that_nobody_applied_for_within_the_time_is_reported(service: Service) -> None:
    before, _ = await unused(service)
    await service.received()
    after, _ = await unused(service)
    service.context.now.set_offset(timedelta(days=31).total_seconds())
    later, _ = await unused(service, days=30)
    longer, _ = await unused(service, days=60)

    assert {TRADER, NO_AGREEMENT, LOCAL_ONLY} <= set(before)
    assert set(before) - set(after) == {TRADER}
    assert TRADER in later
    assert TRADER not in longer


async def test_the_time_is_from_the_begin_of_a_day_to_the_end_of_another(service: Service) -> None:
    await service.received()
    day = local_day(service.context.now.now())
    before, behind = day - timedelta(days=1), day + timedelta(days=1)
    long_before = day - timedelta(days=200)

    async def reported(first: date, last: date) -> bool:
        return TRADER in (await unused(service, from_=first, to=last))[0]

    asked = [(day, day), (before, day), (day, behind), (before, before), (long_before, before)]
    assert [await reported(*one) for one in asked] == [False, False, False, True, True]
    page = (await service.get(f"/v1/reports/unused-items?region={LIUYANG}&from={day}&to={day}", by=SUPERVISOR)).json()
    assert page["since"] == day_start(day).isoformat().replace("+00:00", "Z")
    assert page["until"] == day_start(behind).isoformat().replace("+00:00", "Z")


async def test_a_case_of_an_earlier_version_or_handled_below_counts_as_use(service: Service) -> None:
    await service.received()
    now = service.context.now.now()
    publish(service.context, a_version(effective_to=now), a_version(version_id="v9", version=2, effective_from=now))

    whole, recent = await unused(service)

    assert TRADER not in whole + recent


async def test_a_region_is_asked_with_what_lies_below_it_and_without_what_lies_beside(service: Service) -> None:
    county, province = await unused(service), await unused(service, region="430000")

    assert (await unused(service, region=TONGGU, by=replace(SUPERVISOR, region=RegionCode("360000")))) == ([], [])
    assert province == county
    page = (await service.get("/v1/reports/unused-items?region=430000&days=300", by=SUPERVISOR)).json()
    assert {one["region"] for one in page["items"]} == {LIUYANG}


async def test_what_came_into_force_within_the_time_is_told_apart_with_since_when(service: Service) -> None:
    young = ItemCode("000131018000")
    now = service.context.now.now()
    yesterday = now - timedelta(days=1)
    publish(service.context, a_version(version_id="v8", item_code=young, effective_from=yesterday))

    whole, recent = await unused(service, days=2)
    page = (await service.get(f"/v1/reports/unused-items?region={LIUYANG}&days=2", by=SUPERVISOR)).json()
    earlier = await unused(service, from_=local_day(now) - timedelta(days=9), to=local_day(now) - timedelta(days=3))
    service.context.now.set_offset(timedelta(days=2).total_seconds())

    assert (young in whole, young in recent) == (False, True)
    assert [one["in_force_since"] for one in page["recent"]] == [yesterday.isoformat().replace("+00:00", "Z")]
    assert young not in earlier[0] + earlier[1]
    assert young in (await unused(service, days=2))[0]


async def test_versions_that_follow_one_another_are_one_time_and_a_break_begins_another(service: Service) -> None:
    kept, broken = ItemCode("000131018000"), ItemCode("000131019000")
    now = service.context.now.now()
    days = [now - timedelta(days=ago) for ago in (40, 20, 10)]
    publish(
        service.context,
        a_version(version_id="k1", item_code=kept, effective_from=days[0], effective_to=days[2]),
        a_version(version_id="k2", version=2, item_code=kept, effective_from=days[2]),
        a_version(version_id="b1", item_code=broken, effective_from=days[0], effective_to=days[1]),
        a_version(version_id="b2", version=2, item_code=broken, effective_from=days[2]),
    )

    whole, recent = await unused(service, days=30)

    assert (kept in whole, kept in recent) == (True, False)
    assert (broken in whole, broken in recent) == (False, True)


async def test_unused_items_come_in_pages_without_a_gap(service: Service) -> None:
    publish(service.context, a_version(version_id="v8", item_code=ItemCode("000131018000"), effective_from=service.context.now.now()))
    whole, recent = await unused(service)

    assert await unused(service, limit=1) == (whole, recent)
    assert len(whole) > 2
    assert len(recent) == 1


@pytest.mark.parametrize(
    ("query", "rule", "pointer"),
    [
        ("from=2026-01-01", "report.period-open", "/to"),
        ("to=2026-01-01", "report.period-open", "/from"),
        ("from=2026-01-02&to=2026-01-01", "report.period-order", "/to"),
        ("from=2020-01-01&to=2023-01-01", "report.period-length", "/to"),
        ("from=0001-01-01&to=0001-01-02", "report.period-begin", "/from"),
        ("from=9999-12-31&to=9999-12-31", "report.period-begin", "/from"),
    ],
)
async def test_a_time_that_no_report_can_be_about_is_refused_with_its_field(service: Service, query: str, rule: str, pointer: str) -> None:
    answer = await service.get(f"/v1/reports/unused-items?region={LIUYANG}&{query}", by=SUPERVISOR)

    assert (answer.status_code, answer.json()["rule"]) == (422, "report.period")
    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [(rule, pointer)]


async def test_three_years_with_a_leap_year_are_a_time_and_a_day_more_is_none(service: Service) -> None:
    last = local_day(service.context.now.now())

    _, recent = await unused(service, from_=last - timedelta(days=1095), to=last)
    longer = await service.get(f"/v1/reports/unused-items?region={LIUYANG}&from={last - timedelta(days=1096)}&to={last}", by=SUPERVISOR)

    assert TRADER in recent
    assert [one["rule"] for one in longer.json()["errors"]] == ["report.period-length"]


@pytest.mark.parametrize("path", ["/v1/reports/unused-items", "/v1/windows/unserved"])
async def test_reports_are_for_supervisors_and_officers_of_the_catalogue_of_the_place_alone(service: Service, path: str) -> None:
    there = [SUPERVISOR, *(staff("o", role, region=LIUYANG) for role in (Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER))]
    elsewhere = [replace(one, region=RegionCode("360000")) for one in there]

    def answers(callers: list[Caller]) -> list[Awaitable[httpx.Response]]:
        return [service.get(f"{path}?region={LIUYANG}", by=one) for one in callers]

    assert [(await one).status_code for one in answers(there)] == [200] * 3
    assert [(await one).status_code for one in answers([CLERK, REVIEWER, *elsewhere])] == [403] * 5
    assert (await service.get(f"{path}?region={LIUYANG}", by=None)).status_code == 401


async def test_whether_a_version_was_used_is_read_from_the_index_however_many_cases_there_are(service: Service) -> None:
    await service.received()
    now = service.context.now.now()
    asked = [ItemVersionId(name) for name in ("v1", "v2", "v3")]
    async with service.context.database.begin(service.context) as tx:
        others = [column for column in CASES.c if column.name not in {"case_id", "case_no"}]
        numbers = func.generate_series(1, 5000).table_valued("number").render_derived()
        number = cast(numbers.c.number, Text)
        more = select(number, number, *others).select_from(CASES.join(numbers, true()))
        await tx.execute(CASES.insert().from_select(["case_id", "case_no", *(one.name for one in others)], more))
        await tx.execute(text("analyze cases"))
        query = used_query(asked, since=now - timedelta(days=365), until=now + timedelta(days=1))
        written = query.compile(dialect=tx.connection.dialect, compile_kwargs={"literal_binds": True})
        plan = [row[0] for row in await tx.execute(text(f"explain {written}"))]
        found = await used_versions(tx, asked, since=now - timedelta(days=365), until=now + timedelta(days=1))

    assert found == {"v1"}
    assert any("ix_cases_version" in line for line in plan), plan
    assert not any("Seq Scan on cases" in line for line in plan), plan
