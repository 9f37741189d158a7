"""``make demo``: SC-04 told against a running system, over HTTP only.

铜鼓县 (Jiangxi) receives, 浏阳市 (Hunan) decides: 个体工商户登记 by 异地代收代办, with one correction. What the reports say of this
case is in the requirements; days pass by the shared development clock.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tongban_local.sole_trader import ID_NUMBER, ITEM, LIUYANG, MATERIALS, NAME, TONGGU, WANZAI, application, upload
from tongban_local.storyteller import Teller, local
from tongban_local.visitor import DEMO_PASSWORD, Unexpected, Visitor

DONE, REFUSED = 0, 1


class Sc04:
    """The story and who is in it."""

    def __init__(self, url: str, teller: Teller) -> None:
        self.url = url
        self.say = teller
        self.no = ""
        self.people: dict[str, Visitor] = {}

    async def who(self, name: str) -> Visitor:
        """One of the people, signed in on first use."""
        if name not in self.people:
            nobody = name == "public"
            self.people[name] = Visitor.nobody(url=self.url) if nobody else await Visitor.sign_in(name, url=self.url)
        return self.people[name]

    async def tell(self) -> None:
        """The whole story."""
        for chapter in (
            self.search_and_route,
            self.refuse_wrong_places,
            self.check_and_receive,
            self.transfer,
            self.clerk_may_not_decide,
            self.correct_once,
            self.supplement,
            self.accept,
            self.decide,
            self.verify,
            self.hand_out,
            self.look_back,
            self.accept_by_silence,
        ):
            await chapter()

    async def search_and_route(self) -> None:
        """What is it called, who is competent, by which rule."""
        self.say.step("铜鼓窗口:查事项,问谁主管", "The window at 铜鼓 finds the item and asks who is competent")
        clerk = await self.who("tonggu-clerk")
        words = "开个饭店 个体户"
        self.say.act(clerk, f"搜索「{words}」 / searches in everyday words")
        found = await clerk.get("/search", params={"q": words})
        for item in found["items"][:3]:
            self.say.tell(f"{item['item_code']}  {item['name']}")
        self.say.holds(any(item["item_code"] == ITEM for item in found["items"]), "个体工商户登记 found / 已找到")
        route = await clerk.get("/routes", params={"item": ITEM, "region": LIUYANG, "from": TONGGU})
        self.say.tell(
            f"route: {route['route']['handling_organ']} ({route['route']['handling_region']}), {route['route']['mode']}, rule {route['route']['rule']}"
        )
        for line in route["route"]["considered"]:
            self.say.tell(f"  · {line['rule']}: {line['zh']} / {line['en']}")
        self.say.holds(bool(route["proof"]), "the answer is signed / 路由答复已签名")

    async def refuse_wrong_places(self) -> None:
        """An abolished county, one that publishes nothing, none at all, an expired agreement: refused before any material is taken."""
        self.say.step("不该收的,收件之前就拒绝", "What must not be received is refused before any material is taken")
        clerk = await self.who("tonggu-clerk")
        for region, what, rule in (
            ("430124", "宁乡县 (abolished 2017)", "route.region-abolished"),
            ("430423", "衡山县 (publishes nothing here)", "route.no-organ"),
            ("999999", "no such region", "route.region-unknown"),
        ):
            self.say.act(clerk, f"→ {what}")
            reply = await clerk.call("POST", "/cases:check", json=application([], handling_region=region))
            self.say.refused(reply, status=409, rule=rule)
        self.say.act(clerk, "万载县 → 浏阳市 (agreement expired)")
        reply = await clerk.call("GET", "/routes", params={"item": ITEM, "region": LIUYANG, "from": WANZAI})
        self.say.refused(reply, status=409, rule="route.agreement-expired")

    async def check_and_receive(self) -> None:
        """Every defect at once, then receipt in one call."""
        self.say.step("预检:用浏阳自己的规则一次查出全部问题", "Pre-check: 浏阳's own rules find every defect before anything is stored")
        clerk = await self.who("tonggu-clerk")
        materials = await upload(clerk)
        flawed = application(
            materials[:2],
            form={"business_place": {"town": "360926001", "address": "永宁镇定江路8号", "right": "rent"}, "permit_note": "none"},
            applicant={"id_number": ID_NUMBER[:-1] + "1"},
        )
        self.say.act(clerk, "POST /cases:check, with four mistakes")
        checked = await clerk.post("/cases:check", flawed)
        for defect in checked["defects"]:
            self.say.tell(f"· {defect['pointer']}: {defect['detail']} [{defect['rule']}]")
        self.say.holds(len(checked["defects"]) >= 4, f"{len(checked['defects'])} defects told at once / 一次告知")  # noqa: PLR2004
        self.say.refused(await clerk.call("POST", "/cases", json=flawed), status=422, rule="case.defects")

        self.say.step("收件:一次调用,一个事务", "Receipt: one call, one transaction")
        key = "demo-" + materials[0]["material_id"]
        whole = application(materials)
        received = await clerk.post("/cases", whole, key=key)
        self.no = received["case_no"]
        self.say.tell(f"办件编号 {self.no}, handled by {received['handling_organ']}, received {local(received['received_at'])}")
        again = await clerk.post("/cases", whole, key=key)
        self.say.holds(again.content == received.content, "the same key again: the same bytes, no second case / 重复提交不重复收件")
        self.say.refused(await clerk.call("POST", "/cases", json=whole | {"notes": "x"}, key=key), status=422, rule="idempotency")

    async def transfer(self) -> None:
        """Offered, delivered, validated, each with a signed receipt; a person signs for it."""
        self.say.step("转办:三张签名回执,再由浏阳的人签收", "Transfer: three signed receipts, then a person at 浏阳 signs for it")
        clerk, reviewer = await self.who("tonggu-clerk"), await self.who("liuyang-reviewer")
        transfer = await self.say.until("validated", self._transfer(clerk, "validated"))
        for receipt in transfer["receipts"]:
            self.say.tell(
                f"receipt {receipt['number']} {receipt['step']:<10} {local(receipt['at'])} {receipt['organ']} key {receipt['kid']}"
            )
        await self.show_clocks(clerk, "transfer_sign")
        await reviewer.post(f"/transfers/{transfer['transfer_id']}/receipts", {"step": "signed_for"})
        self.say.holds(
            (await self._transfer(reviewer, "signed_for")()) is not None, "signed for: 铜鼓 is accountable no longer / 首问责任移交"
        )

    async def clerk_may_not_decide(self) -> None:
        """收受分离: 403 and a trace that stays; a stranger sees nothing."""
        self.say.step("收受分离:代收窗口不能决定,越权留痕", "Who receives may not decide: 403, and the attempt leaves a trace")
        clerk, stranger = await self.who("tonggu-clerk"), await self.who("applicant-li")
        refused = await clerk.call("POST", f"/handlings/{self.no}/decision", json={"outcome": "granted"}, headers={"If-Match": '"1"'})
        self.say.refused(refused, status=403, rule="forbidden")
        self.say.refused(await stranger.call("GET", f"/cases/{self.no}"), status=404, rule="case.not-found")
        supervisor = await self.who("jiangxi-supervisor")

        async def traced() -> Any:
            reply = await supervisor.get("/supervision/traces", params={"case": self.no})
            return reply["items"]

        traces = await self.say.until("the trace", traced)
        self.say.holds(traces[0]["action"] == "decide", f"江西 supervisor sees: {traces[0]['caller']} tried {traces[0]['action']}")

    async def correct_once(self) -> None:
        """One notice with everything that is missing; the clock stops."""
        self.say.step("一次性告知:一份补正通知,列全所有问题", "One correction notice with all defects, within five working days")
        reviewer = await self.who("liuyang-reviewer")
        await self.show_clocks(reviewer, "acceptance")
        defects = [
            {"pointer": "/materials/place_proof", "rule": "officer", "text": "租赁合同缺少出租方签章页,请补充完整扫描件"},
            {"pointer": "/form/trade_name", "rule": "officer", "text": "字号名称应当与核准的名称一致,请核对"},
        ]
        await self.act(reviewer, "correction-notice", {"defects": defects})
        clerk = await self.who("tonggu-clerk")
        stage = await self.say.until("铜鼓 sees the notice", self._stage(clerk, "correcting"))
        self.say.tell(f"铜鼓 sees stage {stage}")
        for notice in (await clerk.get(f"/cases/{self.no}/notices"))["items"]:
            self.say.tell(f"文书 {notice['notice_id']} {notice['kind']} {notice['state']}")
        await self.show_clocks(clerk, "acceptance")

    async def supplement(self) -> None:
        """Given where the applicant is."""
        self.say.step("两天后,在铜鼓补正", "Two days later the supplement is given at 铜鼓")
        await self.forward("P2D")
        clerk = await self.who("tonggu-clerk")
        notice = (await clerk.get(f"/cases/{self.no}/notices"))["items"][0]["notice_id"]
        materials = await upload(clerk, ("place_proof",), seed=9)
        given = await clerk.post(
            f"/cases/{self.no}/supplements",
            {"notice_id": notice, "form": {"trade_name": "浏阳市默言蒸菜店"}, "materials": materials},
        )
        self.say.tell(f"supplement {given['supplement']} at {local(given['at'])}")
        self.say.holds(given["supplement"] == 1, "one round / 一轮补正")

    async def accept(self) -> None:
        """Written notice under seal; the decision clock starts the next working day."""
        self.say.step(
            "受理:加盖电子印章的受理通知书,时限从次日起算",
            "Acceptance: a notice under seal; the decision clock starts the next working day",
        )
        reviewer = await self.who("liuyang-reviewer")

        async def supplemented() -> Any:
            return (await reviewer.get(f"/handlings/{self.no}"))["supplements"] == 1

        await self.say.until("浏阳 has the supplement", supplemented)
        await self.act(reviewer, "acceptance")
        await self.say.until("the seal", self._sealed(reviewer, "acceptance"))
        await self.show_clocks(reviewer, "decision_statutory", "decision_promised")

    async def decide(self) -> None:
        """By a person who did nothing else on the case."""
        self.say.step("决定:由另一个人作出", "The decision, by somebody who neither received, helped nor accepted")
        reviewer, approver = await self.who("liuyang-reviewer"), await self.who("liuyang-approver")
        tag = (await reviewer.get(f"/handlings/{self.no}")).headers["etag"]
        refused = await reviewer.call("POST", f"/handlings/{self.no}/decision", json={"outcome": "granted"}, headers={"If-Match": tag})
        self.say.refused(refused, status=403, rule="forbidden")
        await self.forward("P1D")
        stale = await approver.call("POST", f"/handlings/{self.no}/decision", json={"outcome": "granted"}, headers={"If-Match": '"0"'})
        self.say.refused(stale, status=412, rule="stale")
        await self.act(approver, "decision", {"outcome": "granted"})
        await self.say.until("seal and credential", self._sealed(approver, "decision"))
        shown = await approver.get(f"/handlings/{self.no}")
        self.say.holds(bool(shown["credential_id"]), f"credential {shown['credential_id']} under 浏阳's seal / 电子营业执照已制发")

    async def verify(self) -> None:
        """Anyone can check the QR; what was altered, suspended or unknown is found out."""
        self.say.step("二维码:任何人都能核验", "The QR: anyone can verify it")
        approver, public = await self.who("liuyang-approver"), await self.who("public")
        credential = (await approver.get(f"/handlings/{self.no}"))["credential_id"]
        code = (await approver.get(f"/credentials/{credential}"))["qr"]

        async def result(text: str) -> str:
            reply = await public.post("/verifications", {"qr": text})
            self.say.tell(f"{reply['result']}: {reply['reason']} / {reply['reason_en']}")
            return str(reply["result"])

        self.say.holds(await result(code) == "valid", "valid / 有效")
        middle = len(code) // 2
        altered = code[:middle] + ("A" if code[middle] != "A" else "B") + code[middle + 1 :]
        self.say.holds(await result(altered) in {"altered", "unknown"}, "one character altered: found out / 篡改一个字符即被识破")
        await approver.post(f"/credentials/{credential}/suspension", {"ground": "investigation"})
        self.say.holds(await result(code) == "suspended", "suspended / 暂停")
        await approver.post(f"/credentials/{credential}/resumption")
        self.say.holds(await result(code) == "valid", "valid again / 恢复有效")

    async def hand_out(self) -> None:
        """Delivered at 铜鼓, closed."""
        self.say.step("在铜鼓领取,办结", "Handed out at 铜鼓; the case is closed")
        clerk = await self.who("tonggu-clerk")

        async def opened() -> Any:
            found = [each for each in (await clerk.get("/deliveries", params={"state": "open"}))["items"] if each["case_no"] == self.no]
            return found[0] if found else None

        delivery = await self.say.until("the delivery", opened)
        await clerk.post(f"/deliveries/{delivery['delivery_id']}/handover", {"means": "window"})

        async def closed() -> Any:
            shown = await clerk.get(f"/cases/{self.no}")
            return shown if shown["state"] == "closed" else None

        case = await self.say.until("closed", closed)
        self.say.holds(case["ending"] == "granted", f"closed {local(case['closed_at'])}, {case['ending']} / 已办结")

    async def look_back(self) -> None:
        """Both counties and the applicant see one timeline."""
        self.say.step("回看:两地与申请人看到同一条时间线", "Looking back: both counties and the applicant see one timeline")
        clerk = await self.who("tonggu-clerk")

        async def whole() -> bool:
            last = (await clerk.get(f"/cases/{self.no}/timeline"))["entries"][-1]
            return bool(last["kind"] == "closed")

        await self.say.until("the last line", whole)
        lines: dict[str, list[tuple[str, str]]] = {}
        for name in ("tonggu-clerk", "liuyang-reviewer", "applicant-chen"):
            who = await self.who(name)
            entries = (await who.get(f"/cases/{self.no}/timeline"))["entries"]
            lines[name] = [(entry["at"], entry["kind"]) for entry in entries]
            if name == "tonggu-clerk":
                for entry in entries:
                    self.say.tell(f"{local(entry['at'])}  {entry['region']}  {entry['zh']} / {entry['en']}")
        self.say.holds(lines["tonggu-clerk"] == lines["liuyang-reviewer"], "铜鼓 and 浏阳 agree event by event / 两地逐条一致")
        self.say.holds(
            set(lines["applicant-chen"]) <= set(lines["tonggu-clerk"]), "the applicant sees the same, less what is internal / 申请人可见"
        )
        public = await self.who("public")
        shown = await public.post("/progress", {"case_no": self.no, "id_last_six": ID_NUMBER[-6:]})
        self.say.tell(f"进度查询: {shown['stage']}")
        wrong = await public.call("POST", "/progress", json={"case_no": self.no, "id_last_six": "999999"})
        self.say.refused(wrong, status=404, rule="")

    async def accept_by_silence(self) -> None:
        """A second case nobody looks at: deemed accepted, with the day of receipt as its date."""
        self.say.step(
            "第二件:五个工作日没有告知,视为受理", "A second case is left alone: after five working days it counts as accepted from receipt"
        )
        clerk, reviewer = await self.who("tonggu-clerk"), await self.who("liuyang-reviewer")
        received = await clerk.post("/cases", application(await upload(clerk, seed=77), form={"trade_name": "浏阳市默言米粉店"}))
        self.no = received["case_no"]
        transfer = await self.say.until("validated", self._transfer(clerk, "validated"))
        await reviewer.post(f"/transfers/{transfer['transfer_id']}/receipts", {"step": "signed_for"})
        await self.forward("P10D")

        async def deemed() -> Any:
            shown = await reviewer.get(f"/handlings/{self.no}")
            return shown if shown["deemed"] else None

        handling = await self.say.until("deemed accepted", deemed)
        self.say.tell(f"accepted on {handling['accepted_on']}, received {local(received['received_at'])}")
        self.say.holds(handling["state"] == "accepted", "accepted without anybody's act / 视为受理 (行政许可法 §32)")
        for card in (await reviewer.get("/supervision/cards", params={"region": LIUYANG}))["items"][:2]:
            self.say.tell(f"card {card['colour']}: {card['zh']} / {card['en']}")

    async def act(self, who: Visitor, what: str, body: dict[str, Any] | None = None) -> None:
        """One move of the handling side, with the version it was read at; a seal under way is waited for."""
        tag = (await who.get(f"/handlings/{self.no}")).headers["etag"]
        self.say.act(who, what)
        moved = await who.post(f"/handlings/{self.no}/{what}", body, headers={"If-Match": tag})
        self.say.tell(f"→ {moved['state']}, due {local(moved['due'])}")

    async def forward(self, period: str) -> None:
        """Let days pass."""
        operator = await self.who("operator")
        now = await operator.post("/dev/now", {"forward": period})
        self.say.tell(f"… {period}: now {local(now['now'])}")

    async def show_clocks(self, who: Visitor, *kinds: str) -> None:
        """Clocks and why their date is that date."""
        for clock in (await who.get(f"/cases/{self.no}/clocks"))["clocks"]:
            if clock["kind"] in kinds:
                self.say.tell(f"⏱ {clock['name']} ({clock['holder']}) {clock['state']}, due {local(clock['due'])}")
                for line in clock["explanation"]:
                    self.say.tell(f"    {line['zh']} / {line['en']} [{line['rule']}]")

    def _transfer(self, who: Visitor, state: str) -> Callable[[], Awaitable[Any]]:
        async def ask() -> Any:
            reply = await who.call("GET", "/transfers", params={"case": self.no})
            found = [each for each in reply["items"] if each["state"] == state] if reply.status == httpx.codes.OK else []
            return found[0] if found else None

        return ask

    def _stage(self, who: Visitor, stage: str) -> Callable[[], Awaitable[Any]]:
        async def ask() -> Any:
            shown = (await who.get(f"/cases/{self.no}"))["stage"]
            return shown if shown == stage else None

        return ask

    def _sealed(self, who: Visitor, kind: str) -> Callable[[], Awaitable[Any]]:
        async def ask() -> Any:
            notices = (await who.get(f"/cases/{self.no}/notices"))["items"]
            sealed = [each for each in notices if each["kind"].startswith(kind) and each["state"] != "awaiting_seal"]
            return sealed and (await who.get(f"/handlings/{self.no}"))["awaiting_seal"] is None

        return ask


STORIES: dict[str, Callable[[str, Teller], Sc04]] = {"SC-04": Sc04}


async def tell(url: str, story: str) -> int:
    """Tell one story; 0 when all of it held."""
    teller = Teller()
    print(f"通办 Tongban · {story} · {url} · password {DEMO_PASSWORD}\n{NAME}, 铜鼓县 → 浏阳市, 个体工商户登记, {len(MATERIALS)} materials")
    told = STORIES[story](url, teller)
    try:
        await told.tell()
    except httpx.TransportError as error:
        print(f"\ndemo {story}: nobody answers at {url} ({type(error).__name__}); start it with: make run")
        return REFUSED
    except Unexpected as error:
        print(f"\ndemo {story}: failed: {error}")
        return REFUSED
    finally:
        for visitor in told.people.values():
            await visitor.close()
    teller.end(story)
    return DONE


def main() -> int:
    """Read the command line and tell."""
    parser = argparse.ArgumentParser(prog="make demo", description="A story over HTTP / 通过 HTTP 讲述一件事")
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--story", default="SC-04", choices=sorted(STORIES))
    chosen = parser.parse_args()
    return asyncio.run(tell(chosen.url.rstrip("/"), chosen.story))


if __name__ == "__main__":
    sys.exit(main())
