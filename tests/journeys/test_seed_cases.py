"""Items of the seed at work: received in 铜鼓, decided in 浏阳, by intake and routing in one process over the seed's own catalogue."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

import intake_svc.app as intake_app
import routing_svc.app as routing_app
from chassis.identity import SigningKey
from chassis.migrate import upgrade
from chassis.now import Now
from contracts.caller import Role
from contracts.codec import decode
from contracts.events import CaseReceived
from contracts.values import OrganCode, RegionCode
from intake_svc.context import Settings as IntakeSettings
from intake_svc.seed import load as open_halls
from routing_svc.app import Settings as RoutingSettings
from routing_svc.partner.handlers import prepare
from rules.catalogue import Catalogue
from tests.catalog.conftest import seeded
from tests.intake.builders import CLERK, ISSUER, staff
from tests.intake.builders import Service as Intake
from tests.routing.builders import Service as Routing
from tests.support.engines import Databases

__all__ = ["seeded"]

LIUYANG = RegionCode("430181")
HERE = Path(__file__).resolve().parents[2]


async def migrate_intake(url: str) -> None:
    await upgrade(url, intake_app.MIGRATIONS)


async def migrate_routing(url: str) -> None:
    await upgrade(url, routing_app.MIGRATIONS)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Both services over one catalogue."""

    intake: Intake
    routing: Routing

    async def handed_in(self, name: str, **said: Any) -> httpx.Response:
        """An application at the window in 铜鼓, with every material that its checklist asks for in this situation."""
        application = self._application(name, **said)
        asked = await self.intake.post("/v1/cases:check", application, by=CLERK)
        missing = [
            one["pointer"].removeprefix("/materials/")
            for one in (asked.json().get("defects") or asked.json().get("errors") or [])
            if one["rule"] == "material.missing"
        ]
        for number, code in enumerate(missing):
            material = await self.intake.material(f"%PDF-1.7 {name} {number}".encode())
            application["materials"].append({"code": code, "material_id": material})
        return await self.intake.post("/v1/cases", application, by=CLERK)

    async def decided(self, name: str, **said: Any) -> tuple[CaseReceived, list[str]]:
        """Received, signed for, accepted and granted by the organ that publishes the item; what routing told of it."""
        answer = await self.handed_in(name, **said)
        assert answer.status_code == 201, answer.text
        [case] = [
            decode(CaseReceived, {key: value for key, value in one.items() if key != "type"})
            for one in await self.intake.outbox(CaseReceived.TYPE)
            if one["case_no"] == answer.json()["case_no"]
        ]
        await self.routing.hear(case)
        reviewer, approver = (
            staff(f"{role}-{case.handling_organ}", role, region=LIUYANG, organ=OrganCode(case.handling_organ or ""))
            for role in (Role.REVIEWER, Role.APPROVER)
        )
        await self.routing.act(f"/v1/transfers/{case.case_id}-1/receipts", {"step": "signed_for"}, by=reviewer)
        for move, body, by in (("acceptance", None, reviewer), ("decision", {"outcome": "granted"}, approver)):
            version = int((await self.routing.shown(f"/v1/handlings/{case.case_id}", by=by))["version"])
            await self.routing.act(f"/v1/handlings/{case.case_no}/{move}", body, by=by, version=version)
            waiting = (await self.routing.shown(f"/v1/cases/{case.case_id}/notices", by=by))["items"]
            notice = [one for one in waiting if one["state"] == "awaiting_seal"][-1]
            sealed = self.routing.sealed(case, notice)
            await self.routing.hear(replace(sealed, seal=replace(sealed.seal, organ=case.handling_organ)), source="credential")
        return case, await self.routing.told(case)

    def _application(self, name: str, *, situation: str, facts: Any, form: Any, legal: bool = False) -> dict[str, Any]:
        person = {"type": "natural", "name": "谭小某", "id_type": "resident_id", "id_number": "11010519491231002X", "phone": "13800138000"}
        firm = person | {"type": "legal", "name": "浏阳市某某有限公司", "id_type": "uscc", "id_number": "91430181MA4L16JQ9P"}
        [code] = {
            entry.shape.item_code
            for item in self.intake.context.catalogue.items()
            for entry in self.intake.context.catalogue.versions_of(item, LIUYANG)
            if entry.shape.name == name
        }
        return {
            "item_code": code,
            "handling_region": LIUYANG,
            "mode": "collect_here",
            "situation": situation,
            "facts": facts,
            "applicant": firm if legal else person,
            "form": form,
            "materials": [],
        }


