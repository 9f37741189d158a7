"""A small catalogue, as its topics would carry it: 浏阳 decides, 铜鼓 receives. Each builder takes what a test is about."""

from __future__ import annotations

from datetime import UTC, date, datetime

from contracts.caller import Caller, CallerKind, Role
from contracts.catalogue import (
    Agreement,
    AgreementAction,
    ApprovalType,
    CalendarYear,
    ChecklistPart,
    CheckRule,
    Fact,
    FormPart,
    ItemVersion,
    Limit,
    MaterialRule,
    Organ,
    PartDigests,
    ProjectType,
    Region,
    Situation,
    SituationsPart,
    TextsPart,
    TransferLimits,
    Unit,
    VersionState,
)
from contracts.codec import encode_object
from contracts.delegations import Delegation, DelegationKind, Instrument
from contracts.documents import Document, address, part_digest
from contracts.values import (
    NATION,
    AgreementId,
    CaseId,
    DelegationId,
    Digest,
    ItemCode,
    ItemId,
    ItemVersionId,
    JsonObject,
    Mode,
    OrganCode,
    RegionCode,
    Way,
)
from rules.calendars import SHANGHAI
from rules.catalogue import Catalogue
from rules.check import Agent, Applicant, Application, MaterialGiven

HUNAN, CHANGSHA, LIUYANG = RegionCode("430000"), RegionCode("430100"), RegionCode("430181")
JIANGXI, YICHUN, TONGGU = RegionCode("360000"), RegionCode("360900"), RegionCode("360926")
DAYAO = RegionCode("430181101")
OLD_QIYANG, QIYANG = RegionCode("431121"), RegionCode("431181")
LIUYANG_MARKET = OrganCode("11430181006128574K")
CHANGSHA_MARKET = OrganCode("11430100006118123A")
DAYAO_OFFICE = OrganCode("11430181006129999A")
TRADER = ItemCode("000131001000")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI).astimezone(UTC)
TODAY = date(2026, 11, 23)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

ALWAYS: JsonObject = {"always": True}


def days(amount: int) -> Limit:
    return Limit(amount=amount, unit=Unit.WORKDAYS)


LIMITS = TransferLimits(
    delivered=Limit(amount=30, unit=Unit.MINUTES),
    validated=Limit(amount=30, unit=Unit.MINUTES),
    signed_for=days(1),
    returned_after=days(3),
)

REGIONS = (
    Region(code=NATION, name="中国", level="nation", parent=None),
    Region(code=HUNAN, name="湖南省", level="province", parent=NATION),
    Region(code=CHANGSHA, name="长沙市", level="city", parent=HUNAN),
    Region(code=LIUYANG, name="浏阳市", level="county", parent=CHANGSHA),
    Region(code=DAYAO, name="大瑶镇", level="town", parent=LIUYANG),
    Region(code=RegionCode("431100"), name="永州市", level="city", parent=HUNAN),
    Region(
        code=OLD_QIYANG,
        name="祁阳县",
        level="county",
        parent=RegionCode("431100"),
        valid_to=date(2021, 1, 20),
        successors=(QIYANG,),
    ),
    Region(code=QIYANG, name="祁阳市", level="county", parent=RegionCode("431100"), valid_from=date(2021, 1, 20)),
    Region(code=JIANGXI, name="江西省", level="province", parent=NATION),
    Region(code=YICHUN, name="宜春市", level="city", parent=JIANGXI),
    Region(code=TONGGU, name="铜鼓县", level="county", parent=YICHUN),
)

YEAR_2026 = CalendarYear(
    region=NATION,
    year=2026,
    version="2026.1",
    workdays=(date(2026, 9, 20), date(2026, 10, 10)),
    holidays=(
        date(2026, 9, 25),
        *(date(2026, 10, day) for day in (1, 2, 5, 6, 7)),
    ),
    source="国务院办公厅通知",
    official=True,
)

