"""Routes of the guide."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from catalog_svc.context import Catalog
from catalog_svc.guide.domain import GuideStep
from catalog_svc.guide.domain.answers import Answer, AnswerInvalid, NotInForceThen, read_answers
from catalog_svc.guide.domain.fields import FieldTold, tell_fields
from catalog_svc.guide.domain.organs import OrganShown
from catalog_svc.guide.handlers import Asked, deciding_for, find_parts, take_step
from catalog_svc.item.domain import ItemUnknown
from catalog_svc.proposal.api import FAR_AHEAD, LONG_AGO, Body, OwnHeard
from chassis.doors import PUBLIC_READER, Reader
from chassis.problems import Behind
from contracts.catalogue import Fact, ItemVersion, MaterialRule, Situation, TextsPart
from contracts.codec import encode_object
from contracts.refusals import Defect
from contracts.values import ItemId, Json, RegionCode
from rules.guidance import advise
from rules.parts import Parts
from rules.workdays import local_day

router = APIRouter(prefix="/v1/service-items", tags=["guide"])

ItemIdPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{31}$")]
AsOf = Annotated[AwareDatetime | None, Query(ge=LONG_AGO, le=FAR_AHEAD, description="在此时刻有效的版本 / the version of this instant")]
Place = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{6,12}$", description="办理地，不填则为事项实施区域 / where the matter belongs; the item's own region when left out"
    ),
]
Number = Annotated[int | None, Query(ge=1, le=999_999, description="版本号，已失效的亦可 / one version, in force or not")]

_PREFIX = "fact."
_MOST = 31


class AnswerBody(Body):
    """One answer."""

    fact: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,79}$")]
    value: StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=100)]


class GuideBody(Body):
    """The answers known so far, in any order; one and the same may be said twice, but not otherwise."""

    answers: Annotated[list[AnswerBody], Field(default_factory=list, max_length=_MOST)]
    situation: Annotated[str | None, Field(max_length=80)] = None
    """What the caller takes it for; refused where the answers say otherwise."""
    start: Annotated[AwareDatetime | None, Field(ge=LONG_AGO, le=FAR_AHEAD)] = None
    """Receipt and acceptance, for examples of due dates; none are told without it. Without ``version`` and ``as_of`` the version of this instant."""


class MaterialNeeded(BaseModel):
    """A line of the checklist."""

    material: MaterialRule
    certain: bool
    """False while a further answer or the form decides."""


class GuideShown(BaseModel):
    """The next question, or what the answers lead to."""

    version_id: str
    deciding: OrganShown
    """Who decides for the item's region; the organ of ``version`` is the one that published it."""
    facts: dict[str, object]
    question: Fact | None
    situation: Situation | None
    form: dict[str, object] | None
    fields: list[FieldTold]
    """Every field of the form and how it stands by the answers; with the last that matters."""
    materials: list[MaterialNeeded]
    version: ItemVersion | None
    """Limits, modes and what else the version says; with the situation."""
    texts: TextsPart | None


@router.post("/{item_id}/guide", operation_id="takeGuideStep", response_model=GuideStep)
async def take_guide_step(
    heard: OwnHeard,
    read: Annotated[Reader[Catalog], PUBLIC_READER],
    item_id: ItemIdPath,
    body: GuideBody,
    explain: Annotated[Literal["true", "false"], Query(description="说明不需要的材料 / tell what is left out, and why")] = "false",
    version: Number = None,
    as_of: AsOf = None,
    region: Place = None,
) -> Response:
    """Answer the answers: the next question that still matters, or situation, form, checklist and limits. Nothing is kept."""
    start = body.start if version is None and as_of is None else None
    parts = _parts(read, ItemId(item_id), heard=heard, number=version, at=as_of or start or read.tx.at, start=start)
    answers = [Answer(fact=one.fact, value=one.value, pointer=f"/answers/{place}") for place, one in enumerate(body.answers)]
    matter = None if region is None else RegionCode(region)
    asked = Asked(answers=answers, situation=body.situation, start=body.start, region=matter, explain=explain == "true")
    step = take_step(read.context.catalogue, parts, asked=asked, at=body.start or as_of or read.tx.at)
    read.behind = read.behind or not heard
    return read.answer(encode_object(step))


@router.get("/{item_id}/guide", operation_id="guideServiceItem", response_model=GuideShown)
async def guide_service_item(
    heard: OwnHeard, read: Annotated[Reader[Catalog], PUBLIC_READER], request: Request, item_id: ItemIdPath
) -> Response:
    """Lead one step further; answers come as ``fact.<name>=<value>``. ``POST`` tells more: why is asked, and why each line is needed."""
    given = [(name.removeprefix(_PREFIX), text) for name, text in request.query_params.multi_items() if name.startswith(_PREFIX)]
    answers = dict(given)
    if len(given) > _MOST or len(answers) != len(given) or any(len(text) > 100 for text in answers.values()):  # noqa: PLR2004 - an answer is a word
        defect = Defect(
            rule_id="guide.answers",
            pointer="/facts",
            message="回答重复、过多或过长",
            message_en="Answers are repeated, too many or too long",
        )
        raise AnswerInvalid(defects=(defect,))
    parts = _parts(read, ItemId(item_id), heard=heard, number=None, at=read.tx.at)
    kinds = {fact.name: fact.kind for fact in parts.situations.facts}
    facts = read_answers(parts, [Answer(fact=name, value=_typed(text, kind=kinds.get(name, ""))) for name, text in given])
    advice = advise(parts, facts, on=local_day(read.tx.at))
    named = None if advice.question is None else advice.question.name
    question = next((fact for fact in parts.situations.facts if fact.name == named), None)
    known = advice.situation is not None
    situation = None if advice.situation is None else advice.situation.situation_id
    deciding = deciding_for(read.context.catalogue, parts, matter=None, at=read.tx.at, situation=situation)
    materials: list[Json] = [{"material": encode_object(one.material), "certain": one.certain} for one in advice.lines]
    read.behind = read.behind or not heard
    return read.answer(
        {
            "version_id": parts.version.version_id,
            "deciding": encode_object(deciding),
            "facts": advice.facts,
            "question": None if question is None else encode_object(question),
            "situation": None if advice.situation is None else encode_object(advice.situation),
            "form": parts.form.schema if known else None,
            "fields": [encode_object(one) for one in tell_fields(parts, advice.fields)],
            "materials": materials,
            "version": encode_object(parts.version) if known else None,
            "texts": encode_object(parts.texts) if known else None,
        }
    )


def _parts(
    read: Reader[Catalog], item_id: ItemId, *, heard: bool, number: int | None, at: datetime, start: datetime | None = None
) -> Parts:
    try:
        return find_parts(read.context.catalogue, item_id, number=number, at=at, start=start)
    except (ItemUnknown, NotInForceThen) as unknown:
        if not heard:
            # The caller has just published it, and the index is about to hear of it.
            raise Behind(retry_after=1) from unknown
        raise


def _typed(text: str, *, kind: str) -> str | int | bool:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "number":
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text  # noqa: PLR2004 - more is no number people say
    return text
