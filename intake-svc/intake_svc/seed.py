"""The halls of 铜鼓县 and 浏阳市, brought in through the hall's own handlers; a second run changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.values import ItemCode, OrganCode, RegionCode, WindowId, person_ref
from intake_svc.context import Intake
from intake_svc.hall.domain import EVERY_ITEM, Duty, Officer, Window
from intake_svc.hall.handlers import furnish_halls

TONGGU = OrganCode("11360926TB0000028M")
"""铜鼓县行政审批服务局, as the catalogue's seed names it."""

LIUYANG = OrganCode("11430181TB0000028B")
"""浏阳市行政审批服务局"""

SOLE_TRADER = ItemCode("000131014000")
"""个体工商户登记, the one item of the special windows."""

SINCE = datetime(2025, 12, 31, 16, tzinfo=UTC)
"""From when on the officers are on duty: the first of January 2026 in Asia/Shanghai."""

WINDOWS = (
    Window(
        window=WindowId("360926-01"),
        region=RegionCode("360926"),
        organ=TONGGU,
        name="跨省通办综合受理窗口",
        name_en="Cross-province comprehensive window",
        address="铜鼓县政务服务中心一楼",
        skills=frozenset({EVERY_ITEM}),
    ),
    Window(
        window=WindowId("360926-02"),
        region=RegionCode("360926"),
        organ=TONGGU,
        name="经营主体登记专窗",
        name_en="Window for business registration",
        address="铜鼓县政务服务中心二楼",
        skills=frozenset({SOLE_TRADER}),
    ),
    Window(
        window=WindowId("430181-01"),
        region=RegionCode("430181"),
        organ=LIUYANG,
        name="跨省通办综合受理窗口",
        name_en="Cross-province comprehensive window",
        address="浏阳市民之家一楼",
        skills=frozenset({EVERY_ITEM}),
    ),
    Window(
        window=WindowId("430181-02"),
        region=RegionCode("430181"),
        organ=LIUYANG,
        name="经营主体登记专窗",
        name_en="Window for business registration",
        address="浏阳市民之家二楼",
        skills=frozenset({SOLE_TRADER}),
    ),
)

CLERKS = (
    ("tonggu-clerk", TONGGU, "360926-01"),
    ("tonggu-clerk2", TONGGU, "360926-01"),
    ("liuyang-clerk", LIUYANG, "430181-01"),
)
"""Account, organ and window of each."""


async def load(context: Intake) -> None:
    """Open the windows and put the clerks on duty, as accounts of the issuer that the settings name."""
    issuer = context.settings.staff_issuer
    officers = [(person_ref(issuer=issuer, account=account), organ, WindowId(window)) for account, organ, window in CLERKS]
    async with context.database.begin(context) as tx:
        await furnish_halls(
            tx,
            windows=WINDOWS,
            officers=[Officer(officer=officer, organ=organ) for officer, organ, _ in officers],
            duties=[Duty(window=window, officer=officer, begins=SINCE) for officer, _, window in officers],
        )
