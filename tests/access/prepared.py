"""What the matrix is tried on: one finished case, drafts of the catalogue, and a harmless request for every route.

Harmless: sent by whoever may send it, it changes nothing that another test rests on. Where the aggregate exists, access must be
answered before the state and the version, so `If-Match` names a version that never was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.line import act, closed, delivered, receive, sealed, sign
from tests.support.whole import SignIn
from tongban_local.sole_trader import ID_NUMBER, ITEM, LIUYANG, TONGGU, application, scan
from tongban_local.visitor import Visitor

NEVER = {"If-Match": '"999999"'}
"""A version that nothing has."""

CSV = {"Content-Type": "text/csv"}
TABLE = "基本编码,实施主体编码,事项名称,办理形式,服务对象,办件类型,法定办结时限,法定办结时限依据,承诺办结时限,设定依据,审批结果名称,不予许可情形\n某事项\n".encode()
"""A table whose one row is given back."""

WEEK = {"amount": 1, "unit": "workdays"}
DAYS = {"amount": 30, "unit": "minutes"}

REGION: dict[str, Any] = {"code": "430199", "name": "试验区", "level": "county", "parent": "430100"}
ORGAN: dict[str, Any] = {
    "code": "11430100TB0000099B",
    "name": "长沙市试验局",
    "region": "430100",
    "hosted": True,
    "reconsideration_organ": "长沙市人民政府",
    "court": "长沙铁路运输法院",
}
BASE_ITEM: dict[str, Any] = {
    "code": "000199099000",
    "name": "试验事项",
    "kind": "01",
    "ministry": "试验部",
    "batch": "",
    "source": "recalled",
    "listed": "service",
}
AGREEMENT: dict[str, Any] = {
    "agreement_id": "changsha-tonggu-trial",
    "name": "试验协议",
    "receiving": [TONGGU],
    "handling": ["430100"],
    "items": [ITEM],
    "modes": ["collect_here"],
    "valid_from": "2098-01-01",
    "valid_to": "2099-01-01",
    "limits": {"delivered": DAYS, "validated": DAYS, "signed_for": WEEK, "returned_after": WEEK},
    "signatories": ["长沙市试验局", "铜鼓县行政审批服务局"],
    "contacts": ["试验窗口"],
}
CERTIFICATE: dict[str, Any] = {
    "certificate_id": "changsha-trial-proof",
    "name": "试验证明",
    "name_en": "Trial proof",
    "region": "430100",
    "basis": "试验条例 §1",
    "asked_by": "长沙市试验局",
    "issued_by": "村(居)民委员会",
    "guide": "试验",
}
NEGATIVE_LIST: dict[str, Any] = {
    "edition_id": "changsha-trial-list",
    "kind": "changsha-trial",
    "name": "试验负面清单",
    "name_en": "Trial negative list",
    "region": "430100",
    "issued_by": ["长沙市试验局"],
    "order": "试验〔2098〕1号",
    "edition": "2098年版",
    "valid_from": "2098-01-01",
    "entries_total": 1,
    "verbatim": True,
    "entries": [{"number": 1, "field": "试验", "measure": "禁止试验"}],
}
POWER: dict[str, Any] = {
    "code": "TRIAL-01",
    "region": LIUYANG,
    "name": "试验许可",
    "kind": "01",
    "organs": ["11430181TB000001XB"],
    "legal_basis": ["试验条例 §1"],
    "verbatim": True,
}
LISTED_POWER = f"QL-01-31-002@{LIUYANG}"
CALENDAR: dict[str, Any] = {
    "region": "430100",
    "year": 2098,
    "version": "2098.1",
    "workdays": [],
    "holidays": [],
    "source": "试验",
    "official": False,
}


STANDARD: dict[str, Any] = {
    "item_code": ITEM,
    "region": "430000",
    "elements": [{"field": "result_type", "lock": "free", "value": "licence"}],
}
BASE_FORM: dict[str, Any] = {
    "code": "changsha-trial-form",
    "name": "试验基础表单",
    "name_en": "Trial form",
    "region": "430100",
    "form": {"type": "object", "properties": {}},
}


DELEGATION: dict[str, Any] = {
    "delegation_id": "liuyang-trial",
    "kind": "transfer",
    "delegator": "11430181TB000001XB",
    "delegate": "11430181TB0000028B",
    "items": [ITEM],
    "region": LIUYANG,
    "valid_from": "2098-01-01",
    "valid_to": "2099-01-01",
    "instrument": {"number": "试验〔2098〕1号", "title": "试验", "legal_basis": "行政许可法 §24"},
    "sealed_as": "11430181TB0000028B",
}
HANDED_ON = DELEGATION | {"delegation_id": "liuyang-trial-published"}


CANCELLATION: dict[str, Any] = {"document": "试验通知"}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What stands in the system."""

    no: str
    transfer_id: str
    notice_id: str
    delivery_id: str
    credential_id: str
    material_id: str
    qr: str
    list_id: str
    draft: dict[str, Any]
    """A version of a service item as it is drafted."""
    version_id: str
    """That draft's."""
    published_id: str
    item_id: str
    import_id: str
    export_id: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request."""

    path: str
    json: Mapping[str, Any] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] | None = None
    params: Mapping[str, str] | None = None


async def prepare(sign_in: SignIn) -> Prepared:
    """A case of 铜鼓 that 浏阳 granted and 铜鼓 handed over; drafts by 湖南's author."""
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    author = await sign_in("catalog-author")
    no = await receive(clerk, seed=311)
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)
    await act(approver, no, "decision", {"outcome": "granted"})
    await sealed(approver, no)
    await delivered(clerk, no)
    case = await closed(clerk, no)
    [credential] = (await clerk.get("/credentials", params={"case": no}))["items"]
    shown = await clerk.get(f"/credentials/{credential['credential_id']}")
    [delivery] = (await clerk.get("/deliveries", params={"case": no}))["items"]
    for path, body in (
        ("/regions", REGION),
        ("/organs", ORGAN),
        ("/agreements", AGREEMENT),
        ("/delegations", DELEGATION),
        ("/delegations", HANDED_ON),
        ("/calendars", CALENDAR),
        ("/negative-lists", NEGATIVE_LIST),
        ("/powers", POWER),
    ):
        drafted = await author.call("POST", path, json=body)
        assert drafted.status in {200, 201}, drafted.body
    await author.post("/certificates", CERTIFICATE)
    published = f"/certificates/{CERTIFICATE['certificate_id']}"
    await author.post("/base-forms", BASE_FORM)
    await author.post("/standards", STANDARD)
    second = await sign_in("catalog-reviewer")
    for path in (published, f"/delegations/{HANDED_ON['delegation_id']}", f"/base-forms/{BASE_FORM['code']}", f"/standards/{ITEM}@430000"):
        tag = (await second.call("GET", f"{path}/draft")).headers["etag"]
        reviewed = await second.call("POST", f"{path}/review", headers={"If-Match": tag})
        assert reviewed.status == 200, reviewed.body
    await author.post(f"{published}/cancellation", CANCELLATION)
    await author.post("/base-forms", BASE_FORM | {"name": "试验基础表单二"})
    await author.post("/standards", STANDARD | {"elements": [{"field": "result_type", "lock": "free", "value": "approval"}]})
    draft = await a_draft(sign_in, str(case["version_id"]))
    drafted = await author.post("/service-items", draft)
    uploaded = await author.call("POST", f"/service-items/imports?region={LIUYANG}", content=TABLE, headers=CSV)
    asked = await author.post("/service-items/exports", {"region": LIUYANG})
    return Prepared(
        no=no,
        transfer_id=(await clerk.get("/transfers", params={"case": no}))["items"][0]["transfer_id"],
        notice_id=(await clerk.get(f"/cases/{no}/notices"))["items"][0]["notice_id"],
        delivery_id=delivery["delivery_id"],
        credential_id=credential["credential_id"],
        material_id=case["materials"][0]["material_id"],
        qr=shown["qr"],
        list_id=shown["status_list"].rpartition("/")[2],
        draft=draft,
        version_id=drafted["version_id"],
        published_id=str(case["version_id"]),
        item_id=drafted["item_id"],
        import_id=await _settled(author, f"/service-items/imports/{uploaded['run_id']}"),
        export_id=await _settled(author, f"/service-items/exports/{asked['run_id']}"),
    )


