"""From a decision heard to a seal and a credential: once, whatever is repeated, and without holding up other cases."""

import asyncio
import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, update

from contracts.events import CredentialIssued, DecisionSealed, NoticeSealed
from contracts.values import Outcome, canonical_json
from credential_svc.credential.jobs import AT_ONCE
from credential_svc.credential.outside import FAILURES, Intake
from credential_svc.credential.store import CREDENTIALS
from credential_svc.schema import METADATA
from credential_svc.seal.domain import RETRY_LAST, TRIES_UNSEEN
from credential_svc.seal.store import SEAL_KEYS
from tests.credential.builders import (
    APPROVER,
    CLERK,
    LIUYANG_MARKET,
    STRANGER,
    SUPERVISOR,
    TONGGU_HALL,
    WANZAI,
    Service,
    a_case,
    accepted,
    applicant,
    decided,
    extended,
    received,
    suspended,
)
from tests.credential.conftest import intake_route
from tests.support.figures import fires, samples
from tongban_local.ports import free_port


def key_file_of(service: Service) -> Path:
    file = service.context.settings.internal_key_file
    assert file is not None
    return file


async def test_a_grant_is_sealed_and_brings_a_credential(service: Service) -> None:
    case_id = a_case()
    await service.hear(received(case_id), accepted(case_id), decided(case_id))

    await service.seal()

    sealed, notice, issued = [await service.told(kind) for kind in (DecisionSealed, NoticeSealed, CredentialIssued)]
    assert [each["notice_id"] for each in notice] == [f"{case_id}-accepted"]
    assert [each["credential_id"] for each in sealed] == [each["credential_id"] for each in issued]
    assert issued[0]["case_id"] == case_id


async def test_whoever_is_told_that_time_stands_still_or_is_lengthened_is_told_under_seal(service: Service) -> None:
    case_id = a_case()
    await service.hear(received(case_id), suspended(case_id), extended(case_id))
    waiting = (await service.get(f"/v1/credentials?case={case_id}", by=CLERK)).json()["awaiting_seal"]

    await service.seal()

    sealed = {each["notice_id"]: each["seal"]["digest"] for each in await service.told(NoticeSealed)}
    assert sealed == {event.notice_id: event.notice_digest for event in (suspended(case_id), extended(case_id))}
    assert [each["kind"] for each in waiting] == ["extension", "suspension"]


async def test_a_denial_is_sealed_and_brings_none(service: Service) -> None:
    case_id = a_case()
    await service.hear(received(case_id), decided(case_id, outcome=Outcome.DENIED))

    await service.seal()

    assert [each["credential_id"] for each in await service.told(DecisionSealed)] == [None]
    assert await service.told(CredentialIssued) == []


async def test_one_decision_has_one_credential_whatever_is_repeated(service: Service) -> None:
    case_id = a_case()

    for notice in ("decided", "decided", "again"):
        await service.hear(received(case_id), decided(case_id, notice=notice))
        await service.seal()
    await service.seal()

    assert len(await service.told(CredentialIssued)) == len(await service.told(DecisionSealed)) == 1


async def test_two_jobs_at_once_seal_once(service: Service) -> None:
    case_id = a_case()
    await service.hear(received(case_id), decided(case_id), accepted(case_id))

    await asyncio.gather(service.seal(), service.seal(), service.seal())

    told = [len(await service.told(kind)) for kind in (CredentialIssued, DecisionSealed, NoticeSealed)]
    assert told == [1, 1, 1]
    assert (await service.get(f"/v1/seals/{case_id}-decided")).json()["waiting_for"] is None


async def test_a_seal_is_checked_with_the_public_key_of_the_trust_list_alone(service: Service) -> None:
    await service.issue()
    (sealed,) = await service.told(DecisionSealed)
    listed = (await service.get("/v1/.well-known/tongban-trust-list")).json()
    key = next(key for key in listed["trust_list"]["keys"] if key["kid"] == sealed["seal"]["kid"])
    signature = sealed["seal"].pop("signature")

    public = Ed25519PublicKey.from_public_bytes(_bytes(key["public_key"]))
    public.verify(_bytes(signature), canonical_json(sealed["seal"]))

    root = Ed25519PublicKey.from_public_bytes(_bytes(listed["public_key"]))
    root.verify(_bytes(listed["signature"]), canonical_json(listed["trust_list"]))
    assert (key["organ"], key["region"], key["organ_name"]) == (sealed["seal"]["organ"], "430181", "浏阳市市场监督管理局")


