"""An organ is merged while cases of its are open, and routing dies between two of them: each follows once, and is decided by the new organ."""

import asyncio
from typing import Any

from tests.support.line import act, sealed, sign, transfer_in, until
from tests.support.lives import PATIENCE
from tests.support.publishing import put_in_force
from tests.support.whole import SignIn
from tongban_local.sole_trader import upload
from tongban_local.system import System
from tongban_local.visitor import Visitor

FREIGHT = "000118003000"
TRANSPORT, URBAN = "11430181TB0000060N", "11430181TB0000108Y"
"""浏阳市交通运输局, and 浏阳市城市管理和综合执法局, which it becomes part of."""

MATERIALS = (
    *("application_form", "id_card", "business_licence", "vehicle_list", "vehicle_licence"),
    *("inspection_report", "driver_list", "driver_cards", "freight_safety_rules"),
)
FORM = {
    "licence_no": "91430181MA4L16JQ9P",
    "company_name": "浏阳市某某有限公司",
    "legal_representative": "谭小某",
    "result_by": "electronic",
    "town": "430181001",
    "address": "淮川街道解放路1号",
    "cargo": "general",
    "vehicles": 3,
    "heaviest_kg": 18_000,
    "drivers": 4,
}


async def freight(clerk: Visitor, number: int) -> str:
    """A case of the transport organ, received next door; its number."""
    body = {
        "item_code": FREIGHT,
        "handling_region": "430181",
        "mode": "collect_here",
        "situation": "new",
        "facts": {"holds_licence": False, "by_agent": False},
        "applicant": {
            "type": "legal",
            "name": "浏阳市某某有限公司",
            "id_type": "uscc",
            "id_number": "91430181MA4L16JQ9P",
            "phone": "13800138000",
        },
        "form": FORM,
        "materials": await upload(clerk, MATERIALS, seed=7000 + number),
    }
    return str((await clerk.post("/cases", body))["case_no"])


async def followed(who: Visitor, no: str) -> list[Any]:
    """The lines of a case's history that say it went to another organ, once there is one."""

    async def ask() -> list[Any]:
        lines = (await who.get(f"/cases/{no}/timeline"))["entries"]
        return [line for line in lines if line["kind"] == "rehomed"]

    found: list[Any] = await until("the case at the new organ", ask)
    return found


async def test_open_cases_follow_once_though_routing_dies_between_two_of_them(mended: System, sign_in: SignIn) -> None:
    clerk, reviewer, approver = [
        await sign_in(name) for name in ("tonggu-clerk", "liuyang-transport-reviewer", "liuyang-transport-approver")
    ]
    author, second = await sign_in("catalog-author"), await sign_in("catalog-reviewer")
    routing = mended["routing"]
    numbers = [await freight(clerk, number) for number in range(6)]
    for no in numbers:
        await transfer_in(reviewer, no, "validated")
    for no in numbers[2:]:
        await sign(reviewer, no)
    for no in numbers[4:]:
        await act(reviewer, no, "acceptance")
        await sealed(reviewer, no)

    routing.stop()
    organ = (await author.get(f"/organs/{TRANSPORT}")).body
    await put_in_force(author, second, "/organs", {**organ, "merged_into": URBAN})
    # In effect five seconds later: its first round then follows them, not the one a minute after.
    await asyncio.sleep(6)
    routing.start({"crash_point": "in-job:3"})
    died = await asyncio.to_thread(routing.wait_gone, seconds=PATIENCE)
    routing.start()
    await asyncio.to_thread(routing.wait_ready)

    assert died, "the crash point was never reached"
    told = [await followed(clerk, no) for no in numbers]
    await sign(reviewer, numbers[0])
    await act(reviewer, numbers[2], "acceptance")
    await sealed(reviewer, numbers[2])
    for no in (numbers[2], numbers[5]):
        await act(approver, no, "decision", {"outcome": "granted"})
    decided = [await sealed(approver, no) for no in (numbers[2], numbers[5])]
    credentials = [await approver.get(f"/credentials/{one['credential_id']}") for one in decided]

    assert [[line["organ"] for line in lines] for lines in told] == [[URBAN]] * len(numbers)
    assert [(await reviewer.get(f"/handlings/{no}"))["handling_organ"] for no in (numbers[0], *numbers[2:])] == [URBAN] * 5
    assert [one["organ"] for one in credentials] == [URBAN, URBAN]
    assert [[line["organ"] for line in await followed(clerk, no)] for no in numbers] == [[URBAN]] * len(numbers)