FORM = FormPart(
    schema={
        "type": "object",
        "required": ["trade_name", "capital"],
        "additionalProperties": False,
        "properties": {
            "trade_name": {"type": "string", "minLength": 2, "maxLength": 60, "x-label": "字号名称", "x-label-en": "Trade name"},
            "capital": {"type": "integer", "minimum": 0, "x-label": "资金数额", "x-label-en": "Capital"},
            "rented": {"type": "boolean", "x-label": "租用场所", "x-label-en": "Rented premises"},
            "opened_on": {"type": "string", "format": "date", "x-label": "开业日期", "x-label-en": "Opening day"},
        },
    }
)
SITUATIONS = SituationsPart(
    facts=(
        Fact(name="registered", question="是否已登记", question_en="Registered already?", kind="boolean"),
        Fact(
            name="wish",
            question="办理变更还是注销",
            question_en="Change or cancel?",
            kind="choice",
            choices=(("change", "变更", "Change"), ("cancel", "注销", "Cancel")),
        ),
    ),
    situations=(
        Situation(situation_id="new", name="设立登记", name_en="Registration", when={"eq": ["registered", False]}),
        Situation(
            situation_id="change",
            name="变更登记",
            name_en="Change",
            when={"all": [{"eq": ["registered", True]}, {"eq": ["wish", "change"]}]},
        ),
        Situation(
            situation_id="cancel",
            name="注销登记",
            name_en="Cancellation",
            when={"all": [{"eq": ["registered", True]}, {"eq": ["wish", "cancel"]}]},
        ),
    ),
)


def a_material(*, code: str = "premises", when: JsonObject | None = None, required: bool = True) -> MaterialRule:
    return MaterialRule(
        code=code,
        name="经营场所证明",
        name_en="Proof of premises",
        when=when or ALWAYS,
        required=required,
        source="applicant",
        media_types=("application/pdf", "image/jpeg"),
        max_bytes=1000,
        original_seen=True,
        basis="个体工商户条例 §8",
    )


CHECKLIST = ChecklistPart(
    materials=(a_material(), a_material(code="lease", when={"eq": ["form.rented", True]})),
    rules=(
        CheckRule(
            rule_id="trader.capital",
            when={"gt": ["form.capital", 1_000_000]},
            pointer="/form/capital",
            message="资金数额过大",
            message_en="Too much capital",
            basis="示例",
        ),
    ),
)
TEXTS = TextsPart(
    conditions=("年满十六周岁",),
    legal_basis=("个体工商户条例",),
    steps=("申请", "受理", "决定"),
    result_name="营业执照",
    fees="不收费",
    denial_grounds=(("name", "名称不符合规定", "企业名称登记管理规定 §11"),),
)
PARTS = (FORM, SITUATIONS, CHECKLIST, TEXTS)


def a_version(
    *,
    version_id: str = "v1",
    version: int = 1,
    item_code: ItemCode = TRADER,
    region: RegionCode = LIUYANG,
    organ: OrganCode = LIUYANG_MARKET,
    state: VersionState = VersionState.PUBLISHED,
    modes: tuple[Mode, ...] = (Mode.COLLECT_HERE, Mode.LOCAL),
    effective_from: datetime = LONG_AGO,
    effective_to: datetime | None = None,
    checklist: ChecklistPart = CHECKLIST,
    ways: tuple[Way, ...] = (Way.MOVED_DOWN,),
) -> ItemVersion:
    return ItemVersion(
        version_id=ItemVersionId(version_id),
        item_id=ItemId(f"{organ}-{item_code}"),
        version=version,
        item_code=item_code,
        task_code=f"{organ}4{item_code}",
        name="个体工商户登记",
        organ=organ,
        region=region,
        state=state,
        modes=modes,
        service_objects=("natural",),
        project_type=ProjectType.PROMISED,
        approval_type=ApprovalType.NORMAL,
        effective_from=effective_from,
        effective_to=effective_to,
        acceptance_limit=days(5),
        statutory_limit=days(20),
        promised_limit=days(3),
        extension_limit=None,
        delivery_limit=days(10),
        credential_type="business-licence",
        parts=PartDigests(
            form=part_digest(FORM),
            situations=part_digest(SITUATIONS),
            checklist=part_digest(checklist),
            texts=part_digest(TEXTS),
        ),
        ways=ways,
    )


