"""Halls: who sits at which window, when, and what it takes in."""

from datetime import timedelta

import pytest

from contracts.values import ItemCode, WindowId
from intake_svc.hall.domain import EVERY_ITEM, Duty, Officer, OfficerNotOnDuty, Window, WindowLacksSkill, WindowUnknown
from intake_svc.hall.handlers import furnish_halls
from intake_svc.hall.store import DUTIES, OFFICERS, WINDOWS
from intake_svc.seed import TONGGU as TONGGU_HALL
from intake_svc.seed import load
from tests.contracts.builders import TONGGU
from tests.intake.builders import AT, CLERK, Service, an_application

HERE = WindowId("360926-09")
TRADE, OTHER = ItemCode("000131014000"), ItemCode("000131018000")
HOUR = timedelta(hours=1)


def a_window(*skills: ItemCode, is_open: bool = True) -> Window:
    return Window(
        window=HERE, region=TONGGU, organ=TONGGU_HALL, name="窗口", name_en="Window", address="", skills=frozenset(skills), open=is_open
    )


def a_duty(*, begins: timedelta = -HOUR, ends: timedelta | None = HOUR, window: WindowId = HERE) -> Duty:
    return Duty(window=window, officer=CLERK.ref, begins=AT + begins, ends=None if ends is None else AT + ends)


@pytest.mark.parametrize("duty", [a_duty(), a_duty(begins=timedelta()), a_duty(ends=None)])
def test_an_officer_on_duty_is_let_receive_what_the_window_serves(duty: Duty) -> None:
    for skill in (TRADE, EVERY_ITEM):
        a_window(skill).admit(CLERK.ref, duties=[duty], item_code=TRADE, at=AT)


@pytest.mark.parametrize("duties", [[], [a_duty(ends=timedelta())], [a_duty(begins=HOUR)], [a_duty(window=WindowId("360926-08"))]])
def test_before_after_and_elsewhere_is_not_on_duty(duties: list[Duty]) -> None:
    with pytest.raises(OfficerNotOnDuty):
        a_window(TRADE).admit(CLERK.ref, duties=duties, item_code=TRADE, at=AT)


def test_a_window_without_the_skill_and_a_closed_one_take_nothing_in() -> None:
    with pytest.raises(WindowLacksSkill):
        a_window(OTHER).admit(CLERK.ref, duties=[a_duty()], item_code=TRADE, at=AT)
    with pytest.raises(WindowUnknown):
        a_window(TRADE, is_open=False).admit(CLERK.ref, duties=[a_duty()], item_code=TRADE, at=AT)


async def test_anybody_sees_the_open_windows_of_a_region(service: Service) -> None:
    answer = await service.get("/v1/windows?region=360926", by=None)

    assert [(one["window"], one["skills"]) for one in answer.json()["items"]] == [("360926-01", ["*"]), ("360926-02", [TRADE])]
    assert (await service.get("/v1/windows?region=430181", by=None)).json()["items"][0]["window"] == "430181-01"


async def test_an_officer_who_left_receives_nothing(service: Service) -> None:
    async with service.context.database.begin(service.context) as tx:
        await furnish_halls(tx, windows=[], officers=[Officer(officer=CLERK.ref, organ=TONGGU_HALL, active=False)], duties=[])

    answer = await service.post("/v1/cases", an_application(await service.material()), by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (403, "window.not-on-duty")


async def test_a_duty_at_another_organs_window_lets_nobody_receive_there(service: Service) -> None:
    away = Duty(window=WindowId("430181-01"), officer=CLERK.ref, begins=AT - timedelta(days=365))
    async with service.context.database.begin(service.context) as tx:
        await furnish_halls(tx, windows=[], officers=[], duties=[away])

    answer = await service.post("/v1/cases", an_application(await service.material(), window="430181-01"), by=CLERK)

    assert (answer.status_code, answer.json()["rule"]) == (403, "window.not-on-duty")


async def test_furnishing_twice_changes_nothing_and_a_closed_window_is_gone(service: Service) -> None:
    async def everything() -> list[list[tuple]]:
        async with service.context.database.read(service.context) as tx:
            return [[tuple(row) for row in await tx.execute(table.select())] for table in (WINDOWS, OFFICERS, DUTIES)]

    before = await everything()
    await load(service.context)
    assert await everything() == before

    async with service.context.database.begin(service.context) as tx:
        await furnish_halls(tx, windows=[a_window(TRADE, is_open=False)], officers=[], duties=[])
    assert HERE not in (await service.get("/v1/windows?region=360926", by=None)).text
