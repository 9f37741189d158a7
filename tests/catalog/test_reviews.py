"""A reviewer sees what waits and publishes just that: whatever kind of document it is."""

from dataclasses import replace
from typing import Any

import pytest

from catalog_svc.seed.reading import Seed
from contracts.caller import Caller, Role
from contracts.codec import encode_object
from tests.catalog.builders import (
    AUTHOR,
    CLERK,
    LIUYANG,
    MARKET,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    TONGGU,
    Service,
    a_draft,
    officer,
)

SEED = Seed()
LOCAL, NATIONAL = (AUTHOR, REVIEWER), (NATIONAL_AUTHOR, NATIONAL_REVIEWER)

DOCUMENTS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], tuple[Caller, Caller]]] = {
    "region": (
        "/regions",
        "430181198",
        {"code": "430181198", "name": "试验镇", "level": "town", "parent": LIUYANG},
        {"name": "试验乡"},
        LOCAL,
    ),
    "organ": ("/organs", MARKET, encode_object(next(one for one in SEED.organs() if one.code == MARKET)), {"telephone": "1"}, LOCAL),
    "base item": (
        "/base-items",
        SOLE_TRADER,
        encode_object(next(one for one in SEED.base_items() if one.code == SOLE_TRADER)),
        {"ministry": "市场监管总局(改)"},
        NATIONAL,
    ),
    "base form": (
        "/base-forms",
        "trial-form",
        {"code": "trial-form", "name": "表单", "name_en": "Form", "region": LIUYANG, "form": {"type": "object", "properties": {}}},
        {"name": "另一表单"},
        LOCAL,
    ),
    "standard": (
        "/standards",
        f"{SOLE_TRADER}@{LIUYANG}",
        {"item_code": SOLE_TRADER, "region": LIUYANG, "elements": [{"field": "result_type", "lock": "free", "value": "licence"}]},
        {"elements": [{"field": "result_type", "lock": "free", "value": "approval"}]},
        LOCAL,
    ),
    "certificate": (
        "/certificates",
        "premises-proof",
        {
            "certificate_id": "premises-proof",
            "name": "经营场所证明",
            "name_en": "Proof of premises",
            "region": LIUYANG,
            "basis": "个体工商户条例 §8",
            "asked_by": "浏阳市市场监督管理局",
            "issued_by": "村(居)民委员会",
            "guide": "到经营场所所在地村(居)民委员会办理",
        },
        {"asked_by": "任何人"},
        LOCAL,
    ),
    "agreement": (
        "/agreements",
        "trial-2098",
        {**encode_object(SEED.agreements()[0]), "agreement_id": "trial-2098", "valid_from": "2098-01-01", "valid_to": "2099-01-01"},
        {"valid_to": "2099-12-31"},
        LOCAL,
    ),
    "delegation": (
        "/delegations",
        "trial-2098",
        {
            "delegation_id": "trial-2098",
            "kind": "transfer",
            "delegator": MARKET,
            "delegate": "11430181TB0000028B",
            "items": [SOLE_TRADER],
            "region": LIUYANG,
            "valid_from": "2098-01-01",
            "valid_to": "2099-01-01",
            "instrument": {"number": "试验〔2098〕1号", "title": "试验", "legal_basis": "行政许可法 §24"},
            "sealed_as": "11430181TB0000028B",
        },
        {"valid_to": "2099-12-31"},
        LOCAL,
    ),
    "negative list": (
        "/negative-lists",
        "trial-industry-2098",
        {
            "edition_id": "trial-industry-2098",
            "kind": "trial-industry",
            "name": "产业准入负面清单",
            "name_en": "Negative list of industries",
            "region": LIUYANG,
            "issued_by": ["浏阳市人民政府"],
            "order": "浏政发〔2098〕1号",
            "edition": "2098年版",
            "valid_from": "2098-01-01",
            "valid_to": None,
            "entries_total": 1,
            "verbatim": True,
            "entries": [{"number": 1, "field": "采矿业", "measure": "禁止新建石灰石采选项目", "industries": ["B1011"]}],
        },
        {"order": "浏政发〔2098〕2号"},
        LOCAL,
    ),
    "power": (
        "/powers",
        f"TRIAL-01@{LIUYANG}",
        {
            "code": "TRIAL-01",
            "region": LIUYANG,
            "name": "试验许可",
            "kind": "01",
            "organs": [MARKET],
            "legal_basis": ["《试验条例》第一条"],
            "items": [SOLE_TRADER],
            "verbatim": True,
        },
        {"name": "另一许可"},
        LOCAL,
    ),
    "calendar": (
        "/calendars",
        f"{LIUYANG}/2098",
        {"region": LIUYANG, "year": 2098, "version": "2098.1", "workdays": [], "holidays": [], "source": "试验", "official": False},
        {"source": "另一试验"},
        LOCAL,
    ),
}
"""Of every kind: its path, its key, what is drafted, in what the second draft differs, and its two officers."""


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_what_is_published_is_what_the_reviewer_has_read(service: Service, kind: str) -> None:
    path, key, body, other, (author, reviewer) = DOCUMENTS[kind]
    first = body | other
    assert (await service.post(path, first, by=author)).status_code == 201

    read = await service.get_as(f"{path}/{key}/draft", by=reviewer)
    assert (read.status_code, read.json() | first) == (200, read.json()), read.text
    swapped = next(iter(other))
    second = first | {swapped: body.get(swapped, "2")}
    assert (await service.post(path, second, by=author)).status_code == 201
    refused = await service.post(f"{path}/{key}/review", by=reviewer, tag=read.headers["etag"])
    now = await service.get_as(f"{path}/{key}/draft", by=reviewer)
    given = await service.post(f"{path}/{key}/review", by=reviewer, tag=now.headers["etag"])

    assert (refused.status_code, refused.json()["rule"]) == (412, "stale")
    assert now.json() | second == now.json()
    assert given.status_code == 200, given.text
    published = (await service.get(f"{path}/{key}")).json()
    assert published[swapped] == second[swapped]


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_review_says_which_draft_it_is_about(seeded: Service, kind: str) -> None:
    path, key, _, _, (_, reviewer) = DOCUMENTS[kind]

    answer = await seeded.client.post(f"/v1{path}/{key}/review", headers=seeded.headers(reviewer))

    assert (answer.status_code, answer.json()["rule"]) == (428, "precondition.required")


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_what_a_colleague_has_drafted_is_replaced_by_those_alone_who_have_read_it(service: Service, kind: str) -> None:
    path, key, body, other, (author, _) = DOCUMENTS[kind]
    colleague = replace(author, account="another author")
    swapped = next(iter(other))
    mine, theirs = body | other, body | {swapped: body.get(swapped, "2")}
    await service.post(path, mine, by=author)

    unread = await service.post(path, theirs, by=colleague)
    same = await service.post(path, mine, by=colleague)
    read = await service.get_as(f"{path}/{key}/draft", by=colleague)
    outdated = await service.post(path, theirs, by=colleague, tag='"999999"')
    knowing = await service.post(path, theirs, by=colleague, tag=read.headers["etag"])
    back = await service.post(path, mine, by=author)

    assert (unread.status_code, unread.json()["rule"], unread.json().get("facts", {})) == (409, "proposal.draft-waits", {})
    assert "idp" not in unread.text
    assert (same.status_code, same.json()["changed"]) == (200, False)
    assert (read.status_code, read.json()) == (200, read.json() | mine)
    assert (outdated.status_code, outdated.json()["rule"]) == (412, "stale")
    assert knowing.status_code == 201, knowing.text
    assert (back.status_code, back.json()["rule"]) == (409, "proposal.draft-waits")
    assert (await service.get_as(f"{path}/{key}/draft", by=author)).json()[swapped] == theirs[swapped]


