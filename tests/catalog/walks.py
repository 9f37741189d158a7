"""Every way through the guide of one version, by whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from catalog_svc.item.domain import ItemVersionRecord, ItemVersionState, umbrella_id
from catalog_svc.seed.reading import OfferedItem
from contracts.values import JsonObject, PersonRef
from rules.guidance import Advice, Question, advise
from rules.parts import Parts

TODAY = date(2026, 11, 23)

SAMPLES: dict[str, tuple[str | int, ...]] = {"date": ("1950-01-01", "2020-01-01"), "number": (0, 1_000_000), "text": ("示例",)}
"""What is answered where anything may be."""


@dataclass(frozen=True)
class Node:
    """A question on the way, with what every answer to it leads to."""

    question: Question
    known: JsonObject
    branches: tuple[tuple[object, tuple[Leaf, ...]], ...]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All ends below it."""
        return tuple(leaf for _, leaves in self.branches for leaf in leaves)


@dataclass(frozen=True)
class Leaf:
    """An end of the guide."""

    answers: tuple[tuple[str, object], ...]
    advice: Advice

    @property
    def outcome(self) -> tuple[object, ...]:
        """What the applicant is told to do, without the reasons."""
        situation = self.advice.situation
        return (
            None if situation is None else situation.situation_id,
            frozenset((line.material.code, line.certain) for line in self.advice.lines),
            frozenset((one.member.item_code, one.stand) for one in self.advice.members),
        )


def parts_of(offered: OfferedItem) -> Parts:
    """An item of the seed as a version, a bundle without what its members ask for."""
    draft = offered.draft
    item_id = umbrella_id(organ=draft.content.organ, item_code=draft.content.item_code)
    record = ItemVersionRecord.draft(draft, item_id=item_id, number=1, region=offered.region, by=PersonRef("seed|author"))
    record.state = ItemVersionState.PUBLISHED
    record.effective_from = datetime(2026, 1, 1, tzinfo=UTC)
    of = draft.parts
    return Parts(version=record.document(), form=of.form, situations=of.situations, checklist=of.checklist, texts=of.texts)


def walk(parts: Parts) -> tuple[tuple[Leaf, ...], list[Node]]:
    """Every end, and every question that was asked on the way to one."""
    nodes: list[Node] = []

    def step(known: JsonObject) -> tuple[Leaf, ...]:
        advice = advise(parts, known, on=TODAY)
        if advice.question is None:
            return (Leaf(tuple(known.items()), advice),)
        question = advice.question
        assert question.name not in known, f"{question.name} is asked twice"
        branches = tuple((value, step({**known, question.name: value})) for value in _offered(question))
        nodes.append(Node(question, known, branches))
        return nodes[-1].leaves

    return step({}), nodes


def _offered(question: Question) -> Iterator[str | int | bool]:
    yield from (one.value for one in question.choices) if question.choices else SAMPLES[question.kind]


def idle(node: Node) -> bool:
    """Whether a question could have been left out: each answer leads to the same, whatever else is answered."""
    name = node.question.name
    seen = {
        frozenset((frozenset(pair for pair in leaf.answers if pair[0] != name), leaf.outcome) for leaf in leaves)
        for _, leaves in node.branches
    }
    return len(node.branches) > 1 and len(seen) == 1
