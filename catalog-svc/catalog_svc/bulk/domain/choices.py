"""The closed lists behind columns, with every name that offices use, and the two lists of records that stand in one cell.

Source: GB/T 39554.2 (values of the fields); 国发〔2021〕7号 (四种改革方式 of approvals).
"""

from catalog_svc.bulk.domain.shapes import Choice, Number, Records, Text, YesNo
from contracts.values import Json, JsonObject

FILE_TYPES: list[Json] = ["application/pdf", "image/jpeg", "image/png"]
FILE_BYTES = 10 * 1024 * 1024
ALWAYS: JsonObject = {"always": True}

YES_NO = YesNo(Choice({"yes": ("是", "1", "Y", "√", "必要"), "no": ("否", "0", "N", "×", "非必要")}))
UNITS = Choice({"workdays": ("工作日", "1", "个工作日", "天", "日"), "hours": ("小时", "H"), "minutes": ("分钟",)})
MODES = Choice(
    {
        "local": ("本地办理", "窗口办理"),
        "fully_online": ("全程网办", "网上办理"),
        "collect_here": ("异地代收代办", "代收代办"),
        "joint": ("多地联办",),
    }
)
OBJECTS = Choice({"natural": ("自然人", "1", "个人"), "legal": ("法人", "2", "企业", "企业法人", "法人或其他组织")})
PROJECT_TYPES = Choice({"instant": ("即办件", "1", "即办"), "promised": ("承诺件", "2", "承诺")})
APPROVAL_TYPES = Choice(
    {
        "normal": ("优化审批服务", "普通审批", "一般"),
        "commitment": ("实行告知承诺", "告知承诺"),
        "filing": ("审批改为备案", "备案"),
        "none": ("直接取消审批", "取消审批"),
    }
)
KINDS = Choice(
    {
        "01": ("行政许可",),
        "05": ("行政给付",),
        "07": ("行政确认",),
        "08": ("行政奖励",),
        "09": ("行政裁决",),
        "10": ("其他行政权力",),
        "20": ("公共服务",),
    }
)
FOUR_DO = Choice({"at_once": ("马上办",), "online": ("网上办",), "nearby": ("就近办",), "one_visit": ("一次办",)})
RESULT_TYPES = Choice(
    {
        "licence": ("证照", "许可证件"),
        "approval": ("批文", "批复"),
        "certificate": ("证明",),
        "report": ("鉴定报告", "报告"),
        "filing": ("备案",),
        "other": ("其他",),
    }
)
SOURCES = Choice(
    {
        "applicant": ("申请人自备", "1", "申请人"),
        "government": ("政府部门核发", "2"),
        "intermediary": ("中介机构或法定机构产生", "3", "中介机构"),
    }
)


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
        "media_types": FILE_TYPES,
        "max_bytes": FILE_BYTES,
        "sample": "",
    },
    number="code",
    zh="每行一份：材料名称|是否必要|来源|份数|是否核验原件|依据；名称和依据必填",
    en="one a line: name|needed|source|copies|original is seen|basis; name and basis are needed",
)
GROUNDS = Records(
    (("code", Text(80)), ("reason", Text(200)), ("law", Text(200))),
    {},
    tuples=True,
    zh="每行一条：编号|理由|依据",
    en="one a line: code|reason|law",
)
