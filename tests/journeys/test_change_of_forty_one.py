"""A change of a base item that forty-one counties offer and cases are open on: what it would touch, what it leaves (issue 5, show 5)."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from contracts.values import RegionCode
from tests.catalog.builders import LIUYANG, TONGGU, a_draft
from tests.catalog.counties import FURTHER, MILDER, SLOWER, draft_of, organ_of
from tests.support.line import act, closed, delivered, handling, sealed, sign, transfer_in, until
from tests.support.offices import NATION, catalogue_officers, staffing
from tests.support.publishing import in_force, publish_item, put_in_force
from tongban_local.sole_trader import application, upload
from tongban_local.system import System
from tongban_local.visitor import Reply, Visitor

ITEM, NAME = "000131977000", "个体工商户登记(试行)"
"""A base item of its own, so that nobody else's cases stand on it."""
PROOF = "place-proof-of-forty-one"
EVERYWHERE = {LIUYANG, TONGGU, *FURTHER}
PLACES: dict[str, dict[str, Any]] = {
    LIUYANG: {},
    TONGGU: {"business_place": {"town": "360926100", "address": "永宁镇定江中路8号", "right": "own"}, "trade_name": "铜鼓县默言茶铺"},
}

Rows = dict[tuple[str, str], int]
"""Open cases by version and handling region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """Who takes part, all signed in."""

    author: Visitor
    reviewer: Visitor
    """Of the nation's catalogue, as the author."""
    liuyang: Visitor
    tonggu: Visitor
    """The windows of two counties in two provinces."""
    acceptor: Visitor
    approver: Visitor
    """Of the market regulator of 浏阳."""

    async def put_in_force(self, documents: str, body: dict[str, Any]) -> None:
        await put_in_force(self.author, self.reviewer, documents, body)

    async def draft_change(self, *elements: dict[str, Any]) -> None:
        """A change of the base item that waits for its review."""
        base = dict((await self.author.get(f"/base-items/{ITEM}")).body)
        await self.author.post("/base-items", base | {"elements": list(elements)})

    async def publish_change(self) -> None:
        tag = (await self.reviewer.get(f"/base-items/{ITEM}/draft")).headers["etag"]
        await self.reviewer.post(f"/base-items/{ITEM}/review", headers={"If-Match": tag})

    async def pages(self, path: str) -> list[Any]:
        """Every page of a report."""
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            found.append((await self.reviewer.get(path, params={"limit": "20", "after": after})).body)
            after = found[-1]["next"]
        return found

    async def drifts(self) -> dict[str, set[tuple[str, bool]]]:
        """What differs from the base item: fields, and whether that is allowed, by region."""
        pages = await self.pages(f"/base-items/{ITEM}/drift")
        return {one["region"]: {(each["field"], each["allowed"]) for each in one["drifts"]} for page in pages for one in page["items"]}


