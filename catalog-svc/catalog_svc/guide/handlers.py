"""One step of the guide, answered from the published version in memory: no statement goes to the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from catalog_svc.guide.domain import (
    APPROVALS,
    ChecklistLine,
    CountedFrom,
    Example,
    FormShown,
    GuideStep,
    LimitName,
    LimitTold,
    MemberShown,
    Outcome,
    SituationNamed,
    SkippedLine,
    handling_of,
    limit_in_words,
    limits_of,
    result_of,
)
from catalog_svc.guide.domain.answers import Answer, NotInForceThen, check_situation, read_answers
from catalog_svc.guide.domain.fields import tell_fields
from catalog_svc.guide.domain.organs import Named, OrganShown, Paper, RegionElsewhere
from catalog_svc.item.domain import ItemUnknown
from chassis.problems import Behind
from contracts.catalogue import Situation
from contracts.elements import Limit
from contracts.values import ItemCode, ItemId, ItemVersionId, OrganCode, RegionCode
from rules.catalogue import Catalogue, Published
from rules.competence import holder_of, place_in_force
from rules.guidance import Advice, Line, advise, prefilled
from rules.parts import Parts
from rules.situations import promised_limit
from rules.workdays import Calendar, due, explain, local_day

_COUNTED_FROM: Mapping[LimitName, CountedFrom] = {
    "acceptance": "receipt",
    "statutory": "acceptance",
    "promised": "acceptance",
    "extension": "end",
    "delivery": "decision",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the guide."""

    answers: Sequence[Answer]
    situation: str | None = None
    """As the caller believes it to be; held to the answers."""
    start: datetime | None = None
    """Day of receipt and acceptance, for the examples of due dates."""
    region: RegionCode | None = None
    """Where the matter belongs; None for the item's own region."""
    explain: bool = False
    """Tell the lines that are left out, too."""


def find_parts(catalogue: Catalogue, item_id: ItemId, *, number: int | None, at: datetime, start: datetime | None = None) -> Parts:
    """A published version of an item with its parts, as the index has it.

    Args:
        catalogue: The index.
        item_id: Umbrella of the item.
        number: Of one version, whatever became of it since; ``None`` for that in force.
        at: The instant for "in force".
        start: The same instant, where the caller gave it as the start of the case.

    Raises:
        ItemUnknown: There is none.
        NotInForceThen: There is one, but not at the start.
        Behind: Its parts are still on their way.
    """
    version_id = ItemVersionId(f"{item_id}-v{number}") if number is not None else _in_force(catalogue, item_id, at=at)
    if version_id is None or catalogue.version(version_id) is None:
        if start is not None:
            _refuse_start(catalogue, item_id, start=start)
        raise ItemUnknown
    parts = catalogue.parts(version_id)
    if parts is None:
        raise Behind(retry_after=1)
    return parts


def take_step(catalogue: Catalogue, parts: Parts, *, asked: Asked, at: datetime) -> GuideStep:
    """Lead one step further.

    Args:
        catalogue: The index: names and working days.
        parts: The version.
        asked: The answers so far.
        at: The instant whose powers are told: the start, else that which the version was read as of; ages are those of its day.

    Raises:
        AnswerInvalid: With a defect for each answer.
        RegionElsewhere: The matter belongs to a place that the item is not handled for.
        NoRoute: The place is unknown or abolished.
    """
    facts = read_answers(parts, asked.answers)
    advice = advise(parts, facts, on=local_day(at))
    if asked.situation is not None:
        check_situation(parts, named=asked.situation, remaining=[one.situation_id for one in advice.remaining])
    version, situation = parts.version, advice.situation
    region = catalogue.region(version.region)
    deciding = deciding_for(catalogue, parts, matter=asked.region, at=at, situation=None if situation is None else situation.situation_id)
    return GuideStep(
        version_id=version.version_id,
        item_id=version.item_id,
        version=version.version,
        item_code=version.item_code,
        name=version.name,
        region=version.region,
        region_name="" if region is None else region.name,
        organ=deciding.code,
        organ_name=deciding.name,
        deciding=deciding,
        valid_from=version.effective_from,
        valid_until=version.effective_to,
        facts=advice.facts,
        remaining=tuple(map(_named, advice.remaining)),
        question=advice.question,
        situation=None if situation is None else _named(situation),
        outcome=None if situation is None or advice.question is not None else outcome(catalogue, parts, advice=advice, asked=asked),
    )


