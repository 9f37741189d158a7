"""Who comes to a window with what, and what is heard of it afterwards, for tests of intake-svc."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import orjson
import uuid_utils
from sqlalchemy import select, text

from chassis.identity import SigningKey
from chassis.tables import OUTBOX
from contracts.caller import Caller, CallerKind, Identity, Role
from contracts.catalogue import ApprovalType
from contracts.codec import encode_object
from contracts.documents import Document, address
from contracts.envelope import Envelope
from contracts.events import (
    CaseAccepted,
    CaseDecided,
    CaseEvent,
    CaseExtended,
    CaseRedated,
    CaseResumed,
    CaseSignedFor,
    CaseSuspended,
    CaseValidated,
    CaseWithdrawn,
    CorrectionNoticed,
    DecisionSealed,
    DefectFound,
    HandlingEnded,
    NoticeSealed,
    Receipt,
    ResultDelivered,
    Seal,
)
from contracts.values import (
    CaseId,
    CaseNo,
    Digest,
    Ending,
    ItemCode,
    ItemVersionId,
    Mode,
    NoticeId,
    OrganCode,
    Outcome,
    PersonRef,
    RegionCode,
    TransferId,
    WindowId,
)
from intake_svc.case.handlers import SUBSCRIPTIONS
from intake_svc.context import Intake
from intake_svc.seed import LIUYANG as LIUYANG_HALL
from intake_svc.seed import TONGGU as TONGGU_HALL
from tests.contracts.builders import LIUYANG, LIUYANG_MARKET, PARTS, REGIONS, TONGGU, TRADER, YEAR_2026, a_version, an_agreement, an_organ

ISSUER = "https://id.example"
NAME, ID_NUMBER, PHONE = "谭小某", "11010519491231002X", "13800138000"
SECRETS = (NAME, ID_NUMBER, PHONE, "浏阳河小吃店")
"""What must lie nowhere in the clear and be repeated nowhere."""

NO_AGREEMENT = ItemCode("000131001001")
EXPIRED = ItemCode("000131001002")
LOCAL_ONLY = ItemCode("000131001003")
ABOLISHED = ItemCode("000131001004")

PUBLISHED: tuple[Document, ...] = (
    *REGIONS,
    YEAR_2026,
    *PARTS,
    an_organ(),
    an_organ(code=TONGGU_HALL, region=TONGGU),
    an_organ(code=LIUYANG_HALL, region=LIUYANG),
    a_version(),
    a_version(version_id="v2", item_code=NO_AGREEMENT),
    a_version(version_id="v3", item_code=EXPIRED),
    a_version(version_id="v4", item_code=LOCAL_ONLY, modes=(Mode.LOCAL,)),
    replace(a_version(version_id="v5", item_code=ABOLISHED), approval_type=ApprovalType.NONE),
    an_agreement(items=(TRADER, LOCAL_ONLY, ABOLISHED)),
    an_agreement(agreement_id="a2", items=(EXPIRED,), valid_from=date(2025, 1, 1), valid_to=date(2026, 1, 1)),
)


def staff(account: str, *roles: Role, region: RegionCode = TONGGU, organ: OrganCode = TONGGU_HALL, window: str | None = None) -> Caller:
    return Caller(
        kind=CallerKind.STAFF,
        issuer=ISSUER,
        account=account,
        roles=frozenset(roles),
        region=region,
        organ=organ,
        window=None if window is None else WindowId(window),
    )


CLERK = staff("tonggu-clerk", Role.RECEIVING_CLERK, window="360926-01")
CLERK2 = staff("tonggu-clerk2", Role.RECEIVING_CLERK, window="360926-01")
OFF_DUTY = staff("tonggu-newcomer", Role.RECEIVING_CLERK, window="360926-01")
LIUYANG_CLERK = staff("liuyang-clerk", Role.RECEIVING_CLERK, region=LIUYANG, organ=LIUYANG_HALL, window="430181-01")
REVIEWER = staff("liuyang-reviewer", Role.REVIEWER, region=LIUYANG, organ=LIUYANG_MARKET)
STRANGER = staff("wanzai-clerk", Role.RECEIVING_CLERK, Role.REVIEWER, region=RegionCode("360922"), organ=OrganCode("11360922TB000001X0"))
SUPERVISOR = staff("hunan-supervisor", Role.SUPERVISOR, region=RegionCode("430000"), organ=OrganCode("11430000TB000001X0"))
CREDENTIAL = Caller(kind=CallerKind.SERVICE, issuer="tongban", account="credential")
MACHINE = Caller(
    kind=CallerKind.MACHINE, issuer="tongban", account="tonggu-system", roles=frozenset({Role.PARTNER}), region=TONGGU, organ=TONGGU_HALL
)


def person(*, id_number: str = ID_NUMBER, account: str = "applicant-tan") -> Caller:
    return Caller(
        kind=CallerKind.PERSON,
        issuer=ISSUER,
        account=account,
        roles=frozenset({Role.APPLICANT}),
        identity=Identity(id_type="resident_id", id_number=id_number),
    )


PDF = b"%PDF-1.7 a proof of premises"


def an_application(*materials: str, **changed: Any) -> dict[str, Any]:
    """Without changes one that has no defect, given one material for the premises."""
    return {
        "item_code": TRADER,
        "handling_region": LIUYANG,
        "mode": "collect_here",
        "situation": "new",
        "facts": {"registered": False},
        "applicant": {"type": "natural", "name": NAME, "id_type": "resident_id", "id_number": ID_NUMBER, "phone": PHONE},
        "form": {"trade_name": "浏阳河小吃店", "capital": 50_000, "rented": False},
        "materials": [{"code": "premises", "material_id": material_id} for material_id in materials],
    } | changed


def a_case_id() -> str:
    return str(uuid_utils.uuid7())


def publish(context: Intake, *documents: Document) -> None:
    for document in documents:
        topic, key, _ = address(document)
        context.catalogue.apply(topic, key, encode_object(document))


@dataclass(frozen=True, kw_only=True)
class Service:
    """Intake's public doors: HTTP, and what it hears."""

    context: Intake
    client: httpx.AsyncClient
    gateway: SigningKey

    def headers(self, caller: Caller | None, **more: str) -> dict[str, str]:
        token = {} if caller is None else {"authorization": f"Bearer {self.gateway.mint(caller, audience='intake')}"}
        return token | {name.replace("_", "-"): value for name, value in more.items()}

    async def get(self, path: str, *, by: Caller | None, **more: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(by, **more))

    async def post(self, path: str, body: object, *, by: Caller | None, key: str | None = None, **more: str) -> httpx.Response:
        headers = self.headers(by, **more) | {"idempotency-key": key or uuid.uuid4().hex, "content-type": "application/json"}
        return await self.client.post(path, content=body if isinstance(body, bytes) else orjson.dumps(body), headers=headers)

    async def upload(
        self, content: bytes = PDF, *, by: Caller = CLERK, media_type: str = "application/pdf", key: str | None = None
    ) -> httpx.Response:
        headers = self.headers(by) | {"idempotency-key": key or uuid.uuid4().hex, "content-type": media_type}
        return await self.client.post("/v1/materials", content=content, headers=headers)

    async def material(self, content: bytes = PDF, *, by: Caller = CLERK) -> str:
        answer = await self.upload(content, by=by)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["material_id"])

    async def received(self, *, by: Caller = CLERK, **changed: Any) -> dict[str, Any]:
        """A clean application taken in."""
        answer = await self.post("/v1/cases", an_application(await self.material(by=by), **changed), by=by)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def shown(self, no: str, *, by: Caller = CLERK) -> dict[str, Any]:
        answer = await self.get(f"/v1/cases/{no}", by=by)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def hear(self, event: CaseEvent, *, position: int) -> None:
        """As the inbox would, under the key's lock."""
        async with self.context.database.consume(self.context) as tx:
            tx.envelope = an_envelope(event, position=position)
            await SUBSCRIPTIONS[type(event)](tx, event)

    async def outbox(self, type_: str | None = None) -> list[dict[str, Any]]:
        async with self.context.database.read(self.context) as tx:
            rows = await tx.execute(select(OUTBOX.c.type, OUTBOX.c.data).order_by(OUTBOX.c.position))
            return [{"type": row.type, **orjson.loads(row.data)} for row in rows if type_ in {None, row.type}]

    async def counts(self) -> Mapping[str, int]:
        """Rows of what a receipt may store."""
        tables = ("cases", "material_claims", "outbox", "idempotency", "secret_keys")
        async with self.context.database.read(self.context) as tx:
            return {table: int((await tx.execute(text(f"select count(*) from {table}"))).scalar_one()) for table in tables}  # noqa: S608