async def test_a_notice_shows_its_seal_to_anyone(service: Service) -> None:
    case_id = a_case()
    await service.hear(accepted(case_id))
    before = (await service.get(f"/v1/seals/{case_id}-accepted")).json()
    await service.seal()

    after = (await service.get(f"/v1/seals/{case_id}-accepted")).json()

    assert (before["state"], before["seal"]) == ("awaiting", None)
    assert (after["state"], after["seal"]["digest"]) == ("sealed", (await service.told(NoticeSealed))[0]["seal"]["digest"])
    assert (await service.get("/v1/seals/none")).json()["rule"] == "seal.not-found"


async def test_while_intake_is_away_a_grant_waits_and_other_notices_flow(service: Service, intake: object) -> None:
    intake.away = True  # type: ignore[attr-defined]
    case_id, other = a_case(), a_case()
    await service.hear(received(case_id), decided(case_id), accepted(other))

    await service.seal()
    shown = (await service.get(f"/v1/credentials?case={case_id}", by=CLERK)).json()

    assert [each["notice_id"] for each in await service.told(NoticeSealed)] == [f"{other}-accepted"]
    assert [(each["state"], each["waiting_for"], each["credential_id"]) for each in shown["items"]] == [("awaiting", "person", None)]
    assert [(each["kind"], each["waiting_for"]) for each in shown["awaiting_seal"]] == [("decision", "person")]

    intake.away = False  # type: ignore[attr-defined]
    service.context.now.set_offset(90)
    await service.seal()
    shown = (await service.get(f"/v1/credentials?case={case_id}", by=CLERK)).json()
    assert ([each["state"] for each in shown["items"]], shown["awaiting_seal"]) == (["issued"], [])


async def test_cases_that_intake_does_not_know_hold_up_no_other(service: Service, intake: object) -> None:
    unknown, known = [a_case() for _ in range(FAILURES)], a_case()
    intake.lost = set(unknown)  # type: ignore[attr-defined]
    await service.hear(*(event for case_id in unknown for event in (received(case_id), decided(case_id))))
    await service.seal()

    await service.hear(received(known), decided(known))
    await service.seal()

    assert [each["case_id"] for each in await service.told(CredentialIssued)] == [known]


async def test_a_case_of_which_intake_says_nothing_readable_holds_up_none_of_its_round(service: Service, intake: object) -> None:
    lost, torn, known = a_case(), a_case(), a_case()
    intake.lost, intake.unreadable = {lost}, {torn}  # type: ignore[attr-defined]
    await service.hear(*(event for case_id in (lost, torn, known) for event in (received(case_id), decided(case_id))))

    await service.seal()

    waiting = [(await service.get(f"/v1/seals/{case_id}-decided")).json()["waiting_for"] for case_id in (lost, torn, known)]
    assert [each["case_id"] for each in await service.told(CredentialIssued)] == [known]
    assert waiting == ["person", "person", None]


async def test_intake_is_asked_once_for_all_cases_of_a_round(service: Service, intake: object) -> None:
    cases = [a_case() for _ in range(AT_ONCE)]
    await service.hear(*(event for case_id in cases for event in (received(case_id), decided(case_id))))
    await service.hear(accepted(a_case()))

    await service.seal()
    await service.seal()

    assert [sorted(question) for question in intake.asked] == [sorted(cases)]  # type: ignore[attr-defined]
    assert len(await service.told(CredentialIssued)) == AT_ONCE


async def test_an_intake_that_is_away_is_left_alone_after_a_while(service: Service, intake: object) -> None:
    intake.away = True  # type: ignore[attr-defined]
    cases = [a_case() for _ in range(FAILURES + 1)]
    for case_id in cases:
        await service.hear(received(case_id), decided(case_id))
        await service.seal()

    assert len(intake.asked) == FAILURES  # type: ignore[attr-defined]


async def test_where_nobody_is_the_next_process_of_intake_is_asked_in_the_same_round(service: Service, intake: object) -> None:
    case_id, url = a_case(), intake.url  # type: ignore[attr-defined]
    service.context.intake = Intake(f"http://127.0.0.1:{free_port()}, {url}", key_file=key_file_of(service))
    await service.hear(received(case_id), decided(case_id))

    await service.seal()
    await service.context.intake.close()

    assert [each["case_id"] for each in await service.told(CredentialIssued)] == [case_id]