def deciding_for(catalogue: Catalogue, parts: Parts, *, matter: RegionCode | None, at: datetime, situation: str | None) -> OrganShown:
    """Who decides under a version for a place at an instant, in whose name, and the remedies, by the rule that routes go by.

    Args:
        catalogue: The index.
        parts: The version.
        matter: Where the matter belongs; None for the item's own region.
        at: The instant.
        situation: Its id, where it is known; what was handed on for some situations only is passed over without it.

    Raises:
        RegionElsewhere: The place does not lie in the item's region.
        NoRoute: The place is unknown or abolished.
    """
    version = parts.version
    own = catalogue.place(version.region)
    place = (
        own if matter in {None, version.region} else place_in_force(catalogue, RegionCode(str(matter)), on=local_day(at), side="handling")
    )
    if place is None:
        # What is published there came before its region.
        raise Behind(retry_after=1)
    if version.region not in place.chain:
        raise RegionElsewhere(facts={"region": version.region, "name": "" if own is None else own.region.name})
    holder = holder_of(catalogue, version, matter=place, at=at, situation=situation)
    organ, name_giver, seat = catalogue.organ(holder.organ), catalogue.organ(holder.sealed_as), catalogue.region(holder.region)
    papers = [paper for paper in map(catalogue.delegation, holder.delegations) if paper is not None]
    return OrganShown(
        code=holder.organ,
        name="" if organ is None else organ.name,
        region=holder.region,
        region_name="" if seat is None else seat.name,
        telephone="" if organ is None else organ.telephone,
        sealed_as=holder.sealed_as,
        sealed_as_name="" if name_giver is None else name_giver.name,
        reconsideration_organ="" if name_giver is None else name_giver.reconsideration_organ,
        court="" if name_giver is None else name_giver.court,
        papers=tuple(
            Paper(
                kind=one.kind,
                delegator=one.delegator,
                delegator_name=_organ_name(catalogue, one.delegator),
                number=one.instrument.number,
                title=one.instrument.title,
            )
            for one in papers
        ),
        assisting=tuple(Named(code=one, name=_organ_name(catalogue, one)) for one in holder.assisting),
        rule=holder.rule,
    )


def _organ_name(catalogue: Catalogue, code: OrganCode) -> str:
    organ = catalogue.organ(code)
    return "" if organ is None else organ.name


def outcome(catalogue: Catalogue, parts: Parts, *, advice: Advice, asked: Asked) -> Outcome:
    """What one situation of a version takes: form, checklist, limits and the rest."""
    version, texts, bundle = parts.version, parts.texts, parts.situations.bundle
    approval = APPROVALS[version.approval_type]
    calendar = catalogue.calendar(version.region)
    names = names_of(catalogue, version.region, codes=[] if bundle is None else [one.item_code for one in bundle.members])
    return Outcome(
        approval=approval,
        form=_form(parts, advice) if approval.application else None,
        checklist=tuple(_line(one, names=names, until=_until(calendar, asked.start, one)) for one in advice.lines),
        limits=_limits(parts, advice.situation, calendar=calendar, start=asked.start),
        stops=texts.stops,
        fees=texts.fees,
        fee_lines=texts.fee_lines,
        result=result_of(parts),
        handling=handling_of(parts),
        bundle=tuple(
            MemberShown(
                item_code=one.member.item_code,
                name=names[one.member.item_code],
                stand=one.stand,
                turn=one.turn,
                after=one.member.after,
                reason=one.reason,
                reason_en=one.reason_en,
                reference=one.reference,
            )
            for one in advice.members
        ),
        partial=bundle is not None and bundle.partial,
        skipped=tuple(map(_skipped, advice.skipped)) if asked.explain else None,
    )


def names_of(catalogue: Catalogue, region: RegionCode, *, codes: Sequence[ItemCode]) -> dict[ItemCode, str]:
    """What the nearest organ upwards calls these items; empty where none publishes it."""
    line = catalogue.ancestors(region)
    return {code: next((one.shape.name for place in line for one in catalogue.versions_of(code, place.code)), "") for code in codes}


