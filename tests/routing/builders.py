"""Who acts on a case of 铜鼓 that 浏阳 decides, and what routing hears of it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import uuid_utils
from sqlalchemy import insert, select, text

from chassis.database import lock
from chassis.identity import SigningKey
from chassis.now import Now
from chassis.tables import OUTBOX, WATERMARKS
from chassis.timers import Timers
from contracts.caller import Caller, CallerKind, Role
from contracts.codec import decode, encode_object
from contracts.documents import Document, address
from contracts.envelope import Envelope
from contracts.events import (
    CASE_EVENTS,
    EVENTS,
    CaseDecided,
    CaseReceived,
    CaseSupplemented,
    DecisionSealed,
    Event,
    NoticeSealed,
    Seal,
    Submitted,
)
from contracts.values import (
    AgreementId,
    CaseId,
    CaseNo,
    Channel,
    CredentialId,
    Digest,
    ItemVersionId,
    JsonObject,
    Mode,
    NoticeId,
    OrganCode,
    RegionCode,
    WindowId,
    digest,
)
from routing_svc.app import SUBSCRIPTIONS, TIMERS
from routing_svc.context import Routing
from routing_svc.schema import prepare
from rules.check import verdict_digest
from rules.parts import Parts
from tests.contracts.builders import (
    LIUYANG,
    LIUYANG_MARKET,
    PARTS,
    REGIONS,
    TONGGU,
    TRADER,
    YEAR_2026,
    a_version,
    an_agreement,
    an_organ,
    days,
)

ISSUER = "https://id.example"
TONGGU_HALL = OrganCode("11360926TB0000015A")
MONDAY = datetime.fromisoformat("2026-11-23T10:00:00+08:00")
"""The Monday on which the case is received; a week without holidays."""

VERSION = replace(a_version(), extension_limit=days(10))
PUBLISHED: tuple[Document, ...] = (
    *REGIONS,
    YEAR_2026,
    *PARTS,
    an_organ(),
    an_organ(code=TONGGU_HALL, region=TONGGU),
    VERSION,
    an_agreement(),
)


def staff(account: str, *roles: Role, region: RegionCode = LIUYANG, organ: OrganCode = LIUYANG_MARKET) -> Caller:
    return Caller(kind=CallerKind.STAFF, issuer=ISSUER, account=account, roles=frozenset(roles), region=region, organ=organ)


CLERK = staff("tonggu-clerk", Role.RECEIVING_CLERK, region=TONGGU, organ=TONGGU_HALL)
REVIEWER = staff("liuyang-reviewer", Role.REVIEWER)
APPROVER = staff("liuyang-approver", Role.APPROVER)
APPROVER2 = staff("liuyang-approver2", Role.APPROVER)
BOTH = staff("liuyang-both", Role.REVIEWER, Role.APPROVER)
STRANGER = staff(
    "wanzai-clerk", Role.RECEIVING_CLERK, Role.REVIEWER, Role.APPROVER, region=RegionCode("360922"), organ=OrganCode("11360922TB000001X0")
)
SUPERVISOR = staff("hunan-supervisor", Role.SUPERVISOR, region=RegionCode("430000"), organ=OrganCode("11430000TB000001X0"))
JIANGXI_SUPERVISOR = staff("jiangxi-supervisor", Role.SUPERVISOR, region=RegionCode("360000"), organ=OrganCode("11360000TB000001X0"))
OPERATOR = staff("operator", Role.OPERATOR)


def applicant(case_id: str) -> Caller:
    return Caller(kind=CallerKind.PERSON, issuer=ISSUER, account="applicant-tan", roles=frozenset({Role.APPLICANT}), case=CaseId(case_id))


class StandingNow(Now):
    """Stands at an instant until it is moved."""

    def __init__(self, at: datetime) -> None:
        super().__init__(development=True)
        self._at = at

    def now(self) -> datetime:
        return self._at + self.offset


def clean_verdict(version_id: ItemVersionId) -> Digest:
    """The verdict that a window reached when nothing was amiss."""
    form, situations, checklist, texts = PARTS
    version = replace(VERSION, version_id=version_id)
    return verdict_digest(Parts(version=version, form=form, situations=situations, checklist=checklist, texts=texts), defects=())


def a_case(case_id: str | None = None, *, at: datetime = MONDAY, **changed: Any) -> CaseReceived:
    new = CaseId(case_id or str(uuid_utils.uuid7()))
    case = CaseReceived(
        at=at,
        case_id=new,
        root_case_id=new,
        region=TONGGU,
        case_no=CaseNo(f"36092620261123{int(new[-8:], 16) % 10**6:06d}X"),
        receiving_organ=TONGGU_HALL,
        window=WindowId("360926-01"),
        channel=Channel.WINDOW,
        item_code=TRADER,
        version_id=VERSION.version_id,
        situation="new",
        mode=Mode.COLLECT_HERE,
        handling_region=LIUYANG,
        handling_organ=LIUYANG_MARKET,
        agreement_id=AgreementId("a1"),
        route_rule="route.own-region",
        form_digest=digest(b"form"),
        materials=(Submitted(code="premises", digest=digest(b"premises")),),
        check_digest=clean_verdict(changed.get("version_id", VERSION.version_id)),
        received_by=CLERK.ref,
    )
    return replace(case, **changed)


def supplemented(case: CaseReceived, notice_id: str, *, at: datetime, number: int = 1) -> CaseSupplemented:
    return CaseSupplemented(
        at=at,
        case_id=case.case_id,
        root_case_id=case.root_case_id,
        region=case.region,
        supplement=number,
        notice_id=NoticeId(notice_id),
        form_digest=digest(b"form 2"),
        materials=case.materials,
        supplemented_by=CLERK.ref,
    )


def seal_over(content: Digest, *, at: datetime) -> Seal:
    return Seal(organ=LIUYANG_MARKET, kid="seal", digest=content, sealed_at=at, signature="s")


@dataclass(frozen=True, kw_only=True)
class Service:
    """Routing's public doors: HTTP, what it hears, and time."""

    context: Routing
    client: httpx.AsyncClient
    gateway: SigningKey

    def pass_time(self, **passed: float) -> datetime:
        """Let days or minutes pass."""
        self.context.now.set_offset((self.context.now.offset + timedelta(**passed)).total_seconds())
        return self.context.now.now()

    def pass_until(self, instant: str) -> datetime:
        """Let time pass until an instant in Beijing time."""
        wanted = datetime.fromisoformat(instant + "+08:00")
        return self.pass_time(seconds=(wanted - self.context.now.now()).total_seconds())

    async def get(self, path: str, *, by: Caller | None, **params: str) -> httpx.Response:
        return await self.client.get(path, headers=self._headers(by), params=params)

    async def shown(self, path: str, *, by: Caller, **params: str) -> dict[str, Any]:
        answer = await self.get(path, by=by, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def post(
        self, path: str, body: object = None, *, by: Caller | None, version: int | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = self._headers(by) | {"idempotency-key": key or uuid.uuid4().hex, "content-type": "application/json"}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        return await self.client.post(path, content=orjson.dumps({} if body is None else body), headers=headers)

    async def act(self, path: str, body: object = None, *, by: Caller, version: int | None = None) -> dict[str, Any]:
        """A write that succeeds."""
        answer = await self.post(path, body, by=by, version=version)
        assert answer.status_code in {200, 201}, answer.text
        return dict(answer.json())

    async def version(self, case: CaseReceived) -> int:
        return int((await self.shown(f"/v1/handlings/{case.case_id}", by=REVIEWER))["version"])

    async def move(self, case: CaseReceived, move: str, body: object = None, *, by: Caller) -> httpx.Response:
        """A move of the handling, in its present version."""
        return await self.post(f"/v1/handlings/{case.case_no}/{move}", body, by=by, version=await self.version(case))

    async def moved(self, case: CaseReceived, move: str, body: object = None, *, by: Caller) -> dict[str, Any]:
        answer = await self.move(case, move, body, by=by)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def received(self, **changed: Any) -> CaseReceived:
        """A case that was routed here."""
        case = a_case(**changed)
        await self.hear(case)
        return case

    async def signed(self, **changed: Any) -> CaseReceived:
        case = await self.received(**changed)
        await self.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=REVIEWER)
        return case

    async def accepted(self, *, by: Caller = REVIEWER, **changed: Any) -> CaseReceived:
        case = await self.signed(**changed)
        await self.moved(case, "acceptance", by=by)
        await self.seal(case)
        return case

    async def decided(self, **changed: Any) -> CaseReceived:
        case = await self.accepted(**changed)
        await self.moved(case, "decision", {"outcome": "granted"}, by=APPROVER)
        return case

    async def hear(self, event: Event, *, source: str = "intake") -> None:
        """As the inbox would, under the key's lock."""
        await self.hear_together(event, source=source)

    async def hear_together(self, *events: Event, source: str = "intake") -> None:
        """A batch, in one transaction under the locks of all keys."""
        async with self.context.database.consume(self.context) as tx:
            await lock(tx, *(event.key for event in events))
            await prepare(tx, events)
            for event in events:
                tx.envelope = Envelope(
                    id=str(uuid.uuid4()),
                    type=event.TYPE,
                    source=f"/{source}/{event.place}",
                    subject=event.subject,
                    time=event.at,
                    key=event.key,
                    sequence=1,
                    position=1,
                    data=encode_object(event),
                )
                await SUBSCRIPTIONS[type(event)](tx, event)

    async def seal(self, case: CaseReceived) -> NoticeSealed | DecisionSealed:
        """What credential-svc does about the last notice that waits for its seal."""
        notices = (await self.shown(f"/v1/cases/{case.case_id}/notices", by=REVIEWER))["items"]
        notice = [each for each in notices if each["state"] == "awaiting_seal"][-1]
        sealed = self.sealed(case, notice)
        await self.hear(sealed, source="credential")
        return sealed

    def sealed(self, case: CaseReceived, notice: Mapping[str, Any]) -> NoticeSealed | DecisionSealed:
        """The event by which a notice comes back sealed."""
        at = self.context.now.now()
        seal = seal_over(Digest(notice["digest"]), at=at)
        facts: dict[str, Any] = {"at": at, "case_id": case.case_id, "root_case_id": case.root_case_id, "region": case.region, "seal": seal}
        facts["notice_id"] = NoticeId(notice["notice_id"])
        if notice["kind"] != "decision":
            return NoticeSealed(**facts)
        return DecisionSealed(**facts, decision=1, credential_id=CredentialId("c1"))

    async def heard_all(self, *, until: datetime | None = None) -> None:
        """Intake and credential have told everything up to an instant, now unless told."""
        rows = [
            {"service": service, "topic": CASE_EVENTS, "partition": 0, "partitions": 1, "until": until or self.context.now.now()}
            for service in ("intake", "credential")
        ]
        async with self.context.database.begin(self.context) as tx:
            await tx.execute(text("delete from watermarks"))
            await tx.execute(insert(WATERMARKS), rows)

    async def fire(self) -> None:
        """Do what is due."""
        timers = Timers(self.context, TIMERS)
        while await timers.fire_due():
            async with self.context.database.begin(self.context) as tx:
                # Those that a gate holds back would be asked again in a second.
                waits = (
                    await tx.execute(text("select count(*) from timers where next_try is null and due <= :now"), {"now": tx.at})
                ).scalar_one()
            if not waits:
                return

    async def events(self, case: CaseReceived | None = None) -> list[Event]:
        """What routing told, in order."""
        async with self.context.database.read(self.context) as tx:
            rows = (await tx.execute(select(OUTBOX.c.type, OUTBOX.c.data, OUTBOX.c.key).order_by(OUTBOX.c.position))).all()
        wanted = [row for row in rows if row.type in EVENTS and (case is None or row.key == case.root_case_id)]
        return [decode(EVENTS[row.type], orjson.loads(row.data)) for row in wanted]

    async def sequences(self, case: CaseReceived) -> dict[str, list[int]]:
        """Sequences of what routing told about a case, by subject."""
        statement = select(OUTBOX.c.subject, OUTBOX.c.sequence).where(OUTBOX.c.key == case.root_case_id).order_by(OUTBOX.c.position)
        found: dict[str, list[int]] = {}
        async with self.context.database.read(self.context) as tx:
            for row in await tx.execute(statement):
                found.setdefault(row.subject, []).append(row.sequence)
        return found

    async def told(self, case: CaseReceived) -> list[str]:
        """Names of the events that routing told about a case."""
        return [type(event).__name__ for event in await self.events(case)]

    async def decision(self, case: CaseReceived) -> CaseDecided:
        return next(event for event in await self.events(case) if isinstance(event, CaseDecided))

    async def running(self, case: CaseReceived) -> dict[str, dict[str, Any]]:
        """Clocks that still wait for an act, by kind."""
        shown = await self.shown(f"/v1/cases/{case.case_id}/clocks", by=SUPERVISOR)
        return {clock["kind"]: clock for clock in shown["clocks"] if clock["state"] in {"running", "stopped", "overrun"}}

    async def timeline(self, case: CaseReceived, *, by: Caller = CLERK) -> list[str]:
        return [entry["kind"] for entry in (await self.shown(f"/v1/cases/{case.case_no}/timeline", by=by))["entries"]]

    async def cards(self, case: CaseReceived, *, by: Caller = SUPERVISOR) -> list[tuple[str, str, str]]:
        """Colour, rule and organ charged, oldest first."""
        items = (await self.shown("/v1/supervision/cards", by=by))["items"]
        return [(card["colour"], card["rule"], card["organ"]) for card in reversed(items) if card["case_id"] == case.case_id]

    def _headers(self, caller: Caller | None) -> dict[str, str]:
        return {} if caller is None else {"authorization": f"Bearer {self.gateway.mint(caller, audience='routing')}"}


def publish(context: Routing, *documents: Document) -> None:
    for document in documents:
        topic, key, _ = address(document)
        context.catalogue.apply(topic, key, encode_object(document))


def rule_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["rule"])


def facts_of(answer: httpx.Response) -> JsonObject:
    facts: JsonObject = answer.json()["facts"]
    return facts


OTHER_VERSION = ItemVersionId("v-not-here")