async def test_whoever_read_a_draft_that_was_published_meanwhile_replaces_nothing(service: Service) -> None:
    path, key, body, other, (author, reviewer) = DOCUMENTS["organ"]
    await service.post(path, body | other, by=author)
    tag = (await service.get_as(f"{path}/{key}/draft", by=author)).headers["etag"]
    await service.post(f"{path}/{key}/review", by=reviewer)

    late = await service.post(path, body | {"telephone": "2"}, by=author, tag=tag)
    new = await service.post("/base-forms", DOCUMENTS["base form"][2], by=author, tag='"0"')

    assert [(one.status_code, one.json()["rule"]) for one in (late, new)] == [(412, "stale")] * 2


async def test_a_draft_is_for_who_may_write_it_and_for_who_may_review_it(service: Service) -> None:
    path, key, body, other, _ = DOCUMENTS["organ"]
    await service.post(path, body | other, by=AUTHOR)
    read = f"{path}/{key}/draft"

    colleague = officer(Role.CATALOGUE_AUTHOR, account="another author")
    neighbours = [officer(role, region=TONGGU) for role in (Role.CATALOGUE_AUTHOR, Role.CATALOGUE_REVIEWER)]
    seen = [(await service.get_as(read, by=by)).status_code for by in (AUTHOR, colleague, NATIONAL_AUTHOR, REVIEWER, NATIONAL_REVIEWER)]
    unseen = [(await service.get_as(read, by=by)).json()["rule"] for by in (CLERK, *neighbours)]

    assert seen == [200] * 5
    assert set(unseen) == {"proposal.not-found"}
    assert (await service.get(read)).status_code == 401


async def test_what_is_published_waits_no_longer(service: Service) -> None:
    path, key, body, other, _ = DOCUMENTS["organ"]
    before = await service.get_as(f"{path}/{key}/draft", by=REVIEWER)
    await service.post(path, body | other, by=AUTHOR)
    await service.post(f"{path}/{key}/review", by=REVIEWER)

    after = await service.get_as(f"{path}/{key}/draft", by=REVIEWER)

    assert [one.json()["rule"] for one in (before, after)] == ["proposal.not-found"] * 2


async def test_a_version_can_be_read_before_anybody_reviews_it(service: Service) -> None:
    draft = a_draft()
    draft["texts"]["fees"] = "十元"
    version = (await service.post("/service-items", draft, by=AUTHOR)).json()["version_id"]
    path = f"/service-items/versions/{version}/draft"

    shown = await service.get_as(path, by=REVIEWER)
    again = await service.post("/service-items", shown.json(), by=AUTHOR)

    assert shown.json()["texts"]["fees"] == "十元"
    assert (again.status_code, again.json()["version_id"]) == (200, version)
    unseen = [
        await service.get(path),
        *[await service.get_as(path, by=by) for by in (CLERK, officer(Role.CATALOGUE_AUTHOR, region=TONGGU))],
    ]
    assert [one.status_code for one in unseen] == [404, 404, 404]