def _in_force(catalogue: Catalogue, item_id: ItemId, *, at: datetime) -> ItemVersionId | None:
    """The item's version at an instant: first where its code says that it began, then wherever it moved to."""
    code, organ = ItemCode(item_id[19:]), catalogue.organ(OrganCode(item_id[:18]))
    home = () if organ is None else catalogue.versions_of(code, organ.region)
    found = _held(home, item_id, at=at)
    if found is None:
        found = _held(_anywhere(catalogue, code), item_id, at=at)
    return None if found is None else found.version_id


def _anywhere(catalogue: Catalogue, code: ItemCode) -> Iterable[Published]:
    return (one for region in catalogue.regions_of(code) for one in catalogue.versions_of(code, region))


def _refuse_start(catalogue: Catalogue, item_id: ItemId, *, start: datetime) -> None:
    """Say from and until when the item holds, where it was ever published."""
    published = [one for one in _anywhere(catalogue, ItemCode(item_id[19:])) if one.item_id == item_id]
    if not published:
        return
    begins = [one.effective_from for one in published if one.effective_from > start]
    ends = [one.effective_to for one in published if one.effective_to is not None and one.effective_to <= start]
    raise NotInForceThen(
        facts={
            "start": start.isoformat(),
            "last_until": max(ends).isoformat() if ends else None,
            "next_from": min(begins).isoformat() if begins else None,
        }
    )


def _held(versions: Iterable[Published], item_id: ItemId, *, at: datetime) -> Published | None:
    return next((one for one in versions if one.item_id == item_id and one.in_force(at)), None)


def _named(one: Situation) -> SituationNamed:
    return SituationNamed(situation_id=one.situation_id, name=one.name, name_en=one.name_en)


def _form(parts: Parts, advice: Advice) -> FormShown:
    title = parts.form.schema.get("title")
    return FormShown(
        title=title if isinstance(title, str) else "",
        base_form=parts.form.base_form,
        json_schema=parts.form.schema,
        prefilled=prefilled(parts, advice.facts),
        fields=tell_fields(parts, advice.fields),
    )


def _line(line: Line, *, names: Mapping[ItemCode, str], until: date | None) -> ChecklistLine:
    one = line.material
    return ChecklistLine(
        code=one.code,
        name=one.name,
        name_en=one.name_en,
        necessity="required" if one.required else "optional",
        certain=line.certain,
        why=line.why,
        basis=one.basis,
        certificate=one.certificate,
        source=one.source,
        issuer=one.issuer,
        intermediary=one.intermediary,
        core=one.deferral is None,
        deferral=one.deferral,
        deferred_until=until,
        replaced_by=one.replaced_by,
        by_commitment=one.by_commitment,
        valid_days=one.valid_days,
        original_seen=one.original_seen,
        copies=one.copies,
        trust=one.trust,
        media_types=one.media_types,
        max_bytes=one.max_bytes,
        sample=one.sample,
        for_items=tuple(Named(code=code, name=names.get(code, "")) for code in line.for_items),
    )


def _skipped(line: Line) -> SkippedLine:
    return SkippedLine(code=line.material.code, name=line.material.name, name_en=line.material.name_en, why=line.why)


def _until(calendar: Calendar, start: datetime | None, line: Line) -> date | None:
    deferral = line.material.deferral
    return None if deferral is None or start is None else due(calendar, start=start, limit=deferral).last_day


def _limits(parts: Parts, situation: Situation | None, *, calendar: Calendar, start: datetime | None) -> tuple[LimitTold, ...]:
    chosen = "" if situation is None else situation.situation_id
    promised = promised_limit(parts.situations, situation=chosen, otherwise=parts.version.promised_limit)
    return tuple(
        _limit(name, limit, counted_from=_COUNTED_FROM[name], calendar=calendar, start=start)
        for name, limit in limits_of(parts, promised=promised)
    )


def _limit(
    name: LimitName,
    limit: Limit,
    *,
    counted_from: CountedFrom,
    calendar: Calendar,
    start: datetime | None,
) -> LimitTold:
    zh, en = limit_in_words(limit)
    example = None
    if start is not None and counted_from in {"receipt", "acceptance"}:
        found = due(calendar, start=start, limit=limit)
        example = Example(
            start=start,
            due=found.instant,
            last_day=found.last_day,
            provisional=found.provisional,
            calendar_version=found.calendar_version,
            explanation=explain(found, start=start, limit=limit, rule_id=f"limit.{name}"),
        )
    return LimitTold(name=name, zh=zh, en=en, limit=limit, counted_from=counted_from, example=example)
