"""A toy service on the real chassis and a real database: the smallest thing that has doors to knock at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, FastAPI, Query, Request
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Text, insert, select, update
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.responses import Response

from chassis import outbox
from chassis.anchors import Anchor
from chassis.application import create_application
from chassis.bus_postgres import PostgresBus
from chassis.context import Context
from chassis.database import Database, StaleVersion, TransactionTooLong, Tx, lock
from chassis.doors import PUBLIC_READER, READER, WRITER, Answer, Reader, Writer, expect_version
from chassis.errands import Errand, errands
from chassis.flow import waiting_look
from chassis.gathering import Gathering, Outcome
from chassis.health import Health
from chassis.identity import SigningKey
from chassis.logs import configure
from chassis.metrics import Metrics
from chassis.now import Now
from chassis.outbox import Outgoing
from chassis.settings import ServiceSettings
from chassis.tables import define
from chassis.vault import Vault
from contracts.caller import Caller, CallerKind, Role
from contracts.events import PersonalDataRead
from contracts.refusals import Forbidden, NotFound, Stale
from contracts.values import OrganCode, PersonRef, RegionCode, digest
from rules.access import ALWAYS, NEVER

METADATA = MetaData()
define(METADATA)
OWNERS = Table("owners", METADATA, Column("id", Text, primary_key=True))
WIDGETS = Table(
    "widgets",
    METADATA,
    Column("id", Text, primary_key=True),
    # Deferred: a wrong owner is found out by the commit and not before.
    Column("owner", Text, ForeignKey("owners.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
)

CLERK = Caller(
    kind=CallerKind.STAFF,
    issuer="test",
    account="c-1",
    roles=frozenset({Role.RECEIVING_CLERK}),
    region=RegionCode("360926"),
    organ=OrganCode("11360926MB0000000X"),
)
OPERATOR = Caller(kind=CallerKind.STAFF, issuer="test", account="o-1", roles=frozenset({Role.OPERATOR}))
PATIENT = 9.0
"""Seconds that a toy waits for a lock where a test is not about that: a machine may stand still for some."""

PERSON = Caller(kind=CallerKind.PERSON, issuer="id", account="340102199001011234", roles=frozenset({Role.APPLICANT}))


class ToySettings(ServiceSettings):
    """Settings of the toy; the tests give them, no environment."""

    NAME = "toy"


@dataclass(kw_only=True)
class Toy(Context):
    """The toy's own."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a slow act has begun."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    """What a slow act waits for."""
    acts: int = 0
    """How often an act was run."""
    together: list[int] = field(default_factory=list)
    """How many requests each act that takes several was run for."""
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set in the very moment in which an act that rides with others was committed."""
    stale: int = 0
    """How many more times the row of ``:stale`` was changed by somebody else."""


class WidgetIn(BaseModel):
    """What is sent."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(max_length=40)
    owner: str = "somebody"
    name: str = Field(default="", max_length=40)
    sizes: dict[str, int] = Field(default_factory=dict)


class Widget(BaseModel):
    """What is shown."""

    id: str
    name: str
    version: int


def opened(tx: Tx[Any], about: str, *, action: str = "make") -> PersonalDataRead:
    """An event of a widget, on its own key."""
    return PersonalDataRead(
        at=tx.at,
        trace_id="0",
        caller=PersonRef("t|t"),
        aggregate="widget",
        action=action,
        about=about,
        region=RegionCode("360926"),
        purpose="test",
    )


router = APIRouter()


@router.post("/widgets")
async def make(write: Annotated[Writer[Toy], WRITER], body: WidgetIn) -> Response:
    """Insert a row and write an event under its id."""

    async def act(tx: Tx[Toy]) -> Answer:
        tx.context.acts += 1
        await tx.execute(insert(WIDGETS).values(id=body.id, owner=body.owner, name=body.name, version=1))
        event = opened(tx, body.id, action="make")
        await outbox.put(tx, [Outgoing(event=event, sequence=1)])
        return Answer(status=201, body={"id": body.id, "at": tx.at.isoformat()}, headers={"Location": f"/widgets/{body.id}"})

    return await write(act)


async def _make_together(tx: Tx[Toy], asked: Sequence[WidgetIn]) -> list[Outcome]:
    tx.context.together.append(len(asked))
    tx.after_commit(tx.context.committed.set)
    if any(one.name == "slow" for one in asked):
        tx.context.entered.set()
        await tx.context.go_on.wait()
    made = [one for one in asked if one.name != "refused"]
    if made:
        await tx.execute(insert(WIDGETS), [{"id": one.id, "owner": one.owner, "name": one.name, "version": 1} for one in made])
    events = [opened(tx, one.id, action="make") for one in made]
    await outbox.put(tx, [Outgoing(event=event, sequence=1) for event in events])
    return [
        Answer(status=201, body={"id": one.id})
        if one in made
        else Forbidden(facts={"aggregate": "widget", "action": "make", "about": one.id})
        for one in asked
    ]