async def _settled(author: Visitor, path: str) -> str:
    """The id of a run, once it has nothing to do."""
    while (shown := await author.get(path))["state"] in {"received", "requested"}:  # noqa: ASYNC110 - asked over HTTP
        await asyncio.sleep(0.1)
    return str(shown["run_id"])


async def a_draft(sign_in: SignIn, version_id: str) -> dict[str, Any]:
    """The next version of a published service item, as its author would send it."""
    shown = (await (await sign_in("public")).get(f"/service-items/versions/{version_id}")).body
    dropped = {"version_id", "item_id", "version", "task_code", "region", "state", "effective_from", "effective_to", "parts"}
    parts = {name: {key: value for key, value in shown[name].items() if key != "kind"} for name in ("situations", "checklist", "texts")}
    version = {key: value for key, value in shown["version"].items() if key not in dropped}
    parts["texts"] |= {"fees": "不收费(试验)"}
    return {"version": version, "form": shown["form"]["schema"], **parts}


def call(route: str, at: Prepared) -> Call:
    """The harmless request for a route, named by method and path as the gateway shows it."""
    path = route.split(" ", 1)[1]
    filled = path.format(
        no=at.no,
        transfer_id=at.transfer_id,
        notice_id=at.notice_id,
        delivery_id=at.delivery_id,
        credential_id=at.credential_id,
        material_id=at.material_id,
        list_id=at.list_id,
        version_id=at.version_id if "versions" in path else at.published_id,
        item_id=at.item_id,
        parked_id=1,
        run_id=at.export_id if "exports" in path else at.import_id,
        code=code(path),
        agreement_id=AGREEMENT["agreement_id"] if _is_of_draft(path) else "liuyang-tonggu-2020",
        key=_key(path),
        delegation_id=(DELEGATION if _is_of_draft(path) else HANDED_ON)["delegation_id"],
        certificate_id=CERTIFICATE["certificate_id"],
        edition_id=NEGATIVE_LIST["edition_id"] if _is_of_draft(path) else "foreign-investment-2024",
        region="430100" if _is_of_draft(path) else "100000",
        year=2098 if _is_of_draft(path) else 2026,
    )
    more = SPECIAL.get(route)
    # A review says what it read before access is asked.
    return Call(path=filled, headers=NEVER if path.endswith("/review") else None) if more is None else more(filled, at)


