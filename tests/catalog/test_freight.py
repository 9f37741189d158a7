"""普通货物运输经营许可 (SC-03): five paths of the guide, five checklists; each path as somebody at a window walks it."""

from typing import Any

import pytest

from tests.catalog.builders import LIUYANG, Service

FREIGHT = "000118003000"

COMMON = {"application_form", "id_card"}
PATHS: dict[str, tuple[dict[str, bool], set[str]]] = {
    "new": (
        {"holds_licence": False},
        {
            *("business_licence", "vehicle_list", "vehicle_licence", "inspection_report"),
            *("driver_list", "driver_cards", "freight_safety_rules"),
        },
    ),
    "lost": ({"holds_licence": True, "stopping": False, "lost": True}, {"loss_declaration"}),
    "change": (
        {"holds_licence": True, "stopping": False, "lost": False, "changed": True},
        {"business_licence", "freight_licence", "change_proof"},
    ),
    "renew": ({"holds_licence": True, "stopping": False, "lost": False, "changed": False}, {"freight_licence"}),
    "cancel": ({"holds_licence": True, "stopping": True}, {"freight_licence", "transport_cards"}),
}
"""What is answered on the way to each situation, and what is handed in there beside what every application needs."""


async def freight(seeded: Service) -> str:
    [item] = (await seeded.get("/service-items", {"item": FREIGHT, "region": LIUYANG})).json()["items"]
    return str(item["item_id"])


async def walk(seeded: Service, truth: dict[str, bool]) -> tuple[list[str], Any]:
    """Answer what is asked until nothing is; the questions in their order, and the last step."""
    path = f"/v1/service-items/{await freight(seeded)}/guide"
    asked: list[str] = []
    while True:
        answers = [{"fact": name, "value": truth[name]} for name in asked]
        step = (await seeded.client.post(path, json={"answers": answers}, params={"explain": "true"})).json()
        if step["question"] is None:
            return asked, step
        asked.append(step["question"]["name"])


@pytest.mark.parametrize("situation", PATHS)
async def test_each_path_ends_in_its_situation_with_its_own_checklist(seeded: Service, situation: str) -> None:
    answers, materials = PATHS[situation]

    asked, step = await walk(seeded, {**answers, "by_agent": False})

    assert asked == [*answers, "by_agent"]
    assert step["situation"]["situation_id"] == situation
    outcome = step["outcome"]
    assert {one["code"] for one in outcome["checklist"]} == COMMON | materials
    assert all(one["why"]["zh"] and one["basis"] for one in outcome["checklist"])
    assert {one["code"] for one in outcome["skipped"]} >= {"mandate", "agent_id_card"}


async def test_five_paths_give_five_different_checklists(seeded: Service) -> None:
    ends = [(await walk(seeded, {**answers, "by_agent": False}))[1] for answers, _ in PATHS.values()]

    assert len({frozenset(one["code"] for one in step["outcome"]["checklist"]) for step in ends}) == 5
    assert len({step["situation"]["situation_id"] for step in ends}) == 5


async def test_who_comes_for_somebody_else_brings_the_mandate_on_every_path(seeded: Service) -> None:
    for answers, materials in PATHS.values():
        _, step = await walk(seeded, {**answers, "by_agent": True})

        assert {one["code"] for one in step["outcome"]["checklist"]} == COMMON | materials | {"mandate", "agent_id_card"}