TOGETHER: Gathering[Toy, WidgetIn] = Gathering(_make_together, key=lambda one: digest(one.id.encode()), flushers=1)


@router.post("/together")
async def make_together(write: Annotated[Writer[Toy], WRITER], body: WidgetIn) -> Response:
    """Insert a row together with whoever waits; one named "slow" holds everybody up, one named "refused" is."""
    return await TOGETHER(write, body)


async def _note(tx: Tx[Toy], rows: Sequence[tuple[Any, ...]]) -> None:
    tx.context.together.append(len(rows))


BY_ID = Anchor(select(WIDGETS.c.owner.label("key"), WIDGETS.c.id), by=WIDGETS.c.id, shown={"id": WIDGETS.c.id})
ERRANDS = errands(_note, flushers=1, patience=60)
HASTY = errands(_note, flushers=1, patience=0.01)


@router.post("/widgets/{widget_id}:paint")
async def paint(
    write: Annotated[Writer[Toy], WRITER], widget_id: str, color: str, *, hasty: bool = False, strange: bool = False
) -> Response:
    """Name a widget, together with whoever waits; "slow" waits to be told, "broken" fails.

    "forbidden" is refused before it writes, "refused" afterwards. Nobody waits long for a slow one where all are hasty. From a stranger it is
    hidden.
    """

    async def act(tx: Tx[Toy]) -> Answer:
        tx.context.acts += 1
        tx.after_commit(tx.context.committed.set)
        found = await BY_ID.find(tx, widget_id)
        if found is None:
            raise NotFound
        if color == "forbidden":
            raise Forbidden(facts={"aggregate": "widget", "action": "paint", "about": widget_id})
        if color == "slow":
            tx.context.entered.set()
            await tx.context.go_on.wait()
        row = {"name": None if color == "broken" else color, "version": WIDGETS.c.version + 1}
        await tx.execute(update(WIDGETS).where(WIDGETS.c.id == found[0]).values(row))
        if color == "refused":
            raise Forbidden(facts={"aggregate": "widget", "action": "paint", "about": widget_id})
        event = opened(tx, widget_id, action="paint")
        await outbox.put(tx, [Outgoing(event=event, sequence=1)])
        return Answer(status=200, body={"id": widget_id})

    return await (HASTY if hasty else ERRANDS)(write, Errand(act, BY_ID.of(widget_id, seen=NEVER if strange else ALWAYS)))


@router.post("/widgets/{widget_id}:wait")
async def wait(write: Annotated[Writer[Toy], WRITER], widget_id: str) -> Response:
    """Insert a row, then stay inside the transaction until told to go on."""

    async def act(tx: Tx[Toy]) -> Answer:
        tx.context.acts += 1
        await tx.execute(insert(WIDGETS).values(id=widget_id, owner="somebody", name="", version=1))
        tx.context.entered.set()
        await tx.context.go_on.wait()
        return Answer(status=201, body={"id": widget_id})

    return await write(act)


@router.post("/widgets/{widget_id}:forbid")
async def forbid(write: Annotated[Writer[Toy], WRITER], widget_id: str) -> Response:
    """Insert a row, then refuse."""

    async def act(tx: Tx[Toy]) -> Answer:
        await tx.execute(insert(WIDGETS).values(id=widget_id, owner="somebody", name="", version=1))
        raise Forbidden(facts={"aggregate": "widget", "action": "forbid", "about": widget_id})

    return await write(act)


@router.post("/widgets/{widget_id}:stale")
async def change_stale(write: Annotated[Writer[Toy], WRITER], widget_id: str) -> Response:
    """Lose against somebody else as often as the toy says."""

    async def act(tx: Tx[Toy]) -> Answer:
        tx.context.acts += 1
        if tx.context.stale > 0:
            tx.context.stale -= 1
            raise StaleVersion
        return Answer(status=200, body={"id": widget_id})

    return await write(act)


@router.post("/ring")
async def ring(write: Annotated[Writer[Toy], WRITER], first: str, second: str) -> Response:
    """Take two keys one by one, in the order asked for; the second once somebody else has a first one, too."""

    async def act(tx: Tx[Toy]) -> Answer:
        await lock(tx, first)
        tx.context.acts += 1
        while tx.context.acts < 2:  # noqa: ASYNC110 - a count sets no event
            await asyncio.sleep(0.01)
        await lock(tx, second)
        return Answer(status=200, body={"first": first})

    return await write(act)


@router.put("/widgets/{widget_id}")
async def change(request: Request, write: Annotated[Writer[Toy], WRITER], widget_id: str, body: WidgetIn) -> Response:
    """Change the name of the version that was read."""
    version = expect_version(request)

    async def act(tx: Tx[Toy]) -> Answer:
        same = (WIDGETS.c.id == widget_id, WIDGETS.c.version == version)
        changed = await tx.execute(update(WIDGETS).where(*same).values(name=body.name, version=version + 1))
        if changed.rowcount == 0:
            raise Stale
        return Answer(status=200, body={"id": widget_id, "version": version + 1})

    return await write(act)


