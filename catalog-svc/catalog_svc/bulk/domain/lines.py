"""The lists that stand in one cell, a line each: materials, grounds, steps, charges, and the lists of the grass roots.

Source: GB/T 39554.2 (materials, fees, specialProcedure); what it lacks (容缺, 有效期, 可信等级, 窗口交叉审核) are fields of our own.
"""

from __future__ import annotations

from catalog_svc.bulk.domain.choices import (
    ACTS,
    CERTIFICATES,
    CLOCKS,
    CODES,
    CREDENTIALS,
    FILE_TYPES,
    LEVELS,
    LIST_LEVELS,
    LISTS,
    ROLES,
    SOURCES,
    TRUST,
    UNITS,
    YES_NO,
)
from catalog_svc.bulk.domain.parts import Days, Money, Period
from catalog_svc.bulk.domain.records import NamedPart, Records
from catalog_svc.bulk.domain.shapes import Code, Number, Several, Text
from contracts.values import Json, JsonObject

FILE_BYTES = 10 * 1024 * 1024
ALWAYS: JsonObject = {"always": True}

_FILES: list[Json] = ["application/pdf", "image/jpeg", "image/png"]
_PERIOD = Period(UNITS)
_ENGLISH = NamedPart(name="name_en", label="英文名称", shape=Text(100))

MATERIALS = Records(
    (
        ("name", Text(100)),
        ("required", YES_NO),
        ("source", SOURCES),
        ("copies", Number(20)),
        ("original_seen", YES_NO),
        ("basis", Text(200)),
    ),
    {
        "required": True,
        "source": "applicant",
        "copies": 1,
        "original_seen": False,
        "basis": "",
        "when": ALWAYS,
        "media_types": _FILES,
        "max_bytes": FILE_BYTES,
        "sample": "",
    },
    number="code",
    named=(
        NamedPart(
            name="certificate",
            label="证明清单编号",
            shape=CERTIFICATES,
            aliases=("证明事项清单编号", "证明事项编号"),
            brings={"nature": "certificate"},
        ),
        NamedPart(name="deferral/allowed", label="容缺", shape=YES_NO, aliases=("可容缺", "是否可容缺"), affirms=True),
        NamedPart(name="deferral", label="补交期限", shape=_PERIOD, aliases=("容缺期限", "容缺补交期限")),
        NamedPart(name="deferral/basis", label="容缺依据", shape=Text(200)),
        NamedPart(name="valid_days", label="有效期", shape=Days()),
        NamedPart(name="replaced_by", label="证照替代", shape=Several(CREDENTIALS), aliases=("可替代证照", "可用证照替代", "替代证照")),
        NamedPart(name="by_commitment", label="承诺替代", shape=YES_NO, aliases=("可用承诺替代", "告知承诺", "可替代承诺")),
        NamedPart(name="trust", label="可信等级", shape=TRUST),
        NamedPart(name="issuer", label="来源渠道", shape=Text(200), aliases=("来源渠道说明", "开具单位", "核发机关")),
        NamedPart(name="intermediary", label="中介服务事项", shape=Text(200), aliases=("中介服务",)),
        NamedPart(name="media_types", label="文件格式", shape=Several(FILE_TYPES)),
        NamedPart(name="sample", label="样表", shape=Text(200)),
        NamedPart(name="code", label="编号", shape=CODES, aliases=("材料编号",)),
        _ENGLISH,
    ),
    zh="每行一份：材料名称|是否必要|来源|份数|是否核验原件|依据；名称和依据必填；六项之后可按名称续写，见下文",
    en="one a line: name|needed|source|copies|original is seen|basis; name and basis are needed; behind the six by name, see below",
)
GROUNDS = Records(
    (("code", Text(80)), ("reason", Text(200)), ("law", Text(200))),
    {},
    tuples=True,
    zh="每行一条：编号|理由|依据",
    en="one a line: code|reason|law",
)
ON_LISTS = Records(
    (("level", LIST_LEVELS), ("list", LISTS)),
    {},
    tuples=True,
    zh=f"每行一条：层级|清单；层级为{LIST_LEVELS.zh}，清单为{LISTS.zh}",
    en=f"one a line: level|list; levels {LIST_LEVELS.en}; lists {LISTS.en}",
)
STEPS = Records(
    (("name", Text(100)), ("act", ACTS), ("organ_role", ROLES), ("basis", Text(200))),
    {"level": "county", "organ": None, "limit": None, "at_window": False, "second_officer": False},
    number="step_id",
    letter="s",
    named=(
        NamedPart(name="level", label="层级", shape=LEVELS, aliases=("行使层级",)),
        NamedPart(name="limit", label="时限", shape=_PERIOD, aliases=("环节时限",)),
        NamedPart(name="limit/basis", label="时限依据", shape=Text(200)),
        NamedPart(name="at_window", label="窗口办理", shape=YES_NO, aliases=("窗口环节",)),
        NamedPart(name="second_officer", label="窗口交叉审核", shape=YES_NO, aliases=("交叉审核", "双人复核")),
        NamedPart(
            name="organ",
            label="机构编码",
            shape=Code(18, "统一社会信用代码，18 位", "unified social credit code, 18 characters"),
            aliases=("承担机构编码",),
        ),
        NamedPart(name="step_id", label="编号", shape=CODES, aliases=("环节编号",)),
        _ENGLISH,
    ),
    zh=f"每行一个环节，按先后：环节名称|动作|承担机构|依据；动作为{ACTS.zh}；承担机构为{ROLES.zh}；四项之后可按名称续写，见下文",
    en=f"one step a line, in order: name|act|role|law; acts {ACTS.en}; roles {ROLES.en}; behind the four by name, see below",
)
STOPS = Records(
    (("name", Text(100)), ("basis", Text(200)), ("limit", _PERIOD)),
    {"clocks": ["decision"], "limit": None},
    number="code",
    letter="g",
    named=(
        NamedPart(name="clocks", label="停止时限", shape=Several(CLOCKS), aliases=("中止时限",)),
        NamedPart(name="limit/basis", label="期限依据", shape=Text(200)),
        NamedPart(name="code", label="编号", shape=CODES, aliases=("事由编号",)),
        _ENGLISH,
    ),
    zh="每行一个事由：事由|依据|最长期限；没有期限的省略或写“无”；三项之后可按名称续写，见下文",
    en="one ground a line: name|law|how long at most; the period is left out where the law sets none; behind the three by name, see below",
)
FEES = Records(
    (("name", Text(100)), ("standard", Text(200)), ("basis", Text(200))),
    {"amount_fen": None, "reducible": False, "reduction": ""},
    number="code",
    letter="f",
    named=(
        NamedPart(name="amount_fen", label="金额", shape=Money()),
        NamedPart(name="reducible", label="可否减免", shape=YES_NO, aliases=("可减免",)),
        NamedPart(name="reduction", label="减免说明", shape=Text(200)),
        NamedPart(name="code", label="编号", shape=CODES, aliases=("收费项目编号",)),
    ),
    zh="每行一项：收费项目|收费标准|依据；三项之后可按名称续写，见下文",
    en="one charge a line: name|standard|law; behind the three by name, see below",
)
