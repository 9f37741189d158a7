"""What is read can be sent back and changes nothing: whoever reads, edits one field and writes loses no other."""

from typing import Any

import pytest

from contracts.values import NATION
from tests.catalog.builders import (
    AUTHOR,
    LIUYANG,
    NATIONAL_AUTHOR,
    NATIONAL_REVIEWER,
    REVIEWER,
    SOLE_TRADER,
    TONGGU,
    Service,
)
from tests.catalog.test_reviews import DOCUMENTS

LISTED = ["/regions", "/organs", "/base-items", "/base-forms", "/standards", "/certificates", "/agreements", "/delegations"]
KEYS = ("agreement_id", "delegation_id", "certificate_id", "code")


async def sent_back(service: Service, path: str, shown: dict[str, Any]) -> tuple[int, object]:
    answer = await service.post(path, shown, by=NATIONAL_AUTHOR)
    return answer.status_code, answer.json().get("changed", answer.text)


async def published(service: Service, kind: str, **changed: Any) -> tuple[str, str]:
    path, key, body, _, (author, reviewer) = DOCUMENTS[kind]
    drafted = await service.post(path, body | changed, by=author)
    assert drafted.status_code in {200, 201}, drafted.text
    if drafted.status_code == 201:
        given = await service.post(f"{path}/{key}/review", by=reviewer)
        assert given.status_code == 200, given.text
    return path, f"{path}/{key}"


@pytest.mark.parametrize("path", LISTED)
async def test_what_the_seed_holds_can_be_sent_back(seeded: Service, path: str) -> None:
    listed = (await seeded.get(path, {"limit": "20"})).json()["items"]
    keys = [next(one[name] for name in KEYS if name in one) if path != "/standards" else "" for one in listed]
    single = [(await seeded.get(f"{path}/{key}")).json() for key in keys if key]

    assert [await sent_back(seeded, path, one) for one in [*listed, *single]] == [(200, False)] * (len(listed) + len(single))


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_what_was_published_can_be_sent_back(service: Service, kind: str) -> None:
    path, one = await published(service, kind)

    assert await sent_back(service, path, (await service.get(one)).json()) == (200, False)


async def test_an_edited_base_item_keeps_its_locks(service: Service) -> None:
    element = {"field": "result_type", "lock": "locked", "value": "licence"}
    path, one = await published(service, "base item", elements=[element])

    await service.post(path, (await service.get(one)).json() | {"ministry": "别的部"}, by=NATIONAL_AUTHOR)
    await service.post(f"{one}/review", by=NATIONAL_REVIEWER)

    assert (await service.get(f"/standards/{SOLE_TRADER}@{NATION}")).json()["elements"] == [element]


async def test_an_agreement_keeps_its_terms_and_an_alliance_stays_one(service: Service) -> None:
    members = [LIUYANG, TONGGU]
    terms = {"actions": ["receive", "query"], "query_fields": ["trade_name"], "open_cases": "return"}
    alliance = {"receiving": [], "handling": [], "alliance": members}
    path, key, body, _, _ = DOCUMENTS["agreement"]
    await service.post(path, body | terms | alliance, by=NATIONAL_AUTHOR)
    given = await service.post(f"{path}/{key}/review", by=NATIONAL_REVIEWER)
    assert given.status_code == 200, given.text

    shown = (await service.get(f"{path}/{key}")).json()

    assert (shown["receiving"], shown["handling"], shown["alliance"]) == (members, members, members)
    assert {name: shown[name] for name in terms} == terms
    assert await sent_back(service, path, shown) == (200, False)


async def test_a_revoked_delegation_can_be_sent_back_and_stays_revoked(service: Service) -> None:
    path, one = await published(service, "delegation")
    await service.post(f"{one}/revocation", by=REVIEWER)
    shown = (await service.get(one)).json()

    again = await sent_back(service, path, shown)
    other = await service.post(path, shown | {"revoked_from": "2097-01-01T00:00:00+00:00"}, by=AUTHOR)

    assert shown["revoked_from"] is not None
    assert again == (200, False)
    assert [one["rule"] for one in other.json()["errors"]] == ["delegation.revocation"]


async def test_a_cancelled_certificate_can_be_sent_back_and_stays_cancelled(service: Service) -> None:
    path, one = await published(service, "certificate")
    itself = await service.post(path, DOCUMENTS["certificate"][2] | {"state": "cancelled", "cancelled_by": "某文件"}, by=AUTHOR)
    await service.post(f"{one}/cancellation", {"document": "国发〔2018〕28号"}, by=AUTHOR)
    await service.post(f"{one}/review", by=REVIEWER)

    shown = (await service.get(one)).json()

    assert [one["rule"] for one in itself.json()["errors"]] == ["certificate.state"]
    assert (shown["state"], await sent_back(service, path, shown)) == ("cancelled", (200, False))


async def test_an_abolished_region_can_be_sent_back(seeded: Service) -> None:
    shown = (await seeded.get("/regions/330104")).json()

    assert len(shown["successors_named"]) == 2
    assert await sent_back(seeded, "/regions", shown) == (200, False)