@router.get("/widgets/{widget_id}", response_model=Widget)
async def show(read: Annotated[Reader[Toy], READER], widget_id: str) -> Response:
    """One row."""
    row = (await read.tx.execute(select(WIDGETS).where(WIDGETS.c.id == widget_id))).first()
    if row is None:
        raise NotFound
    return read.answer(Widget(id=row.id, name=row.name, version=row.version), etag=row.version)


@router.get("/widgets/{widget_id}/secret")
async def open_secret(read: Annotated[Reader[Toy], READER], widget_id: str) -> Response:
    """Something of a person; leaves a trace, also when there is nothing."""
    read.trace(aggregate="widget", action="view_person", about=widget_id, purpose="test")
    row = (await read.tx.execute(select(WIDGETS.c.id).where(WIDGETS.c.id == widget_id))).first()
    if row is None:
        raise NotFound
    return read.answer({"name": "张三"})


@router.get("/secrets")
async def open_secrets(read: Annotated[Reader[Toy], READER]) -> Response:
    """Something of one person, and a refusal beside it."""
    read.trace(aggregate="widget", action="view_person", about="w-1", purpose="test")
    read.trace_refusal(Forbidden(facts={"aggregate": "widget", "action": "view_person", "about": "w-2"}))
    return read.answer({"name": "张三"})


@router.get("/forbidden")
async def never(read: Annotated[Reader[Toy], READER]) -> Response:
    """Refuse to read."""
    raise Forbidden(facts={"aggregate": "widget", "action": "view", "about": "w-1"})


@router.get("/open")
async def open_to_all(read: Annotated[Reader[Toy], PUBLIC_READER], limit: Annotated[int, Query(ge=1, le=5)] = 1) -> Response:
    """Open to anyone."""
    return read.answer({"kind": read.caller.kind, "limit": limit})


@router.post("/small", max_body_size=10)
async def small(body: WidgetIn) -> Response:
    """Take little."""
    return Response(body.id)


@router.get("/broken")
async def broken(name: str) -> Response:
    """Fail with what was sent in the exception's text."""
    raise RuntimeError(f"cannot cope with {name}")


@dataclass(kw_only=True)
class RunningToy:
    """The toy, a client, and who may sign in."""

    context: Toy
    app: FastAPI
    client: AsyncClient
    key: SigningKey

    def headers(self, caller: Caller = CLERK, *, key: str | None = None, **more: str) -> dict[str, str]:
        """Headers of a signed-in request; with an Idempotency-Key where one is given."""
        sent = {"authorization": f"Bearer {self.key.mint(caller, audience='toy')}"}
        if key is not None:
            sent["idempotency-key"] = key
        return sent | {name.replace("_", "-"): value for name, value in more.items()}

    async def rows(self, table: Table) -> list[Any]:
        """Everything that stands in a table; read again where the machine stood still for longer than this toy's transactions may live."""
        while True:
            with suppress(TransactionTooLong):
                async with self.context.database.read(self.context) as tx:
                    return list((await tx.execute(select(table))).all())


async def make_tables(url: str) -> None:
    """The toy's tables and its one owner."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.execute(insert(OWNERS).values(id="somebody"))
    await engine.dispose()


def toy_settings(url: str, folder: Path, **more: Any) -> ToySettings:
    """Settings of a toy whose files lie in this folder."""
    return ToySettings(
        database_url=url,
        log_url=url,
        topics_file=folder / "topics.yaml",
        internal_jwks_file=folder / "jwks.json",
        wrapping_key="QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
        **more,
    )


@asynccontextmanager
async def running_toy(url: str, folder: Path, *, hears: frozenset[str] = frozenset(), **settings: Any) -> AsyncIterator[RunningToy]:
    """The toy's doors on this database; nothing runs beside them."""
    configure("warning")
    key = SigningKey.make("gateway")
    (folder / "jwks.json").write_bytes(orjson.dumps({"keys": [key.public]}))
    chosen = toy_settings(url, folder, **{"lock_wait": PATIENT} | settings)
    context = Toy(
        settings=chosen,
        database=Database(url, name="toy", pool_size=chosen.pool_size, limit=chosen.transaction_limit, lock_wait=chosen.lock_wait),
        now=Now(),
        metrics=Metrics("toy"),
        bus=PostgresBus(url),
        vault=Vault(b"A" * 32),
        hears=hears,
    )
    app = create_application(
        context, title="Toy", version="1", routers=[router], checks=Health({}), looks=(waiting_look(context, kinds=["tea"]),)
    )
    async with AsyncClient(transport=ASGITransport(app), base_url="http://toy") as client:
        yield RunningToy(context=context, app=app, client=client, key=key)
    await context.database.close()


MakeToy = Callable[..., Awaitable[RunningToy]]
"""``await make_toy(pool_size=1)``: a toy on a fresh database, closed when the test ends."""