def _key(path: str) -> str:
    """Of a standard, or of a power: the draft where it is reviewed."""
    if "powers" not in path:
        return f"{ITEM}@430000"
    return f"{POWER['code']}@{POWER['region']}" if _is_of_draft(path) else LISTED_POWER


def _is_of_draft(path: str) -> bool:
    return path.endswith(("/review", "/draft"))


def code(path: str) -> str:
    """The region, organ or base item that a path is about: the draft where it is reviewed."""
    drafted, known = {
        "regions": (REGION["code"], LIUYANG),
        "organs": (ORGAN["code"], "11430181TB000001XB"),
        "base-forms": (BASE_FORM["code"], BASE_FORM["code"]),
    }.get(path.split("/")[2], (ITEM, ITEM))
    return str(drafted if _is_of_draft(path) else known)


def _json(body: Mapping[str, Any]) -> Any:
    return lambda path, _: Call(path=path, json=body, headers=NEVER)


def _asked(**params: str) -> Any:
    return lambda path, _: Call(path=path, params=params)


def _of_the_case(path: str, at: Prepared) -> Call:
    return Call(path=path, params={"case": at.no})


def _of_the_case_with(body: Mapping[str, Any]) -> Any:
    return lambda path, at: Call(path=path, json=body, headers=NEVER, params={"case": at.no})


DEFECT = {"defects": [{"pointer": "/form/premises", "text": "缺少产权人签字"}]}

