"""A newer seed over a catalogue that people have worked in: it brings in what is its own or absent, leaves the rest and says so."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import pytest

from catalog_svc.seed import load
from catalog_svc.seed.reading import OfferedItem, Seed
from catalog_svc.word.domain import Word
from contracts.catalogue import CalendarYear, Organ
from contracts.values import NATION, Digest
from tests.catalog.builders import (
    AUTHOR,
    LIUYANG,
    MARKET,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    SOLE_TRADER_ITEM,
    Service,
    a_draft,
)

OTHER = a_draft("道路货物运输驾驶员从业资格证换发补发")["version"]["organ"]
"""An organ of the same county."""


class Newer(Seed):
    """The package's files, of which some say something else than before."""

    def __init__(self, *, fees: str = "", telephone: str = "", source: str = "", of: Callable[[OfferedItem], bool] = bool) -> None:
        super().__init__()
        self._fees, self._telephone, self._source, self._of = fees, telephone, source, of

    def digest(self) -> Digest:
        return Digest("sha256:" + "1" * 64)

    def organs(self) -> list[Organ]:
        return [replace(one, telephone=self._telephone or one.telephone) for one in super().organs()]

    def calendars(self) -> list[CalendarYear]:
        return [replace(one, version=f"{one.year}.99", source=self._source) if self._source else one for one in super().calendars()]

    @cached_property
    def items(self) -> list[OfferedItem]:
        return [self._changed(one) if self._fees and self._of(one) else one for one in super().items]

    def _changed(self, one: OfferedItem) -> OfferedItem:
        parts = one.draft.parts
        return replace(one, draft=replace(one.draft, parts=replace(parts, texts=replace(parts.texts, fees=self._fees))))


def sole_trader(one: OfferedItem) -> bool:
    return (one.region, one.draft.content.item_code) == (LIUYANG, SOLE_TRADER)


async def bring(service: Service, newer: Seed) -> list[str]:
    """What is told of what was left as it is."""
    told: list[str] = []
    assert await load(service.context, told.append, seed=newer) is True
    return [line for line in told if line.startswith("left as they are")]


async def later(service: Service, *, seconds: int = 60) -> None:
    service.context.now.set_offset(service.context.now.offset.total_seconds() + seconds)


async def shown(service: Service, path: str) -> Any:
    return (await service.get(path)).json()


async def fees(service: Service) -> tuple[str, str]:
    """The version of the sole trader's item that is in force, and what it says of fees."""
    found = await shown(service, f"/service-items/{SOLE_TRADER_ITEM}")
    return found["version"]["version_id"], found["texts"]["fees"]


async def four_eyes(service: Service, path: str, body: Any, *, key: str, by: Sequence[Any] = (AUTHOR, REVIEWER)) -> None:
    assert (await service.post(path, body, by=by[0])).status_code == 201
    assert (await service.post(f"{path}/{key}/review", by=by[1])).status_code == 200


async def test_a_newer_seed_takes_the_place_of_what_the_seed_itself_brought_in(service: Service) -> None:
    left = await bring(service, Newer(fees="十元", telephone="0731-12345", source="通知", of=sole_trader))
    await later(service)

    assert left == []
    assert await fees(service) == (f"{SOLE_TRADER_ITEM}-v2", "十元")
    assert (await shown(service, f"/organs/{MARKET}"))["telephone"] == "0731-12345"
    assert (await shown(service, f"/calendars/{NATION}/2026"))["version"] == "2026.99"


async def test_what_a_county_has_published_over_the_seed_stays(service: Service) -> None:
    own = a_draft()
    own["texts"]["fees"] = "本县自定"
    await service.publish(own)
    await later(service)

    left = await bring(service, Newer(fees="十元", of=sole_trader))
    await later(service)

    assert await fees(service) == (f"{SOLE_TRADER_ITEM}-v2", "本县自定")
    assert left == [f"left as they are 保留原状: 1 service-item, changed here 已由本地修改: {SOLE_TRADER_ITEM}-v2"]


async def test_what_a_county_is_drafting_is_not_taken_over(service: Service) -> None:
    own = a_draft()
    own["texts"]["fees"] = "本县自定"
    drafted = (await service.post("/service-items", own, by=AUTHOR)).json()
    organ = await shown(service, f"/organs/{OTHER}")
    assert (await service.post("/organs", organ | {"telephone": "0731-1"}, by=AUTHOR)).status_code == 201

    left = await bring(service, Newer(fees="十元", telephone="0731-12345", of=sole_trader))

    assert [line.split(": ")[1:] for line in left] == [
        ["1 organ, changed here 已由本地修改", OTHER],
        ["1 service-item, changed here 已由本地修改", drafted["version_id"]],
    ]
    assert (await service.get_as(f"/organs/{OTHER}/draft", by=AUTHOR)).json()["telephone"] == "0731-1"
    assert (await fees(service))[0] == f"{SOLE_TRADER_ITEM}-v1"


