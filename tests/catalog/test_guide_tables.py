"""Every decision table of the seed, walked to every end: no item is left out, whoever adds one."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.catalogue import ApprovalType
from contracts.codec import encode_object
from contracts.values import canonical_json
from rules.guidance import advise, facts_of
from rules.parts import Parts
from tests.catalog.builders import SEED, Service
from tests.catalog.walks import TODAY, idle, parts_of, walk

ITEMS = [parts_of(one) for one in SEED.items]


def published(seeded: Service) -> list[Parts]:
    """Every version of the seed as it was published, bundles with what their members ask for; those that say the same once."""
    catalogue = seeded.context.catalogue
    found = {}
    for code in catalogue.items():
        for region in catalogue.regions_of(code):
            for entry in catalogue.versions_of(code, region):
                parts = catalogue.parts(entry.version_id)
                assert parts is not None
                found[canonical_json(encode_object(parts.version.parts))] = parts
    return list(found.values())


async def test_every_item_of_the_seed_is_walked(seeded: Service) -> None:
    codes = {parts.version.item_code for parts in published(seeded)}

    assert codes == {one.draft.content.item_code for one in SEED.items}


async def test_every_way_ends_in_exactly_one_situation_and_every_situation_has_a_way(seeded: Service) -> None:
    for parts in published(seeded):
        leaves, _ = walk(parts)
        ends = {leaf.advice.situation.situation_id for leaf in leaves if leaf.advice.situation is not None}

        assert all(leaf.advice.situation is not None for leaf in leaves), parts.version.name
        assert ends == {one.situation_id for one in parts.situations.situations}, parts.version.name


async def test_no_question_is_asked_twice_beside_the_items_own_or_for_nothing(seeded: Service) -> None:
    for parts in published(seeded):
        _, nodes = walk(parts)
        asked = {fact.name for fact in facts_of(parts)}

        assert {node.question.name for node in nodes} <= asked, parts.version.name
        assert [node.question.name for node in nodes if idle(node)] == [], parts.version.name
        for node in nodes:
            asked_for = node.question
            assert asked_for.name not in node.known
            assert all((asked_for.question, asked_for.question_en, asked_for.why, asked_for.why_en, asked_for.decides)), parts.version.name


async def test_no_question_of_an_item_is_one_that_nobody_is_ever_asked(seeded: Service) -> None:
    """A bundle keeps all questions of its members, also one that tells nothing apart but situations of a member."""
    for parts in published(seeded):
        if parts.version.approval_type is ApprovalType.NONE:
            continue
        _, nodes = walk(parts)

        own = {fact.name for fact in parts.situations.facts if not fact.merged}
        assert own <= {node.question.name for node in nodes}, parts.version.name


async def test_every_line_of_every_checklist_has_its_reason_and_its_law(seeded: Service) -> None:
    for parts in published(seeded):
        leaves, _ = walk(parts)
        for leaf in leaves:
            known = {name for name, _ in leaf.answers} | {"situation", "applicant.type"}
            for line in (*leaf.advice.lines, *leaf.advice.skipped):
                assert all((line.why.zh, line.why.en, line.material.basis.strip())), (parts.version.name, line.material.code)
                if line.why.kind == "answers":
                    assert set(line.why.facts) <= known, (parts.version.name, line.material.code)
            told = [line.material.code for line in (*leaf.advice.lines, *leaf.advice.skipped)]
            assert sorted(told) == sorted(one.code for one in parts.checklist.materials)


@given(data=st.data())
@settings(max_examples=200)
def test_the_order_of_answers_means_nothing(data: st.DataObject) -> None:
    parts = data.draw(st.sampled_from(ITEMS))
    leaf = data.draw(st.sampled_from(walk(parts)[0]))
    some = data.draw(st.permutations(leaf.answers))[: data.draw(st.integers(0, len(leaf.answers)))]
    other = data.draw(st.permutations(some))

    first, second = (advise(parts, dict(answers), on=TODAY) for answers in (some, other))  # type: ignore[arg-type]

    assert orjson.dumps(encode_object(first)) == orjson.dumps(encode_object(second))
