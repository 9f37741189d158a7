"""An item, a county, an agreement and a situation that no code knows, brought in over the API, and a case over them (issue 5, show 8)."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.newcomer import ITEM, ORGAN, TONGGU, Newcomer
from tests.support.line import act, closed, delivered, forward, sealed, sign, transfer_in, until
from tests.support.offices import staffing
from tests.support.publishing import in_force, publish_item, put_in_force
from tests.support.whole import SignIn
from tongban_local.sole_trader import ID_NUMBER, NAME, PHONE, upload
from tongban_local.system import System
from tongban_local.visitor import Visitor

TEXT = {".py", ".yaml", ".yml", ".csv", ".json", ".toml", ".md", ".sql", ".txt", ""}


@pytest.fixture(scope="module")
async def newcomer(system: System) -> Newcomer:
    """Codes that nobody has, the regions of the seed included."""
    public = Visitor.nobody(url=system.layout.url)

    async def is_free(code: str) -> bool:
        return (await public.call("GET", f"/regions/{code}")).status == 404

    made = await Newcomer.made_up(is_free=is_free)
    await public.close()
    return made


@pytest.fixture(scope="module")
def staffed(system: System, newcomer: Newcomer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system with the county's officers in the directory of the sign-in, which is no part of the project: an office has its own."""
    with staffing(system, folder=tmp_path_factory.mktemp("people"), more=newcomer.officers()) as running:
        yield running


@pytest.fixture(scope="module")
async def office(staffed: System) -> AsyncIterator[Callable[[str], Awaitable[Visitor]]]:
    """Signs officers in, each once for the module."""
    known: dict[str, Visitor] = {}

    async def sign_in(name: str) -> Visitor:
        if name not in known:
            url = staffed.layout.url
            known[name] = Visitor.nobody(url=url) if name == "public" else await Visitor.sign_in(name, url=url)
        return known[name]

    yield sign_in
    for visitor in known.values():
        await visitor.close()


@pytest.fixture(scope="module")
async def county(office: SignIn, newcomer: Newcomer) -> Newcomer:
    """The county with everything in force, each document by two people: the nation's, the province's, the county's own."""
    nation = await office("nation-author"), await office("nation-reviewer")
    province = await office("catalog-author"), await office("catalog-reviewer")
    own = await office("county-author"), await office("county-reviewer")
    operator = await office("operator")

    await put_in_force(*province, "/regions", newcomer.region_document())
    await put_in_force(*own, "/organs", newcomer.organ_document())
    await put_in_force(*nation, "/base-items", newcomer.base_item_document())
    version = await publish_item(*own, newcomer.item_document())
    await in_force(own[0], version)
    # What two counties agree on begins on a later day.
    today = date.fromisoformat(str((await operator.get("/dev/now"))["now"])[:10])
    await put_in_force(*own, "/agreements", newcomer.agreement_document(begins=str(today + timedelta(days=2))))
    await forward(operator, "P3D")
    return newcomer


async def walk(who: Visitor, county: Newcomer, truth: dict[str, Any]) -> tuple[list[str], Any]:
    """Answer what the guide asks until it asks nothing more: the questions in their order, and the last step."""
    asked: list[str] = []
    while True:
        answers = [{"fact": name, "value": truth[name]} for name in asked]
        step = await who.post(f"/service-items/{county.item_id}/guide", {"answers": answers})
        if step["question"] is None:
            return asked, step.body
        asked.append(str(step["question"]["name"]))


async def application(clerk: Visitor, county: Newcomer, step: Any, *, seed: int = 1, **form: Any) -> dict[str, Any]:
    """What a clerk hands in, by what the guide said and nothing else."""
    fields = {"hill_name": "云隐东山", "pickers": 40} | form
    assert set(fields) <= set(step["outcome"]["form"]["json_schema"]["properties"])
    return {
        "item_code": step["item_code"],
        "handling_region": step["region"],
        "version_id": step["version_id"],
        "mode": "collect_here",
        "situation": step["situation"]["situation_id"],
        "facts": step["facts"],
        "applicant": {"type": "natural", "name": NAME, "id_type": "resident_id", "id_number": ID_NUMBER, "phone": PHONE},
        "form": fields,
        "materials": await upload(clerk, tuple(one["code"] for one in step["outcome"]["checklist"]), seed=seed),
    }


def test_no_file_of_the_project_knows_a_code_of_it(newcomer: Newcomer, project: Path) -> None:
    wanted = re.compile(r"(?<![0-9A-Za-z])(" + "|".join(map(re.escape, newcomer.codes())) + r")(?![0-9A-Za-z])")
    folders = [path for path in project.iterdir() if path.is_dir() and not path.name.startswith(".")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file() and file.suffix in TEXT]

    knowing = [str(file) for file in files if wanted.search(file.read_text(encoding="utf-8", errors="replace"))]

    assert len(files) > 500
    assert knowing == []


async def test_the_guide_leads_to_two_checklists_and_asks_no_more_than_it_needs(county: Newcomer, office: SignIn) -> None:
    public = await office("public")

    asked, steep = await walk(public, county, {"matter": "new", "on_slope": True})
    _, flat = await walk(public, county, {"matter": "new", "on_slope": False})
    asked_moving, moving = await walk(public, county, {"matter": "move"})

    def told(step: Any) -> tuple[str, set[str]]:
        return step["situation"]["situation_id"], {one["code"] for one in step["outcome"]["checklist"]}

    assert (asked, asked_moving) == (["matter", "on_slope"], ["matter"])
    assert told(steep) == (county.setting_up, {"application_form", county.slope_report})
    assert told(flat) == (county.setting_up, {"application_form"})
    assert told(moving) == (county.moving, {"application_form", county.former_approval})
    promised = [[one["limit"]["amount"] for one in step["outcome"]["limits"] if one["name"] == "promised"] for step in (steep, moving)]
    assert promised == [[4], [2]]