async def test_a_process_of_intake_that_does_not_answer_well_is_not_the_next_to_be_asked(
    service: Service, intake: object, tmp_path: Path
) -> None:
    """It fails, or is of a version that does not know the question yet."""
    async with intake_route(tmp_path / "jwks.json") as broken:
        broken.away = True
        urls = f"{broken.url},{intake.url}"  # type: ignore[attr-defined]
        service.context.intake = Intake(urls, key_file=key_file_of(service))
        first, second = a_case(), a_case()
        for case_id in (first, second):
            await service.hear(received(case_id), decided(case_id))
            await service.seal()
        await service.context.intake.close()

    assert [each["case_id"] for each in await service.told(CredentialIssued)] == [second]
    assert (len(broken.asked), len(intake.asked)) == (1, 1)  # type: ignore[attr-defined]


async def test_a_seal_that_keeps_failing_asks_for_attention_in_the_case_and_among_the_figures(service: Service, intake: object) -> None:
    intake.away = True  # type: ignore[attr-defined]
    case_id = a_case()
    await service.hear(received(case_id), decided(case_id))
    await service.seal()
    first = (await service.get(f"/v1/credentials?case={case_id}", by=CLERK)).json()["awaiting_seal"]

    for n in range(1, TRIES_UNSEEN):
        service.context.now.set_offset(n * RETRY_LAST.total_seconds() * 2)
        await service.seal()

    shown = (await service.get(f"/v1/credentials?case={case_id}", by=CLERK)).json()["awaiting_seal"]
    figures = await samples(service.client, needs="sealings_oldest_seconds")
    assert [each["attention"] for each in (*first, *shown)] == [False, True]
    assert fires("SealsFail", figures)
    assert fires("SealsWait", figures)


async def test_what_waits_is_not_tried_again_at_once(service: Service, intake: object) -> None:
    intake.away = True  # type: ignore[attr-defined]
    case_id = a_case()
    await service.hear(received(case_id), decided(case_id))

    await service.seal()
    await service.seal()

    assert len(intake.asked) == 1  # type: ignore[attr-defined]


async def test_an_organ_that_is_not_hosted_gets_no_key(service: Service) -> None:
    case_id = a_case()
    await service.hear(received(case_id, organ=WANZAI), decided(case_id, organ=WANZAI))

    await service.seal()

    shown = (await service.get(f"/v1/seals/{case_id}-decided")).json()
    assert (shown["state"], shown["waiting_for"]) == ("awaiting", "organ")
    assert WANZAI not in service.context.signing_keys


async def test_a_notice_that_cannot_be_sealed_does_not_hold_up_the_others(service: Service) -> None:
    case_id, other = a_case(), a_case()
    bad = decided(case_id)
    await service.hear(received(case_id), bad, received(other), decided(other))
    async with service.context.database.begin(service.context) as tx:
        # The one thing that must be unique is taken already.
        await tx.execute(
            CREDENTIALS.insert().values(
                credential_id="taken", case_id=case_id, decision=1, state="revoked", receiving_region="", receiving_organ="",
                handling_region="", handling_organ="", issued_at=bad.at, version=1, body=_BODY, sealed=b"",
            )
        )  # fmt: skip

    await service.seal()

    assert [each["case_id"] for each in await service.told(CredentialIssued)] == [other]
    assert (await service.get(f"/v1/seals/{case_id}-decided")).json()["state"] == "awaiting"


async def test_an_organ_whose_key_cannot_be_opened_holds_up_no_other(service: Service) -> None:
    await service.issue()
    service.context.signing_keys.clear()
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(update(SEAL_KEYS).where(SEAL_KEYS.c.owner == LIUYANG_MARKET).values(sealed=b"torn"))
    torn, other = a_case(), a_case()
    await service.hear(received(torn), decided(torn), received(other, organ=TONGGU_HALL), decided(other, organ=TONGGU_HALL))

    await service.seal()

    shown = [(await service.get(f"/v1/seals/{case_id}-decided")).json() for case_id in (torn, other)]
    assert [(each["state"], each["waiting_for"]) for each in shown] == [("awaiting", "organ"), ("sealed", None)]


async def test_a_key_outlives_the_process(service: Service) -> None:
    await service.issue()
    kids = {key.kid for key in service.context.signing_keys.values()}

    service.context.signing_keys.clear()
    await service.issue()

    assert {key.kid for key in service.context.signing_keys.values()} == kids


async def test_a_later_decision_supersedes_the_former_credential(service: Service) -> None:
    first = await service.issue()
    case_id = first["case_id"]

    await service.hear(decided(case_id, decision=2, notice="amended"))
    await service.seal()

    states = {each["decision"]: each["state"] for each in (await service.get(f"/v1/credentials?case={case_id}", by=CLERK)).json()["items"]}
    assert states == {1: "superseded", 2: "issued"}
    assert (await service.verify(first["qr"]))["result"] == "revoked"