def an_envelope(event: CaseEvent, *, position: int) -> Envelope:
    return Envelope(
        id=str(uuid.uuid4()),
        type=event.TYPE,
        source=f"/routing/{event.region}",
        subject=event.subject,
        time=event.at,
        key=event.key,
        sequence=position,
        position=position,
        data=encode_object(event),
    )


AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
OFFICER = PersonRef("https://id.example|liuyang-reviewer")
_DIGEST = Digest("sha256:" + "0" * 64)


Fact = Callable[[str], CaseEvent]
"""Makes a fact about a case of this id."""


def _base(case_id: str) -> dict[str, Any]:
    return {"case_id": CaseId(case_id), "root_case_id": CaseId(case_id), "region": TONGGU, "at": AT}


def _hop(case_id: str) -> dict[str, Any]:
    return _base(case_id) | {
        "transfer_id": TransferId("t1"),
        "hop": 1,
        "handling_region": LIUYANG,
        "handling_organ": LIUYANG_MARKET,
    }


def _receipt(case_id: str) -> Receipt:
    return Receipt(
        receipt_id="r1",
        case_id=CaseId(case_id),
        transfer_id=TransferId("t1"),
        hop=1,
        step="signed_for",
        organ=LIUYANG_MARKET,
        by=None,
        at=AT,
        facts=_DIGEST,
        number=1,
        previous=None,
        kid="k",
        signature="s",
    )


