"""What a service guide 办事指南 says: all of one version, situation by situation, and nothing that the version does not say.

Law: 行政许可法 §30 (matter, basis, conditions, quantity, procedure, limit, materials and forms are shown in public).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalog_svc.guide.domain import (
    APPROVALS,
    Approval,
    Handling,
    LimitName,
    Named,
    Result,
    handling_of,
    limit_in_words,
    limits_of,
    result_of,
)
from contracts.catalogue import Organ
from contracts.elements import Fee, Limit, StopGround
from contracts.values import ItemCode, ItemId, ItemVersionId, JsonObject, RegionCode
from rules.guidance import Line, checklist_of
from rules.parts import Parts
from rules.reasons import Labels, Words, in_words
from rules.situations import promised_limit
from rules.workdays import local_day


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganShown:
    """Who decides, and where one complains of it."""

    code: str
    name: str
    region: RegionCode
    region_name: str
    telephone: str
    reconsideration_organ: str
    court: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """A field of the form."""

    name: str
    zh: str
    en: str
    required: bool


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
    region_name: str
    organ: Organ | None
    item_names: dict[ItemCode, str]


def write_guide(parts: Parts, *, around: Surroundings, situation: str | None) -> ServiceGuide:
    """Make the guide of a version, of all its situations or of one that it has."""
    version, texts = parts.version, parts.texts
    labels = Labels(parts)
    chosen = [one for one in parts.situations.situations if situation in {None, one.situation_id}]
    on = local_day(version.effective_from)
    return ServiceGuide(
        url=around.url,
        version_id=version.version_id,
        item_id=version.item_id,
        version=version.version,
        valid_from=version.effective_from,
        valid_until=version.effective_to,
        item_code=version.item_code,
        task_code=version.task_code,
        name=version.name,
        kind=version.kind,
        organ=_organ(parts, around),
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
                materials=tuple(_material(line, labels=labels, names=around.item_names) for line in checklist_of(parts, one, on=on)),
            )
            for one in chosen
        ),
        form=_fields(parts),
        limits=_limits(parts),
        stops=texts.stops,
        fees=texts.fees,
        fee_lines=texts.fee_lines,
        result=result_of(parts),
        denial_grounds=tuple(Ground(code=code, reason=reason, basis=basis) for code, reason, basis in texts.denial_grounds),
        bundle=_members(parts, labels=labels, names=around.item_names),
    )


def _organ(parts: Parts, around: Surroundings) -> OrganShown:
    organ = around.organ
    return OrganShown(
        code=parts.version.organ,
        name="" if organ is None else organ.name,
        region=parts.version.region,
        region_name=around.region_name,
        telephone="" if organ is None else organ.telephone,
        reconsideration_organ="" if organ is None else organ.reconsideration_organ,
        court="" if organ is None else organ.court,
    )


def _words(limit: Limit) -> LimitWords:
    zh, en = limit_in_words(limit)
    return LimitWords(zh=zh, en=en, basis=limit.basis)


def _limits(parts: Parts) -> tuple[LimitShown, ...]:
    told = [(name, _words(limit)) for name, limit in limits_of(parts, promised=parts.version.promised_limit)]
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


def _fields(parts: Parts) -> tuple[FieldShown, ...]:
    """The fields that screens show, in their order; those without a place stand last, as they come."""
    schema = parts.form.schema
    properties, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, list) else []
    fields: list[tuple[float, FieldShown]] = []
    for name, field in properties.items() if isinstance(properties, dict) else ():
        said: JsonObject = field if isinstance(field, dict) else {}
        order = said.get("x-order")
        zh, en = said.get("x-label"), said.get("x-label-en")
        shown = FieldShown(name=name, zh=_text(zh, name), en=_text(en, name), required=name in needed)
        fields.append((order if isinstance(order, int | float) else float("inf"), shown))
    return tuple(shown for _, shown in sorted(fields, key=lambda one: one[0]))


def _text(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


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
