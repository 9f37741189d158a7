"""The life of one case, from the upload to the end that was meant for it, whatever breaks on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tests.faults.desk import Answer, Body, Desk
from tests.faults.journal import Journal
from tests.faults.lookout import Brief, Lookout
from tongban_local.sole_trader import MATERIALS, application, scan

CLERK, REVIEWER, APPROVER = "tonggu-clerk", "liuyang-reviewer", "liuyang-approver"

ENDINGS = {"granted": "granted", "denied": "denied", "corrected": "granted", "withdrawn": "withdrawn", "left": "granted"}
"""What may be meant for a case, and how it ends then. One that is ``left`` is not signed for or not looked at while it is left."""

DEFECTS = [
    {"pointer": "/materials/place_proof", "rule": "officer", "text": "租赁合同缺少出租方签章页,请补充完整扫描件"},
    {"pointer": "/form/trade_name", "rule": "officer", "text": "字号名称应当与核准的名称一致,请核对"},
]
STILL_OPEN = "supplement.open"
"""Beside it, of a place that a supplement without its material leaves as it was."""

LOOK_AGAIN = 6.0
"""Seconds after which a life looks at its case though nothing was seen to change."""

TRY_AGAIN = frozenset({404, 409, 412})
"""Not heard of yet; a seal, another process or another person is at work; changed since it was read."""

DEFECTIVE = "case.defects"
"""Rule of a refusal that lists defects."""

ABSENT = "material.not-found"
"""The only one of them that applications here may have: a material that is not there, or that another case has."""

NOT_FOUND = 404

REST = 0.7


class Wrong(AssertionError):
    """The system answered what it must never answer."""


@dataclass(slots=True, kw_only=True, eq=False)
class Life:
    """One case and what is meant for it."""

    name: str
    """Begins the keys of all its calls."""
    number: int
    meant: str
    desk: Desk
    lookout: Lookout
    journal: Journal
    leave: asyncio.Event
    """While it is set, a case that is to be left alone is."""
    case_id: str = ""
    case_no: str = ""
    stage: str = "new"
    """The last that was seen of it, for whoever looks into a life that does not end."""
    uploads: int = 0
    brought: dict[str, int] = field(default_factory=dict)
    """Materials of the application at hand, and how often days had been let pass when they were brought."""
    promised: set[str] = field(default_factory=set)
    """Keys of calls whose yes is in the journal."""

    @property
    def _left(self) -> bool:
        return self.meant == "left" and self.leave.is_set()

    async def receive(self, id_number: str) -> None:
        """Upload and hand in.

        Raises:
            Wrong: A good application was refused.
        """
        answer, body, key = await self._hand_in(id_number)
        while await self._are_gone(answer):
            answer, body, key = await self._hand_in(id_number)
        if not answer.good:
            raise Wrong(f"{self.name}: receive: {answer.status} {answer.body}")
        if self.number % 4 == 0:
            await self._repeat(body, first=answer, key=key)

    async def _hand_in(self, id_number: str) -> tuple[Answer, Body, str]:
        body = application(await self.upload(MATERIALS), applicant={"id_number": id_number})
        about = str(self.uploads)
        return await self._do("receive", "/cases", who=CLERK, body=body, about=about), body, f"{self.name}-receive-{about}"

    async def _are_gone(self, answer: Answer) -> bool:
        """Whether materials went as unclaimed, because days were let pass since they were brought, and must be brought again.

        Raises:
            Wrong: Materials are missing though no days were let pass, or another case has them; or there is another defect.
        """
        if answer.rule != DEFECTIVE:
            return False
        missing = [self._named(str(error["pointer"])) for error in answer.body["errors"] if error["rule"] == ABSENT]
        for material_id in missing:
            shown = await self.desk.ask(CLERK, "GET", f"/materials/{material_id}?purpose=review")
            if self.desk.days_let_pass == self.brought[material_id] or shown.status != NOT_FOUND:
                raise Wrong(f"{self.name}: {material_id} cannot be handed in, asked for it the answer is {shown.status}")
        if any(error["rule"] not in {ABSENT, STILL_OPEN} for error in answer.body["errors"]):
            raise Wrong(f"{self.name}: {answer.status} {answer.body}")
        self._let_go()
        return bool(missing)

    def _named(self, pointer: str) -> str:
        """The material at a place of the application at hand."""
        return list(self.brought)[int(pointer.split("/")[2])]

    def _let_go(self) -> None:
        for material_id in self.brought:
            self.journal.let_go(material_id)

    async def upload(self, codes: tuple[str, ...]) -> list[dict[str, str]]:
        """One scan for each material."""
        named = []
        self.brought = {}
        for place, code in enumerate(codes):
            self.uploads += 1
            days_let_pass = self.desk.days_let_pass
            key = f"{self.name}-{code}-{self.uploads}"
            kept = await self.desk.ask(CLERK, "POST", "/materials", scan=scan(self.number * 31 + place), key=key)
            if not kept.good:
                raise Wrong(f"{self.name}: upload: {kept.status} {kept.body}")
            material_id = str(kept.body["material_id"])
            self.journal.answered(kept.body, act="upload", key=key)
            self.brought[material_id] = days_let_pass
            named.append({"code": code, "material_id": material_id})
        return named

    async def live(self) -> None:
        """Do whatever is next until the case is closed.

        Raises:
            Wrong: It ended otherwise than was meant, or an answer was none that may be given.
        """
        watched = self.lookout.watch(self.case_id)
        while True:
            watched.changed.clear()
            brief = watched.brief
            if brief is not None:
                self.stage = f"{brief['stage']}{' awaiting seal' if brief['awaiting_seal'] else ''}"
                if brief["state"] == "closed":
                    await self._end()
                    return
                if not await self._act(brief):
                    await asyncio.sleep(REST)
                    continue
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await watched.changed.wait()
            except TimeoutError:
                pass

    async def _act(self, brief: Brief) -> bool:
        """The next step of the one who has it; False when it must be tried again soon."""
        match brief["stage"]:
            case "validated" | "offered_again":
                return await self._sign()
            case "signed_for":
                return await self._begin()
            case "correcting":
                return brief["awaiting_seal"] or await self._supplement()
            case "supplemented":
                return await self._move("accept", "acceptance", REVIEWER, {})
            case "accepted" if not brief["awaiting_seal"]:
                return await self._decide()
            case "decided" if not brief["awaiting_seal"]:
                return await self._deliver()
            case _:
                return True

    async def _sign(self) -> bool:
        if self._left and self.number % 2:
            return True
        found = await self.desk.ask(REVIEWER, "GET", f"/transfers?case={self.case_no}")
        waiting = [each["transfer_id"] for each in found.body["items"] if each["state"] == "validated"] if found.good else []
        if not waiting:
            return False
        path = f"/transfers/{waiting[-1]}/receipts"
        return self._may(await self._do("sign", path, who=REVIEWER, body={"step": "signed_for"}, about=waiting[-1]))

    async def _begin(self) -> bool:
        if self._left:
            return True
        if self.meant == "withdrawn":
            body = {"reason": "申请人决定不再经营"}
            return self._may(await self._do("withdraw", f"/cases/{self.case_no}/withdrawal", who=CLERK, body=body))
        if self.meant == "corrected":
            return await self._move("correct", "correction-notice", REVIEWER, {"defects": DEFECTS})
        if self.number % 5 == 0:
            await self._be_stale()
        return await self._move("accept", "acceptance", REVIEWER, {})

    async def _supplement(self) -> bool:
        notices = await self.desk.ask(CLERK, "GET", f"/cases/{self.case_no}/notices")
        asked = [each["notice_id"] for each in notices.body["items"] if each["kind"] == "correction"] if notices.good else []
        if not asked:
            return False
        if f"{self.name}-supplement-{asked[-1]}" in self.promised:
            return True
        body = {"notice_id": asked[-1], "form": {"trade_name": "浏阳市默言蒸菜店"}, "materials": await self.upload(("place_proof",))}
        answer = await self._do("supplement", f"/cases/{self.case_no}/supplements", who=CLERK, body=body, about=asked[-1])
        if await self._are_gone(answer):
            return False
        if not self._may(answer):
            self._let_go()
        return answer.good

    async def _decide(self) -> bool:
        body: Body = {"outcome": "granted"}
        if self.meant == "denied":
            body = {"outcome": "denied", "grounds": ["prohibited-scope"], "reason": "经营范围含禁止项目"}
        if self.meant == "withdrawn":
            # Time was let pass before it was withdrawn: accepted by silence, and still the applicant's to take back.
            return self._may(
                await self._do("withdraw", f"/cases/{self.case_no}/withdrawal", who=CLERK, body={"reason": "申请人决定不再经营"})
            )
        return await self._move("decide", "decision", APPROVER, body)

    async def _deliver(self) -> bool:
        found = await self.desk.ask(CLERK, "GET", f"/deliveries?state=open&case={self.case_no}")
        opened = [each["delivery_id"] for each in found.body["items"]] if found.good else []
        if not opened:
            return f"{self.name}-deliver" in self.promised
        return self._may(await self._do("deliver", f"/deliveries/{opened[0]}/handover", who=CLERK, body={"means": "window"}))

    async def _move(self, act: str, path: str, who: str, body: Body) -> bool:
        if f"{self.name}-{act}" in self.promised:
            return True
        read = await self.desk.ask(who, "GET", f"/handlings/{self.case_no}")
        if not read.good:
            return self._may(read)
        return self._may(await self._do(act, f"/handlings/{self.case_no}/{path}", who=who, body=body, tag=read.tag))

    async def _do(self, act: str, path: str, *, who: str, body: Body, about: str = "", tag: str = "") -> Answer:
        key = f"{self.name}-{act}{'-' if about else ''}{about}"
        answer = await self.desk.ask(who, "POST", path, body=body or None, key=key, tag=tag)
        if answer.good and key not in self.promised:
            self.promised.add(key)
            self.case_id, self.case_no = str(answer.body["case_id"]), str(answer.body["case_no"])
            self.journal.answered(answer.body, act=act, key=key)
        return answer

    def _may(self, answer: Answer) -> bool:
        if not answer.good and answer.status not in TRY_AGAIN:
            raise Wrong(f"{self.name} at {self.stage}: {answer.status} {answer.body}")
        return answer.good

    async def _repeat(self, body: Body, *, first: Answer, key: str) -> None:
        """The same key gives the same answer; with another body it is refused."""
        again = await self.desk.ask(CLERK, "POST", "/cases", body=body, key=key)
        other = await self.desk.ask(CLERK, "POST", "/cases", body=body | {"notes": "另一份"}, key=key)
        if again.body != first.body or other.status != 422:
            raise Wrong(f"{self.name}: repeated {again.body}, with another body {other.status} {other.rule}")

    async def _be_stale(self) -> None:
        """What was read long ago may not be acted on."""
        answer = await self.desk.ask(REVIEWER, "POST", f"/handlings/{self.case_no}/acceptance", key=f"{self.name}-stale", tag='"0"')
        if answer.status not in {404, 409, 412}:
            raise Wrong(f"{self.name}: stale acceptance: {answer.status} {answer.body}")

    async def _end(self) -> None:
        shown = await self.desk.ask(CLERK, "GET", f"/cases/{self.case_no}")
        self.lookout.forget(self.case_id)
        if not shown.good or shown.body["ending"] != ENDINGS[self.meant]:
            raise Wrong(f"{self.name}: meant {self.meant}, ended {shown.status} {shown.body}")
        self.journal.ended(self.case_no, ending=str(shown.body["ending"]))


async def hand_in_badly(desk: Desk, *, name: str, number: int, id_number: str) -> None:
    """Applications that must be refused, for a reason, with nothing stored.

    Raises:
        Wrong: One was let through.
    """
    wrong_check = id_number[:-1] + ("1" if id_number[-1] != "1" else "2")
    whole = application([{"code": code, "material_id": "00000000-0000-7000-8000-000000000000"} for code in MATERIALS])
    bad: tuple[tuple[str, Body], ...] = (
        ("wrong-id", whole | {"applicant": whole["applicant"] | {"id_number": wrong_check}}),
        ("unknown-region", whole | {"handling_region": "999999"}),
        ("not-the-form", {"item_code": 1}),
    )
    what, body = bad[number % len(bad)]
    key = f"{name}-{what}"
    answer = await desk.ask(CLERK, "POST", "/cases", body=body, key=key)
    if answer.status not in {404, 409, 422}:
        raise Wrong(f"{key}: {answer.status} {answer.body}")
