"""The fields of a form in words: which are asked for in this matter, and which must be filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rules.fields import FieldAsked
from rules.parts import Parts
from rules.reasons import Labels, Left, Words, in_words

Stand: TypeAlias = Literal["yes", "no", "open"]
"""``open``: what is still to be answered or filled in decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTold:
    """A field of the form as it stands by what is known."""

    name: str
    zh: str
    en: str
    asked: Stand
    """``no``: leave it out."""
    when: Words | None
    """Asked for only then; None unless open."""
    required: Stand
    """Without it the check refuses; of an open field: where it is asked for."""
    required_when: Words | None
    """Needed only then; None unless open."""


def tell_fields(parts: Parts, fields: Iterable[FieldAsked]) -> tuple[FieldTold, ...]:
    """Every field, in the order of screens."""
    labels = Labels(parts)
    told: list[FieldTold] = []
    for one in fields:
        called = labels.fact(f"form.{one.name}")
        # What is needed just where it is asked for is said once.
        required = True if one.required == one.asked and one.required is not False else one.required
        told.append(
            FieldTold(
                name=one.name,
                zh=called.zh,
                en=called.en,
                asked=_stand(one.asked),
                when=_words(one.asked, labels),
                required=_stand(required),
                required_when=_words(required, labels),
            )
        )
    return tuple(told)


def _stand(left: Left) -> Stand:
    return "open" if not isinstance(left, bool) else "yes" if left else "no"


def _words(left: Left, labels: Labels) -> Words | None:
    return None if isinstance(left, bool) else in_words(left, labels=labels)
