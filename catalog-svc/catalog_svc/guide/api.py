"""The route of the guide."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from catalog_svc.context import Catalog
from catalog_svc.guide.handlers import AnswerInvalid, guide
from chassis.doors import PUBLIC_READER, Reader
from contracts.catalogue import Fact, ItemVersion, MaterialRule, Situation, TextsPart
from contracts.codec import encode_object
from contracts.refusals import Defect
from contracts.values import ItemId, Json

router = APIRouter(prefix="/v1/service-items", tags=["guide"])

ItemIdPath = Annotated[str, Path(pattern=r"^[0-9A-Z]{31}$")]

_PREFIX = "fact."
_MOST = 30


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


@router.get("/{item_id}/guide", operation_id="guideServiceItem", response_model=GuideShown)
async def guide_service_item(read: Annotated[Reader[Catalog], PUBLIC_READER], request: Request, item_id: ItemIdPath) -> Response:
    """Lead one step further; answers come as ``fact.<name>=<value>``."""
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
    found = await guide(read.tx, ItemId(item_id), answers=answers)
    known = found.situation is not None
    materials: list[Json] = [{"material": encode_object(rule), "certain": certain} for rule, certain in found.materials]
    return read.answer(
        {
            "version_id": found.parts.version.version_id,
            "facts": found.facts,
            "question": None if found.question is None else encode_object(found.question),
            "situation": None if found.situation is None else encode_object(found.situation),
            "form": found.parts.form.schema if known else None,
            "materials": materials,
            "version": encode_object(found.parts.version) if known else None,
            "texts": encode_object(found.parts.texts) if known else None,
        }
    )
