"""A certificate that is cancelled leaves every checklist at once, for versions published long before and for cases already open."""

from __future__ import annotations

from dataclasses import replace

from contracts.catalogue import ChecklistPart, CheckRule
from contracts.certificates import Certificate, CertificateState
from contracts.codec import encode_object
from contracts.documents import PARTS as PARTS_TOPIC
from contracts.documents import RULES, VERSIONS, address
from contracts.values import ItemVersionId
from rules.catalogue import Catalogue
from rules.check import check, materials_needed, verdict_digest
from rules.parts import Parts
from tests.contracts.builders import FORM, HUNAN, NOON, SITUATIONS, TEXTS, TODAY, a_file, a_material, a_version, an_application

RESIDENCE = Certificate(
    certificate_id="residence-proof",
    name="居住证明",
    name_en="Proof of residence",
    region=HUNAN,
    basis="居住证暂行条例 §9",
    asked_by="公安机关",
    issued_by="村(居)民委员会",
    guide="到居住地村(居)民委员会办理",
)
CANCELLED = replace(RESIDENCE, state=CertificateState.CANCELLED, cancelled_by="国发〔2018〕28号")
PROOF = replace(a_material(code="residence"), nature="certificate", certificate="residence-proof")
CHECKLIST = ChecklistPart(
    materials=(a_material(), PROOF),
    rules=(
        CheckRule(
            rule_id="trader.residence",
            when={"missing": "materials.residence"},
            pointer="/materials/residence",
            message="缺少居住证明",
            message_en="The proof of residence is missing",
            basis="示例",
        ),
    ),
)


def following(*rows: Certificate) -> Catalogue:
    catalogue = Catalogue()
    version = a_version(checklist=CHECKLIST)
    for part in (FORM, SITUATIONS, CHECKLIST, TEXTS):
        topic, key, _ = address(part)
        assert topic == PARTS_TOPIC
        catalogue.apply(topic, key, encode_object(part))
    catalogue.apply(VERSIONS, version.version_id, encode_object(version))
    for row in rows:
        catalogue.apply(RULES, f"certificate/{row.certificate_id}", encode_object(row))
    return catalogue


def parts_of(catalogue: Catalogue) -> Parts:
    parts = catalogue.parts(ItemVersionId("v1"))
    assert parts is not None
    return parts


def rules_broken(parts: Parts, *codes: str) -> list[tuple[str, str]]:
    application = an_application(materials=tuple(a_file(code=code) for code in codes))
    return [(one.rule_id, one.pointer) for one in check(parts, application=application, at=NOON)]


def test_a_listed_certificate_is_asked_for() -> None:
    assert rules_broken(parts_of(following(RESIDENCE)), "premises") == [
        ("material.missing", "/materials/residence"),
        ("trader.residence", "/materials/residence"),
    ]


def test_a_cancelled_one_is_asked_for_neither_as_a_material_nor_by_a_rule() -> None:
    parts = parts_of(following(RESIDENCE, CANCELLED))

    assert rules_broken(parts, "premises") == []
    assert [rule.code for rule, _ in materials_needed(parts, facts={}, on=TODAY)] == ["premises"]


def test_handed_in_all_the_same_it_is_no_defect() -> None:
    assert rules_broken(parts_of(following(CANCELLED)), "premises", "residence") == []


def test_the_cancellation_may_be_heard_before_the_version_that_it_is_about() -> None:
    catalogue = Catalogue()
    catalogue.apply(RULES, "certificate/residence-proof", encode_object(CANCELLED))
    version = a_version(checklist=CHECKLIST)
    catalogue.apply(VERSIONS, version.version_id, encode_object(version))
    for part in (FORM, SITUATIONS, CHECKLIST, TEXTS):
        topic, key, _ = address(part)
        catalogue.apply(topic, key, encode_object(part))

    assert parts_of(catalogue).dropped == {"residence"}


def test_two_sides_of_which_one_has_not_heard_yet_do_not_disagree() -> None:
    before, after = parts_of(following(RESIDENCE)), parts_of(following(CANCELLED))

    assert verdict_digest(before, defects=()) == verdict_digest(after, defects=())


def test_a_tombstone_forgets_the_cancellation() -> None:
    catalogue = following(CANCELLED)
    catalogue.apply(RULES, "certificate/residence-proof", None)

    assert parts_of(catalogue).dropped == frozenset()
