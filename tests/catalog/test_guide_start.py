"""The start that a guide counts from is the instant whose version it tells, unless a version or an instant is asked for."""

from datetime import datetime, timedelta
from typing import Any

from tests.catalog.builders import REVIEWER, SOLE_TRADER_ITEM, Service, a_draft
from tests.catalog.test_guide import CANCEL, ask, decided


async def second(service: Service, *, days: float) -> datetime:
    """Publish a version that promises one day more, from so many days on."""
    draft = a_draft()
    draft["version"]["promised_limit"] = {"amount": 1, "unit": "workdays", "basis": "本机关承诺"}
    begins = service.context.now.now().replace(microsecond=0) + timedelta(days=days)
    await service.publish(draft, effective_from=begins.isoformat())
    await service.hear_all()
    return begins


def promised(step: Any) -> str:
    return next(str(one["zh"]) for one in step["outcome"]["limits"] if one["name"] == "promised")


async def test_a_start_under_the_next_version_is_told_what_that_one_promises(service: Service) -> None:
    begins = await second(service, days=3)
    later, sooner = ((begins + timedelta(hours=hours)).isoformat() for hours in (24, -24))

    then = await decided(service, *CANCEL, start=later)
    before = await decided(service, *CANCEL, start=sooner)
    unsaid = await decided(service, *CANCEL)

    assert [(one["version"], promised(one)) for one in (then, before, unsaid)] == [(2, "1 个工作日"), (1, "2 个工作日"), (1, "2 个工作日")]
    assert before["valid_until"] == then["valid_from"]
    assert (datetime.fromisoformat(then["valid_from"]), then["valid_until"]) == (begins, None)


async def test_a_version_or_an_instant_that_is_asked_for_goes_before_the_start(service: Service) -> None:
    begins = await second(service, days=3)
    later = (begins + timedelta(days=1)).isoformat()
    now = service.context.now.now().isoformat().replace("+", "%2B")

    by_number = await decided(service, *CANCEL, start=later, query="?version=1")
    as_of = await decided(service, *CANCEL, start=later, query=f"?as_of={now}")

    assert (by_number["version"], as_of["version"]) == (1, 1)


async def test_a_start_of_an_earlier_version_is_answered_with_that_one(service: Service) -> None:
    begins = await second(service, days=1)
    before = (begins - timedelta(hours=1)).isoformat()
    service.context.now.set_offset(service.context.now.offset.total_seconds() + 5 * 86_400)

    assert (await decided(service, *CANCEL, start=before))["version"] == 1
    assert (await decided(service, *CANCEL))["version"] == 2


async def test_a_start_at_which_nothing_holds_is_refused_with_when_something_does(service: Service) -> None:
    await service.hear_all()
    version = (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1")).json()["version"]
    begins = datetime.fromisoformat(version["effective_from"])

    early = await ask(service, start=(begins - timedelta(days=1)).isoformat())

    assert (early.status_code, early.json()["rule"]) == (409, "guide.not-in-force-then")
    assert early.json()["facts"]["last_until"] is None
    assert datetime.fromisoformat(early.json()["facts"]["next_from"]) == begins


async def test_a_start_after_the_item_is_withdrawn_is_refused_with_its_end(service: Service) -> None:
    await service.hear_all()
    gone = await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1/withdrawal", by=REVIEWER)
    assert gone.status_code == 200, gone.text
    await service.hear()
    version = (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1")).json()["version"]

    late = await ask(service, start=(service.context.now.now() + timedelta(days=30)).isoformat())

    assert (late.status_code, late.json()["rule"]) == (409, "guide.not-in-force-then")
    assert datetime.fromisoformat(late.json()["facts"]["last_until"]) == datetime.fromisoformat(version["effective_to"])
    assert late.json()["facts"]["next_from"] is None


async def test_an_item_that_nobody_publishes_has_no_guide_at_any_start(seeded: Service) -> None:
    answer = await ask(seeded, path=f"/service-items/{'9' * 31}/guide", start="2026-11-23T10:00:00+08:00")

    assert (answer.status_code, answer.json()["rule"]) == (404, "item.unknown")
