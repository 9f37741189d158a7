"""The check: one defect per fault, all at once, never a value, the same on both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import ChecklistPart, FormPart
from contracts.values import Digest, ItemVersionId
from rules.check import Agent, Application, check, materials_needed, verdict_digest
from rules.conditions import Truth
from rules.forms import MAX_DEFECTS, FormMalformed, check_schema, form_defects
from rules.parts import Parts
from tests.contracts.builders import (
    CHECKLIST,
    FORM,
    NOON,
    RESIDENT,
    TODAY,
    a_catalogue,
    a_file,
    a_material,
    a_version,
    an_applicant,
    an_application,
)

if TYPE_CHECKING:
    from contracts.values import JsonObject


def the_parts(*, checklist: ChecklistPart = CHECKLIST) -> Parts:
    version = a_version(checklist=checklist)
    parts = a_catalogue(version, checklist).parts(ItemVersionId("v1"))
    assert parts is not None
    return parts


PARTS = the_parts()
GOOD_FORM: JsonObject = {"trade_name": "浏阳河小吃店", "capital": 50_000, "rented": False}


def found(application: Application, *, parts: Parts = PARTS) -> list[tuple[str, str]]:
    return [(one.rule_id, one.pointer) for one in check(parts, application=application, at=NOON)]


def test_a_good_application_has_no_defect() -> None:
    assert found(an_application()) == []


@pytest.mark.parametrize(
    ("application", "defect"),
    [
        (an_application(applicant=an_applicant(id_number="110105194912310021")), ("identity.check-digit", "/applicant/id_number")),
        (an_application(applicant=an_applicant(id_type="card")), ("identity.type-unknown", "/applicant/id_type")),
        (an_application(applicant=an_applicant(phone="1")), ("person.phone", "/applicant/phone")),
        (an_application(applicant=replace(an_applicant(), name=" ")), ("person.name", "/applicant/name")),
        (an_application(applicant=replace(an_applicant(), name="陈\x00")), ("person.name", "/applicant/name")),
        (
            an_application(agent=Agent(name="李某", id_type="resident_id", id_number="1", phone="13800138000")),
            ("identity.malformed", "/agent/id_number"),
        ),
        (an_application(situation="move"), ("situation.unknown", "/situation")),
        (an_application(situation="change"), ("situation.wrong", "/situation")),
        (an_application(facts={}), ("situation.answer-missing", "/facts/registered")),
        (an_application(facts={"registered": "no"}), ("situation.answer-invalid", "/facts/registered")),
        (an_application(form=GOOD_FORM | {"trade_name": "店"}), ("form.minLength", "/form/trade_name")),
        (an_application(form=GOOD_FORM | {"opened_on": "2026-02-30"}), ("form.format", "/form/opened_on")),
        (an_application(form=GOOD_FORM | {"capital": 2_000_000}), ("trader.capital", "/form/capital")),
        (an_application(materials=()), ("material.missing", "/materials/premises")),
        (an_application(form=GOOD_FORM | {"rented": True}), ("material.missing", "/materials/lease")),
        (an_application(form={"trade_name": "小吃店", "capital": 1}), ("material.undecided", "/form/rented")),
        (an_application(materials=(a_file(), a_file(code="selfie"))), ("material.unknown", "/materials/1/code")),
        (an_application(materials=(a_file(), a_file())), ("material.twice", "/materials/1/code")),
        (an_application(materials=(a_file(media_type="text/html"),)), ("material.media-type", "/materials/0/media_type")),
        (an_application(materials=(a_file(size=1001),)), ("material.size", "/materials/0/size")),
        (an_application(materials=(a_file(size=0),)), ("material.size", "/materials/0/size")),
        (
            an_application(materials=(replace(a_file(), digest=Digest("md5:1")),)),
            ("material.digest", "/materials/0/digest"),
        ),
    ],
)
def test_one_fault_is_one_defect(application: Application, defect: tuple[str, str]) -> None:
    assert found(application) == [defect]


def test_a_firm_is_not_served_and_its_number_must_be_a_firms() -> None:
    firm = replace(an_applicant(), type="legal")

    assert found(an_application(applicant=firm)) == [
        ("applicant.type-not-served", "/applicant/type"),
        ("identity.type-mismatch", "/applicant/id_type"),
    ]


def test_all_defects_are_told_at_once_in_a_fixed_order() -> None:
    bad = an_application(
        applicant=an_applicant(id_number="1", phone="1"),
        situation="change",
        form={"capital": -1, "rented": True},
        materials=(a_file(code="lease", size=5000),),
    )

    assert found(bad) == [
        ("identity.malformed", "/applicant/id_number"),
        ("person.phone", "/applicant/phone"),
        ("situation.wrong", "/situation"),
        ("form.minimum", "/form/capital"),
        ("form.required", "/form/trade_name"),
        ("material.size", "/materials/0/size"),
        ("material.missing", "/materials/premises"),
    ]


def test_one_line_takes_several_files_and_one_file_serves_several_lines() -> None:
    back = replace(a_file(), digest=Digest("sha256:" + "1" * 64))

    assert found(an_application(materials=(a_file(), back, a_file(code="lease")))) == []


def test_a_media_type_may_carry_parameters() -> None:
    assert found(an_application(materials=(a_file(media_type="Application/PDF; version=2"),))) == []


def test_an_optional_material_is_never_missing() -> None:
    parts = the_parts(checklist=ChecklistPart(materials=(a_material(required=False),), rules=()))

    assert found(an_application(materials=()), parts=parts) == []


def test_a_fact_that_is_a_defect_itself_is_not_asked_for_again() -> None:
    assert ("material.undecided", "/form/rented") not in found(an_application(form=GOOD_FORM | {"rented": None}))


FIELDS = st.sampled_from(["trade_name", "capital", "rented", "opened_on", "谭某某的秘密"])
VALUES = st.sampled_from(["秘密的值", -7_654_321, True, None, ["秘密的值"], {"秘密的值": 1}])


@given(form=st.dictionaries(FIELDS, VALUES), number=st.text(min_size=8, max_size=18))
def test_no_defect_repeats_what_was_sent(form: JsonObject, number: str) -> None:
    told = repr(check(PARTS, application=an_application(form=form, applicant=an_applicant(id_number=number)), at=NOON))

    assert "秘密" not in told
    assert "7654321" not in told
    assert RESIDENT not in told


@given(form=st.dictionaries(FIELDS, VALUES))
def test_both_sides_come_to_the_same_verdict(form: JsonObject) -> None:
    application = an_application(form=form)
    elsewhere = the_parts()

    here = verdict_digest(PARTS, defects=check(PARTS, application=application, at=NOON))

    assert here == verdict_digest(elsewhere, defects=check(elsewhere, application=application, at=NOON))


def test_a_verdict_names_version_and_defects() -> None:
    other = replace(PARTS, version=replace(PARTS.version, version_id=ItemVersionId("v2")))
    defects = check(PARTS, application=an_application(materials=()), at=NOON)

    digests = {verdict_digest(PARTS, defects=()), verdict_digest(other, defects=()), verdict_digest(PARTS, defects=defects)}

    assert len(digests) == 3


def test_the_checklist_shows_what_is_certain_and_what_may_come() -> None:
    shown = materials_needed(PARTS, facts={}, on=TODAY)

    assert [(rule.code, truth) for rule, truth in shown] == [("premises", Truth.TRUE), ("lease", Truth.UNKNOWN)]
    assert len(materials_needed(PARTS, facts={"form": {"rented": False}}, on=TODAY)) == 1


def test_labels_of_nested_fields_are_found() -> None:
    part = FormPart(
        schema={
            "properties": {
                "partners": {
                    "x-label": "合伙人",
                    "x-label-en": "Partners",
                    "items": {"required": ["share"], "properties": {"share": {"x-label": "份额", "x-label-en": "Share"}}},
                }
            }
        }
    )

    (defect,) = form_defects(part, {"partners": [{"share": 1}, {}]})

    assert (defect.pointer, defect.message, defect.message_en) == ("/form/partners/1/share", "“份额”未填写", "“Share” is missing")


def test_a_name_that_only_the_input_has_is_not_repeated() -> None:
    part = FormPart(schema={"patternProperties": {"^k": {"type": "integer"}}})

    assert [one.pointer for one in form_defects(part, {"k-secret": "x"})] == ["/form"]


def test_a_hostile_form_gets_a_bounded_answer() -> None:
    part = FormPart(schema={"properties": {"rows": {"items": {"type": "string"}}}})

    assert len(form_defects(part, {"rows": [1] * 5000})) == MAX_DEFECTS


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no such type"},
        {"$ref": "https://example.org/other.json"},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "(?<=a)b"}}},
    ],
)
def test_a_schema_that_cannot_be_used_offline_and_in_linear_time_is_refused(schema: JsonObject) -> None:
    with pytest.raises(FormMalformed):
        check_schema(schema)


def test_the_form_of_the_trader_may_be_published() -> None:
    check_schema(FORM.schema)


@pytest.mark.parametrize("name", ["䶮㑇", "𠮷田", "阿卜杜拉·艾力", "\U00031350某", "\ue0a1某"])
def test_rare_characters_are_names(name: str) -> None:
    found = check(PARTS, application=an_application(applicant=replace(an_applicant(), name=name)), at=NOON)

    assert not [defect for defect in found if defect.pointer == "/applicant/name"]
