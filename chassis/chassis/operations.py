"""What an operator does in every service: look at parked events, replay them, discard them. Each act is recorded with who did it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.responses import Response

from chassis import parking
from chassis.context import Context
from chassis.database import Tx
from chassis.doors import PUBLIC_READER, READER, WRITER, Answer, Reader, Writer
from chassis.paging import DEFAULT_LIMIT, Cursor, Limit, Pages
from contracts.caller import Caller
from contracts.values import RegionCode
from rules.access import permit

ParkedId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ParkedEventShown(BaseModel):
    """One parked event, without its content."""

    id: int
    consumer: str
    topic: str
    key: str
    type: str
    event_id: str
    reason: str
    error: str
    """A rule id or the name of an exception; never its text."""
    parked_at: datetime
    state: str
    settled_at: datetime | None
    settled_by: str | None


class ParkedEvents(BaseModel):
    """A page of parked events, oldest first."""

    items: list[ParkedEventShown]
    next: str | None
    """Cursor of the next page; null on the last."""


class _NoRegions:
    """An operator's right reaches everywhere: no subtree is ever asked for."""

    def subtree(self, _code: RegionCode, /) -> frozenset[RegionCode]:
        return frozenset()

    def one_with(self, _code: str, /) -> frozenset[Any]:
        return frozenset()


router = APIRouter(prefix="/v1", tags=["operations"])


@router.get("/parked", operation_id="listParked", response_model=ParkedEvents)
async def list_parked(read: Annotated[Reader[Context], READER], limit: Limit = DEFAULT_LIMIT, after: Cursor = "") -> Response:
    """已搁置的事件 / events that could not take effect, with the later ones of their keys."""
    _permit(read.caller, "view")
    pages = Pages(vault=read.context.vault, scope=("parked",))
    position = pages.position(after)
    found = await parking.list_parked(read.tx, limit=limit + 1, after=int(str(position[0])) if position else None)
    shown = [
        ParkedEventShown(
            id=each.parked_id,
            consumer=each.consumer,
            topic=each.topic,
            key=each.key,
            type=each.type,
            event_id=each.event_id,
            reason=each.reason,
            error=each.error,
            parked_at=each.at,
            state=each.state,
            settled_at=each.settled_at,
            settled_by=each.settled_by,
        )
        for each in found[:limit]
    ]
    more = pages.cursor((shown[-1].id,)) if len(found) > limit else None
    return read.answer(ParkedEvents(items=shown, next=more))


@router.post("/parked/{parked_id}:replay", operation_id="replayParked")
async def replay(write: Annotated[Writer[Context], WRITER], parked_id: ParkedId) -> Response:
    """重放 / let it take effect now, with the later ones of its key, in order."""
    _permit(write.caller, "replay", about=str(parked_id))

    write.require_key()
    settled: parking.AlreadySettled | None = None
    try:
        # Each event of the key has a transaction of its own, so none of ours may be open meanwhile.
        await parking.replay(write.context, parked_id, by=write.caller.ref)
    except parking.AlreadySettled as before:
        settled = before

    async def act(_tx: Tx[Context]) -> Answer:
        if settled is not None:
            raise settled
        return Answer(status=200, body={"id": parked_id, "state": "replayed"})

    return await write(act)


@router.post("/parked/{parked_id}:discard", operation_id="discardParked")
async def discard(write: Annotated[Writer[Context], WRITER], parked_id: ParkedId) -> Response:
    """丢弃 / give it up for good."""
    _permit(write.caller, "discard", about=str(parked_id))

    async def act(tx: Tx[Context]) -> Answer:
        await parking.discard(tx, parked_id, by=write.caller.ref)
        return Answer(status=200, body={"id": parked_id, "state": "discarded"})

    return await write(act)


def _permit(caller: Caller, action: str, *, about: str = "") -> None:
    permit(caller, "parked", action, {}, regions=_NoRegions(), about=about)


development = APIRouter(prefix="/v1/dev", include_in_schema=False)
"""Routes that exist in development only."""


@development.get("/now")
async def show_now(read: Annotated[Reader[Context], PUBLIC_READER]) -> Response:
    """What time it is here, and how many seconds ahead of real time that is."""
    now = read.context.now
    return read.answer({"now": now.now().isoformat(), "offset_seconds": now.offset.total_seconds()})
