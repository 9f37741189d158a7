"""The column map: every field of a service item that an office's table holds. A further field is a further row of `COLUMNS`.

A row of a table is read into the body of ``POST /service-items`` and written from it. What no column holds stands in the last one as JSON,
so nothing is lost on the way out and back. Headings are found by their Chinese name, by the code of the standard or by an alias, in any order.

Source: GB/T 39554.1, .2 (names of fields); where the standard has none the code is our own.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog_svc.bulk.domain.choices import APPROVAL_TYPES, FOUR_DO, KINDS, MODES, OBJECTS, PROJECT_TYPES, RESULT_TYPES, UNITS, WAYS
from catalog_svc.bulk.domain.column import MISSING, Column, Missing
from catalog_svc.bulk.domain.lines import ALWAYS, FEES, GROUNDS, MATERIALS, ON_LISTS, STEPS, STOPS
from catalog_svc.bulk.domain.parts import OrNone
from catalog_svc.bulk.domain.shapes import Code, Day, Lines, Number, Paragraphs, Several, Structure, Text
from catalog_svc.sheet.domain.cells import label_of
from contracts.values import Json

ORGAN = Column(
    name="实施主体编码",
    code="deptCode",
    at=("version", "organ"),
    shape=Code(18, "统一社会信用代码，18 位", "unified social credit code, 18 characters"),
    aliases=("统一社会信用代码", "实施主体统一社会信用代码", "部门编码"),
    example="11430181TB000001XB",
)
ITEM = Column(
    name="基本编码",
    code="catalogCode",
    at=("version", "item_code"),
    shape=Code(12, "国家基本目录编码，12 位", "code in the base directory, 12 characters", filled=True),
    aliases=("事项基本编码", "基本目录编码"),
    example="000131014000",
)
TASK = Column(
    name="实施编码",
    code="taskCode",
    at=(),
    shape=Code(31, "31 位；已填实施主体编码和基本编码时可省略", "31 characters; may be left out beside the two other codes"),
    default=None,
    example="",
    note="前 18 位为实施主体编码，第 19 位为层级，后 12 位为基本编码；与前两列不一致的行退回",
    note_en="organ, level and base code; refused where it differs from the two other columns",
)
FORMER = Column(
    name="原平台编码",
    code="localTaskCode",
    at=(),
    shape=Lines(80),
    default=None,
    aliases=("旧编码", "原事项编码", "地方实施编码", "原编码"),
    example="XZ-0012",
    note="原有平台上的编码，每行一个；导入后按此编码仍可查到事项",
    note_en="codes on former platforms, one a line; the item is still found by them",
)
PLANNED = Column(
    name="计划生效日期",
    code="planEffectiveDate",
    at=(),
    shape=Day(),
    default=None,
    aliases=("计划生效时间", "生效日期"),
    example="2099-01-01",
    note="批量发布时自该日零时起生效；已过的日期不起作用",
    note_en="published together, it is in force from 0:00 of that day; a day that is past has no effect",
)
OTHERS = Column(
    name="其他属性",
    code="others",
    at=(),
    shape=Structure(),
    default=None,
    note="没有单独列的字段，JSON 格式，一般由导出产生",
    note_en="fields without a column of their own, as an export writes them",
)

CHARGED = Column(
    name="收费情况",
    code="isFee",
    at=("texts", "fees"),
    shape=Paragraphs(2000),
    default="不收费",
    aliases=("是否收费", "收费标准"),
    example="不收费",
    note="写明收费项目的，可以留空",
    note_en="may be left empty beside charges",
)
CHARGES = Column(
    name="收费项目",
    code="charges",
    at=("texts", "fee_lines"),
    shape=OrNone(FEES),
    default=[],
    keeps=True,
    came_later=True,
    example="无",
)


def _limit(
    name: str, key: str, code: str, field: str, *, of: tuple[Json | Missing, Json | Missing, Json | Missing], example: tuple[str, str]
) -> tuple[Column, Column, Column]:
    amount, unit, basis = of
    at = ("version", field)
    return (
        Column(
            name=name,
            code=f"{code}Day",
            at=(*at, "amount"),
            shape=Number(3_660),
            default=amount,
            aliases=(key, f"{name}天数", f"{key}天数"),
            beneath=("时限", "数值"),
            example=example[0],
        ),
        Column(
            name=f"{name}单位",
            code=f"{code}Type",
            at=(*at, "unit"),
            shape=UNITS,
            default=unit,
            aliases=(f"{key}单位",),
            example="工作日",
        ),
        Column(
            name=f"{name}依据",
            code=f"{code}Explain",
            at=(*at, "basis"),
            shape=Text(200),
            default=basis,
            aliases=(f"{key}依据", f"{key}说明", f"{name}说明"),
            example=example[1],
        ),
    )


COLUMNS: tuple[Column, ...] = (
    TASK,
    ITEM,
    Column(
        name="事项名称",
        code="taskName",
        at=("version", "name"),
        shape=Text(100),
        aliases=("名称", "实施清单名称"),
        example="个体工商户登记",
        note="应与基本目录一致，标点全角半角和空格不计",
        note_en="as in the base directory; spacing and the width of signs do not count",
    ),
    ORGAN,
    Column(
        name="办理形式",
        code="handleType",
        at=("version", "modes"),
        shape=Several(MODES),
        aliases=("通办方式", "通办形式"),
        example="全程网办、本地办理",
    ),
    Column(
        name="事项类型",
        code="taskType",
        at=("version", "kind"),
        shape=KINDS,
        default="",
        note="留空取基本目录",
        note_en="left empty: the base item's",
    ),
    Column(
        name="四办属性",
        code="fourDo",
        at=("version", "four_do"),
        shape=Several(FOUR_DO),
        default=[],
        aliases=("四办",),
        example="就近办、一次办",
    ),
    Column(
        name="所在清单",
        code="lists",
        at=("version", "lists"),
        shape=OrNone(ON_LISTS),
        default=[],
        keeps=True,
        came_later=True,
        aliases=("基层清单", "四个清单"),
        example="县级|就近办\n村居级|帮代办",
    ),
    Column(
        name="同城通办方式",
        code="cityWays",
        at=("version", "ways"),
        shape=OrNone(Several(WAYS)),
        default=["moved_down"],
        keeps=True,
        came_later=True,
        aliases=("全市通办方式",),
        example="市级事项窗口前移、镇街事项跨镇通办",
        note="新事项留空为“市级事项窗口前移”",
        note_en="left empty for a new item: moved_down",
    ),
    Column(name="服务对象", code="serverType", at=("version", "service_objects"), shape=Several(OBJECTS), example="自然人"),
    Column(name="办件类型", code="projectType", at=("version", "project_type"), shape=PROJECT_TYPES, example="承诺件"),
    Column(
        name="审批方式",
        code="approvalType",
        at=("version", "approval_type"),
        shape=APPROVAL_TYPES,
        default="normal",
        aliases=("改革方式", "证照分离改革方式"),
        example="优化审批服务",
    ),
    *_limit("受理时限", "受理期限", "accept", "acceptance_limit", of=(5, "workdays", "行政许可法 §32"), example=("5", "行政许可法 §32")),
    *_limit(
        "法定办结时限", "法定时限", "anticipate", "statutory_limit", of=(MISSING, "workdays", MISSING), example=("20", "行政许可法 §42")
    ),
    *_limit("承诺办结时限", "承诺时限", "promise", "promised_limit", of=(MISSING, "workdays", ""), example=("10", "行政许可法 §42")),
    *_limit("延长时限", "可延长时限", "extension", "extension_limit", of=(None, None, None), example=("10", "行政许可法 §42")),
    *_limit("送达时限", "送达期限", "delivery", "delivery_limit", of=(10, "workdays", "行政许可法 §44"), example=("10", "行政许可法 §44")),
    Column(
        name="证照类型编码", code="resultGuid", at=("version", "credential_type"), shape=Text(80), default=None, aliases=("结果证照类型",)
    ),
    Column(name="受理条件", code="acceptCondition", at=("texts", "conditions"), shape=Lines(2000), default=[], example="年满十八周岁"),
    Column(name="设定依据", code="byLaw", at=("texts", "legal_basis"), shape=Lines(2000), example="《个体工商户条例》第八条"),
    Column(
        name="办理流程",
        code="handleFlow",
        at=("texts", "steps"),
        shape=Lines(2000),
        default=["申请", "收件", "受理", "审查", "决定", "送达"],
        example="申请\n受理\n决定",
    ),
    Column(
        name="多层办理环节",
        code="chain",
        at=("texts", "chain"),
        shape=OrNone(STEPS),
        default=[],
        keeps=True,
        came_later=True,
        aliases=("多层办理", "办理链"),
        example=(
            "街道受理|受理|街道办事处|《个体工商户条例》第四条|层级：镇街级|窗口办理：是|窗口交叉审核：是\n"
            "审核决定|决定|市场监管窗口|《个体工商户条例》第四条|时限：5个工作日|窗口办理：是"
        ),
    ),
    Column(
        name="特别程序",
        code="specialProcedure",
        at=("texts", "stops"),
        shape=OrNone(STOPS),
        default=[],
        keeps=True,
        came_later=True,
        aliases=("中止计时事由", "特别程序种类"),
        example="听证|行政许可法 §45|30个工作日",
        note="听证、检验、检测、检疫、鉴定和专家评审以外的，写明其法律依据",
        note_en="what stops a clock, and by which law",
    ),
    Column(name="受理标准", code="acceptStand", at=("texts", "acceptance_standard"), shape=Lines(2000), default=[]),
    Column(name="数量限制", code="limitExplain", at=("texts", "quantity_limit"), shape=Text(200), default=""),
    Column(name="到办事现场次数", code="limitSceneNum", at=("texts", "visits"), shape=Number(20), default=None, example="1"),
    Column(
        name="审批结果类型",
        code="resultType",
        at=("texts", "result_type"),
        shape=RESULT_TYPES,
        default="",
        aliases=("结果类型",),
        example="证照",
    ),
    Column(
        name="结果样本编码",
        code="resultTemplate",
        at=("texts", "result_template"),
        shape=OrNone(Text(80), many=False),
        default="",
        keeps=True,
        came_later=True,
        example="business-licence",
    ),
    Column(name="审批结果名称", code="resultName", at=("texts", "result_name"), shape=Text(100), aliases=("结果名称",), example="营业执照"),
    CHARGED,
    CHARGES,
    Column(
        name="不予许可情形",
        code="denialGrounds",
        at=("texts", "denial_grounds"),
        shape=GROUNDS,
        aliases=("不予许可依据",),
        example="D1|不符合条件|行政许可法 §38",
    ),
    Column(
        name="申请材料",
        code="materials",
        at=("checklist", "materials"),
        shape=OrNone(MATERIALS),
        default=[],
        aliases=("材料清单", "材料名称"),
        example=(
            "申请书|是|申请人自备|1|否|行政许可法 §29\n"
            "经营场所证明|是|申请人自备|1|否|《个体工商户条例》第八条|容缺：是|补交期限：2个工作日|容缺依据：国发〔2014〕47号|证照替代：不动产权证书|承诺替代：是"
        ),
    ),
    Column(
        name="校验规则",
        code="rules",
        at=("checklist", "rules"),
        shape=Structure(),
        default=[],
        keeps=True,
        note="一般由导出产生",
        note_en="as exported",
    ),
    Column(
        name="办理情形",
        code="situations",
        at=("situations",),
        shape=Structure(),
        default={
            "facts": [],
            "situations": [{"situation_id": "standard", "name": "一般情形", "name_en": "Standard", "when": ALWAYS}],
        },
        keeps=True,
        note="一般由导出产生；新事项留空为单一情形",
        note_en="as exported; left empty for a new item there is one situation",
    ),
    Column(
        name="申请表单",
        code="form",
        at=("form",),
        shape=Structure(),
        default={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": False,
            "required": [],
            "properties": {},
        },
        keeps=True,
        note="JSON Schema，一般由导出产生；新事项留空为无表单项",
        note_en="JSON Schema, as exported; left empty for a new item the form has no field",
    ),
    FORMER,
    PLANNED,
    OTHERS,
)
"""In the order in which they are exported."""

BESIDE = ("序号", "备注", "退回原因", "区划", "区划编码", "实施主体", "实施主体名称", "部门名称", "deptName")
"""Headings that offices and our own files have, and that say nothing of the item."""

REASONS = "退回原因"
"""The last column of the file that is given back."""

NEEDED = tuple(column for column in COLUMNS if isinstance(column.default, Missing) and column not in {ORGAN, ITEM})
"""Columns without which no row could be taken; the two codes may stand in one."""


def _labels() -> Mapping[str, Column]:
    found: dict[str, Column] = {}
    for column in COLUMNS:
        for label in (column.name, column.code, *column.aliases, *(f"{column.name}{one}" for one in column.beneath)):
            if found.setdefault(label_of(label), column) is not column:
                raise ValueError(label)
    return found


LABELS = _labels()
"""Columns by how their headings are compared."""
