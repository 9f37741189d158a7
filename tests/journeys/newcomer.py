"""A county that no code and no seed knows: its region, organ, officers, item and agreement, made up while the tests run.

Every code comes from a digest, so that it stands in no file of the project, this one included.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from stdnum.cn import uscc

from tests.support.offices import NATION, catalogue_officers

CHANGSHA, TONGGU = "430100", "360926"
"""The city that the county is to lie in, and its neighbour in another province."""
CHANGSHA_NAME, COUNTY, ORGAN, ITEM = "长沙市", "云隐县", "云隐县农业农村和文化旅游局", "茶山观光采摘点设立核准"
PLACES = {"day": ("采茶时段", "白天"), "night": ("夜间", "夜间")}
FILES = ["application/pdf", "image/png"]

_MADE = sha256(b"a county that nobody knew").hexdigest()


def _limit(days: int, basis: str) -> dict[str, Any]:
    return {"amount": days, "unit": "workdays", "basis": basis}


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """The codes that were made up."""

    region: str
    organ: str
    item: str
    agreement: str
    setting_up: str
    """A situation, as the next."""
    moving: str
    credential_type: str
    slope_report: str
    """A material that setting up asks for, and the next one moving."""
    former_approval: str

    @classmethod
    async def made_up(cls, *, is_free: Callable[[str], Awaitable[bool]]) -> "Newcomer":
        """Codes that nobody has.

        Args:
            is_free: Says that no region has such a code.
        """
        free = [code for code in (f"4301{number}" for number in range(30, 100)) if await is_free(code)]
        region = free[int(_MADE[:6], 16) % len(free)]
        unsigned = f"11{region}MB{int(_MADE[6:12], 16) % 10_000_000:07d}"
        return cls(
            region=region,
            organ=unsigned + uscc.calc_check_digit(unsigned),
            item=f"000120{int(_MADE[12:20], 16) % 1_000_000:06d}",
            agreement=f"{_MADE[20:26]}-{region}-{TONGGU}",
            setting_up=f"new_{_MADE[26:32]}",
            moving=f"move_{_MADE[32:38]}",
            credential_type=f"tea_{_MADE[38:44]}",
            slope_report=f"slope_{_MADE[44:50]}",
            former_approval=f"former_{_MADE[50:56]}",
        )

    @property
    def item_id(self) -> str:
        """The county's own service item."""
        return f"{self.organ}4{self.item}"

    def codes(self) -> list[str]:
        """Everything by which code could know it."""
        return [str(getattr(self, name)) for name in self.__slots__]

    def officers(self) -> list[dict[str, Any]]:
        """Whom the sign-in has to know besides: the nation's two catalogue officers, and four officers of the county."""
        roles = {"county-acceptor": "reviewer", "county-approver": "approver"}
        return [
            *catalogue_officers("nation", region=NATION),
            *catalogue_officers("county", region=self.region),
            *(
                {
                    "username": name,
                    "title": f"{COUNTY} {name}",
                    "title_en": name,
                    "roles": [role],
                    "region": self.region,
                    "organ": self.organ,
                }
                for name, role in roles.items()
            ),
        ]

    def region_document(self) -> dict[str, Any]:
        """As ``POST /regions`` takes it; and so the others."""
        return {"code": self.region, "name": COUNTY, "level": "county", "parent": CHANGSHA, "kind": "县"}

    def organ_document(self) -> dict[str, Any]:
        return {
            "code": self.organ,
            "name": ORGAN,
            "region": self.region,
            "hosted": True,
            "reconsideration_organ": f"{COUNTY}人民政府",
            "court": f"{COUNTY}人民法院",
            "telephone": "0731-00000000",
        }

    def base_item_document(self) -> dict[str, Any]:
        return {
            "code": self.item,
            "name": ITEM,
            "kind": "01",
            "ministry": "农业农村部",
            "batch": "试点",
            "source": "found",
            "listed": "service",
            "locked_modes": ["collect_here"],
            "elements": [{"field": "statutory_limit", "lock": "narrowable", "value": _limit(20, "行政许可法 §42")}],
        }

    def calendar_document(self, *, off: str) -> dict[str, Any]:
        """The county's own year, with one day off."""
        year = int(off[:4])
        return {
            "region": self.region,
            "year": year,
            "version": f"{year}.1",
            "workdays": [],
            "holidays": [off],
            "source": f"{COUNTY}采茶节放假通知",
            "official": True,
        }

    def agreement_document(self, *, begins: str) -> dict[str, Any]:
        """The county lets its neighbour receive for it."""
        minutes = {"amount": 30, "unit": "minutes"}
        return {
            "agreement_id": self.agreement,
            "name": f"{COUNTY}与铜鼓县茶旅事项跨省通办协议",
            "receiving": [TONGGU],
            "handling": [self.region],
            "items": [self.item],
            "modes": ["collect_here"],
            "valid_from": begins,
            "valid_to": "2035-01-01",
            "limits": {
                "delivered": minutes,
                "validated": minutes,
                "signed_for": {"amount": 1, "unit": "workdays"},
                "returned_after": {"amount": 3, "unit": "workdays"},
            },
            "signatories": [ORGAN, "铜鼓县行政审批服务局"],
            "contacts": [f"{COUNTY}政务服务中心"],
        }

    def item_document(self) -> dict[str, Any]:
        """The county's service item: a form, two situations, and what each of them asks for."""
        basis = "云隐县茶山保护办法 §9"

        def material(code: str, name: str, name_en: str, when: dict[str, Any]) -> dict[str, Any]:
            return {
                "code": code,
                "name": name,
                "name_en": name_en,
                "when": when,
                "source": "applicant",
                "media_types": FILES,
                "required": True,
                "max_bytes": 1_048_576,
                "original_seen": False,
                "basis": basis,
            }

        return {
            "version": {
                "item_code": self.item,
                "name": ITEM,
                "organ": self.organ,
                "modes": ["collect_here", "local"],
                "service_objects": ["natural"],
                "project_type": "promised",
                "approval_type": "normal",
                "acceptance_limit": _limit(5, "行政许可法 §32"),
                "statutory_limit": _limit(12, basis),
                "promised_limit": _limit(4, "本机关承诺"),
                "delivery_limit": _limit(10, "行政许可法 §44"),
                "credential_type": self.credential_type,
            },
            "form": {
                "type": "object",
                "title": f"{ITEM}申请表",
                "additionalProperties": False,
                "required": ["hill_name", "pickers"],
                "properties": {
                    "hill_name": {"type": "string", "minLength": 2, "maxLength": 40, "x-label": "茶山名称", "x-label-en": "Hill"},
                    "pickers": {"type": "integer", "minimum": 1, "maximum": 300, "x-label": "同时采摘人数", "x-label-en": "Pickers"},
                    "moved_from": {"type": "string", "maxLength": 40, "x-label": "原址", "x-label-en": "Moved from"},
                },
            },
            "situations": {
                "facts": [
                    {
                        "name": "matter",
                        "question": "是新设还是迁址？",
                        "question_en": "Is it new, or does it move?",
                        "kind": "choice",
                        "choices": [["new", "新设", "New"], ["move", "迁址", "It moves"]],
                    },
                    {"name": "on_slope", "question": "采摘点是否在陡坡上？", "question_en": "Is it on a steep slope?", "kind": "boolean"},
                ],
                "situations": [
                    {"situation_id": self.setting_up, "name": "新设", "name_en": "Setting up", "when": {"eq": ["matter", "new"]}},
                    {
                        "situation_id": self.moving,
                        "name": "迁址",
                        "name_en": "Moving",
                        "when": {"eq": ["matter", "move"]},
                        "promised_limit": _limit(2, "本机关承诺"),
                    },
                ],
            },
            "checklist": {
                "materials": [
                    material("application_form", "申请表", "Application form", {"always": True}),
                    material(
                        self.slope_report,
                        "边坡安全评估",
                        "Slope report",
                        {"all": [{"eq": ["situation", self.setting_up]}, {"eq": ["on_slope", True]}]},
                    ),
                    material(self.former_approval, "原核准文件", "Former approval", {"eq": ["situation", self.moving]}),
                ],
                "rules": [
                    {
                        "rule_id": "tea.moved-from-missing",
                        "when": {"all": [{"eq": ["situation", self.moving]}, {"missing": "form.moved_from"}]},
                        "pointer": "/form/moved_from",
                        "message": "迁址的应当填写原址",
                        "message_en": "Say where it moves from",
                        "basis": basis,
                    }
                ],
            },
            "texts": {
                "conditions": ["茶山权属清楚", "采摘点不在保护区核心范围内"],
                "legal_basis": [f"《{basis}》"],
                "steps": ["申请", "受理", "审查", "决定", "送达"],
                "result_name": "茶山观光采摘点核准书",
                "fees": "不收费",
                "denial_grounds": [["core-area", "位于保护区核心范围", basis]],
                "result_type": "licence",
            },
        }