async def test_a_case_over_them_is_received_next_door_decided_there_and_closed(county: Newcomer, office: SignIn) -> None:
    clerk, public = await office("tonggu-clerk"), await office("public")
    acceptor, approver = await office("county-acceptor"), await office("county-approver")
    _, step = await walk(clerk, county, {"matter": "new", "on_slope": True})
    body = await application(clerk, county, step)

    async def known_to_intake() -> bool:
        return (await clerk.call("POST", "/cases:check", json=body)).status == 200

    await until("the county at the window", known_to_intake)
    incomplete = body | {"form": {"hill_name": "云隐东山", "pickers": 900}, "materials": body["materials"][:1]}
    refused = await clerk.call("POST", "/cases", json=incomplete)
    assert refused.status == 422
    assert {(one["rule"], one["pointer"]) for one in refused["errors"]} == {
        ("form.maximum", "/form/pickers"),
        ("material.missing", f"/materials/{county.slope_report}"),
    }

    no = str((await clerk.post("/cases", body))["case_no"])
    transfer = await transfer_in(acceptor, no, "validated")
    assert (transfer["handling_region"], transfer["handling_organ"]) == (county.region, county.organ)
    assert (await clerk.get(f"/cases/{no}"))["agreement_id"] == county.agreement

    await sign(acceptor, no)
    await act(acceptor, no, "acceptance")
    await sealed(acceptor, no)
    under_way = await public.post("/progress", {"case_no": no, "id_last_six": ID_NUMBER[-6:]})
    assert (under_way["item_name"], under_way["held_by"]["name"], under_way["state"]) == (ITEM, ORGAN, "received")
    await act(approver, no, "decision", {"outcome": "granted"})
    decided = await sealed(approver, no)

    credential = await approver.get(f"/credentials/{decided['credential_id']}")
    assert (credential["credential_type"], credential["organ"], credential["region"]) == (
        county.credential_type,
        county.organ,
        county.region,
    )
    verified = await public.post("/verifications", {"qr": credential["qr"]})
    assert verified["result"] == "valid"

    await delivered(clerk, no)
    assert (await closed(clerk, no))["ending"] == "granted"
    ended = await public.post("/progress", {"case_no": no, "id_last_six": ID_NUMBER[-6:]})
    assert ended["state"] == "closed"


async def test_the_other_situation_is_held_to_its_own_checklist_and_rule(county: Newcomer, office: SignIn) -> None:
    clerk = await office("tonggu-clerk")
    _, step = await walk(clerk, county, {"matter": "move"})
    _, new = await walk(clerk, county, {"matter": "new", "on_slope": False})
    body = await application(clerk, county, step, seed=5, moved_from="云隐西山")
    without = await application(clerk, county, step, seed=6)

    checked = await clerk.post("/cases:check", body)
    wrong = await clerk.post("/cases:check", without | {"materials": [], "situation": new["situation"]["situation_id"]})
    silent = await clerk.post("/cases:check", without)

    assert (checked["verdict"], checked["route"]["handling_organ"]) == ("clean", county.organ)
    assert [(one["rule"], one["pointer"]) for one in silent["defects"]] == [("tea.moved-from-missing", "/form/moved_from")]
    assert ("situation.wrong", "/situation") in {(one["rule"], one["pointer"]) for one in wrong["defects"]}


async def test_a_county_that_it_has_no_agreement_with_cannot_receive_for_it(county: Newcomer, office: SignIn) -> None:
    clerk = await office("liuyang-clerk")
    _, step = await walk(clerk, county, {"matter": "new", "on_slope": False})

    reply = await clerk.call("POST", "/cases:check", json=await application(clerk, county, step, seed=7))

    assert (reply.status, reply.rule) == (409, "route.no-agreement")


async def test_its_days_are_the_nations_until_it_has_one_of_its_own(county: Newcomer, office: SignIn) -> None:
    author, reviewer, operator = await office("county-author"), await office("county-reviewer"), await office("operator")
    now = str((await operator.get("/dev/now"))["now"])

    async def last_day(region: str) -> str:
        asked = {"from": now, "amount": "3", "unit": "workdays"}
        return str((await author.get(f"/calendars/{region}/due-date", params=asked))["last_day"])

    third = await last_day(TONGGU)
    followed = await last_day(county.region)
    await put_in_force(author, reviewer, "/calendars", county.calendar_document(off=third))

    async def moved() -> bool:
        return await last_day(county.region) > third

    await until("the county's own day off", moved)
    assert followed == third
    assert await last_day(TONGGU) == third


async def test_nobody_puts_an_own_draft_in_force_and_no_other_county_writes_for_it(county: Newcomer, office: SignIn) -> None:
    author, reviewer = await office("county-author"), await office("county-reviewer")
    renamed = county.organ_document() | {"telephone": "0731-00000001"}

    await author.post("/organs", renamed)
    tag = (await author.get(f"/organs/{county.organ}/draft")).headers["etag"]
    by_author = await author.call("POST", f"/organs/{county.organ}/review", headers={"If-Match": tag})
    elsewhere = await author.call("POST", "/organs", json=county.organ_document() | {"region": TONGGU})
    by_reviewer = await reviewer.call("POST", "/organs", json=renamed)

    assert (by_author.status, elsewhere.status, by_reviewer.status) == (403, 403, 403)
