"""What happens to a case elsewhere, and who asks, for tests of credential-svc."""

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx
import orjson
from fastapi import FastAPI
from sqlalchemy import select

from chassis.identity import SigningKey
from chassis.tables import OUTBOX
from contracts.caller import Caller, CallerKind, Role
from contracts.catalogue import Organ, Region
from contracts.codec import encode_object
from contracts.documents import address
from contracts.events import CaseAccepted, CaseDecided, CaseExtended, CaseReceived, CaseSuspended, Event
from contracts.values import (
    CaseId,
    CaseNo,
    Channel,
    ItemCode,
    ItemVersionId,
    JsonObject,
    Mode,
    NoticeId,
    OrganCode,
    Outcome,
    RegionCode,
    digest,
)
from credential_svc.app import SUBSCRIPTIONS
from credential_svc.context import Credential
from credential_svc.credential.jobs import seal_and_issue

TONGGU, LIUYANG = RegionCode("360926"), RegionCode("430181")
TONGGU_HALL, LIUYANG_MARKET, WANZAI = (
    OrganCode("11360926MB0123456A"),
    OrganCode("11430181MB0654321B"),
    OrganCode("11360922MB0777777C"),
)
NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)
HOLDER: JsonObject = {
    "applicant": {"type": "natural", "name": "陈小明", "id_type": "resident_id", "id_number": "430181199001011239", "phone": "13800000000"},
    "form": {"operator_name": "陈小明", "trade_name": "浏阳市小明花炮材料店"},
    "receiving_organ": TONGGU_HALL,
}


def _organ(code: OrganCode, *, name: str, region: RegionCode, hosted: bool = True) -> Organ:
    return Organ(code=code, name=name, region=region, hosted=hosted, reconsideration_organ="浏阳市人民政府", court="浏阳市人民法院")


ORGANS: list[tuple[str, str, JsonObject]] = [
    (*address(document)[:2], encode_object(document))
    for document in (
        Region(code=TONGGU, name="铜鼓县", level="county", parent=None),
        Region(code=LIUYANG, name="浏阳市", level="county", parent=None),
        _organ(TONGGU_HALL, name="铜鼓县行政审批局", region=TONGGU),
        _organ(LIUYANG_MARKET, name="浏阳市市场监督管理局", region=LIUYANG),
        _organ(WANZAI, name="万载县市场监督管理局", region=RegionCode("360922"), hosted=False),
    )
]

CLERK = Caller(
    kind=CallerKind.STAFF, issuer="idp", account="clerk", roles=frozenset({Role.RECEIVING_CLERK}), region=TONGGU, organ=TONGGU_HALL
)
APPROVER = Caller(
    kind=CallerKind.STAFF, issuer="idp", account="approver", roles=frozenset({Role.APPROVER}), region=LIUYANG, organ=LIUYANG_MARKET
)
SUPERVISOR = Caller(
    kind=CallerKind.STAFF,
    issuer="idp",
    account="supervisor",
    roles=frozenset({Role.SUPERVISOR}),
    region=LIUYANG,
    organ=OrganCode("11430000MB0888888D"),
)
STRANGER = Caller(
    kind=CallerKind.STAFF,
    issuer="idp",
    account="other",
    roles=frozenset({Role.APPROVER, Role.RECEIVING_CLERK}),
    region=TONGGU,
    organ=WANZAI,
)


def applicant(case_id: CaseId) -> Caller:
    return Caller(kind=CallerKind.PERSON, issuer="idp", account="chen", roles=frozenset({Role.APPLICANT}), case=case_id)


def a_case() -> CaseId:
    return CaseId(str(uuid.uuid4()))


def received(case_id: CaseId, *, organ: OrganCode = LIUYANG_MARKET) -> CaseReceived:
    return CaseReceived(
        at=NOON,
        case_id=case_id,
        root_case_id=case_id,
        region=TONGGU,
        case_no=number_of(case_id),
        receiving_organ=TONGGU_HALL,
        window=None,
        channel=Channel.WINDOW,
        item_code=ItemCode("000131001000"),
        version_id=ItemVersionId("v1"),
        situation="open",
        mode=Mode.COLLECT_HERE,
        handling_region=LIUYANG,
        handling_organ=organ,
        agreement_id=None,
        route_rule="r",
        form_digest=digest(b"form"),
        materials=(),
        check_digest=digest(b"check"),
        received_by=CLERK.ref,
    )


