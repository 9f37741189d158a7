"""Base forms: written once, merged into the items that name them, and nothing of them is asked for twice."""

from typing import Any

import pytest

from contracts.caller import Role
from contracts.catalogue import FormPart
from rules.forms import own_schema, with_base
from tests.catalog.builders import AUTHOR, LIUYANG, REVIEWER, TONGGU, Service, a_draft, officer

ADDRESS = {"type": "string", "maxLength": 100, "x-label": "通讯地址", "x-label-en": "Address", "x-fact": "applicant-address"}
FORM: dict[str, Any] = {
    "code": "natural-person",
    "name": "自然人基础表单",
    "name_en": "Natural person",
    "region": LIUYANG,
    "form": {"type": "object", "required": ["address"], "properties": {"address": ADDRESS}},
}


async def publish(service: Service, **said: Any) -> None:
    form = FORM | said
    assert (await service.post("/base-forms", form, by=AUTHOR)).status_code == 201
    assert (await service.post(f"/base-forms/{form['code']}/review", by=REVIEWER)).status_code == 200


async def test_an_item_that_names_a_base_form_has_its_fields_beside_its_own(service: Service) -> None:
    await publish(service)
    draft = {**a_draft(), "base_form": "natural-person"}

    published = await service.publish(draft)

    shown = (await service.get(f"/service-items/versions/{published['version_id']}")).json()["form"]
    assert set(shown["schema"]["properties"]) == {"address", *draft["form"]["properties"]}
    assert shown["schema"]["required"] == ["address", *draft["form"]["required"]]
    assert shown["base_form"] == "natural-person"
    again = await service.post("/service-items", draft | {"form": shown["schema"]}, by=AUTHOR)
    assert (again.status_code, again.json()["version_id"]) == (200, published["version_id"])


async def test_an_item_sent_back_as_it_was_read_has_the_fields_that_its_base_form_has_by_then(service: Service) -> None:
    await publish(service)
    draft = {**a_draft(), "base_form": "natural-person"}
    published = await service.publish(draft)
    shown = (await service.get(f"/service-items/versions/{published['version_id']}")).json()["form"]
    await publish(service, form={"type": "object", "required": ["post"], "properties": {"post": {"type": "string", "maxLength": 6}}})

    again = await service.post("/service-items", draft | {"form": shown["schema"]}, by=AUTHOR)

    assert again.status_code == 201
    version = again.json()["version_id"]
    read = (await service.post(f"/service-items/versions/{version}/review", by=REVIEWER)).status_code
    later = (await service.post(f"/service-items/versions/{version}/publication", {}, by=REVIEWER)).status_code
    form = (await service.get(f"/service-items/versions/{version}")).json()["form"]["schema"]
    assert (read, later) == (200, 200)
    assert set(form["properties"]) == {"post", *draft["form"]["properties"]}
    assert form["required"] == ["post", *draft["form"]["required"]]


async def test_what_nobody_reviewed_is_not_published_when_the_base_form_changed_since(service: Service) -> None:
    await publish(service)
    drafted = (await service.post("/service-items", {**a_draft(), "base_form": "natural-person"}, by=AUTHOR)).json()["version_id"]
    await service.post(f"/service-items/versions/{drafted}/review", by=REVIEWER)
    await publish(service, form={"type": "object", "required": ["post"], "properties": {"post": {"type": "string", "maxLength": 6}}})

    answer = await service.post(f"/service-items/versions/{drafted}/publication", {}, by=REVIEWER)

    assert (answer.status_code, [one["rule"] for one in answer.json()["errors"]]) == (422, ["item.source-changed"])


@pytest.mark.parametrize(
    ("field", "said", "rule"),
    [("address", {"type": "string", "maxLength": 9}, "form.field-twice"), ("where", ADDRESS, "form.fact-twice")],
    ids=["the same field", "the same fact"],
)
async def test_an_item_does_not_ask_for_what_its_base_form_asks_for(service: Service, field: str, said: Any, rule: str) -> None:
    await publish(service)
    draft = {**a_draft(), "base_form": "natural-person"}
    draft["form"]["properties"][field] = said

    answer = await service.post("/service-items", draft, by=AUTHOR)

    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [(rule, f"/form/properties/{field}")]


@pytest.mark.parametrize("required", [5, [["address"]], [1], {"address": True}, "address"])
async def test_a_form_that_is_wrong_by_itself_is_refused_before_its_base_form_is_added(service: Service, required: Any) -> None:
    await publish(service)
    draft = {**a_draft(), "base_form": "natural-person"}
    draft["form"]["required"] = required

    answer = await service.post("/service-items", draft, by=AUTHOR)

    assert (answer.status_code, [(one["rule"], one["pointer"]) for one in answer.json()["errors"]]) == (
        422,
        [("form.schema-malformed", "/form")],
    )


async def test_only_a_base_form_of_ones_own_region_or_above_is_used(service: Service) -> None:
    author, reviewer = officer(Role.CATALOGUE_AUTHOR, region=TONGGU), officer(Role.CATALOGUE_REVIEWER, region=TONGGU)
    await service.post("/base-forms", FORM | {"region": TONGGU}, by=author)
    await service.post("/base-forms/natural-person/review", by=reviewer)

    answer = await service.post("/service-items", {**a_draft(), "base_form": "natural-person"}, by=AUTHOR)

    assert [(one["rule"], one["pointer"]) for one in answer.json()["errors"]] == [("form.base-unknown", "/base_form")]


@pytest.mark.parametrize(
    ("form", "rule"),
    [
        ({"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}}, "form.reference"),
        ({"type": "array"}, "form.object"),
        ({"type": "object", "dependentRequired": {"a": ["b"]}}, "form.root-rules"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}, "form.schema-malformed"),
    ],
)
async def test_a_wrong_or_hostile_base_form_is_refused(seeded: Service, form: Any, rule: str) -> None:
    answer = await seeded.post("/base-forms", FORM | {"form": form}, by=AUTHOR)

    assert (answer.status_code, [one["rule"] for one in answer.json()["errors"]]) == (422, [rule])


async def test_a_county_does_not_take_over_another_countys_base_form(service: Service) -> None:
    await publish(service)

    answer = await service.post("/base-forms", FORM | {"region": TONGGU}, by=officer(Role.CATALOGUE_AUTHOR, region=TONGGU))

    assert answer.status_code == 403


async def test_base_forms_are_listed_and_read_by_code(service: Service) -> None:
    await publish(service)

    listed = (await service.get("/base-forms")).json()["items"]
    assert FORM in listed
    assert [one["code"] for one in listed] == sorted(one["code"] for one in listed)
    assert (await service.get("/base-forms/natural-person")).json() == FORM
    assert (await service.get("/base-forms/nobodys-form")).json()["rule"] == "base-form.unknown"


def test_a_form_without_fields_takes_those_of_its_base_form() -> None:
    form, defects = with_base(FormPart(schema={"type": "object"}), base=FORM["form"])

    schema: dict[str, Any] = form.schema
    assert (list(schema["properties"]), defects) == (list(FORM["form"]["properties"]), ())
    assert own_schema(schema) == {"type": "object", "properties": {}, "required": []}


def test_what_an_item_asks_for_itself_is_found_again_beside_its_base_form() -> None:
    own: dict[str, Any] = {"type": "object", "properties": {"shop": {"type": "string"}}, "required": ["shop", "address"]}

    form, _ = with_base(FormPart(schema=own), base=FORM["form"])

    found: dict[str, Any] = own_schema(form.schema)
    assert {**found, "required": sorted(found["required"])} == {**own, "required": ["address", "shop"]}
