"""The service guide as one page that prints on A4: Chinese with English labels, nothing loaded from anywhere, nothing that runs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from catalog_svc.guide.domain import limit_in_words
from catalog_svc.guide.domain.organs import OrganShown
from catalog_svc.service_guide.domain.content import (
    FieldShown,
    FieldUse,
    LimitShown,
    MaterialShown,
    MemberOffered,
    ServiceGuide,
    SituationShown,
)
from catalog_svc.service_guide.domain.markup import Markup, tag, together
from contracts.delegations import DelegationKind
from contracts.elements import Fee, Step, StopGround
from rules.calendars import SHANGHAI
from rules.reasons import Words

STYLE = """
@page{size:A4;margin:18mm 16mm}
*{box-sizing:border-box}
body{margin:0 auto;max-width:182mm;padding:8mm;color:#111;background:#fff;font:11pt/1.55 "Noto Serif CJK SC","Songti SC",SimSun,serif;overflow-wrap:anywhere}
h1,h2,h3,p,li,td,th,dd,dt{unicode-bidi:isolate;white-space:pre-line}
h1{font-size:18pt;text-align:center;margin:0 0 2mm}
h2{font-size:13pt;border-bottom:1px solid #111;margin:7mm 0 2mm;break-after:avoid}
h3{font-size:11.5pt;margin:5mm 0 1mm;break-after:avoid}
table{border-collapse:collapse;width:100%;margin:1mm 0 2mm}
th,td{border:1px solid #555;padding:1mm 1.5mm;text-align:left;vertical-align:top}
.materials{table-layout:fixed}
.materials th:nth-child(1){width:8mm}
.materials th:nth-child(2){width:23%}
.materials th:nth-child(3){width:14%}
.materials th:nth-child(5){width:17%}
.fields{table-layout:fixed}
.fields th:nth-child(1){width:38%}
th{font-weight:600;background:#eee}
tr,li{break-inside:avoid}
thead{display:table-header-group}
.en{font:9pt/1.4 "Noto Sans",Arial,sans-serif;color:#444}
.about{text-align:center;margin:0 0 4mm}
.small{font-size:9pt;color:#333}
ol,ul{margin:0;padding-left:6mm}
footer{margin-top:8mm;border-top:1px solid #111;padding-top:2mm}
@media print{body{max-width:none;padding:0}}
"""

POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: its own style and nothing else."""

_LIMITS = {
    "acceptance": ("受理时限", "Acceptance decided within"),
    "statutory": ("法定办结时限", "Statutory limit"),
    "promised": ("承诺办结时限", "Promised limit"),
    "extension": ("可延长", "May be extended by"),
    "delivery": ("送达时限", "Delivered within"),
}
_OBJECTS = {"natural": ("个人", "natural persons"), "legal": ("法人和其他组织", "legal persons")}
_MODES = {
    "fully_online": ("全程网办", "fully online"),
    "collect_here": ("异地代收代办", "handed in elsewhere, decided here"),
    "joint": ("多地联办", "handled jointly"),
    "local": ("窗口办理", "at the window"),
}
_SOURCES = {
    "applicant": ("申请人自备", "applicant"),
    "government": ("政府部门核发", "government"),
    "intermediary": ("中介机构出具", "intermediary"),
}
_PAPERS = {
    DelegationKind.TRANSFER: ("下放、赋权", "transfer of power"),
    DelegationKind.DELEGATION: ("委托", "delegation"),
    DelegationKind.ASSIST: ("委托受理", "mandate to assist"),
}
_TYPES = {"instant": ("即办件", "decided at once"), "promised": ("承诺件", "decided within the promised limit")}


def write_page(guide: ServiceGuide) -> str:
    """The whole document."""
    title = f"{guide.name} 办事指南"
    return "<!DOCTYPE html>\n" + tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", title),
            # The style is ours and without any text of an item.
            tag("style", Markup(STYLE)),
        ),
        tag("body", tag("h1", title), _about(guide), *_sections(guide), _footer(guide)),
        lang="zh-CN",
    )


def _about(guide: ServiceGuide) -> Markup:
    said = f"第 {guide.version} 版 Version {guide.version} · {_valid(guide)}"
    return tag("p", f"{guide.organ.region_name} · {guide.organ.name}\n{said}", class_="about")


def _valid(guide: ServiceGuide) -> str:
    until = "起有效 in force" if guide.valid_until is None else f"至 to {_instant(guide.valid_until)} 有效 in force"
    return f"{_instant(guide.valid_from)} {until}"


def _instant(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def _sections(guide: ServiceGuide) -> Iterable[Markup]:
    yield _basics(guide)
    yield _list("受理条件", "Conditions", guide.conditions)
    yield _list("受理标准", "Standard of acceptance", guide.acceptance_standard)
    yield _heading("办理情形与申请材料", "Situations and materials")
    yield from map(_situation, guide.situations)
    if guide.bundle:
        yield _heading("一件事的组成事项", "Items of this matter")
        yield _table(("事项 Item", "何时 When", "在其后 After", "豁免 Exempt"), [_member(one) for one in guide.bundle])
    if guide.form:
        yield _heading("申请表单", "Form")
        yield _table(("填写内容 Field", "要求 What is asked for"), map(_field, guide.form), kind="fields")
    yield _heading("办理时限", "Limits")
    yield _table(
        ("时限 Limit", "", "依据 Basis"),
        [(" ".join(_LIMITS[one.name]), _limit(one, guide.situations), one.basis) for one in guide.limits],
    )
    if guide.stops:
        yield _heading("不计入时限的情形", "What stops the clock")
        yield _table(("情形 Ground", "最长 At most", "依据 Basis"), [_stop(one) for one in guide.stops])
    yield _heading("办理流程", "Steps")
    yield tag("ol", *(tag("li", one) for one in guide.handling.steps))
    if guide.handling.chain:
        yield _table(("环节 Step", "承办 By", "依据 Basis"), [_step(one) for one in guide.handling.chain])
    yield _heading("收费", "Fees")
    yield tag("p", guide.fees)
    if guide.fee_lines:
        yield _table(("项目 Fee", "标准 Standard", "减免 Reduction", "依据 Basis"), [_fee(one) for one in guide.fee_lines])
    yield _heading("不予许可的情形", "Grounds of denial")
    yield _table(("情形 Ground", "依据 Basis"), [(one.reason, one.basis) for one in guide.denial_grounds])
    yield _list("设定依据", "Legal basis", guide.legal_basis)
    yield _heading("救济途径", "Remedies")
    yield _pairs(
        [
            ("咨询电话 Telephone", guide.organ.telephone),
            ("行政复议 Reconsideration", guide.organ.reconsideration_organ),
            ("行政诉讼 Suit", guide.organ.court),
        ]
    )


def _basics(guide: ServiceGuide) -> Markup:
    handling, approval = guide.handling, guide.approval
    rows = [
        *_organ(guide.organ),
        ("基本编码 Item code", guide.item_code),
        ("实施编码 Task code", guide.task_code),
        ("服务对象 For whom", _names(_OBJECTS, guide.service_objects)),
        ("办件类型 Kind of case", " ".join(_TYPES[handling.project_type])),
        ("审批方式 Approval", f"{approval.zh}\n{approval.en}（{approval.basis}）"),
        ("办理形式 How", _names(_MODES, handling.modes)),
        ("到现场次数 Visits", "" if handling.visits is None else str(handling.visits)),
        ("数量限制 Quantity", guide.quantity_limit),
        ("办理结果 Result", guide.result.name),
    ]
    return _pairs(rows)


def _organ(organ: OrganShown) -> list[tuple[str, str]]:
    papers = "\n".join(f"{' '.join(_PAPERS[one.kind])}：{one.delegator_name}，《{one.title}》（{one.number}）" for one in organ.papers)
    return [
        ("实施机关 Organ", organ.name),
        ("以其名义 In the name of", organ.sealed_as_name if organ.sealed_as != organ.code else ""),
        ("职权来源 Power by", papers),
        ("受理、协助 Also received by", "、".join(one.name or one.code for one in organ.assisting)),
    ]


def _names(words: dict[str, tuple[str, str]], values: Iterable[str]) -> str:
    told = [words[value] for value in values]
    return f"{'、'.join(zh for zh, _ in told)}\n{', '.join(en for _, en in told)}"


def _situation(one: SituationShown) -> Markup:
    heading = tag("h3", one.name, " ", tag("span", one.name_en, class_="en"))
    promised = f"适用：{one.when.zh}。承诺时限：{one.promised.zh}\n{one.when.en}. Promised: {one.promised.en}"
    if one.organ is not None:
        promised += "".join(f"\n{label}：{value}" for label, value in _organ(one.organ) if value)
    if not one.materials:
        return together(heading, tag("p", promised, class_="small"), tag("p", "不收取材料 No materials"))
    rows = [_material(number, line) for number, line in enumerate(one.materials, start=1)]
    head = ("", "材料 Material", "来源 From", "要求 What is asked for", "依据 Basis")
    return together(heading, tag("p", promised, class_="small"), _table(head, rows, kind="materials"))


def _material(number: int, one: MaterialShown) -> tuple[str, ...]:
    name = together(one.name, "\n", tag("span", one.name_en, class_="en"))
    source = _SOURCES[one.source]
    return (str(number), name, "\n".join(filter(None, (*source, one.issuer, one.intermediary))), _asked(one), one.basis)


def _asked(one: MaterialShown) -> str:
    told = ["必要 required" if one.necessity == "required" else "非必要 optional"]
    if one.when is not None:
        told.append(f"仅限 only if：{one.when.zh}\n{one.when.en}")
    if one.copies:
        told.append(f"{one.copies} 份 copies" + ("，核验原件 original compared" if one.original_seen else ""))
    if one.deferral is not None:
        told.append(f"可容缺 may follow：{one.deferral.zh} {one.deferral.en}（{one.deferral.basis}）")
    if one.replaced_by:
        told.append("可用电子证照替代 an e-credential stands for it")
    if one.by_commitment:
        told.append("可告知承诺替代 replaced by commitment")
    if one.valid_days:
        told.append(f"有效期 good for {one.valid_days} 天 days")
    if one.for_items:
        told.append(f"用于 for：{'、'.join(item.name or item.code for item in one.for_items)}")
    return "\n".join(told)


def _limit(one: LimitShown, situations: Sequence[SituationShown]) -> str:
    told = f"{one.zh} {one.en}"
    if one.name == "promised" and any(each.promised.zh != one.zh for each in situations):
        told += "\n部分情形另有承诺，见各情形 some situations have their own, see there"
    return told


def _field(one: FieldShown) -> tuple[str, ...]:
    told: list[str] = []
    for use in one.uses:
        said = _use(use)
        told += ["\n", said.zh, "\n", tag("span", said.en, class_="en")]
    return together(one.zh, "\n", tag("span", one.en, class_="en")), together(*told[1:])


def _use(one: FieldUse) -> Words:
    zh, en = ("必填", "required") if one.required == "yes" else ("选填", "optional")
    if one.required_when is not None:
        zh, en = f"{zh}；如{one.required_when.zh}，必填", f"{en}; required if {one.required_when.en}"
    only_zh, only_en = [], []
    if one.situations:
        only_zh.append("、".join(each.name for each in one.situations))
        only_en.append("for " + ", ".join(each.name_en for each in one.situations))
    if one.when is not None:
        only_zh.append(one.when.zh)
        only_en.append(f"if {one.when.en}")
    if only_zh:
        zh, en = f"仅限{'，并且'.join(only_zh)}：{zh}", f"only {', and '.join(only_en)}: {en}"
    return Words(zh=zh, en=en)


def _member(one: MemberOffered) -> tuple[str, ...]:
    exempt = [f"{each.when.zh}：{each.reason}（{each.reference}）\n{each.when.en}: {each.reason_en}" for each in one.exemptions]
    return (
        one.name or one.item_code,
        f"{one.when.zh}\n{one.when.en}",
        "、".join(item.name or item.code for item in one.after),
        "\n".join(exempt),
    )


def _stop(one: StopGround) -> tuple[str, ...]:
    return (f"{one.name} {one.name_en}", "" if one.limit is None else " ".join(limit_in_words(one.limit)), one.basis)


def _step(one: Step) -> tuple[str, ...]:
    second = "，窗口交叉审核 second officer" if one.second_officer else ""
    return (f"{one.name} {one.name_en}{second}", one.organ_role, one.basis)


def _fee(one: Fee) -> tuple[str, ...]:
    return (one.name, one.standard, one.reduction if one.reducible else "", one.basis)


def _footer(guide: ServiceGuide) -> Markup:
    made = f"本指南由事项版本 {guide.version_id} 生成，{_valid(guide)}。Made from this very version of the item."
    return tag("footer", tag("p", f"{made}\n{guide.url}", class_="small"))


def _heading(zh: str, en: str) -> Markup:
    return tag("h2", zh, " ", tag("span", en, class_="en"))


def _list(zh: str, en: str, lines: Iterable[str]) -> Markup:
    told = [tag("li", one) for one in lines]
    return together(_heading(zh, en), tag("ol", *told)) if told else together()


def _pairs(rows: Iterable[tuple[str, str]]) -> Markup:
    return tag("table", tag("tbody", *(tag("tr", tag("th", label, scope="row"), tag("td", value)) for label, value in rows if value)))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], *, kind: str = "plain") -> Markup:
    titles = tag("thead", tag("tr", *(tag("th", one, scope="col") for one in head)))
    return tag("table", titles, tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows)), class_=kind)
