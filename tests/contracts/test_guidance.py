"""The guide over tables that nobody wrote: every answer counts, none is asked for in vain; and its reasons in words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import ApprovalType, ChecklistPart, Fact, FormPart, Situation, SituationsPart
from rules.conditions import OPEN, Truth, evaluate, parse
from rules.guidance import MOST_TRIED, advise, prefilled, told_of
from rules.parts import Parts
from rules.reasons import Labels, Words, in_words, left_open
from rules.situations import check_table
from rules.tables import Table, tabulated, values_of
from tests.contracts.builders import ALWAYS, CHECKLIST, FORM, SITUATIONS, TEXTS, TODAY, a_material, a_version

if TYPE_CHECKING:
    from contracts.values import JsonObject

PARTS = Parts(version=a_version(), form=FORM, situations=SITUATIONS, checklist=CHECKLIST, texts=TEXTS)


@st.composite
def tables(draw: st.DrawFn) -> SituationsPart:
    """Up to four questions and five situations, each combination of answers given to one of them by chance."""
    facts = tuple(
        Fact(
            name=f"q{number}",
            question=f"问题{number}？",
            question_en=f"Question {number}?",
            kind="choice" if choices else "boolean",
            choices=tuple((f"c{value}", f"选项{value}", f"Choice {value}") for value in range(choices)),
        )
        for number, choices in enumerate(draw(st.lists(st.sampled_from((0, 0, 1, 2, 3)), min_size=1, max_size=4)))
    )
    ways: dict[int, list[Any]] = {}
    for answers in product(*(values_of(fact) for fact in facts)):
        way = {"all": [{"eq": [fact.name, value]} for fact, value in zip(facts, answers, strict=True)]}
        ways.setdefault(draw(st.integers(0, 4)), []).append(way)
    situations = tuple(
        Situation(situation_id=f"s{number}", name=f"情形{number}", name_en=f"Situation {number}", when={"any": ways[number]})
        for number in sorted(ways)
    )
    return SituationsPart(facts=facts, situations=situations)


def fits(part: SituationsPart) -> bool:
    return all(len(one.when["any"]) * 5 < 200 for one in part.situations)  # type: ignore[arg-type]


@given(part=tables().filter(fits), data=st.data())
def test_asking_ends_where_the_table_says_and_asks_for_nothing_in_vain(part: SituationsPart, data: st.DataObject) -> None:
    assert check_table(part) == ()
    table = tabulated(part)
    assert table is not None
    parts = replace(PARTS, situations=part, checklist=ChecklistPart(materials=(), rules=()))
    truth = {fact.name: data.draw(st.sampled_from(values_of(fact))) for fact in part.facts}
    known: JsonObject = {}
    while (question := (advice := advise(parts, known, on=TODAY)).question) is not None:
        assert question.name not in known
        left = table.left(known)
        assert left is not None
        place = table.names.index(question.name)
        ends: dict[tuple[object, ...], set[int]] = {}
        for answers, situation in left.rows:
            ends.setdefault((*answers[:place], *answers[place + 1 :]), set()).add(situation)
        assert any(len(reached) > 1 for reached in ends.values())
        known[question.name] = truth[question.name]

    [(_, place)] = [row for row in table.rows if row[0] == tuple(truth[name] for name in table.names)]
    assert advice.situation == part.situations[place]
    ended = table.left(known)
    assert ended is not None
    assert set(ended.made) == {place}


@given(part=tables().filter(fits), data=st.data())
def test_what_is_left_of_a_table_is_what_fits_the_answers(part: SituationsPart, data: st.DataObject) -> None:
    table = tabulated(part)
    assert table is not None
    known = {fact.name: data.draw(st.sampled_from(values_of(fact))) for fact in part.facts if data.draw(st.booleans())}

    fitting = [
        row for row in table.rows if all(known.get(name, answer) == answer for name, answer in zip(table.names, row[0], strict=True))
    ]

    left = table.left(known)
    assert left is not None
    assert left.rows == fitting
    assert table.left(dict.fromkeys(table.names[:1], "none of those offered")) == (None if table.names else table)


def asked_for_plainly(table: Table) -> str | None:
    """Each fact tried row by row: what its answers leave on average, if it can change anything at all."""
    scores: list[tuple[Fraction, int]] = []
    for place in range(len(table.names)):
        by_value: dict[object, set[int]] = {}
        by_others: dict[tuple[object, ...], set[int]] = {}
        for answers, situation in table.rows:
            by_value.setdefault(answers[place], set()).add(situation)
            by_others.setdefault((*answers[:place], *answers[place + 1 :]), set()).add(situation)
        if any(len(reached) > 1 for reached in by_others.values()):
            scores.append((Fraction(sum(len(reached) for reached in by_value.values()), len(by_value)), place))
    return table.names[min(scores)[1]] if scores else None


@given(part=tables().filter(fits), data=st.data())
def test_what_is_asked_for_is_what_trying_row_by_row_finds(part: SituationsPart, data: st.DataObject) -> None:
    table = tabulated(part)
    assert table is not None
    known = {fact.name: data.draw(st.sampled_from(values_of(fact))) for fact in part.facts if data.draw(st.booleans())}

    left = table.left(known)

    assert left is not None
    assert left.next_name() == asked_for_plainly(left)


@given(part=tables().filter(fits), data=st.data())
def test_answers_given_beforehand_are_not_asked_for_and_their_order_means_nothing(part: SituationsPart, data: st.DataObject) -> None:
    parts = replace(PARTS, situations=part, checklist=ChecklistPart(materials=(), rules=()))
    given_ = [(fact.name, data.draw(st.sampled_from(values_of(fact)))) for fact in part.facts if data.draw(st.booleans())]

    first = advise(parts, dict(given_), on=TODAY)
    second = advise(parts, dict(data.draw(st.permutations(given_))), on=TODAY)

    assert first == second
    assert list(first.facts) == list(second.facts)
    assert first.question is None or first.question.name not in dict(given_)


def test_what_makes_another_question_needless_is_asked_first() -> None:
    late = Fact(name="late", question="逾期？", question_en="Late?", kind="boolean")
    owner = Fact(name="owner", question="本人？", question_en="Owner?", kind="boolean")
    part = SituationsPart(
        facts=(late, owner),
        situations=(
            Situation(situation_id="other", name="代办", name_en="Other", when={"eq": ["owner", False]}),
            Situation(situation_id="late", name="逾期", name_en="Late", when={"all": [{"eq": ["owner", True]}, {"eq": ["late", True]}]}),
            Situation(situation_id="due", name="到期", name_en="Due", when={"all": [{"eq": ["owner", True]}, {"eq": ["late", False]}]}),
        ),
    )

    question = advise(replace(PARTS, situations=part), {}, on=TODAY).question

    assert question is not None
    assert question.name == "owner"


def with_materials(*whens: JsonObject, facts: tuple[Fact, ...] = (), approval: ApprovalType = ApprovalType.NORMAL) -> Parts:
    only = Situation(situation_id="only", name="一般", name_en="Only", when=ALWAYS)
    materials = tuple(a_material(code=f"m{number}", when=when) for number, when in enumerate(whens))
    return replace(
        PARTS,
        version=replace(a_version(), approval_type=approval, service_objects=("natural",)),
        situations=SituationsPart(facts=facts, situations=(only,)),
        checklist=ChecklistPart(materials=materials, rules=()),
    )


BY_AGENT = Fact(name="by_agent", question="由他人代办？", question_en="By an agent?", kind="boolean")
BORN = Fact(name="born", question="出生日期？", question_en="Born?", kind="date")


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ({"eq": ["by_agent", True]}, "by_agent"),
        ({"any": [{"eq": ["by_agent", True]}, {"eq": ["by_agent", False]}]}, None),
        ({"all": [{"eq": ["by_agent", True]}, {"eq": ["situation", "other"]}]}, None),
        ({"any": [{"eq": ["by_agent", True]}, {"eq": ["applicant.type", "natural"]}]}, None),
        ({"all": [{"eq": ["by_agent", True]}, {"age_at_least": ["born", 60]}]}, "by_agent"),
        ({"age_at_least": ["born", 60]}, "born"),
        ({"all": [{"eq": ["by_agent", True]}, {"missing": "form.capital"}]}, "by_agent"),
    ],
)
def test_a_question_is_asked_only_where_some_answer_changes_a_line(when: JsonObject, asked: str | None) -> None:
    question = advise(with_materials(when, facts=(BY_AGENT, BORN)), {}, on=TODAY).question

    assert (question and question.name) == asked


def test_a_step_tries_out_no_more_than_its_bound_and_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tuple(Fact(name=f"f{number}", question="？", question_en="?", kind="boolean") for number in range(12))
    every: JsonObject = {"all": [{"eq": [fact.name, True]} for fact in facts]}
    parts = with_materials(*(every for _ in range(20)), facts=facts)
    tried = 0

    def counted(*given_: Any, **at: Any) -> Any:
        nonlocal tried
        tried += 1
        return evaluate(*given_, **at)

    monkeypatch.setattr("rules.guidance.evaluate", counted)
    answers: JsonObject = {}
    while (question := advise(parts, answers, on=TODAY).question) is not None:
        assert tried <= MOST_TRIED + 100
        answers[question.name], tried = True, 0

    assert answers == dict.fromkeys((fact.name for fact in facts), True)


def test_where_nothing_is_applied_for_nothing_is_asked() -> None:
    advice = advise(with_materials({"eq": ["by_agent", True]}, facts=(BY_AGENT,), approval=ApprovalType.NONE), {}, on=TODAY)

    assert (advice.question, advice.lines) == (None, ())
    assert [line.why.kind for line in advice.skipped] == ["no_approval"]


@pytest.mark.parametrize("operator", ["has", "missing"])
def test_what_will_be_said_later_decides_nothing_yet(operator: str) -> None:
    condition = parse({operator: "form.capital"})

    assert evaluate(condition, {"form": OPEN}, at=TODAY).needs == ("form.capital",)
    assert evaluate(condition, {"form": {}}, at=TODAY).truth is not Truth.UNKNOWN
    [line] = advise(with_materials({operator: "form.capital"}), {}, on=TODAY).lines
    assert (line.certain, line.why.kind, line.why.zh) == (False, "open", "填写“资金数额”后确定")


def test_what_all_ways_to_a_situation_share_counts_as_answered_for_it() -> None:
    new, change, _ = SITUATIONS.situations
    parts = replace(PARTS, checklist=ChecklistPart(materials=(a_material(when={"eq": ["registered", True]}),), rules=()))

    assert [line.certain for line in told_of(parts, change, on=TODAY).lines] == [True]
    assert told_of(parts, new, on=TODAY).lines == ()


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ({"all": [{"eq": ["a", 1]}, {"eq": ["form.x", 1]}]}, {"eq": ["form.x", 1]}),
        ({"any": [{"eq": ["a", 2]}, {"eq": ["form.x", 1]}, {"has": "form.y"}]}, {"any": [{"eq": ["form.x", 1]}, {"has": "form.y"}]}),
        ({"not": {"all": [{"eq": ["a", 1]}, {"has": "form.y"}]}}, {"not": {"has": "form.y"}}),
    ],
)
def test_only_what_is_undecided_of_a_condition_is_left(condition: JsonObject, left: JsonObject) -> None:
    assert left_open(condition, {"a": 1, "form": OPEN}, at=TODAY) == left


@pytest.mark.parametrize(
    ("condition", "zh", "en"),
    [
        (ALWAYS, "所有申请", "every application"),
        ({"eq": ["registered", True]}, "“是否已登记”为“是”", "“Registered already”: yes"),
        ({"in": ["wish", ["change", "cancel"]]}, "“办理变更还是注销”为“变更”或者“注销”", "“Change or cancel”: Change or Cancel"),
        ({"ne": ["situation", "new"]}, "“办理情形”不为“设立登记”", "“the situation”: not Registration"),
        ({"not": {"has": "form.capital"}}, "并非填写了“资金数额”", "not “Capital” is given"),
        ({"all": [{"missing": "form.opened_on"}, {"gt": ["form.capital", 5]}]}, "（未填写“开业日期”，并且“资金数额”大于 5）", None),
        ({"age_at_least": ["form.opened_on", 60]}, "“开业日期”起已满 60 周岁", "60 years or more since “Opening day”"),
        ({"matches": ["form.trade_name", "uscc"]}, "“字号名称”符合 uscc 格式", "“Trade name” has the form uscc"),
    ],
)
def test_conditions_are_read_in_words(condition: JsonObject, zh: str, en: str | None) -> None:
    words = in_words(condition, labels=Labels(PARTS))

    assert (words.zh, words.en if en is not None else None) == (zh, en)


def test_choices_of_a_field_are_called_by_their_titles() -> None:
    choice: Any = {"oneOf": [{"const": "rent", "title": "租赁", "x-label-en": "Rented"}], "x-label": "用房", "x-label-en": "Premises"}
    parts = replace(PARTS, form=FormPart(schema={"type": "object", "properties": {"premises": choice}}))

    assert in_words({"eq": ["form.premises", "rent"]}, labels=Labels(parts)) == Words(zh="“用房”为“租赁”", en="“Premises”: Rented")


@pytest.mark.parametrize(
    ("field", "facts", "filled"),
    [
        ({"type": "boolean", "x-fact": "by_agent"}, {"by_agent": True}, {"agent": True}),
        ({"type": "string", "x-fact": "by_agent"}, {"by_agent": True}, {}),
        ({"type": "boolean", "x-fact": "other"}, {"by_agent": True}, {}),
        ({"type": "boolean"}, {"by_agent": True}, {}),
    ],
)
def test_a_field_is_filled_in_where_it_asks_for_an_answered_fact_and_takes_it(field: Any, facts: JsonObject, filled: JsonObject) -> None:
    parts = replace(PARTS, form=FormPart(schema={"type": "object", "properties": {"agent": field}}))

    assert prefilled(parts, facts) == filled
