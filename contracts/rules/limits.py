"""What is wrong with the limits of an item: without a law, or longer than the law that they name.

Law: 行政许可法 §32 (acceptance), §42 (decision and its extension), §44 (delivery).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from contracts.catalogue import MaterialRule
from contracts.elements import Limit, Unit
from contracts.refusals import Defect
from rules.elements import is_longer, window_minutes

_ACCEPTANCE, _DELIVERY = (Limit(amount=amount, unit=Unit.WORKDAYS) for amount in (5, 10))
_DECISION = Limit(amount=20, unit=Unit.WORKDAYS)
_EXTENSION = Limit(amount=10, unit=Unit.WORKDAYS)
_JOINT_DECISION = Limit(amount=45, unit=Unit.WORKDAYS)
_JOINT_EXTENSION = Limit(amount=15, unit=Unit.WORKDAYS)
"""Of what several departments handle together."""

_PLACE_IN_A_LAW = re.compile(r"第?[0-9一二三四五六七八九十百零]+[条款项]|之[一二三四五]|规定|[和与及、]")
_LICENSING_LAW = re.compile(r"(中华人民共和国)?行政许可法")
_REMARK = re.compile(r"[((][^))]*[))]")


def limit_defects(
    *, acceptance: Limit, statutory: Limit, extension: Limit | None, delivery: Limit, materials: Sequence[MaterialRule]
) -> tuple[Defect, ...]:
    """What is wrong with the limits that an item states as the law's; pointers into the body of ``POST /service-items``.

    Longer than 行政许可法 has them they may be where their own basis names another law.
    """
    return (
        *_without_law(statutory, extension),
        *_beyond(acceptance, _ACCEPTANCE, "acceptance", "受理时限", "行政许可法 §32"),
        *_beyond(statutory, _JOINT_DECISION, "statutory", "法定办结时限", "行政许可法 §42"),
        *_extension(extension, statutory),
        *_beyond(delivery, _DELIVERY, "delivery", "送达时限", "行政许可法 §44"),
        *_deferrals(materials, (acceptance, statutory, *((extension,) if extension is not None else ()))),
    )


def names_another_law(basis: str) -> bool:
    """Whether a basis says more than 行政许可法 and a promise of one's own, which cannot make longer what the law has set."""
    said = _LICENSING_LAW.sub("", _REMARK.sub("", basis))
    said = _PLACE_IN_A_LAW.sub("", said)
    return "承诺" not in said and any("一" <= letter <= "鿿" or letter.isalpha() for letter in said)


def _without_law(statutory: Limit, extension: Limit | None) -> Iterator[Defect]:
    for name, limit in (("statutory", statutory), ("extension", extension)):
        if limit is not None and not limit.basis.strip():
            yield Defect(
                rule_id="item.limit-basis",
                pointer=f"/version/{name}_limit/basis",
                message="法定时限和延长时限应当有法定依据",
                message_en="What the law allows, and its extension, name their law",
                basis="行政许可法 §42",
            )


def _extension(extension: Limit | None, statutory: Limit) -> Iterator[Defect]:
    if extension is None or not extension.basis.strip():
        return
    yield from _beyond(
        extension, _JOINT_EXTENSION if is_longer(statutory, than=_DECISION) else _EXTENSION, "extension", "延长时限", "行政许可法 §42"
    )
    if is_longer(extension, than=statutory):
        yield Defect(
            rule_id="item.extension-too-long",
            pointer="/version/extension_limit",
            message="延长时限不应长于法定办结时限本身",
            message_en="An extension is no longer than the limit that it extends",
            basis="行政许可法 §42",
        )


def _deferrals(materials: Sequence[MaterialRule], limits: Sequence[Limit]) -> Iterator[Defect]:
    most = sum(map(window_minutes, limits))
    for index, one in enumerate(materials):
        # What a member of a bundle lets follow is the member's to mend.
        if one.deferral is not None and not one.merged and window_minutes(one.deferral) > most:
            yield Defect(
                rule_id="material.deferral-too-long",
                pointer=f"/checklist/materials/{index}/deferral",
                message="容缺补交时限长于受理、法定办结和延长时限之和",
                message_en="It may follow only after the case has to be decided, acceptance and extension included",
                basis="行政许可法 §42",
            )


def _beyond(limit: Limit, most: Limit, name: str, zh: str, law: str) -> Iterator[Defect]:
    if is_longer(limit, than=most) and not names_another_law(limit.basis):
        yield Defect(
            rule_id="item.limit-too-long",
            pointer=f"/version/{name}_limit",
            message=f"{zh}长于{most.amount}个工作日,应当写明所依据的其他法律法规",
            message_en=f"Longer than {most.amount} working days: name the other law that it rests on",
            basis=law,
        )


__all__ = ["limit_defects", "names_another_law"]