def an_agreement(
    *,
    agreement_id: str = "a1",
    receiving: tuple[RegionCode, ...] = (TONGGU,),
    handling: tuple[RegionCode, ...] = (LIUYANG,),
    items: tuple[ItemCode, ...] = (),
    modes: tuple[Mode, ...] = (Mode.COLLECT_HERE,),
    valid_from: date = date(2026, 1, 1),
    valid_to: date = date(2028, 1, 1),
    alliance: tuple[RegionCode, ...] = (),
    actions: tuple[AgreementAction, ...] = tuple(AgreementAction),
) -> Agreement:
    return Agreement(
        agreement_id=AgreementId(agreement_id),
        name="浏阳市—铜鼓县通办协议",
        receiving=receiving,
        handling=handling,
        items=items,
        modes=modes,
        valid_from=valid_from,
        valid_to=valid_to,
        limits=LIMITS,
        alliance=alliance,
        actions=actions,
    )


def a_delegation(
    *,
    delegation_id: str = "d1",
    kind: DelegationKind = DelegationKind.TRANSFER,
    delegator: OrganCode = LIUYANG_MARKET,
    delegate: OrganCode = DAYAO_OFFICE,
    items: tuple[ItemCode, ...] = (TRADER,),
    region: RegionCode = DAYAO,
    valid_from: date = date(2026, 1, 1),
    valid_to: date = date(2028, 1, 1),
    situations: tuple[str, ...] = (),
    revoked_from: datetime | None = None,
    sealed_as: OrganCode | None = None,
) -> Delegation:
    return Delegation(
        delegation_id=DelegationId(delegation_id),
        kind=kind,
        delegator=delegator,
        delegate=delegate,
        items=items,
        region=region,
        valid_from=valid_from,
        valid_to=valid_to,
        instrument=Instrument(number="浏政委〔2026〕1号", title="行政委托书", legal_basis="行政许可法 §24"),
        sealed_as=sealed_as or (delegate if kind is DelegationKind.TRANSFER else delegator),
        situations=situations,
        revoked_from=revoked_from,
    )


def an_organ(*, code: OrganCode = LIUYANG_MARKET, region: RegionCode = LIUYANG) -> Organ:
    return Organ(
        code=code, name="浏阳市市场监督管理局", region=region, hosted=True, reconsideration_organ="浏阳市人民政府", court="浏阳市人民法院"
    )


def put(catalogue: Catalogue, *documents: Document) -> Catalogue:
    """Publish documents as their topics would carry them."""
    for document in documents:
        topic, key, _ = address(document)
        catalogue.apply(topic, key, encode_object(document))
    return catalogue


def a_catalogue(*documents: Document) -> Catalogue:
    """Regions, calendar and parts, and what the test adds."""
    return put(Catalogue(), *REGIONS, YEAR_2026, *PARTS, *documents)


RESIDENT = "11010519491231002X"
"""The example of GB 11643."""


def an_applicant(*, id_type: str = "resident_id", id_number: str = RESIDENT, phone: str = "13800138000") -> Applicant:
    return Applicant(type="natural", name="谭某", id_type=id_type, id_number=id_number, phone=phone)


def a_file(*, code: str = "premises", media_type: str = "application/pdf", size: int = 10) -> MaterialGiven:
    return MaterialGiven(code=code, digest=Digest("sha256:" + "0" * 64), media_type=media_type, size=size)


def an_application(
    *,
    applicant: Applicant | None = None,
    agent: Agent | None = None,
    situation: str = "new",
    facts: JsonObject | None = None,
    form: JsonObject | None = None,
    materials: tuple[MaterialGiven, ...] | None = None,
) -> Application:
    """Without arguments one that has no defect."""
    return Application(
        applicant=applicant or an_applicant(),
        agent=agent,
        situation=situation,
        facts={"registered": False} if facts is None else facts,
        form={"trade_name": "浏阳河小吃店", "capital": 50_000, "rented": False} if form is None else form,
        materials=(a_file(),) if materials is None else materials,
    )


def a_caller(
    *roles: Role,
    kind: CallerKind = CallerKind.STAFF,
    region: RegionCode | None = LIUYANG,
    organ: OrganCode | None = LIUYANG_MARKET,
    case: str | None = None,
) -> Caller:
    return Caller(
        kind=kind,
        issuer="https://id.example",
        account="0001",
        roles=frozenset(roles),
        region=region,
        organ=organ,
        case=None if case is None else CaseId(case),
    )
