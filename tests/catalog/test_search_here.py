"""What a search finds *here* is what the competence rules let windows of the place take in, by every paper and way, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from catalog_svc.search.domain import Wanted, offers, within_reach
from contracts.delegations import DelegationKind
from contracts.documents import Document
from contracts.values import ItemCode, Mode, OrganCode, RegionCode
from rules.catalogue import Catalogue
from tests.catalog.builders import LIUYANG, TONGGU, Service
from tests.contracts import builders as contracts
from tests.contracts.builders import a_catalogue, a_delegation, a_version, an_agreement, an_organ, put
from tests.contracts.plain_competence import Lists, Question, answer_plainly
from tests.contracts.test_competence_plainly import CODES, INSTANTS, ITEMS, worlds


def here_plainly(lists: Lists, item: ItemCode, here: RegionCode, *, mode: Mode | None, at: datetime) -> set[str]:
    """Each place asked in turn: about a matter of the asked region where the place is above it, else about one of its own."""
    parents = {one.code: one.parent for one in lists.regions}
    above, code = [here], parents[here]
    while code is not None:
        above.append(code)
        code = parents[code]
    found = set()
    for place in parents:
        matter = here if place in above else place
        answer = answer_plainly(
            lists, Question(item_code=item, receiving_region=here, handling_region=matter, mode=mode, at=at, situation=None)
        )
        there = [one.version_id for one in lists.versions if one.region == place and one.version_id == answer.get("version")]
        if there and (mode is None or mode in next(one.modes for one in lists.versions if one.version_id == there[0])):
            found.add(there[0])
    return {str(one) for one in found}


@settings(max_examples=150, deadline=None)
@given(worlds(), st.sampled_from(CODES), st.sampled_from([None, None, Mode.COLLECT_HERE, Mode.FULLY_ONLINE]), st.sampled_from(INSTANTS))
def test_what_is_found_here_is_what_may_be_received_here(lists: Lists, here: RegionCode, mode: Mode | None, at: datetime) -> None:
    catalogue = put(Catalogue(), *lists.regions, *lists.organs, *lists.versions, *lists.agreements, *lists.delegations)
    wanted = Wanted(region=here, here=True, mode=mode)

    for item in ITEMS:
        found = {str(one.version_id) for one in offers(catalogue, item, wanted=wanted, among=within_reach(catalogue, here, at=at), at=at)}
        event(f"{len(found)} found")
        assert found == here_plainly(lists, item, here, mode=mode, at=at)


THERE = an_organ(code=OrganCode("O-TONGGU"), region=contracts.TONGGU)
PAPER = a_delegation(delegate=THERE.code, kind=DelegationKind.ASSIST, region=contracts.LIUYANG)
MERGED = replace(an_organ(), merged_into=THERE.code, merged_at=contracts.LONG_AGO)


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([an_organ(), an_agreement()], ["v1"]),
        ([an_organ(), PAPER], ["v1"]),
        ([MERGED], ["v1"]),
        ([an_organ(), replace(PAPER, region=contracts.DAYAO)], []),
        ([an_organ()], []),
    ],
    ids=["agreement", "paper", "merger", "paper for a town", "nothing"],
)
def test_what_papers_lead_to_is_found_here(documents: list[Document], found: list[str]) -> None:
    catalogue = a_catalogue(a_version(), THERE, *documents)
    near = within_reach(catalogue, contracts.TONGGU, at=contracts.NOON)

    hits = offers(catalogue, contracts.TRADER, wanted=Wanted(region=contracts.TONGGU, here=True), among=near, at=contracts.NOON)

    assert [one.version_id for one in hits] == found


@pytest.mark.parametrize("here", [LIUYANG, TONGGU])
async def test_each_version_found_here_is_the_one_that_a_route_names(seeded: Service, here: str) -> None:
    above = [one.code for one in seeded.context.catalogue.ancestors(RegionCode(here))]
    found = (await seeded.get("/search", {"region": here, "here": "true", "limit": "50"})).json()["items"]

    offered = [offer for one in found for offer in one["service_items"]]
    assert offered
    for offer in offered:
        [item] = {one.shape.item_code for one in seeded.context.catalogue.versions_of_one(offer["item_id"])}
        asked = {"item": item, "region": here if offer["region"] in above else offer["region"], "from": here}
        route = (await seeded.get("/routes", asked)).json()
        assert route["route"]["version_id"] == offer["version_id"]