SPECIAL: dict[str, Any] = {
    "GET /v1/search": _asked(q="个体"),
    "GET /v1/search/misses": _asked(region=LIUYANG),
    "GET /v1/routes": _asked(item=ITEM, region=LIUYANG, **{"from": TONGGU}),
    "GET /v1/routes/receivers": _asked(item=ITEM, region=LIUYANG),
    "GET /v1/service-guides": _asked(item=ITEM, region=LIUYANG),
    "GET /v1/organs": _asked(region=LIUYANG),
    "GET /v1/agreements": _asked(region=LIUYANG),
    "GET /v1/powers": _asked(region=LIUYANG),
    "GET /v1/powers/unexercised": _asked(region=LIUYANG),
    "GET /v1/powers/unlisted-items": _asked(region=LIUYANG),
    "GET /v1/delegations": _asked(region=LIUYANG),
    "GET /v1/service-items": _asked(region=LIUYANG),
    "GET /v1/windows": _asked(region=TONGGU),
    "GET /v1/windows/receiving": _asked(item=ITEM, region=LIUYANG),
    "GET /v1/windows/unserved": _asked(region=LIUYANG),
    "GET /v1/reports/unused-items": _asked(region=LIUYANG),
    "GET /v1/reports/four-do": _asked(region=LIUYANG),
    "GET /v1/reports/open-cases": _asked(item=f"11430181TB000001XB4{ITEM}"),
    "GET /v1/service-items/versions/{version_id}": lambda _, at: Call(path=f"/v1/service-items/versions/{at.published_id}"),
    "GET /v1/service-items/former-codes": _asked(code="XZ-1"),
    "POST /v1/service-items/imports": lambda path, _: Call(path=path, content=TABLE, headers=CSV, params={"region": LIUYANG}),
    "POST /v1/service-items/exports": _json({"region": LIUYANG}),
    **{
        f"POST /v1/service-items/imports/{{run_id}}/{step}": lambda path, _: Call(path=path, headers=NEVER)
        for step in ("execution", "cancellation", "review", "publication")
    },
    "GET /v1/cases/{no}/person": _asked(purpose="matrix"),
    "GET /v1/materials/{material_id}": _asked(purpose="matrix"),
    "GET /v1/supervision/traces": _of_the_case,
    **{
        f"GET /v1/{path}": _of_the_case
        for path in (
            "transfers",
            "transfers/{transfer_id}",
            "notices/{notice_id}",
            "credentials",
            "credentials/{credential_id}",
            "credentials/{credential_id}/qr",
        )
    },
    "POST /v1/cases:check": _json(application([])),
    "POST /v1/cases": _json(application([], receiving_region=TONGGU)),
    "POST /v1/cases:find": _json({"id_type": "resident_id", "id_number": ID_NUMBER}),
    "POST /v1/cases:persons": lambda path, at: Call(path=path, json={"cases": [at.no], "purpose": "matrix"}),
    "POST /v1/progress": lambda path, at: Call(path=path, json={"case_no": at.no, "id_last_six": ID_NUMBER[-6:]}),
    "POST /v1/verifications": lambda path, at: Call(path=path, json={"qr": at.qr}),
    "POST /v1/materials": lambda path, _: Call(path=path, content=scan(977), headers={"Content-Type": "image/png"}),
    "POST /v1/token": lambda path, _: Call(
        path=path,
        content=b"grant_type=client_credentials&client_assertion=x.x.x"
        b"&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "POST /v1/dev/now": _json({"forward": "PT0.2S"}),
    "POST /v1/cases/{no}/supplements": lambda path, at: Call(path=path, json={"notice_id": at.notice_id, "materials": []}, headers=NEVER),
    "POST /v1/cases/{no}/re-entry": _json({"applicant": application([])["applicant"]}),
    "POST /v1/cases/{no}/withdrawal": _json({"reason": "试验"}),
    "POST /v1/transfers/{transfer_id}/receipts": _of_the_case_with({"step": "signed_for"}),
    "POST /v1/transfers/{transfer_id}/return": _of_the_case_with({"ground": "duplicate", "reason": "试验"}),
    "POST /v1/handlings/{no}/acceptance": _json({}),
    "POST /v1/handlings/{no}/non-acceptance": _json({"ground": "conditions", "reason": "试验"}),
    "POST /v1/handlings/{no}/correction-notice": _json(DEFECT),
    "POST /v1/handlings/{no}/suspension": _json({"ground": "hearing", "evidence": "试验"}),
    "POST /v1/handlings/{no}/resumption": _json({}),
    "POST /v1/handlings/{no}/extension": _json({"reason": "试验"}),
    "POST /v1/handlings/{no}/decision": _json({"outcome": "granted"}),
    "POST /v1/deliveries/{delivery_id}/handover": _of_the_case_with({"means": "electronic"}),
    "POST /v1/credentials/{credential_id}/suspension": _of_the_case_with({"ground": "investigation"}),
    "POST /v1/credentials/{credential_id}/resumption": _of_the_case_with({}),
    "POST /v1/credentials/{credential_id}/revocation": _of_the_case_with({"ground": "deceit"}),
    "POST /v1/regions": _json(REGION),
    "POST /v1/organs": _json(ORGAN),
    "POST /v1/base-items": _json(BASE_ITEM),
    "POST /v1/agreements": _json(AGREEMENT),
    "POST /v1/base-forms": _json(BASE_FORM),
    "POST /v1/standards": _json(STANDARD),
    "POST /v1/delegations": _json(DELEGATION),
    "POST /v1/certificates": _json(CERTIFICATE | {"certificate_id": "changsha-other-proof"}),
    "POST /v1/certificates/{certificate_id}/cancellation": _json(CANCELLATION),
    "POST /v1/powers": _json(POWER | {"code": "TRIAL-02"}),
    "POST /v1/powers/drafts": _json({"powers": [POWER | {"code": "TRIAL-02"}]}),
    "POST /v1/powers/reviews": _json({"drafts": [{"key": f"{POWER['code']}@{POWER['region']}", "version": 9}]}),
    "POST /v1/negative-lists": _json(NEGATIVE_LIST | {"edition_id": "changsha-other-list"}),
    "POST /v1/calendars": _json(CALENDAR),
    "POST /v1/search/words": _json({"word": "伢子登记", "item_code": "000709006000", "region": LIUYANG}),
    "POST /v1/search/words/removal": _json({"word": "伢子登记", "item_code": "000709006000", "region": LIUYANG}),
    "POST /v1/service-items/{item_id}/guide": _json({"answers": []}),
    "POST /v1/service-items": lambda path, at: Call(path=path, json=at.draft),
    "POST /v1/service-items/versions/{version_id}/publication": _json({"effective_from": "2098-01-01T00:00:00+08:00"}),
}
"""Routes whose request is more than a path."""