@pytest.mark.parametrize("act", ["withdrawal", "suspension"])
async def test_what_a_county_took_back_stays_away(service: Service, act: str) -> None:
    assert (await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1/{act}", by=REVIEWER)).status_code == 200
    await later(service)

    left = await bring(service, Newer(fees="十元", of=sole_trader))
    await later(service)

    assert (await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).status_code == 404
    assert f"{SOLE_TRADER_ITEM}-v1" in " ".join(left)
    assert "suspended, withdrawn or followed here" in " ".join(left)


async def test_an_organ_that_was_changed_keeps_what_was_said_of_it(service: Service) -> None:
    organ = await shown(service, f"/organs/{MARKET}")
    await four_eyes(service, "/organs", organ | {"telephone": "0731-1"}, key=MARKET)

    left = await bring(service, Newer())

    assert (await shown(service, f"/organs/{MARKET}"))["telephone"] == "0731-1"
    assert left == [f"left as they are 保留原状: 1 organ, changed here 已由本地修改: {MARKET}"]


async def test_an_organ_that_was_merged_stays_merged_and_so_do_its_items(service: Service) -> None:
    organ = await shown(service, f"/organs/{MARKET}")
    await four_eyes(service, "/organs", organ | {"merged_into": OTHER}, key=MARKET)
    await later(service)

    left = await bring(service, Newer(fees="十元", of=sole_trader))

    assert (await shown(service, f"/organs/{MARKET}"))["merged_into"] == OTHER
    assert (await fees(service))[0] == f"{SOLE_TRADER_ITEM}-v1"
    [organs, its_powers, its_items] = left
    assert organs.endswith(f"1 organ, changed here 已由本地修改: {MARKET}")
    assert f"power, power.unsound: QL-01-31-001@{LIUYANG}, " in its_powers
    assert "service-item, organ.merged: " in its_items
    assert SOLE_TRADER_ITEM in its_items


async def test_a_calendar_at_a_higher_version_stays(service: Service) -> None:
    year = await shown(service, f"/calendars/{NATION}/2026")
    body = year | {"version": "2026.900", "source": "改"}
    await four_eyes(service, "/calendars", body, key=f"{NATION}/2026", by=(NATIONAL_AUTHOR, NATIONAL_REVIEWER))

    left = await bring(service, Newer(source="通知"))

    assert (await shown(service, f"/calendars/{NATION}/2026"))["version"] == "2026.900"
    assert (await shown(service, f"/calendars/{NATION}/2025"))["version"] == "2025.99"
    assert left == [f"left as they are 保留原状: 1 calendar, changed here 已由本地修改: {NATION}-2026"]


async def test_a_word_that_was_given_up_is_not_given_again(service: Service) -> None:
    word = next(one for one in Seed().words() if one.item is not None)
    given = {"word": word.word, "item_code": word.item}
    assert (await service.post("/search/words/removal", given, by=NATIONAL_AUTHOR)).status_code == 200

    left = await bring(service, Newer())

    assert [line.split(": ")[1:] for line in left] == [["1 word, given up here 已由本地停用", word.word]]


async def test_what_a_rule_refuses_stays_out_and_all_else_comes_in(service: Service) -> None:
    class Unsound(Newer):
        def words(self) -> list[Word]:
            return [*super().words(), Word(word="无此事项", item="999999999999", means=None, region=NATION)]  # type: ignore[arg-type]

        @cached_property
        def items(self) -> list[OfferedItem]:
            wrong = next(one for one in super().items if sole_trader(one))
            content = copy.copy(wrong.draft.content)
            content = replace(content, promised_limit=replace(content.promised_limit, amount=999))
            return [replace(one, draft=replace(one.draft, content=content)) if one == wrong else one for one in super().items]

    left = await bring(service, Unsound(telephone="0731-12345"))

    assert [line.split(": ")[1:] for line in left] == [
        ["1 service-item, item.unsound", SOLE_TRADER_ITEM],
        ["1 word, word.unsound", "无此事项"],
    ]
    assert (await shown(service, f"/organs/{MARKET}"))["telephone"] == "0731-12345"
    assert (await service.get_as(f"/service-items/versions/{SOLE_TRADER_ITEM}-v2/draft", by=AUTHOR)).status_code == 404
    assert await load(service.context, lambda _line: None, seed=Unsound()) is False