async def test_nothing_of_the_holder_lies_open_in_the_database(service: Service) -> None:
    await service.issue()

    async with service.context.database.read(service.context) as tx:
        rows = [row for table in METADATA.sorted_tables for row in await tx.execute(select(table))]
    everything = repr(
        [tuple(bytes(value).decode(errors="replace") if isinstance(value, bytes) else value for value in row) for row in rows]
    )
    assert "430181199001011239" not in everything
    assert "陈小明" not in everything
    assert "小明" not in everything
    assert "**明" in everything


async def test_both_organs_see_the_credential(service: Service) -> None:
    path = f"/v1/credentials/{(await service.issue())['credential_id']}"

    shown = [(await service.get(path, by=who)).json() for who in (APPROVER, CLERK)]

    assert [(each["holder"], each["holder_id"]) for each in shown] == [("**明", "430181********1239")] * 2


async def test_the_holder_sees_the_own_credential_and_no_other(service: Service) -> None:
    mine, other = await service.issue(), await service.issue()
    holder = applicant(mine["case_id"])

    seen = await service.get(f"/v1/credentials/{mine['credential_id']}", by=holder)
    hidden = await service.get(f"/v1/credentials/{other['credential_id']}", by=holder)

    assert (seen.status_code, hidden.status_code) == (200, 404)


async def test_a_case_is_found_however_its_number_is_written(service: Service) -> None:
    credential = await service.issue()

    listed = [
        (await service.get(f"/v1/credentials?case={no}", by=CLERK)).json()["items"][0]["credential_id"]
        for no in (credential["case_no"], credential["case_no"].lower(), credential["case_id"], credential["case_id"].upper())
    ]

    assert listed == [credential["credential_id"]] * 4


async def test_what_was_published_of_an_item_is_not_waited_for(service: Service) -> None:
    credential = await service.issue()

    shown = await service.get(f"/v1/credentials/{credential['credential_id']}", by=CLERK, **{"tongban-seen": "catalog/v9/1000"})
    behind = await service.get(f"/v1/credentials/{credential['credential_id']}", by=CLERK, **{"tongban-seen": "routing/c9/1000"})

    assert ("behind" in shown.json(), behind.json()["behind"]) == (False, True)


async def test_a_stranger_is_told_the_same_as_for_a_credential_that_is_not_there(service: Service) -> None:
    credential = await service.issue()

    answers = [await service.get(f"/v1/credentials/{each}", by=STRANGER) for each in (credential["credential_id"], "none")]
    answers += [await service.get(f"/v1/credentials?case={each}", by=STRANGER) for each in (credential["case_id"], "none")]

    assert {(answer.status_code, answer.json()["rule"]) for answer in answers} == {(404, "credential.not-found")}


async def test_opening_the_holders_data_needs_a_purpose_and_leaves_a_trace(service: Service) -> None:
    credential = await service.issue()
    path = f"/v1/credentials/{credential['credential_id']}?expand=person"

    refused = await service.get(path, by=CLERK)
    opened = await service.get(f"{path}&purpose=handover", by=CLERK)

    assert refused.json()["rule"] == "credential.purpose-missing"
    assert opened.json()["person"]["holder"]["name"] == "陈小明"
    traces = [each for each in await service.told() if each.get("action") == "view_person"]
    assert [(each["about"], each["purpose"]) for each in traces] == [(credential["credential_id"], "handover")]


async def test_who_only_supervises_sees_the_credential_but_not_its_holder(service: Service) -> None:
    credential = await service.issue()
    path = f"/v1/credentials/{credential['credential_id']}"

    seen = await service.get(path, by=SUPERVISOR)
    refused = [await service.get(f"{path}?expand=person{more}", by=SUPERVISOR) for more in ("", "&purpose=inspection")]

    assert seen.status_code == 200, seen.text
    assert [(answer.status_code, answer.json()["rule"]) for answer in refused] == [(403, "forbidden")] * 2
    assert not any("陈小明" in answer.text or "430181199001011239" in answer.text for answer in refused)


@pytest.mark.parametrize("path", ["/v1/credentials?case=%00", "/v1/credentials?case=a%0Ab", "/v1/seals/a%00b"])
async def test_what_no_number_looks_like_is_refused_before_it_is_looked_for(service: Service, path: str) -> None:
    answer = await service.get(path, by=APPROVER)

    assert answer.status_code == 422, answer.text


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_BODY = {
    "credential_no": "", "case_no": "", "notice_id": "", "credential_type": "", "holder": "", "list_id": 1, "place": 0,
    "content": "", "ground": None, "sequence": 1,
}  # fmt: skip