def _seal() -> Seal:
    return Seal(organ=LIUYANG_MARKET, kid="k", digest=_DIGEST, sealed_at=AT, signature="s")


def validated(case_id: str) -> CaseValidated:
    return CaseValidated(**_hop(case_id), sign_by=AT + timedelta(days=1), receipts=())


def signed_for(case_id: str) -> CaseSignedFor:
    return CaseSignedFor(**_hop(case_id), signed_by=OFFICER, acceptance_due=AT + timedelta(days=5), receipt=_receipt(case_id))


def correction_noticed(case_id: str, *asked: str, notice: str = "n-correction") -> CorrectionNoticed:
    return CorrectionNoticed(
        **_base(case_id),
        handling_organ=LIUYANG_MARKET,
        notice_id=NoticeId(notice),
        notice_digest=_DIGEST,
        round=1,
        defects=tuple(DefectFound(rule_id="officer", pointer=pointer) for pointer in asked),
        noticed_by=OFFICER,
    )


def accepted(case_id: str, *, notice: str = "n-acceptance") -> CaseAccepted:
    return CaseAccepted(
        **_base(case_id),
        handling_organ=LIUYANG_MARKET,
        effective_on=AT.date(),
        deemed=False,
        accepted_by=OFFICER,
        notice_id=NoticeId(notice),
        notice_digest=_DIGEST,
        statutory_due=AT + timedelta(days=30),
        promised_due=AT + timedelta(days=3),
    )


def suspended(case_id: str, *, notice: str = "n-suspension") -> CaseSuspended:
    return CaseSuspended(
        **_base(case_id),
        handling_organ=LIUYANG_MARKET,
        ground="hearing",
        suspended_by=OFFICER,
        notice_id=NoticeId(notice),
        notice_digest=_DIGEST,
    )


def resumed(case_id: str) -> CaseResumed:
    return CaseResumed(
        **_base(case_id),
        handling_organ=LIUYANG_MARKET,
        resumed_by=OFFICER,
        statutory_due=AT + timedelta(days=40),
        promised_due=AT + timedelta(days=13),
    )


def redated(case_id: str, *, was: datetime | None = None) -> CaseRedated:
    return CaseRedated(
        **_base(case_id),
        handling_organ=LIUYANG_MARKET,
        was=accepted(case_id).promised_due if was is None else was,
        due=AT + timedelta(days=15),
        calendar_version="2026.1+2027.1",
    )


def extended(case_id: str, *, notice: str = "n-extension") -> CaseExtended:
    return CaseExtended(
        **_base(case_id),
        handling_organ=LIUYANG_MARKET,
        extended_by=OFFICER,
        statutory_due=AT + timedelta(days=50),
        promised_due=AT + timedelta(days=23),
        notice_id=NoticeId(notice),
        notice_digest=_DIGEST,
    )


def decided(case_id: str, *, notice: str = "n-decision") -> CaseDecided:
    return CaseDecided(
        **_base(case_id),
        case_no=CaseNo("360926202611230000018"),
        handling_region=LIUYANG,
        handling_organ=LIUYANG_MARKET,
        version_id=ItemVersionId("v1"),
        situation="new",
        decision=1,
        outcome=Outcome.GRANTED,
        grounds=(),
        decided_by=PersonRef("https://id.example|liuyang-approver"),
        notice_id=NoticeId(notice),
        notice_digest=_DIGEST,
        credential_type="business-licence",
    )


def notice_sealed(case_id: str, *, notice: str = "n-acceptance") -> NoticeSealed:
    return NoticeSealed(**_base(case_id), notice_id=NoticeId(notice), seal=_seal())


def decision_sealed(case_id: str, *, notice: str = "n-decision") -> DecisionSealed:
    return DecisionSealed(**_base(case_id), decision=1, notice_id=NoticeId(notice), seal=_seal(), credential_id=None)


def delivered(case_id: str) -> ResultDelivered:
    return ResultDelivered(**_base(case_id), delivery_id="d1", means="window", delivered_by=OFFICER)


def withdrawn(case_id: str) -> CaseWithdrawn:
    return CaseWithdrawn(**_base(case_id), withdrawn_by=None)


def ended(case_id: str, *, ending: Ending = Ending.GRANTED) -> HandlingEnded:
    return HandlingEnded(**_base(case_id), ending=ending)
