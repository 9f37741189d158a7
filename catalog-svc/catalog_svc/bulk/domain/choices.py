"""The closed lists behind columns, with every name that offices use, and the words that stand for codes.

Source: GB/T 39554.2 (values of the fields); 国发〔2021〕7号 (四种改革方式 of approvals).
"""

from catalog_svc.bulk.domain.parts import KEY, Word
from catalog_svc.bulk.domain.shapes import Choice, YesNo

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
FILE_TYPES = Choice({"application/pdf": ("PDF",), "image/jpeg": ("JPG", "JPEG"), "image/png": ("PNG",)})
TRUST = Choice(
    {
        "A": ("A", "签发机关数据或者电子证照"),
        "B": ("B", "窗口核验原件"),
        "C": ("C", "申请人电子签名的复印件"),
        "D": ("D", "上传件"),
    }
)
WAYS = Choice(
    {
        "moved_down": ("市级事项窗口前移", "窗口前移"),
        "city_and_town": ("镇街事项市镇通收", "市镇通收"),
        "across_towns": ("镇街事项跨镇通办", "跨镇通办"),
    }
)
LIST_LEVELS = Choice(
    {
        "city": ("市级", "市"),
        "county": ("县级", "县", "区级", "县区级", "县市区", "县（市、区）"),
        "town": ("镇街级", "镇级", "乡镇", "街道", "镇街", "乡镇街道", "乡镇（街道）"),
        "village": ("村居级", "村级", "村", "社区", "村居", "村社区", "村（社区）"),
    }
)
LISTS = Choice(
    {
        "nearby": ("就近办", "就近办清单"),
        "proactive": ("主动办", "主动办清单"),
        "mobile": ("掌上网上办", "掌上网上办清单", "掌上办"),
        "assisted": ("帮代办", "帮代办清单", "帮办代办"),
    }
)
LEVELS = Choice({"nation": ("国家级",), "province": ("省级",), **LIST_LEVELS.names})
ACTS = Choice(
    {
        "receive": ("收件",),
        "accept": ("受理",),
        "examine": ("审核", "审查"),
        "inspect": ("现场核查", "现场勘查", "现场勘验"),
        "enter": ("录入",),
        "decide": ("决定", "审批"),
        "deliver": ("送达", "送证"),
    }
)
CLOCKS = Choice({"acceptance": ("受理时限", "受理"), "decision": ("办理时限", "办结时限", "办理"), "delivery": ("送达时限", "送达")})
CREDENTIALS = Word(
    {
        "identity_card": ("居民身份证", "身份证"),
        "household_register": ("居民户口簿", "户口簿"),
        "business_licence": ("营业执照",),
        "social_security_card": ("社会保障卡",),
        "real_estate_certificate": ("不动产权证书",),
        "marriage_certificate": ("结婚证",),
        "birth_certificate": ("出生医学证明",),
        "disability_card": ("残疾人证",),
        "residence_permit": ("居住证",),
        "driving_licence": ("机动车驾驶证", "驾驶证"),
        "vehicle_licence": ("机动车行驶证", "行驶证"),
        "food_permit": ("食品经营许可证",),
    },
    what="证照类型编码",
    what_en="a type of credential by its code",
)
ROLES = Word(
    {
        "town_government": ("乡镇人民政府", "乡镇政府"),
        "subdistrict_office": ("街道办事处", "街道办"),
        "market_station": ("市场监管所", "市场监督管理所"),
        "market_window": ("市场监管窗口",),
        "civil_affairs": ("民政部门",),
        "health_bureau": ("卫生健康部门",),
        "window": ("综合窗口",),
    },
    what="承担机构的角色编码",
    what_en="the code of its role",
)
CODES = Word(what="字母开头的编号", what_en="a code that begins with a letter")
CERTIFICATES = Word(pattern=KEY, what="证明事项清单中的编号", what_en="the id of a row of the certificate list")
