"""Service items: drafted, reviewed, published, superseded, suspended, withdrawn; what is hostile or unsound is refused."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog_svc.item.domain import MOVES, EffectiveTooSoon, ItemVersionRecord, ItemVersionState
from contracts.caller import Role
from contracts.refusals import IllegalMove
from contracts.values import PersonRef
from rules.competence import decide
from tests.catalog.builders import (
    AUTHOR,
    BOTH,
    CLERK,
    LIUYANG,
    REVIEWER,
    SEED,
    SOLE_TRADER,
    SOLE_TRADER_ITEM,
    TONGGU,
    Service,
    a_draft,
    officer,
)

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
ANA, BEN = PersonRef("idp|ana"), PersonRef("idp|ben")
DRAFT = next(one.draft for one in SEED.items if one.draft.content.item_code == SOLE_TRADER)

_numbers = itertools.count(1)


def a_version(*, published_from: datetime | None = None, state: ItemVersionState | None = None) -> ItemVersionRecord:
    record = ItemVersionRecord.draft(DRAFT, item_id=SOLE_TRADER_ITEM, number=next(_numbers), region=LIUYANG, by=ANA)  # type: ignore[arg-type]
    if published_from is not None:
        record.review(by=BEN)
        record.publish(at=published_from, effective_from=published_from, others=[], at_once=True)
    if state is not None:
        record.state = state
    return record


def changed(fees: str, **version: object) -> Any:
    draft = a_draft()
    draft["texts"]["fees"] = fees
    draft["version"] |= version
    return draft


# -- the verbs


@pytest.mark.parametrize("state", sorted(set(ItemVersionState) - {ItemVersionState.REVIEWED}))
def test_only_a_reviewed_version_can_be_published(state: ItemVersionState) -> None:
    with pytest.raises(IllegalMove):
        a_version(state=state).publish(at=NOON, effective_from=None, others=[])


def test_a_first_version_takes_nothing_from_the_organ_above_before_everybody_can_know() -> None:
    record = a_version(state=ItemVersionState.REVIEWED)

    with pytest.raises(EffectiveTooSoon):
        record.publish(at=NOON, effective_from=NOON + timedelta(seconds=4), others=[])
    record.publish(at=NOON, effective_from=None, others=[])

    assert record.effective_from == NOON + timedelta(seconds=5)


def test_a_first_version_begins_at_once_where_nobody_receives_anything_yet() -> None:
    record = a_version(state=ItemVersionState.REVIEWED)

    record.publish(at=NOON, effective_from=None, others=[], at_once=True)

    assert (record.effective_from, record.effective_to) == (NOON, None)
    assert record.holds_at(NOON)
    assert not record.holds_at(NOON - timedelta(microseconds=1))


def test_a_later_version_ends_the_former_at_its_own_instant() -> None:
    former = a_version(published_from=NOON)
    later = a_version(state=ItemVersionState.REVIEWED)

    ended = later.publish(at=NOON, effective_from=NOON + timedelta(hours=2), others=[former])

    assert ended == [former]
    assert former.state is ItemVersionState.SUPERSEDED
    assert former.effective_to == later.effective_from
    assert former.holds_at(NOON + timedelta(hours=1))
    assert not former.holds_at(NOON + timedelta(hours=2))


def test_a_version_between_two_takes_the_time_between() -> None:
    first = a_version(published_from=NOON)
    last = a_version(state=ItemVersionState.REVIEWED)
    last.publish(at=NOON, effective_from=NOON + timedelta(hours=8), others=[first])
    between = a_version(state=ItemVersionState.REVIEWED)

    between.publish(at=NOON, effective_from=NOON + timedelta(hours=4), others=[first, last])

    assert first.effective_to == between.effective_from
    assert between.effective_to == last.effective_from
    assert last.effective_to is None


def test_nothing_takes_the_place_of_another_before_everybody_can_know() -> None:
    former = a_version(published_from=NOON)

    with pytest.raises(EffectiveTooSoon) as refused:
        a_version(state=ItemVersionState.REVIEWED).publish(
            at=NOON, effective_from=NOON + timedelta(seconds=4), others=[former], at_once=True
        )

    assert refused.value.facts["earliest"] == (NOON + timedelta(seconds=5)).isoformat()


def test_nothing_takes_effect_in_the_past() -> None:
    with pytest.raises(EffectiveTooSoon):
        a_version(state=ItemVersionState.REVIEWED).publish(at=NOON, effective_from=NOON - timedelta(seconds=1), others=[])


def test_a_suspension_starts_five_seconds_after_it_is_told() -> None:
    record = a_version(published_from=NOON)

    record.suspend(at=NOON + timedelta(hours=1))

    assert record.effective_to == NOON + timedelta(hours=1, seconds=5)
    assert record.document().state == "suspended"


def test_every_state_but_the_last_has_a_way_out() -> None:
    assert [state for state, ways in MOVES.items() if not ways] == [ItemVersionState.WITHDRAWN]
    assert set(MOVES) == set(ItemVersionState)


# -- through the door


async def test_a_draft_becomes_published_by_two_officers(service: Service) -> None:
    drafted = await service.post("/service-items", changed("收费十元"), by=AUTHOR)
    version = drafted.json()["version_id"]
    assert (drafted.status_code, drafted.json()["state"], version) == (201, "draft", f"{SOLE_TRADER_ITEM}-v2")
    assert (await service.get(f"/service-items/versions/{version}")).json()["rule"] == "item.unknown"

    reviewed = await service.post(f"/service-items/versions/{version}/review", by=REVIEWER)
    published = await service.post(f"/service-items/versions/{version}/publication", {}, by=REVIEWER)

    assert [one.json()["state"] for one in (reviewed, published)] == ["reviewed", "published"]
    shown = (await service.get(f"/service-items/versions/{version}")).json()
    assert shown["texts"]["fees"] == "收费十元"
    assert shown["version"]["version"] == 2


async def test_parts_go_out_before_the_version_and_once(service: Service) -> None:
    await service.documents()

    await service.publish(changed("收费十元"))

    out = await service.documents()
    assert [topic for topic, _, _ in out] == ["catalog.parts.v1", "catalog.versions.v1", "catalog.versions.v1"]
    _, ended, begun = (data for _, _, data in out)
    assert ended is not None
    assert begun is not None
    assert (ended["version"], begun["version"]) == (1, 2)
    assert ended["effective_to"] == begun["effective_from"]


async def test_a_route_follows_the_version_in_force(service: Service) -> None:
    await service.publish(changed("收费十元"))
    await service.hear_all()

    def version_at(moment: datetime) -> str:
        return decide(
            service.context.catalogue,
            item_code=SOLE_TRADER,  # type: ignore[arg-type]
            receiving_region=TONGGU,
            handling_region=LIUYANG,
            mode=None,
            at=moment,
        ).version_id

    now = datetime.now(UTC)
    assert version_at(now).endswith("-v1")
    assert version_at(now + timedelta(seconds=6)).endswith("-v2")


async def test_several_versions_a_day_are_allowed(service: Service) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    await service.publish(changed("十元"), effective_from=start.isoformat())
    await service.publish(changed("二十元"), effective_from=(start + timedelta(minutes=1)).isoformat())

    first = (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v2")).json()
    current = (await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).json()

    assert first["version"]["effective_to"] == (start + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert current["version"]["version"] == 1


async def test_an_equal_draft_is_the_version_that_is_there(service: Service) -> None:
    answer = await service.post("/service-items", a_draft(), by=AUTHOR)

    assert (answer.status_code, answer.json()["version_id"]) == (200, f"{SOLE_TRADER_ITEM}-v1")


async def test_the_author_may_not_review_a_version(service: Service) -> None:
    version = (await service.post("/service-items", changed("十元"), by=BOTH)).json()["version_id"]
    await service.documents()

    answer = await service.post(f"/service-items/versions/{version}/review", by=BOTH)

    assert (answer.status_code, answer.json()["rule"]) == (403, "item.same-person")
    assert [topic for topic, _, _ in await service.documents()] == ["access.events.v1"]


@pytest.mark.parametrize("by", [CLERK, REVIEWER, officer(Role.CATALOGUE_AUTHOR, region=TONGGU)], ids=["clerk", "reviewer", "tonggu"])
async def test_only_an_author_of_the_organs_region_may_draft_a_version(seeded: Service, by: Any) -> None:
    assert (await seeded.post("/service-items", changed("十元"), by=by)).status_code == 403


async def test_a_version_that_nobody_reviewed_is_not_published(service: Service) -> None:
    version = (await service.post("/service-items", changed("十元"), by=AUTHOR)).json()["version_id"]

    answer = await service.post(f"/service-items/versions/{version}/publication", {}, by=REVIEWER)

    assert (answer.status_code, answer.json()["rule"]) == (409, "move.illegal")


async def test_a_publication_in_the_past_is_refused_with_the_earliest_instant(service: Service) -> None:
    version = (await service.post("/service-items", changed("十元"), by=AUTHOR)).json()["version_id"]
    await service.post(f"/service-items/versions/{version}/review", by=REVIEWER)

    answer = await service.post(f"/service-items/versions/{version}/publication", {"effective_from": "2026-01-01T00:00:00Z"}, by=REVIEWER)

    assert (answer.status_code, answer.json()["rule"]) == (409, "item.effective-too-soon")
    assert "earliest" in answer.json()["facts"]


@pytest.mark.parametrize(("act", "state"), [("suspension", "suspended"), ("withdrawal", "withdrawn")])
async def test_what_is_taken_out_of_force_is_told_and_stays_readable(service: Service, act: str, state: str) -> None:
    await service.documents()

    answer = await service.post(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1/{act}", by=REVIEWER)

    assert answer.json()["state"] == state
    [(topic, _, told)] = await service.documents()
    assert topic == "catalog.versions.v1"
    assert told is not None
    assert told["state"] == state
    assert (await service.get(f"/service-items/{SOLE_TRADER_ITEM}")).status_code == 404
    assert (await service.get(f"/service-items/versions/{SOLE_TRADER_ITEM}-v1")).status_code == 200


def a_deep_schema() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(40):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


HOSTILE: dict[str, tuple[Any, str]] = {
    "refers outside": ({"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}}, "form.reference"),
    "refers to itself": ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "form.reference"),
    "is too deep": (a_deep_schema(), "form.too-deep"),
    "has too many fields": ({"type": "object", "properties": {f"f{n}": {} for n in range(500)}}, "form.too-many-fields"),
    "is too large": ({"type": "object", "description": "长" * 40_000}, "part.too-large"),
    "is no object": ({"type": "array"}, "form.object"),
    "is no schema": ({"type": "object", "properties": {"a": {"type": "nonsense"}}}, "form.schema-malformed"),
    "has a broken pattern": ({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}, "form.schema-malformed"),
}


@pytest.mark.parametrize(("form", "rule"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_form_is_refused(seeded: Service, form: Any, rule: str) -> None:
    answer = await seeded.post("/service-items", a_draft() | {"form": form}, by=AUTHOR)

    assert answer.status_code == 422
    assert rule in [one["rule"] for one in answer.json()["errors"]]


def with_gap(draft: Any) -> None:
    del draft["situations"]["situations"][0]


def with_overlap(draft: Any) -> None:
    draft["situations"]["situations"][0]["when"] = {"always": True}


def with_unknown_fact(draft: Any) -> None:
    draft["checklist"]["materials"][0]["when"] = {"eq": ["form.nobody_asks", 1]}


def with_field_of_unknown_fact(draft: Any) -> None:
    draft["form"]["properties"]["phone"]["x-when"] = {"eq": ["nobody_asks", True]}


def with_field_asked_sometimes(draft: Any) -> None:
    draft["form"]["properties"]["phone"]["x-when"] = "sometimes"


def with_broken_condition(draft: Any) -> None:
    draft["checklist"]["rules"][0]["when"] = {"loop": []}


def with_repeated_material(draft: Any) -> None:
    draft["checklist"]["materials"].append(draft["checklist"]["materials"][0])


def with_other_name(draft: Any) -> None:
    draft["version"]["name"] = "个体户登记"


def with_long_promise(draft: Any) -> None:
    draft["version"]["promised_limit"]["amount"] = 30


def without_grounds(draft: Any) -> None:
    draft["texts"]["denial_grounds"] = []


def of_merged_item(draft: Any) -> None:
    draft["version"] |= {"item_code": "000131007000", "name": "个体工商户注销登记"}


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (with_gap, "table.gap"),
        (with_overlap, "table.overlap"),
        (with_unknown_fact, "checklist.fact-unknown"),
        (with_field_of_unknown_fact, "checklist.fact-unknown"),
        (with_field_asked_sometimes, "form.condition"),
        (with_broken_condition, "condition.malformed"),
        (with_repeated_material, "checklist.repeated"),
        (with_other_name, "item.name-locked"),
        (with_long_promise, "item.promise-too-long"),
        (without_grounds, "item.grounds-missing"),
        (of_merged_item, "item.part-of"),
    ],
)
async def test_an_unsound_version_is_refused_with_its_defects(seeded: Service, spoil: Any, rule: str) -> None:
    draft = a_draft()
    spoil(draft)

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert answer.status_code == 422
    assert rule in [one["rule"] for one in answer.json()["errors"]]


async def test_a_mode_that_the_base_item_locks_must_be_declared(seeded: Service) -> None:
    draft = a_draft("夫妻投靠户口迁移")
    draft["version"]["modes"] = ["collect_here"]

    answer = await seeded.post("/service-items", draft, by=AUTHOR)

    assert [one["rule"] for one in answer.json()["errors"]] == ["item.modes-locked"]


async def test_items_are_listed_by_region_organ_and_name(seeded: Service) -> None:
    here = (await seeded.get("/service-items", {"region": TONGGU})).json()["items"]
    named = (await seeded.get("/service-items", {"q": "公积金"})).json()["items"]

    assert len(here) >= 30
    assert {one["region"] for one in here} == {TONGGU}
    assert len(named) == 3
    assert (await seeded.get("/service-items", {"organ": named[0]["organ"]})).json()["items"] == named


async def test_the_current_version_is_not_sent_again(seeded: Service) -> None:
    first = await seeded.get(f"/service-items/{SOLE_TRADER_ITEM}")

    again = await seeded.get(f"/service-items/{SOLE_TRADER_ITEM}", known=first.headers["etag"])

    assert again.status_code == 304
