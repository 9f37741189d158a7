"""Which windows take an item in, which items no window takes in, and which items nobody asks for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.caller import Caller
from contracts.values import ItemCode, RegionCode
from intake_svc.hall.domain import Window
from intake_svc.hall.handlers import furnish_halls
from intake_svc.seed import WINDOWS
from tests.contracts.builders import LIUYANG, TONGGU, TRADER, a_version
from tests.intake.builders import CLERK, LOCAL_ONLY, NO_AGREEMENT, REVIEWER, SUPERVISOR, Service, publish


async def receiving(service: Service, item: ItemCode, *, region: str = LIUYANG, **more: str) -> list[tuple[str, str]]:
    query = "&".join(f"{name}={value}" for name, value in {"item": item, "region": region, **more}.items())
    answer = await service.get(f"/v1/windows/receiving?{query}", by=None)
    assert answer.status_code == 200, answer.text
    return [(one["window"], one["mode"]) for one in answer.json()["items"]]


async def unserved(service: Service, region: str, *, by: Caller = SUPERVISOR) -> list[str]:
    """Every item reported, in pages of two."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await service.get(f"/v1/windows/unserved?region={region}&limit=2&after={after}", by=by)).json()
        found += [one["item_code"] for one in page["items"]]
        after = page["next"]
    return found


async def test_what_no_window_takes_in_is_reported_to_supervisors_of_the_region_alone(service: Service) -> None:
    path = f"/v1/windows/unserved?region={LIUYANG}"

    assert [(await service.get(path, by=by)).status_code for by in (None, CLERK, REVIEWER, SUPERVISOR)] == [401, 403, 403, 200]


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

    assert before == []
    assert TRADER not in after
    assert {NO_AGREEMENT, LOCAL_ONLY} <= set(after)
    assert await unserved(service, TONGGU, by=replace(SUPERVISOR, region=TONGGU)) == []


async def unused(service: Service, *, days: int = 300, by: Caller = SUPERVISOR, region: str = LIUYANG) -> list[str]:
    answer = await service.get(f"/v1/reports/unused-items?region={region}&days={days}", by=by)
    assert answer.status_code == 200, answer.text
    return [one["item_code"] for one in answer.json()["items"]]


async def test_an_item_that_nobody_applied_for_within_the_window_of_time_is_reported(service: Service) -> None:
    before = await unused(service)
    await service.received()
    after = await unused(service)
    service.context.now.set_offset(timedelta(days=31).total_seconds())
    later = await unused(service, days=30)
    longer = await unused(service, days=60)

    assert {TRADER, NO_AGREEMENT, LOCAL_ONLY} <= set(before)
    assert set(before) - set(after) == {TRADER}
    assert TRADER in later
    assert TRADER not in longer


async def test_a_case_of_an_earlier_version_or_of_a_place_below_counts_as_use(service: Service) -> None:
    await service.received()
    now = service.context.now.now()
    publish(service.context, a_version(effective_to=now), a_version(version_id="v9", version=2, effective_from=now))

    assert TRADER not in await unused(service)
    assert await unused(service, region=TONGGU, by=replace(SUPERVISOR, region=RegionCode("360000"))) == []


async def test_what_was_first_published_within_the_window_of_time_is_not_reported(service: Service) -> None:
    young = ItemCode("000131018000")
    yesterday = service.context.now.now() - timedelta(days=1)
    publish(service.context, a_version(version_id="v8", item_code=young, effective_from=yesterday))

    assert young not in await unused(service, days=2)
    service.context.now.set_offset(timedelta(days=2).total_seconds())
    assert young in await unused(service, days=2)


@pytest.mark.parametrize("by", [CLERK, REVIEWER, replace(SUPERVISOR, region=RegionCode("360000"))])
async def test_what_nobody_asks_for_is_shown_to_the_supervisors_of_the_place_alone(service: Service, by: Caller) -> None:
    assert (await service.get(f"/v1/reports/unused-items?region={LIUYANG}", by=by)).status_code == 403