@pytest.fixture
async def line(seeded: Any, tmp_path: Path, databases: Databases) -> AsyncIterator[Line]:
    gateway = SigningKey.make("gateway")
    (tmp_path / "jwks.json").write_bytes(orjson.dumps({"keys": [gateway.public]}))
    common: Any = {
        "log_url": "postgresql+asyncpg://unused",
        "topics_file": HERE / "deploy/topics.yaml",
        "development": True,
        "internal_jwks_file": tmp_path / "jwks.json",
        "wrapping_key": base64.urlsafe_b64encode(bytes(32)).decode(),
    }
    catalogue: Catalogue = seeded.context.catalogue
    intake_url = await databases.make("seed_intake", prepare=migrate_intake)
    routing_url = await databases.make("seed_routing", prepare=migrate_routing)
    intake = intake_app.create_app(IntakeSettings(database_url=intake_url, staff_issuer=ISSUER, **common))
    routing = routing_app.create_app(RoutingSettings(database_url=routing_url, **common))
    for application in (intake, routing):
        application.state.context.catalogue = catalogue
        application.state.context.now = Now(development=True)
    await open_halls(intake.state.context)
    await prepare(routing.state.context)
    async with (
        httpx.AsyncClient(transport=httpx.ASGITransport(intake), base_url="http://intake") as one,
        httpx.AsyncClient(transport=httpx.ASGITransport(routing), base_url="http://routing") as other,
    ):
        yield Line(
            intake=Intake(context=intake.state.context, client=one, gateway=gateway),
            routing=Routing(context=routing.state.context, client=other, gateway=gateway),
        )
    await intake.state.context.database.close()
    await routing.state.context.database.close()


BUSINESS = {
    "licence_no": "91430181MA4L16JQ9P",
    "company_name": "浏阳市某某有限公司",
    "legal_representative": "谭小某",
    "result_by": "electronic",
}
PREMISES = {"town": "430181001", "address": "淮川街道解放路1号"}
GRANTED = ["CaseValidated", "CaseSignedFor", "CaseAccepted", "CaseDecided"]


async def test_a_normal_approval_a_freight_licence_is_received_elsewhere_and_granted(line: Line) -> None:
    form = BUSINESS | PREMISES | {"cargo": "general", "vehicles": 3, "heaviest_kg": 18_000, "drivers": 4}

    case, told = await line.decided("普通货物运输经营许可", situation="new", facts={"holds_licence": False, "by_agent": False}, form=form)

    assert told == GRANTED
    assert (case.situation, (await line.routing.decision(case)).credential_type) == ("new", "road_freight_licence")


async def test_a_lost_freight_licence_asks_for_less(line: Line) -> None:
    facts = {"holds_licence": True, "stopping": False, "lost": True, "changed": False, "by_agent": False}
    form = BUSINESS | {"permit_no": "430181000123", "lost_on": "2026-11-01"}

    case, told = await line.decided("普通货物运输经营许可", situation="lost", facts=facts, form=form)

    assert told == GRANTED
    assert {one.code for one in case.materials} == {"application_form", "id_card", "loss_declaration"}


async def test_a_commitment_gets_a_hygiene_permit(line: Line) -> None:
    form = BUSINESS | PREMISES | {"place_kind": "hair", "area_m2": 60, "staff": 4, "hygiene_manager": "谭小某"}

    case, told = await line.decided(
        "公共场所卫生许可", situation="new", facts={"matter": "new", "central_air": False, "by_agent": False}, form=form
    )

    assert told == GRANTED
    assert "commitment" in {one.code for one in case.materials}


async def test_a_filing_is_made_at_once(line: Line) -> None:
    form = {"result_by": "electronic", "insurance_kind": "resident", "to_region": "440100", "from_date": "2026-12-01", "hospital": "某医院"}

    case, told = await line.decided(
        "异地就医结算备案", situation="urgent", facts={"living_there": False, "emergency": True, "referred": False}, form=form
    )

    assert told == GRANTED
    assert (await line.routing.decision(case)).credential_type is None


async def test_one_licence_asks_for_four_permits_in_one_application(line: Line) -> None:
    facts = {
        "matter": "new",
        "sells_food": True,
        "takes_guests": True,
        "bath_or_beauty": False,
        "sells_tobacco": True,
        "business": "catering",
        "central_air": False,
        "by_agent": False,
    }
    form = (
        BUSINESS
        | PREMISES
        | {"area_m2": 900, "items": ["热食类食品制售"], "kitchen_m2": 80, "safety_manager": "李某", "rooms": 20, "beds": 36}
        | {"security_head": "王某", "near_school": False, "apart_from_home": True}
        | {"place_kind": "lodging", "staff": 18, "hygiene_manager": "谭小某"}
    )

    case, told = await line.decided("一照通行涉企经营许可一件事", situation="new", facts=facts, form=form, legal=True)

    assert told == GRANTED
    codes = [one.code for one in case.materials]
    assert codes.count("business_licence") == 1
    assert {"fire_safety_opinion", "hygiene_report", "food_safety_rules", "place_proof"} <= set(codes)


async def test_what_was_abolished_is_not_received_and_what_a_situation_needs_is_told(line: Line) -> None:
    abolished = await line.handed_in("老年人优待证办理", situation="standard", facts={}, form={"born_on": "1941-01-01"})
    form = BUSINESS | PREMISES | {"cargo": "general", "vehicles": 1, "heaviest_kg": 4_200, "drivers": 1}
    needless = await line.handed_in("普通货物运输经营许可", situation="new", facts={"holds_licence": False, "by_agent": False}, form=form)
    unsaid = await line.handed_in(
        "普通货物运输经营许可", situation="new", facts={"holds_licence": False, "by_agent": False}, form=BUSINESS | PREMISES
    )

    assert abolished.status_code in {409, 422}
    assert "freight.no-licence-needed" in needless.text
    assert {"freight.vehicles-missing", "freight.cargo-missing"} <= {one["rule"] for one in unsaid.json()["errors"]}
