"""Routes of the guide."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from catalog_svc.context import Catalog
from catalog_svc.guide.domain import Answer, AnswerInvalid, GuideStep, read_answers
from catalog_svc.guide.handlers import Asked, find_parts, take_step
from catalog_svc.item.domain import ItemUnknown
from catalog_svc.proposal.api import FAR_AHEAD, LONG_AGO, Body, OwnHeard
from chassis.doors import PUBLIC_READER, Reader
from chassis.problems import Behind
from contracts.catalogue import Fact, ItemVersion, MaterialRule, Situation, TextsPart
from contracts.codec import encode_object
from contracts.refusals import Defect
from contracts.values import ItemId, Json
from rules.guidance import advise
from rules.parts import Parts
from rules.workdays import local_day

router = APIRouter(prefix="/v1/service-items", tags=["guide"])

ItemIdPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{31}$")]
AsOf = Annotated[AwareDatetime | None, Query(ge=LONG_AGO, le=FAR_AHEAD, description="在此时刻有效的版本 / the version of this instant")]
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
    """Receipt and acceptance, for examples of due dates; none are told without it."""


class MaterialNeeded(BaseModel):
    """A line of the checklist."""

    material: MaterialRule
    certain: bool
    """False while a further answer or the form decides."""


class GuideShown(BaseModel):
    """The next question, or what the answers lead to."""

    version_id: str
    facts: dict[str, object]
    question: Fact | None
    situation: Situation | None
    form: dict[str, object] | None
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
) -> Response:
    """Answer the answers: the next question that still matters, or situation, form, checklist and limits. Nothing is kept."""
    parts = _parts(read, ItemId(item_id), heard=heard, number=version, as_of=as_of)
    answers = [Answer(fact=one.fact, value=one.value, pointer=f"/answers/{place}") for place, one in enumerate(body.answers)]
    asked = Asked(answers=answers, situation=body.situation, start=body.start, explain=explain == "true")
    step = take_step(read.context.catalogue, parts, asked=asked, at=read.tx.at)
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
    parts = _parts(read, ItemId(item_id), heard=heard, number=None, as_of=None)
    kinds = {fact.name: fact.kind for fact in parts.situations.facts}
    facts = read_answers(parts, [Answer(fact=name, value=_typed(text, kind=kinds.get(name, ""))) for name, text in given])
    advice = advise(parts, facts, on=local_day(read.tx.at))
    named = None if advice.question is None else advice.question.name
    question = next((fact for fact in parts.situations.facts if fact.name == named), None)
    known = advice.situation is not None
    materials: list[Json] = [{"material": encode_object(one.material), "certain": one.certain} for one in advice.lines]
    read.behind = read.behind or not heard
    return read.answer(
        {
            "version_id": parts.version.version_id,
            "facts": advice.facts,
            "question": None if question is None else encode_object(question),
            "situation": None if advice.situation is None else encode_object(advice.situation),
            "form": parts.form.schema if known else None,
            "materials": materials,
            "version": encode_object(parts.version) if known else None,
            "texts": encode_object(parts.texts) if known else None,
        }
    )


def _parts(read: Reader[Catalog], item_id: ItemId, *, heard: bool, number: int | None, as_of: AwareDatetime | None) -> Parts:
    try:
        return find_parts(read.context.catalogue, item_id, number=number, at=as_of or read.tx.at)
    except ItemUnknown as unknown:
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