@pytest.fixture(scope="module")
def with_officers(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    more = catalogue_officers("nation", region=NATION)
    with staffing(system, folder=tmp_path_factory.mktemp("people"), more=more) as running:
        yield running


@pytest.fixture(scope="module")
async def offices(with_officers: System) -> AsyncIterator[Offices]:
    names = ("nation-author", "nation-reviewer", "liuyang-clerk", "tonggu-clerk", "liuyang-reviewer", "liuyang-approver")
    author, reviewer, liuyang, tonggu, acceptor, approver = [await Visitor.sign_in(name, url=with_officers.layout.url) for name in names]
    yield Offices(author=author, reviewer=reviewer, liuyang=liuyang, tonggu=tonggu, acceptor=acceptor, approver=approver)
    for visitor in (author, reviewer, liuyang, tonggu, acceptor, approver):
        await visitor.close()


def draft(region: RegionCode, **version: Any) -> Any:
    """A county's item of the base item, whose proof of the place is a certificate that stands on the nation's list."""
    drafted = draft_of(region)
    drafted["version"] |= {"item_code": ITEM, "name": NAME} | version
    [proof] = [one for one in drafted["checklist"]["materials"] if one["code"] == "place_proof"]
    proof |= {"nature": "certificate", "certificate": PROOF}
    return drafted


SAID = a_draft()
PROMISED: dict[str, Any] = SAID["version"]["promised_limit"]
MATERIALS = {"field": "materials", "lock": "narrowable", "value": [one["code"] for one in SAID["checklist"]["materials"]]}


def promise(**changed: Any) -> dict[str, Any]:
    return {"field": "promised_limit", "lock": "locked", "value": PROMISED | changed}


@pytest.fixture(scope="module")
async def counties(offices: Offices) -> dict[str, str]:
    """The version in force of every county by its region."""
    fixed = {"code": ITEM, "name": NAME, "kind": "01", "ministry": "市场监管总局", "batch": "试点", "source": "found", "listed": "service"}
    await offices.put_in_force("/base-items", fixed | {"locked_modes": [], "elements": []})
    row = {"certificate_id": PROOF, "name": "经营场所证明", "name_en": "Proof of premises", "region": NATION, "basis": "个体工商户条例 §8"}
    said = {"asked_by": "市场监督管理部门", "issued_by": "村(居)民委员会", "guide": "到经营场所所在地村(居)民委员会办理"}
    await offices.put_in_force("/certificates", row | said)
    made: dict[str, str] = {}
    for region in (LIUYANG, TONGGU, *FURTHER):
        if region in FURTHER:
            await offices.put_in_force("/organs", organ_of(region))
        made[region] = await publish_item(offices.author, offices.reviewer, draft(region))
    for version in made.values():
        await in_force(offices.author, version)
    return made


async def an_application(clerk: Visitor, region: str, *, seed: int) -> dict[str, Any]:
    return application(await upload(clerk, seed=seed), item_code=ITEM, handling_region=region, form=PLACES[region])


async def receive(clerk: Visitor, region: str, *, under: str, seed: int) -> str:
    """A case received in and for a county, once its window knows of the version; its number."""
    body = await an_application(clerk, region, seed=seed)

    async def known() -> bool:
        reply = await clerk.call("POST", "/cases:check", json=body)
        return reply.status == 200 and bool(reply["route"]["version_id"] == under)

    await until(f"{under} at the window", known)
    return str((await clerk.post("/cases", body))["case_no"])


async def withdraw(clerk: Visitor, no: str) -> None:
    await clerk.post(f"/cases/{no}/withdrawal", {"reason": "申请人决定不再经营"})
    assert (await closed(clerk, no))["ending"] == "withdrawn"


def rows(*pages: Any) -> Rows:
    """What the pages of an impact say of open cases; their sums have to agree."""
    for page in pages:
        assert page["unavailable"] == []
        assert page["standing"]["cases"] == sum(page["standing"]["regions"].values())
        assert page["standing"]["cases"] == sum(one["cases"] for one in page["standing"]["versions"])
    return {(one["version_id"], one["region"]): one["cases"] for page in pages for one in page["standing"]["versions"]}


async def promised_days(who: Visitor, no: str) -> int:
    """Of the clock of the promised decision."""
    clocks = (await who.get(f"/cases/{no}/clocks"))["clocks"]
    [amount] = [one["limit"]["amount"] for one in clocks if one["kind"] == "decision_promised"]
    return int(amount)


async def test_a_change_names_what_it_touches_and_leaves_the_cases_that_are_open(offices: Offices, counties: dict[str, str]) -> None:
    liuyang, tonggu = offices.liuyang, offices.tonggu
    first = await receive(liuyang, LIUYANG, under=counties[LIUYANG], seed=301)
    second = await receive(liuyang, LIUYANG, under=counties[LIUYANG], seed=302)
    elsewhere = await receive(tonggu, TONGGU, under=counties[TONGGU], seed=303)
    await withdraw(liuyang, await receive(liuyang, LIUYANG, under=counties[LIUYANG], seed=304))
    standing: Rows = {(counties[LIUYANG], LIUYANG): 2, (counties[TONGGU], TONGGU): 1}

    # The nation fixes what nearly all say already: exactly the two that were planted differ, before it is published and afterwards.
    await offices.draft_change(promise(), MATERIALS)
    fixing = await offices.pages(f"/base-items/{ITEM}/impact")
    assert {one["region"] for page in fixing for one in page["touched"]} == {SLOWER, MILDER}
    assert rows(*fixing) == {}, "no case is open on either of them"
    assert await offices.drifts() == {}
    await offices.publish_change()
    planted = {SLOWER: {("promised_limit", False)}, MILDER: {("materials", True)}}
    assert await offices.drifts() == planted

    # Then it promises a day: forty-one items, three open cases, and nothing has moved yet.
    await offices.draft_change(promise(amount=1), MATERIALS)
    before = await offices.pages(f"/base-items/{ITEM}/impact")
    assert sum(page["items"] for page in before) == 41
    assert {region: count for page in before for region, count in page["regions"].items()} == dict.fromkeys(EVERYWHERE, 1)
    assert rows(*before) == standing
    assert await offices.drifts() == planted
    await offices.publish_change()
    assert {region for region, found in (await offices.drifts()).items() if ("promised_limit", False) in found} == EVERYWHERE

    # 浏阳 follows; its own version says beforehand whom it leaves. The next case falls under it, in every service.
    following = draft(LIUYANG, promised_limit=PROMISED | {"amount": 1})
    version = str((await offices.author.post("/service-items", following))["version_id"])
    impact = (await offices.reviewer.get(f"/service-items/versions/{version}/impact")).body
    assert (impact["supersedes"], rows(impact)) == (counties[LIUYANG], {(counties[LIUYANG], LIUYANG): 2})
    assert await publish_item(offices.author, offices.reviewer, following) == version
    await in_force(offices.author, version)
    newest = await receive(liuyang, LIUYANG, under=version, seed=305)
    await transfer_in(liuyang, newest, "validated")
    assert LIUYANG not in await offices.drifts()
    standing[version, LIUYANG] = 1

    await a_cancelled_certificate_leaves_it(offices, first, cases=standing, over=counties[LIUYANG])

    # What was open is finished by what held at its receipt; what came later by what holds now.
    await act(offices.acceptor, first, "acceptance")
    await sealed(offices.acceptor, first)
    await sign(offices.acceptor, newest)
    await act(offices.acceptor, newest, "acceptance")
    await sealed(offices.acceptor, newest)
    assert [await promised_days(liuyang, no) for no in (first, newest)] == [2, 1]
    await act(offices.approver, first, "decision", {"outcome": "granted"})
    await sealed(offices.approver, first)
    await delivered(liuyang, first)
    ended = await closed(liuyang, first)
    assert (ended["ending"], ended["version_id"]) == ("granted", counties[LIUYANG])
    assert [(await liuyang.get(f"/cases/{no}"))["version_id"] for no in (second, newest)] == [counties[LIUYANG], version]

    # With the last of them closed nothing stands there any more.
    for clerk, no in ((liuyang, second), (tonggu, elsewhere), (liuyang, newest)):
        await withdraw(clerk, no)
    await offices.draft_change(promise(amount=2), MATERIALS)
    assert rows(*await offices.pages(f"/base-items/{ITEM}/impact")) == {}


async def a_cancelled_certificate_leaves_it(offices: Offices, no: str, *, cases: Rows, over: str) -> None:
    """An open case whose correction notice asks for a certificate is answered without it once it is cancelled (S-35)."""
    defects = [
        {"pointer": "/materials/place_proof", "rule": "officer", "text": "经营场所证明看不清,请重新提供"},
        {"pointer": "/form/trade_name", "rule": "officer", "text": "字号名称应当与核准的名称一致,请核对"},
    ]
    await sign(offices.acceptor, no)
    await act(offices.acceptor, no, "correction-notice", {"defects": defects})

    async def told() -> Any:
        notices = (await offices.liuyang.get(f"/cases/{no}/notices"))["items"]
        shown = await offices.liuyang.get(f"/cases/{no}")
        return notices[0]["notice_id"] if notices and shown["stage"] == "correcting" else None

    notice = await until("the correction notice", told)

    async def answered() -> Reply:
        given = {"notice_id": notice, "form": {"trade_name": "浏阳市默言蒸菜店"}}
        return await offices.liuyang.call("POST", f"/cases/{no}/supplements", json=given)

    held = await answered()
    assert [(one["rule"], one["pointer"]) for one in held["errors"]] == [("supplement.open", "/materials/place_proof")]
    without = await an_application(offices.liuyang, LIUYANG, seed=306)
    without["materials"] = [one for one in without["materials"] if one["code"] != "place_proof"]
    checked = await offices.liuyang.post("/cases:check", without)
    assert [one["rule"] for one in checked["defects"]] == ["material.missing"]

    # Every version that asks for it is named, the one that is over too: a case stands on it.
    impact = await offices.pages(f"/certificates/{PROOF}/impact")
    assert (sum(len(page["versions"]) for page in impact), [one for page in impact for one in page["over"]]) == (41, [over])
    assert rows(*impact) == cases
    await offices.author.post(f"/certificates/{PROOF}/cancellation", {"document": "国发〔2018〕28号"})
    tag = (await offices.reviewer.get(f"/certificates/{PROOF}/draft")).headers["etag"]
    await offices.reviewer.post(f"/certificates/{PROOF}/review", headers={"If-Match": tag})

    async def let_through() -> bool:
        return (await answered()).status == 201

    await until("the supplement without the certificate", let_through)

    async def supplemented() -> bool:
        return bool((await handling(offices.acceptor, no))["state"] == "opened")

    await until("the supplement at the handling organ", supplemented)
    checked = await offices.liuyang.post("/cases:check", without)
    assert (checked["verdict"], checked["defects"]) == ("clean", [])


async def test_an_impact_says_that_the_number_is_not_known_while_intake_is_away(
    with_officers: System, offices: Offices, counties: dict[str, str]
) -> None:
    await offices.draft_change(promise(amount=3), MATERIALS)
    path = f"/base-items/{ITEM}/impact?limit=50"
    intake = with_officers["intake"]

    intake.stop()
    try:
        away = (await offices.reviewer.get(path)).body
    finally:
        intake.start()
        intake.wait_ready()

    assert (away["standing"], away["unavailable"]) == (None, ["standing"])
    assert away["items"] >= len(counties) - 1

    async def known() -> bool:
        return bool((await offices.reviewer.get(path))["unavailable"] == [])

    await until("the number", known)
