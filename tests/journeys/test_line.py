"""Cases received at one county and decided in another, over HTTP, on five processes, Kafka and PostgreSQL."""

import asyncio
from typing import Any

from tests.support.line import act, closed, delivered, forward, handling, receive, sealed, sign, transfer_in, try_act, until
from tests.support.whole import SignIn
from tongban_local.demo import Sc04
from tongban_local.sole_trader import ID_NUMBER, application, upload
from tongban_local.storyteller import Teller
from tongban_local.system import System
from tongban_local.visitor import Visitor


async def test_the_whole_story_holds(system: System) -> None:
    """SC-04 as `make demo` tells it, correction, deemed acceptance and refusals included."""
    teller = Teller()
    story = Sc04(system.layout.url, teller)

    await story.tell()

    assert teller.held > 20
    for visitor in story.people.values():
        await visitor.close()


async def test_a_case_may_go_the_other_way(sign_in: SignIn) -> None:
    """浏阳 receives, 铜鼓 is competent: the same code, other data."""
    clerk = await sign_in("liuyang-clerk")
    place = {"business_place": {"town": "360926100", "address": "永宁镇定江中路8号", "right": "own"}}

    no = await receive(clerk, seed=41, handling_region="360926", form=place | {"trade_name": "铜鼓县默言茶铺"})

    transfer = await transfer_in(clerk, no, "validated")
    assert transfer["handling_region"] == "360926"


async def test_a_denial_carries_reasons_and_remedies(sign_in: SignIn) -> None:
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    no = await receive(clerk, seed=51)
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)

    without = await try_act(approver, no, "decision", {"outcome": "denied", "grounds": []})
    await act(approver, no, "decision", {"outcome": "denied", "grounds": ["prohibited-scope"], "reason": "经营范围含禁止项目"})
    decided = await sealed(approver, no)

    assert without.status == 422, "a denial without a ground is refused"
    assert decided["credential_id"] is None
    notices = (await approver.get(f"/cases/{no}/notices"))["items"]
    [decision] = [each for each in notices if each["kind"].startswith("decision")]
    text = str((await approver.get(f"/notices/{decision['notice_id']}")).body)
    assert "复议" in text
    assert "诉讼" in text
    assert "浏阳市人民法院" in text


async def test_a_withdrawal_that_races_a_decision_has_one_winner(sign_in: SignIn) -> None:
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    winners = set()
    for number in range(4):
        no = await receive(clerk, seed=60 + number)
        await sign(reviewer, no)
        await act(reviewer, no, "acceptance")
        await sealed(reviewer, no)
        tag = (await handling(approver, no)).headers["etag"]

        withdrawn, decided = await asyncio.gather(
            clerk.call("POST", f"/cases/{no}/withdrawal", json={"reason": "申请人决定不再经营"}),
            approver.call("POST", f"/handlings/{no}/decision", json={"outcome": "granted"}, headers={"If-Match": tag}),
        )

        won = {"withdrawal": withdrawn.status < 300, "decision": decided.status < 300}
        assert sum(won.values()) == 1, (withdrawn.body, decided.body)
        loser = decided if won["withdrawal"] else withdrawn
        assert loser.status in {409, 412}
        assert loser.body["facts"] or loser.status == 412
        winners.add(withdrawn.status)
        if won["withdrawal"]:
            assert (await closed(clerk, no))["ending"] == "withdrawn"


async def test_a_withdrawal_before_anybody_signed_recalls_the_case(sign_in: SignIn) -> None:
    clerk = await sign_in("tonggu-clerk")
    no = await receive(clerk, seed=71)
    await transfer_in(clerk, no, "validated")

    await clerk.post(f"/cases/{no}/withdrawal", {"reason": "填错了"})

    assert (await closed(clerk, no))["ending"] == "withdrawn"


async def test_an_expired_agreement_is_refused_before_materials(sign_in: SignIn) -> None:
    """浏阳–万载 ended; nothing is stored for the attempt."""
    clerk = await sign_in("liuyang-clerk")

    reply = await clerk.call("POST", "/cases:check", json=application([], handling_region="360922"))

    assert reply.status in {409, 422}
    assert reply.rule


