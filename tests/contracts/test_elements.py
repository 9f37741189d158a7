"""Elements of an item: what has no law behind it, asks twice, or takes longer than the law allows is told with its place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import ChecklistPart, FormPart, MaterialRule, ProjectType, SituationsPart, TextsPart
from contracts.elements import Fee, FourDo, Limit, Step, StepAct, StopGround, Unit
from contracts.values import Mode
from rules.elements import declaration_defects, element_defects, is_longer
from tests.contracts.builders import CHECKLIST, FORM, SITUATIONS, TEXTS, a_material

DEFERRED = Limit(amount=5, unit=Unit.WORKDAYS, basis="容缺受理办法")
TWENTY_DAYS = Limit(amount=20, unit=Unit.WORKDAYS, basis="行政许可法 §42")


def found(
    *,
    form: FormPart = FORM,
    situations: SituationsPart = SITUATIONS,
    checklist: ChecklistPart = CHECKLIST,
    texts: TextsPart = TEXTS,
    statutory: Limit = TWENTY_DAYS,
    certificates: Collection[str] = ("residence-proof",),
) -> list[tuple[str, str]]:
    defects = element_defects(
        form=form,
        situations=situations,
        checklist=checklist,
        texts=texts,
        statutory=statutory,
        certificates=certificates,
    )
    return [(one.rule_id, one.pointer) for one in defects]


def with_material(**said: Any) -> ChecklistPart:
    material: MaterialRule = replace(a_material(), **said)
    return ChecklistPart(materials=(material,), rules=())


def a_step(step_id: str, act: StepAct = StepAct.EXAMINE, **said: Any) -> Step:
    return Step(step_id=step_id, name="审核", name_en="Examination", act=act, organ_role="market_station", basis="示例条例 §3", **said)


SUBDISTRICT_CHAIN = (
    a_step("street", StepAct.RECEIVE, at_window=True, second_officer=True),
    a_step("station", limit=Limit(amount=2, unit=Unit.WORKDAYS)),
    a_step("window", StepAct.DECIDE, at_window=True),
    a_step("door", StepAct.DELIVER),
)


def test_sound_elements_have_no_defect() -> None:
    checklist = with_material(
        nature="certificate",
        certificate="residence-proof",
        deferral=Limit(amount=10, unit=Unit.WORKDAYS, basis="容缺受理办法"),
        valid_days=180,
        replaced_by=("residence_permit",),
        by_commitment=True,
        trust="B",
    )
    texts = replace(
        TEXTS,
        chain=SUBDISTRICT_CHAIN,
        stops=(StopGround(code="hearing", name="听证", name_en="Hearing", clocks=("decision",), basis="行政许可法 §45"),),
        fee_lines=(Fee(code="card", name="工本费", standard="每证 10 元", basis="发改价格〔2003〕2322号", amount_fen=1000),),
    )

    assert found(checklist=checklist, texts=texts) == []


@pytest.mark.parametrize(
    ("checklist", "defect"),
    [
        (with_material(basis=" "), ("material.basis-missing", "basis")),
        (with_material(nature="certificate"), ("material.certificate-unnamed", "certificate")),
        (with_material(certificate="residence-proof"), ("material.certificate-unnamed", "certificate")),
        (with_material(nature="certificate", certificate="odd-proof"), ("material.certificate-unlisted", "certificate")),
        (
            with_material(required=False, deferral=DEFERRED),
            ("material.deferral-optional", "deferral"),
        ),
        (with_material(intermediary="环境影响评价", valid_days=365), ("material.intermediary-source", "source")),
        (with_material(intermediary="环境影响评价", source="intermediary"), ("material.report-open-ended", "valid_days")),
        (with_material(intermediary=" ", source="intermediary", valid_days=365), ("material.report-unnamed", "intermediary")),
        (with_material(deferral=replace(DEFERRED, amount=0)), ("material.deferral-none", "deferral/amount")),
        (with_material(deferral=replace(DEFERRED, basis=" ")), ("material.deferral-basis", "deferral/basis")),
    ],
)
def test_a_material_that_may_not_be_asked_for_is_told(checklist: ChecklistPart, defect: tuple[str, str]) -> None:
    rule_id, field = defect

    assert found(checklist=checklist) == [(rule_id, f"/checklist/materials/0/{field}")]


@pytest.mark.parametrize(
    ("chain", "defect"),
    [
        ((replace(SUBDISTRICT_CHAIN[1], basis=""), *SUBDISTRICT_CHAIN[2:]), ("step.basis-missing", "/texts/chain/0/basis")),
        (
            (replace(SUBDISTRICT_CHAIN[1], second_officer=True), *SUBDISTRICT_CHAIN[2:]),
            ("step.second-officer", "/texts/chain/0/second_officer"),
        ),
        ((SUBDISTRICT_CHAIN[2], a_step("window")), ("step.repeated", "/texts/chain/1/step_id")),
        (SUBDISTRICT_CHAIN[:2], ("step.decision", "/texts/chain")),
        ((*SUBDISTRICT_CHAIN, a_step("again", StepAct.DECIDE)), ("step.decision", "/texts/chain")),
        (
            (replace(SUBDISTRICT_CHAIN[1], limit=Limit(amount=21, unit=Unit.WORKDAYS)), *SUBDISTRICT_CHAIN[2:]),
            ("step.limits-too-long", "/texts/chain"),
        ),
    ],
)
def test_a_chain_that_the_law_does_not_know_is_told(chain: tuple[Step, ...], defect: tuple[str, str]) -> None:
    assert found(texts=replace(TEXTS, chain=chain)) == [defect]


def test_what_comes_from_an_intermediary_has_a_name_and_an_end() -> None:
    assert found(checklist=with_material(source="intermediary")) == [
        ("material.report-unnamed", "/checklist/materials/0/intermediary"),
        ("material.report-open-ended", "/checklist/materials/0/valid_days"),
    ]


@pytest.mark.parametrize(
    ("legal_basis", "places"),
    [((), [""]), ((" ",), ["/0"]), (("个体工商户条例", "\u3000"), ["/1"])],
)
def test_an_item_and_its_steps_rest_on_a_law(legal_basis: tuple[str, ...], places: list[str]) -> None:
    assert found(texts=replace(TEXTS, legal_basis=legal_basis)) == [
        ("item.basis-missing", f"/texts/legal_basis{place}") for place in places
    ]


def test_nothing_is_denied_without_a_law() -> None:
    grounds = (*TEXTS.denial_grounds, ("odd", "不符合条件", " "))

    assert found(texts=replace(TEXTS, denial_grounds=grounds)) == [("ground.basis-missing", "/texts/denial_grounds/1/2")]


def test_a_clock_stops_and_a_fee_is_charged_by_law_only() -> None:
    stop = StopGround(code="hearing", name="听证", name_en="Hearing", clocks=("decision",), basis="")
    fee = Fee(code="card", name="工本费", standard="每证 10 元", basis="")

    assert found(texts=replace(TEXTS, stops=(stop, replace(stop, basis="行政许可法 §45")), fee_lines=(fee,))) == [
        ("stop.repeated", "/texts/stops/1/code"),
        ("stop.basis-missing", "/texts/stops/0/basis"),
        ("fee.basis-missing", "/texts/fee_lines/0/basis"),
    ]


def test_a_situation_is_promised_nothing_longer_than_the_law_allows() -> None:
    first, *others = SITUATIONS.situations
    slow = replace(first, promised_limit=Limit(amount=21, unit=Unit.WORKDAYS))

    assert found(situations=replace(SITUATIONS, situations=(slow, *others))) == [
        ("situation.limit-too-long", "/situations/situations/0/promised_limit")
    ]


def test_the_same_fact_is_asked_for_once_at_whatever_depth() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "shop": {"type": "string", "x-fact": "premises.address"},
            "place": {"type": "object", "properties": {"street": {"type": "string", "x-fact": "premises.address"}}},
            "phone": {"type": "string", "x-fact": "applicant.phone"},
        },
    }

    assert found(form=FormPart(schema=schema)) == [
        ("form.fact-twice", "/form/properties/place/properties/street"),
        ("form.fact-known", "/form/properties/phone"),
    ]


@pytest.mark.parametrize(
    ("limit", "than", "longer"),
    [
        ((8, Unit.HOURS), (1, Unit.WORKDAYS), True),
        ((7, Unit.HOURS), (1, Unit.WORKDAYS), False),
        ((1, Unit.WORKDAYS), (2, Unit.HOURS), True),
        ((2, Unit.HOURS), (2, Unit.HOURS), False),
        ((20, Unit.WORKDAYS), (20, Unit.WORKDAYS), False),
    ],
)
def test_days_and_hours_are_compared_by_the_window_day(limit: tuple[int, Unit], than: tuple[int, Unit], longer: object) -> None:
    first, second = (Limit(amount=amount, unit=unit) for amount, unit in (limit, than))

    assert is_longer(first, than=second) is longer


LIMITS = st.builds(Limit, amount=st.integers(0, 200), unit=st.sampled_from(Unit))


@given(one=LIMITS, other=LIMITS)
def test_of_two_limits_at_most_one_is_longer(one: Limit, other: Limit) -> None:
    assert not (is_longer(one, than=other) and is_longer(other, than=one))


def declared(
    *four_do: FourDo,
    modes: Collection[Mode] = (Mode.LOCAL, Mode.FULLY_ONLINE),
    project_type: ProjectType = ProjectType.PROMISED,
    days: int = 3,
    unit: Unit = Unit.WORKDAYS,
    visits: int | None = None,
) -> list[str]:
    promised = Limit(amount=days, unit=unit)
    defects = declaration_defects(
        four_do=four_do, modes=modes, project_type=project_type, promised=promised, statutory=TWENTY_DAYS, visits=visits
    )
    return [one.rule_id for one in defects]


def test_what_an_item_declares_of_itself_can_be_true() -> None:
    assert declared(*FourDo, project_type=ProjectType.INSTANT, days=0, visits=1) == []
    assert declared(FourDo.ONE_VISIT, visits=0) == []
    assert declared(FourDo.ONE_VISIT, visits=1) == []
    assert declared(FourDo.ONLINE, visits=2) == []
    assert declared(FourDo.ONLINE, modes=[Mode.FULLY_ONLINE], visits=0) == []
    assert declared(project_type=ProjectType.INSTANT, days=2, unit=Unit.HOURS) == []


def test_what_cannot_be_true_at_once_is_told() -> None:
    assert declared(FourDo.AT_ONCE) == ["item.at-once"]
    assert declared(FourDo.ONE_VISIT, visits=2) == ["item.one-visit"]
    assert declared(modes=[Mode.FULLY_ONLINE], visits=1) == ["item.online-visits"]
    assert declared(project_type=ProjectType.INSTANT, days=1) == ["item.instant-late"]
    assert declared(days=21) == ["item.promise-too-long"]
    assert declared(days=141, unit=Unit.HOURS) == ["item.promise-too-long"]