def accepted(case_id: CaseId) -> CaseAccepted:
    return CaseAccepted(
        at=NOON,
        case_id=case_id,
        root_case_id=case_id,
        region=TONGGU,
        handling_organ=LIUYANG_MARKET,
        effective_on=date(2026, 11, 2),
        deemed=False,
        accepted_by=None,
        notice_id=NoticeId(f"{case_id}-accepted"),
        notice_digest=digest(b"accepted"),
        statutory_due=NOON,
        promised_due=NOON,
    )


def suspended(case_id: CaseId) -> CaseSuspended:
    return CaseSuspended(
        at=NOON,
        case_id=case_id,
        root_case_id=case_id,
        region=TONGGU,
        handling_organ=LIUYANG_MARKET,
        ground="hearing",
        suspended_by=APPROVER.ref,
        notice_id=NoticeId(f"{case_id}-suspended"),
        notice_digest=digest(b"suspended"),
    )


def extended(case_id: CaseId) -> CaseExtended:
    return CaseExtended(
        at=NOON,
        case_id=case_id,
        root_case_id=case_id,
        region=TONGGU,
        handling_organ=LIUYANG_MARKET,
        extended_by=APPROVER.ref,
        statutory_due=NOON,
        promised_due=NOON,
        notice_id=NoticeId(f"{case_id}-extended"),
        notice_digest=digest(b"extended"),
    )


def decided(
    case_id: CaseId,
    *,
    outcome: Outcome = Outcome.GRANTED,
    organ: OrganCode = LIUYANG_MARKET,
    decision: int = 1,
    valid_until: date | None = None,
    notice: str = "decided",
) -> CaseDecided:
    return CaseDecided(
        at=NOON,
        case_id=case_id,
        root_case_id=case_id,
        region=TONGGU,
        case_no=number_of(case_id),
        handling_region=LIUYANG,
        handling_organ=organ,
        version_id=ItemVersionId("v1"),
        situation="open",
        decision=decision,
        outcome=outcome,
        grounds=(),
        decided_by=APPROVER.ref,
        notice_id=NoticeId(f"{case_id}-{notice}"),
        notice_digest=digest(notice.encode()),
        credential_type=None if outcome is Outcome.DENIED else "business_licence",
        valid_until=valid_until,
    )


def number_of(case_id: CaseId) -> CaseNo:
    return CaseNo(f"36092620261102{int(case_id[:5], 16) % 1_000_000:06d}X")


@dataclass
class Service:
    """A running credential-svc without its loops: a test hears, works and asks for it."""

    application: FastAPI
    context: Credential
    client: httpx.AsyncClient
    gateway: SigningKey

    async def hear(self, *events: Event) -> None:
        for event in events:
            async with self.context.database.begin(self.context) as tx:
                await SUBSCRIPTIONS[type(event)](tx, event)

    async def seal(self) -> None:
        await seal_and_issue(self.context)

    async def issue(self, **about: Any) -> dict[str, Any]:
        """A credential of a fresh case, as its organ sees it."""
        case_id = a_case()
        await self.hear(received(case_id), decided(case_id, **about))
        await self.seal()
        listed = (await self.get(f"/v1/credentials?case={case_id}", by=APPROVER)).json()
        return dict((await self.get(f"/v1/credentials/{listed['items'][-1]['credential_id']}", by=APPROVER)).json())

    async def get(self, path: str, *, by: Caller | None = None, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=self._headers(by) | headers)

    async def post(self, path: str, body: object, *, by: Caller | None = None, **headers: str) -> httpx.Response:
        sent = self._headers(by) | {"idempotency-key": str(uuid.uuid4()), "content-type": "application/json"} | headers
        return await self.client.post(path, content=orjson.dumps(body), headers=sent)

    async def verify(self, qr: str) -> dict[str, Any]:
        answer = await self.client.post("/v1/verifications", json={"qr": qr})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def told(self, *kinds: type[Event]) -> list[dict[str, Any]]:
        """Data of the events in the outbox, in order."""
        async with self.context.database.read(self.context) as tx:
            rows = await tx.execute(select(OUTBOX).order_by(OUTBOX.c.position))
            return [orjson.loads(row.data) for row in rows if not kinds or row.type in {kind.TYPE for kind in kinds}]

    def _headers(self, by: Caller | None) -> dict[str, str]:
        return {} if by is None else {"authorization": f"Bearer {self.gateway.mint(by, audience='credential')}"}
