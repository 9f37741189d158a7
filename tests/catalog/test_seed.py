"""The seed: brought in through the handlers, sound, and brought in once."""

from datetime import date

import pytest
from stdnum.cn import uscc

from catalog_svc.item import store
from catalog_svc.seed import load
from catalog_svc.seed.reading import OfferedItem, Seed
from contracts.catalogue import ApprovalType
from contracts.values import Mode
from rules.check import materials_needed
from rules.conditions import Truth
from rules.parts import Parts
from rules.situations import check_table
from tests.catalog.builders import LIUYANG, SEED, SOLE_TRADER, TONGGU, Service

ITEMS = SEED.items
TODAY = date(2026, 11, 21)


def silent(_line: str) -> None:
    return None


async def test_a_second_run_changes_nothing(service: Service) -> None:
    assert await load(service.context, silent) is False
    assert await service.documents() == []


async def test_the_same_content_is_not_published_again_when_a_run_was_cut_off(service: Service) -> None:
    seed = Seed()
    seed.digest = lambda: "sha256:of-an-unfinished-run"  # type: ignore[method-assign,assignment,return-value]

    assert await load(service.context, silent, seed=seed) is True
    assert await service.documents() == []


async def test_everything_that_the_seed_says_is_published(seeded: Service) -> None:
    catalogue = seeded.context.catalogue

    assert len(catalogue.subtree(LIUYANG)) == 1
    assert len(catalogue.subtree("100000")) > 3_500  # type: ignore[arg-type]
    assert len([one for one in ITEMS if one.region == LIUYANG]) >= 20
    assert len([one for one in ITEMS if one.region == TONGGU]) >= 6
    assert {one.draft.content.item_code for one in ITEMS} == set(catalogue.items())
    assert all(
        catalogue.parts(entry.version_id) for one in ITEMS for entry in catalogue.versions_of(one.draft.content.item_code, one.region)
    )
    assert catalogue.calendar(LIUYANG).known_until == date(2026, 12, 31)


async def test_two_different_officers_stood_for_every_item(seeded: Service) -> None:

    async with seeded.context.database.read(seeded.context) as tx:
        records = await store.list_in_force(tx, at=tx.at, item_code=None, region=None, organ=None, text="", after="", limit=200)

    assert len(records) == len(ITEMS)
    assert all(record.author.startswith("seed|author-") and record.reviewer and record.author != record.reviewer for record in records)


@pytest.mark.parametrize("offered", ITEMS, ids=lambda one: f"{one.region}-{one.draft.content.name}")
def test_a_situations_table_has_one_answer_for_everybody(offered: OfferedItem) -> None:
    assert check_table(offered.draft.parts.situations) == ()


def test_the_checklist_of_a_sole_trader_differs_by_situation() -> None:
    parts = next(one.draft.parts for one in ITEMS if one.draft.content.item_code == SOLE_TRADER)
    whole = Parts(version=None, form=parts.form, situations=parts.situations, checklist=parts.checklist, texts=parts.texts)  # type: ignore[arg-type]

    lists = {
        one.situation_id: frozenset(
            rule.code
            for rule, truth in materials_needed(whole, facts={"situation": one.situation_id, "by_agent": False}, on=TODAY)
            if truth is not Truth.FALSE
        )
        for one in parts.situations.situations
    }

    assert set(lists) == {"open", "change", "cancel", "replace"}
    assert len(set(lists.values())) == 4
    assert "tax_clearance" in lists["cancel"]
    assert "place_proof" in lists["open"]


def test_the_sole_trader_has_eight_rules_and_grounds_of_denial() -> None:
    parts = next(one.draft.parts for one in ITEMS if one.draft.content.item_code == SOLE_TRADER)

    assert len(parts.checklist.rules) >= 8
    assert parts.texts.denial_grounds


def test_there_are_items_that_must_be_refused() -> None:
    contents = [one.draft.content for one in ITEMS if one.region == LIUYANG]

    assert [one.name for one in contents if one.approval_type is ApprovalType.NONE] == ["老年人优待证办理"]
    assert "夫妻投靠户口迁移" in [one.name for one in contents if Mode.COLLECT_HERE not in one.modes]


def test_every_organ_has_a_code_with_a_right_check_digit() -> None:
    assert all(uscc.is_valid(organ.code) for organ in Seed().organs())


def test_a_calendar_says_which_year_is_not_official() -> None:
    assert {one.year: one.official for one in Seed().calendars()} == {2024: True, 2025: True, 2026: True, 2027: False}


def test_equal_parts_are_shared() -> None:
    named = [name for one in ITEMS for name in one.draft.parts.named()]

    assert len(set(named)) < len(named) - 20
