"""Reading notices."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel

from chassis.doors import READER, Reader
from contracts.caller import Caller, CallerKind
from contracts.codec import encode_object
from contracts.refusals import NotFound
from contracts.values import JsonObject, NoticeId
from routing_svc.context import PUBLIC_ID, Routing
from routing_svc.notice import store
from routing_svc.notice.domain import TITLES, Notice, NoticeState
from routing_svc.timeline.handlers import find_case_for

router = APIRouter(tags=["notices"])


class NoticeListed(BaseModel):
    """A notice of a case, without its text."""

    notice_id: str
    kind: str
    title: str
    title_en: str
    organ: str
    sealed_as: str
    """In whose name it speaks; the organ itself unless it acts in another's."""
    region: str
    state: str
    written_at: datetime
    digest: str
    seal: JsonObject | None


class NoticeShown(NoticeListed):
    """A notice with its text; the digest of the text's canonical JSON is what is sealed."""

    case_id: str
    case_no: str
    text: JsonObject


class NoticesShown(BaseModel):
    """The notices of a case, oldest first."""

    case_id: str
    case_no: str
    items: list[NoticeListed]


@router.get("/cases/{no}/notices", operation_id="listNotices", response_model=NoticesShown)
async def list_notices(no: Annotated[str, Path(max_length=60, pattern=PUBLIC_ID)], read: Annotated[Reader[Routing], READER]) -> Response:
    """Everything that the handling organ wrote to the applicant of a case."""
    case = await find_case_for(read.tx, no, caller=read.caller, aggregate="notice", action="view")
    notices = [_listed(notice) for notice in await store.get_notices(read.tx, case.case_id) if _told(notice, read.caller)]
    return read.answer(NoticesShown(case_id=case.case_id, case_no=case.case_no, items=notices))


@router.get("/notices/{notice_id}", operation_id="readNotice", response_model=NoticeShown)
async def read_notice(
    notice_id: Annotated[str, Path(max_length=60, pattern=PUBLIC_ID)], read: Annotated[Reader[Routing], READER]
) -> Response:
    """One notice with its text and seal."""
    notice = await store.get_notice(read.tx, NoticeId(notice_id))
    if notice is None:
        raise NotFound
    await find_case_for(read.tx, notice.case_id, caller=read.caller, aggregate="notice", action="view")
    if not _told(notice, read.caller):
        raise NotFound
    text = await store.open_text(read.tx, notice)
    shown = NoticeShown(**_listed(notice).model_dump(), case_id=notice.case_id, case_no=notice.case.case_no, text=text)
    return read.answer(shown, etag=notice.version)


def _told(notice: Notice, caller: Caller) -> bool:
    """Whether a notice is already one to this caller: to the applicant it is from its seal on."""
    return caller.kind is not CallerKind.PERSON or notice.state is not NoticeState.AWAITING_SEAL


def _listed(notice: Notice) -> NoticeListed:
    _, zh, en = TITLES[notice.kind]
    return NoticeListed(
        notice_id=notice.notice_id,
        kind=notice.kind.value,
        title=zh,
        title_en=en,
        organ=notice.organ,
        sealed_as=notice.sealed_as,
        region=notice.region,
        state=notice.state.value,
        written_at=notice.written_at,
        digest=notice.digest,
        seal=None if notice.seal is None else encode_object(notice.seal),
    )
