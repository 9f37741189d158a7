"""A county closes for two days: drafted by one officer, published by another, told to everybody, seen in dates; and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from contracts.caller import Caller, Role
from contracts.values import JsonObject, RegionCode
from rules.workdays import local_day
from tests.catalog.builders import AUTHOR, LIUYANG, NATIONAL_AUTHOR, NATIONAL_REVIEWER, REVIEWER, TONGGU, Service, officer

HUNAN = RegionCode("430000")
COLLEAGUE = officer(Role.CATALOGUE_AUTHOR, account="colleague")


def a_closure(*days: str, version: str = "2098.1", **changed: object) -> JsonObject:
    body: dict[str, Any] = {
        "region": LIUYANG,
        "year": 2098,
        "version": version,
        "workdays": [],
        "holidays": [*days],
        "source": "防汛停工通知",
        "official": True,
    }
    return body | changed


async def published(service: Service, body: JsonObject, *, author: Caller = AUTHOR, reviewer: Caller = REVIEWER) -> None:
    drafted = await service.post("/calendars", body, by=author)
    assert drafted.status_code == 201, drafted.text
    reviewed = await service.post(f"/calendars/{body['region']}/{body['year']}/review", by=reviewer)
    assert reviewed.status_code == 200, reviewed.text
    await service.hear()


async def a_date(service: Service, *, region: str = LIUYANG, start: str = "2098-06-09T10:00:00+08:00", **asked: str) -> Any:
    answer = await service.get(f"/calendars/{region}/due-date", {"from": start, "amount": "3", **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def rules_of(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]


async def test_a_closure_moves_the_dates_of_the_county_alone(service: Service) -> None:
    await service.hear_all()
    before = await a_date(service)

    await published(service, a_closure("2098-06-10", "2098-06-11"))

    here, elsewhere = await a_date(service), await a_date(service, region=TONGGU)
    assert (before["last_day"], here["last_day"], elsewhere["last_day"]) == ("2098-06-12", "2098-06-16", "2098-06-12")
    assert here["calendar_version"] == "430181-2098.1"
    assert (here["provisional"], here["known_until"]) == (True, "2026-12-31")
    assert [line["zh"] for line in here["explanation"]][1] == "2098-06-10 – 2098-06-11 非工作时间,不计 2 日(防汛停工通知)"
    assert all(line["en"] for line in here["explanation"])


async def test_what_a_province_closes_is_closed_in_its_counties_and_named_beside_their_own(service: Service) -> None:
    await service.hear_all()
    author, reviewer = (officer(role, region=HUNAN) for role in (Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER))

    await published(service, a_closure("2098-06-10", region=HUNAN, source="省政府通知"), author=author, reviewer=reviewer)
    await published(service, a_closure("2098-06-11"))

    here, elsewhere = await a_date(service), await a_date(service, region=TONGGU)
    assert (here["last_day"], elsewhere["last_day"]) == ("2098-06-16", "2098-06-12")
    assert here["calendar_version"] == "430000-2098.1+430181-2098.1"
    assert [line["zh"] for line in here["explanation"][1:3]] == [
        "2098-06-10 非工作时间,不计 1 日(省政府通知)",
        "2098-06-11 非工作时间,不计 1 日(防汛停工通知)",
    ]


async def test_a_date_within_the_notices_is_final_and_one_beyond_is_provisional(seeded: Service) -> None:
    final = await a_date(seeded, start="2026-11-23T10:00:00+08:00")
    open_ = await a_date(seeded, start="2026-12-30T10:00:00+08:00")

    assert (final["last_day"], final["provisional"]) == ("2026-11-26", False)
    assert open_["provisional"]
    assert open_["explanation"][-1]["rule"] == "calendar.provisional"


async def test_a_date_may_be_asked_in_window_hours_and_in_minutes(seeded: Service) -> None:
    evening = {"start": "2026-11-20T17:00:00+08:00", "amount": "2"}

    hours = await a_date(seeded, **evening, unit="hours")
    minutes = await a_date(seeded, **evening, unit="minutes")

    assert hours["due"] == "2026-11-23T02:30:00Z"
    assert minutes["due"] == "2026-11-20T09:02:00Z"


async def test_a_date_of_a_place_nobody_knows_or_of_no_instant_is_refused(seeded: Service) -> None:
    unknown = await seeded.get("/calendars/439999/due-date", {"from": "2026-11-23T10:00:00+08:00", "amount": "3"})
    naive = await seeded.get(f"/calendars/{LIUYANG}/due-date", {"from": "2026-11-23T10:00:00", "amount": "3"})
    long = await seeded.get(f"/calendars/{LIUYANG}/due-date", {"from": "2026-11-23T10:00:00Z", "amount": "1001"})

    assert (unknown.status_code, unknown.json()["rule"]) == (404, "region.unknown")
    assert (naive.status_code, long.status_code) == (422, 422)


async def test_a_county_without_days_of_its_own_is_told_whose_days_hold(seeded: Service) -> None:
    own = await seeded.get(f"/calendars/{LIUYANG}/2026")

    nation = await seeded.get("/calendars/100000/2026")
    date = await a_date(seeded, start="2026-11-23T10:00:00+08:00")
    assert (own.status_code, own.json()["rule"]) == (404, "calendar.unknown")
    assert all("100000" in own.json()[text] and "due-date" in own.json()[text] for text in ("detail", "detail_en"))
    assert date["calendar_version"] == nation.json()["version"]


async def test_a_county_closes_on_a_weekend_that_the_nation_works_and_opens_on_one_of_its_own(service: Service) -> None:
    await service.hear_all()
    nation = a_closure("2098-06-13", region="100000", workdays=["2098-06-15"], holidays=["2098-06-13"], source="国务院通知")
    await published(service, nation, author=NATIONAL_AUTHOR, reviewer=NATIONAL_REVIEWER)

    await published(service, a_closure("2098-06-15", workdays=["2098-06-21"]))

    assert (await a_date(service, start="2098-06-12T10:00:00+08:00", amount="1"))["last_day"] == "2098-06-16"
    assert (await a_date(service, start="2098-06-20T10:00:00+08:00", amount="1"))["last_day"] == "2098-06-21"


async def test_days_that_say_nothing_or_undo_a_national_holiday_are_refused_day_by_day(service: Service) -> None:
    nation = a_closure(region="100000", workdays=["2098-06-15"], holidays=["2098-06-13"], source="国务院通知")
    await published(service, nation, author=NATIONAL_AUTHOR, reviewer=NATIONAL_REVIEWER)

    answer = await service.post(
        "/calendars",
        a_closure(
            "2098-06-13",
            "2098-06-14",
            "2098-06-16",
            "2098-06-16",
            "2097-06-10",
            "2098-06-22",
            workdays=["2098-06-13", "2098-06-15", "2098-06-22"],
        ),
        by=AUTHOR,
    )

    assert answer.status_code == 422
    assert rules_of(answer) == [
        ("calendar.both", "/workdays/0"),
        ("calendar.needless", "/workdays/1"),
        ("calendar.both", "/workdays/2"),
        ("calendar.needless", "/holidays/0"),
        ("calendar.needless", "/holidays/1"),
        ("calendar.twice", "/holidays/3"),
        ("calendar.year", "/holidays/4"),
        ("calendar.needless", "/holidays/5"),
    ]


async def test_a_county_does_not_work_on_a_national_holiday(service: Service) -> None:
    nation = a_closure(region="100000", holidays=["2098-06-13"], source="国务院通知")
    await published(service, nation, author=NATIONAL_AUTHOR, reviewer=NATIONAL_REVIEWER)

    answer = await service.post("/calendars", a_closure(workdays=["2098-06-13"]), by=AUTHOR)

    assert rules_of(answer) == [("calendar.statutory", "/workdays/0")]


async def test_days_that_are_over_stay_as_they_were(service: Service) -> None:
    await service.hear_all()
    today = local_day(datetime.now(UTC))
    past = (await a_date(service, start=f"{today - timedelta(days=15)}T10:00:00+08:00", amount="1"))["last_day"]

    answer = await service.post("/calendars", a_closure(past, year=int(past[:4]), version=f"{past[:4]}.1"), by=AUTHOR)

    assert rules_of(answer) == [("calendar.past", "/holidays/0")]


async def test_of_two_officers_at_once_the_second_is_told_of_the_first(service: Service) -> None:
    first = await service.post("/calendars", a_closure("2098-06-10"), by=AUTHOR)
    same = await service.post("/calendars", a_closure("2098-06-10"), by=COLLEAGUE)

    second = await service.post("/calendars", a_closure("2098-06-12"), by=COLLEAGUE)
    tag = (await service.get_as(f"/calendars/{LIUYANG}/2098/draft", by=COLLEAGUE)).headers["etag"]
    knowing = await service.post("/calendars", a_closure("2098-06-10", "2098-06-12"), by=COLLEAGUE, tag=tag)

    assert (first.status_code, same.status_code, knowing.status_code) == (201, 200, 201)
    assert (second.status_code, second.json()["rule"]) == (409, "proposal.draft-waits")


async def test_what_is_in_force_is_changed_under_a_higher_version_only(service: Service) -> None:
    await published(service, a_closure("2098-06-10", version="2098.9"))

    again = await service.post("/calendars", a_closure("2098-06-12", version="2098.9"), by=AUTHOR)
    higher = await service.post("/calendars", a_closure("2098-06-12", version="2098.10"), by=AUTHOR)

    assert (again.status_code, again.json()["rule"]) == (409, "calendar.version-taken")
    assert higher.status_code == 201


async def test_a_county_closes_no_other(service: Service) -> None:
    answer = await service.post("/calendars", a_closure("2098-06-10", region=TONGGU), by=AUTHOR)

    assert answer.status_code == 403