async def test_a_returned_case_goes_back_with_its_reason(sign_in: SignIn) -> None:
    clerk, reviewer = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer")
    no = await receive(clerk, seed=81)
    transfer = await transfer_in(reviewer, no, "validated")

    returned = await reviewer.call(
        "POST", f"/transfers/{transfer['transfer_id']}/return", json={"ground": "duplicate", "reason": "上周已收同一申请"}
    )

    assert returned.status == 200, returned.body
    assert (await closed(clerk, no))["ending"] == "returned"
    kinds = [entry["kind"] for entry in (await clerk.get(f"/cases/{no}/timeline"))["entries"]]
    assert any("return" in kind for kind in kinds)


async def test_an_offer_nobody_signs_lapses_and_is_made_again(sign_in: SignIn) -> None:
    clerk, operator = await sign_in("tonggu-clerk"), await sign_in("operator")
    no = await receive(clerk, seed=91)
    await transfer_in(clerk, no, "validated")

    await forward(operator, "P6D")

    async def second() -> object:
        hops = (await clerk.get("/transfers", params={"case": no}))["items"]
        return [each for each in hops if each["hop"] == 2]

    await until("the second hop", second)


async def test_registering_twice_at_once_makes_one_case(sign_in: SignIn) -> None:
    clerk = await sign_in("tonggu-clerk")
    body = application(await upload(clerk, seed=101))

    replies = await asyncio.gather(*(clerk.call("POST", "/cases", json=body, key="at-once-101") for _ in range(6)))

    assert {reply.status for reply in replies} <= {201, 409}
    assert len({reply["case_no"] for reply in replies if reply.status == 201}) == 1


async def test_nothing_of_the_applicant_shows_to_a_stranger(sign_in: SignIn) -> None:
    clerk, other = await sign_in("tonggu-clerk"), await sign_in("liuyang-clerk")
    no = await receive(clerk, seed=111)

    reply = await other.call("GET", f"/cases/{no}")

    assert reply.status == 404
    assert ID_NUMBER.encode() not in reply.content


async def test_a_finished_case_is_delivered_where_it_was_received(sign_in: SignIn) -> None:
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    no = await receive(clerk, seed=121)
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)
    await act(approver, no, "decision", {"outcome": "granted"})
    await sealed(approver, no)
    await delivered(clerk, no)

    assert (await closed(clerk, no))["ending"] == "granted"


async def test_what_four_do_is_worth_is_told_by_what_really_happened(sign_in: SignIn) -> None:
    """Facts of routing, kept by intake, asked through the gateway."""
    clerk, reviewer, approver = await sign_in("tonggu-clerk"), await sign_in("liuyang-reviewer"), await sign_in("liuyang-approver")
    officer = await sign_in("catalog-author")

    async def told() -> Any:
        rows: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = await officer.get("/reports/four-do", params={"region": "430181", "after": after})
            rows += page["items"]
            after = page["next"]
        return next(row for row in rows if row["version_id"] == version_id and row["region"] == "430181")

    no = await receive(clerk, seed=141)
    version_id = (await clerk.get(f"/cases/{no}"))["version_id"]
    before = await told()
    await sign(reviewer, no)
    await act(reviewer, no, "acceptance")
    await sealed(reviewer, no)
    await act(approver, no, "decision", {"outcome": "granted"})
    await sealed(approver, no)
    await delivered(clerk, no)
    await closed(clerk, no)
    after = await told()

    more = {name: after[name]["cases"] - before[name]["cases"] for name in ("at_once", "online", "nearby", "one_visit")}
    achieved = {name: after[name]["achieved"] - before[name]["achieved"] for name in more}
    assert after["decided"] - before["decided"] == 1
    assert more == dict.fromkeys(more, 1)
    assert (achieved["online"], achieved["nearby"]) == (0, 1)
    assert not any(one["reason"] == "unrecorded" for name in more for one in after[name]["untold"])


async def test_a_partners_system_signs_in_with_its_key_and_sees_its_own_county(system: System, sign_in: SignIn) -> None:
    clerk = await sign_in("tonggu-clerk")
    no = await receive(clerk, seed=131)
    key = await asyncio.to_thread((system.layout.data / "keys/tonggu-system.pem").read_bytes)
    machine = await Visitor.as_machine("tonggu-system", url=system.layout.url, key=key)

    seen = await machine.get(f"/cases/{no}")
    account = await machine.get("/partners/me")

    assert seen["case_no"] == no
    assert account["region"] == "360926"
    await machine.close()
