"""What a service guide 办事指南 says: all of one version, situation by situation, and nothing that the version does not say.

Law: 行政许可法 §30 (matter, basis, conditions, quantity, procedure, limit, materials and forms are shown in public).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalog_svc.guide.domain import (
    APPROVALS,
    Approval,
    Handling,
    LimitName,
    Result,
    SituationNamed,
    handling_of,
    limit_in_words,
    limits_of,
    result_of,
)
from catalog_svc.guide.domain.fields import FieldTold, Stand, tell_fields
from catalog_svc.guide.domain.organs import Named, OrganShown
from contracts.catalogue import Situation
from contracts.elements import Fee, Limit, StopGround
from contracts.values import ItemCode, ItemId, ItemVersionId
from rules.guidance import Line, told_of
from rules.parts import Parts
from rules.reasons import Labels, Words, in_words
from rules.situations import promised_limit
from rules.workdays import local_day


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitShown:
    """A limit in words with its law."""

    name: LimitName
    zh: str
    en: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialShown:
    """A line of the checklist of one situation."""

    code: str
    name: str
    name_en: str
    necessity: Literal["required", "optional"]
    when: Words | None
    """Only then; None where every application in this situation needs it."""
    basis: str
    certificate: str
    source: Literal["applicant", "government", "intermediary"]
    issuer: str
    intermediary: str
    deferral: LimitWords | None
    """容缺: how long it may follow."""
    replaced_by: tuple[str, ...]
    by_commitment: bool
    valid_days: int
    original_seen: bool
    copies: int
    for_items: tuple[Named, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWords:
    """A period in words with its law."""

    zh: str
    en: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationShown:
    """One situation 办理情形 with what it takes."""

    situation_id: str
    name: str
    name_en: str
    when: Words
    promised: LimitWords
    materials: tuple[MaterialShown, ...]
    organ: OrganShown | None
    """Who decides in this situation, where it is not the guide's organ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldUse:
    """What is asked of a field in some situations."""

    situations: tuple[SituationNamed, ...]
    """Only those; empty: all that the guide shows."""
    when: Words | None
    """Only then; None where every application in these situations fills it in or may."""
    required: Stand
    """Whether the check refuses without it, where it is asked for."""
    required_when: Words | None
    """Needed only then; None unless ``required`` is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """A field of the form that some situation of the guide asks for."""

    name: str
    zh: str
    en: str
    required: bool
    """Every application in every situation that is shown needs it."""
    uses: tuple[FieldUse, ...]
    """One where all situations ask for it alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionShown:
    """When a member of a bundle need not be applied for."""

    when: Words
    reason: str
    reason_en: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberOffered:
    """An item of a bundle."""

    item_code: ItemCode
    name: str
    when: Words
    after: tuple[Named, ...]
    exemptions: tuple[ExemptionShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A ground of denial with its law."""

    code: str
    reason: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceGuide:
    """The whole guide."""

    url: str
    """Where just this guide is read again, also when a later version is in force."""
    powers: str
    """Where the powers 行政职权 behind the item are read, with their law and organs, as the powers lists stand then."""
    version_id: ItemVersionId
    item_id: ItemId
    version: int
    valid_from: datetime
    valid_until: datetime | None
    """Exclusive; None while no end is known."""
    item_code: ItemCode
    task_code: str
    name: str
    kind: str
    organ: OrganShown
    service_objects: tuple[Literal["natural", "legal"], ...]
    approval: Approval
    handling: Handling
    conditions: tuple[str, ...]
    acceptance_standard: tuple[str, ...]
    quantity_limit: str
    legal_basis: tuple[str, ...]
    situations: tuple[SituationShown, ...]
    form: tuple[FieldShown, ...]
    limits: tuple[LimitShown, ...]
    """Of the situation that is shown alone; of several each tells what is promised in it."""
    stops: tuple[StopGround, ...]
    fees: str
    fee_lines: tuple[Fee, ...]
    result: Result
    denial_grounds: tuple[Ground, ...]
    bundle: tuple[MemberOffered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Names that a version knows by code alone."""

    url: str
    powers: str
    organ: OrganShown
    """Who decides."""
    organ_in: Mapping[str, OrganShown]
    """By situation who decides there, where it is somebody else."""
    item_names: dict[ItemCode, str]


def write_guide(parts: Parts, *, around: Surroundings, situation: str | None) -> ServiceGuide:
    """Make the guide of a version, of all its situations or of one that it has."""
    version, texts = parts.version, parts.texts
    labels = Labels(parts)
    chosen = [one for one in parts.situations.situations if situation in {None, one.situation_id}]
    on = local_day(version.effective_from)
    told = [(one, told_of(parts, one, on=on)) for one in chosen]
    return ServiceGuide(
        url=around.url,
        powers=around.powers,
        version_id=version.version_id,
        item_id=version.item_id,
        version=version.version,
        valid_from=version.effective_from,
        valid_until=version.effective_to,
        item_code=version.item_code,
        task_code=version.task_code,
        name=version.name,
        kind=version.kind,
        organ=around.organ,
        service_objects=version.service_objects,
        approval=APPROVALS[version.approval_type],
        handling=handling_of(parts),
        conditions=texts.conditions,
        acceptance_standard=texts.acceptance_standard,
        quantity_limit=texts.quantity_limit,
        legal_basis=texts.legal_basis,
        situations=tuple(
            SituationShown(
                situation_id=one.situation_id,
                name=one.name,
                name_en=one.name_en,
                when=in_words(one.when, labels=labels),
                promised=_words(promised_limit(parts.situations, situation=one.situation_id, otherwise=version.promised_limit)),
                materials=tuple(_material(line, labels=labels, names=around.item_names) for line in advice.lines),
                organ=around.organ_in.get(one.situation_id),
            )
            for one, advice in told
        ),
        form=_fields([(one, tell_fields(parts, advice.fields)) for one, advice in told]),
        limits=_limits(parts, situation=situation),
        stops=texts.stops,
        fees=texts.fees,
        fee_lines=texts.fee_lines,
        result=result_of(parts),
        denial_grounds=tuple(Ground(code=code, reason=reason, basis=basis) for code, reason, basis in texts.denial_grounds),
        bundle=_members(parts, labels=labels, names=around.item_names),
    )


def _words(limit: Limit) -> LimitWords:
    zh, en = limit_in_words(limit)
    return LimitWords(zh=zh, en=en, basis=limit.basis)


def _limits(parts: Parts, *, situation: str | None) -> tuple[LimitShown, ...]:
    promised = promised_limit(parts.situations, situation=situation or "", otherwise=parts.version.promised_limit)
    told = [(name, _words(limit)) for name, limit in limits_of(parts, promised=promised)]
    return tuple(LimitShown(name=name, zh=words.zh, en=words.en, basis=words.basis) for name, words in told)


def _material(line: Line, *, labels: Labels, names: dict[ItemCode, str]) -> MaterialShown:
    one = line.material
    return MaterialShown(
        code=one.code,
        name=one.name,
        name_en=one.name_en,
        necessity="required" if one.required else "optional",
        when=None if line.rest is None else in_words(line.rest, labels=labels),
        basis=one.basis,
        certificate=one.certificate,
        source=one.source,
        issuer=one.issuer,
        intermediary=one.intermediary,
        deferral=None if one.deferral is None else _words(one.deferral),
        replaced_by=one.replaced_by,
        by_commitment=one.by_commitment,
        valid_days=one.valid_days,
        original_seen=one.original_seen,
        copies=one.copies,
        for_items=_named(line.for_items, names),
    )


def _fields(told: Sequence[tuple[Situation, Sequence[FieldTold]]]) -> tuple[FieldShown, ...]:
    """Each field that some situation asks for, in the order of screens, and where it is asked for otherwise than elsewhere."""
    shown: list[FieldShown] = []
    for row in zip(*(fields for _, fields in told), strict=True):
        uses: dict[tuple[Words | None, Stand, Words | None], list[Situation]] = {}
        for (situation, _), one in zip(told, row, strict=True):
            if one.asked != "no":
                uses.setdefault((one.when, one.required, one.required_when), []).append(situation)
        if uses:
            everywhere = len(uses) == 1 and sum(map(len, uses.values())) == len(told)
            shown.append(
                FieldShown(
                    name=row[0].name,
                    zh=row[0].zh,
                    en=row[0].en,
                    required=all(one.asked == one.required == "yes" for one in row),
                    uses=tuple(
                        FieldUse(
                            situations=() if everywhere else tuple(map(_named_situation, situations)),
                            when=when,
                            required=required,
                            required_when=required_when,
                        )
                        for (when, required, required_when), situations in uses.items()
                    ),
                )
            )
    return tuple(shown)


def _named_situation(one: Situation) -> SituationNamed:
    return SituationNamed(situation_id=one.situation_id, name=one.name, name_en=one.name_en)


def _members(parts: Parts, *, labels: Labels, names: dict[ItemCode, str]) -> tuple[MemberOffered, ...]:
    bundle = parts.situations.bundle
    return tuple(
        MemberOffered(
            item_code=one.item_code,
            name=names.get(one.item_code, ""),
            when=in_words(one.when, labels=labels),
            after=_named(one.after, names),
            exemptions=tuple(
                ExemptionShown(
                    when=in_words(each.when, labels=labels), reason=each.reason, reason_en=each.reason_en, reference=each.reference
                )
                for each in one.exemptions
            ),
        )
        for one in (bundle.members if bundle is not None else ())
    )


def _named(codes: Sequence[ItemCode], names: dict[ItemCode, str]) -> tuple[Named, ...]:
    return tuple(Named(code=code, name=names.get(code, "")) for code in codes)
