"""What anyone is told who scans a code or fetches a status list."""

import base64
import zlib
from datetime import date, timedelta

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.database import lock
from contracts.events import CredentialResumed, CredentialRevoked, CredentialSuspended
from contracts.values import CaseId, CredentialId, NoticeId, OrganCode, RegionCode, digest
from credential_svc.credential.domain import (
    MOVES,
    CredentialMoved,
    CredentialState,
    IssuedCredential,
    Issuer,
    Parties,
    RevocationGround,
    SuspensionGround,
)
from credential_svc.qr.domain import Claims
from credential_svc.qr.outside import open_code, write_code
from credential_svc.seal.outside import SigningKey
from credential_svc.status.domain import CAPACITY, Status, pack
from tests.credential.builders import APPROVER, CLERK, NOON, STRANGER, Service
from tests.credential.test_code import CLAIMS


async def test_a_code_is_valid_and_says_as_of_when(service: Service) -> None:
    credential = await service.issue()

    found = await service.verify(credential["qr"])

    assert (found["result"], found["claims"]["holder"], found["claims"]["organ_name"]) == ("valid", "**明", "浏阳市市场监督管理局")
    assert found["as_of"].endswith("Z")
    assert found["reason"]
    assert found["reason_en"]


async def test_suspension_resumption_and_revocation_show_at_once(service: Service) -> None:
    credential = await service.issue()
    path = f"/v1/credentials/{credential['credential_id']}"
    seen = []

    for act, body in (("suspension", {"ground": "loss"}), ("resumption", {}), ("revocation", {"ground": "deceit"})):
        answer = await service.post(f"{path}/{act}", body, by=APPROVER)
        assert answer.status_code == 201, answer.text
        assert "tongban-seen" not in answer.headers, "nobody who hears this service waits for what only verifiers read"
        seen.append((answer.json()["state"], (await service.verify(credential["qr"]))["result"]))

    assert seen == [("suspended", "suspended"), ("issued", "valid"), ("revoked", "revoked")]
    told = await service.told(CredentialSuspended, CredentialResumed, CredentialRevoked)
    assert [each.get("ground") for each in told] == ["loss", None, "deceit"]


async def test_a_revoked_credential_never_holds_again(service: Service) -> None:
    credential = await service.issue()
    path = f"/v1/credentials/{credential['credential_id']}"
    await service.post(f"{path}/revocation", {"ground": "ended"}, by=APPROVER)

    answer = await service.post(f"{path}/resumption", {}, by=APPROVER)

    assert (answer.status_code, answer.json()["rule"], answer.json()["facts"]) == (
        409,
        "credential.move",
        {"from": "revoked", "to": "issued"},
    )


async def test_the_receiving_clerk_may_see_but_not_revoke_and_leaves_a_trace(service: Service) -> None:
    credential = await service.issue()

    answer = await service.post(f"/v1/credentials/{credential['credential_id']}/revocation", {"ground": "deceit"}, by=CLERK)
    strange = await service.post(f"/v1/credentials/{credential['credential_id']}/revocation", {"ground": "deceit"}, by=STRANGER)

    assert (answer.status_code, strange.status_code) == (403, 404)
    assert (await service.verify(credential["qr"]))["result"] == "valid"
    assert [each["about"] for each in await service.told() if each.get("action") == "revoke"] == [credential["credential_id"]]


async def test_one_that_somebody_is_at_or_that_waits_for_a_person_is_to_a_stranger_as_if_it_were_not_there(service: Service) -> None:
    credential = await service.issue()
    path, body = f"/v1/credentials/{credential['credential_id']}/revocation", {"ground": "deceit"}
    service.context.held = frozenset({credential["credential_id"]})

    async with service.context.database.begin(service.context) as tx:
        await lock(tx, credential["credential_id"], held_too=True)
        strange = await service.post(path, body, by=STRANGER)
    own = await service.post(path, body, by=APPROVER)

    assert (strange.status_code, strange.json()["rule"]) == (404, "credential.not-found")
    assert (own.status_code, own.json()["rule"]) == (409, "restore.held")


async def test_an_edit_of_a_version_that_was_changed_meanwhile_is_refused(service: Service) -> None:
    credential = await service.issue()
    path = f"/v1/credentials/{credential['credential_id']}"
    await service.post(f"{path}/suspension", {"ground": "loss"}, by=APPROVER, **{"if-match": '"1"'})

    answer = await service.post(f"{path}/revocation", {"ground": "deceit"}, by=APPROVER, **{"if-match": '"1"'})

    assert (answer.status_code, answer.json()["rule"]) == (412, "credential.changed")


async def test_a_ground_outside_the_list_is_refused_without_being_repeated(service: Service) -> None:
    credential = await service.issue()

    answer = await service.post(f"/v1/credentials/{credential['credential_id']}/revocation", {"ground": "陈小明欺骗"}, by=APPROVER)

    assert answer.status_code == 422
    assert "陈小明" not in answer.text


async def test_a_credential_expires_by_its_date_alone(service: Service) -> None:
    tomorrow = (service.context.now.now() + timedelta(days=1, hours=8)).date()
    credential = await service.issue(valid_until=tomorrow)
    before = (await service.verify(credential["qr"]))["result"]

    service.context.now.set_offset(86400)

    after = (await service.verify(credential["qr"]))["result"]
    shown = (await service.get(f"/v1/credentials/{credential['credential_id']}", by=APPROVER)).json()
    assert (before, after, shown["state"]) == ("valid", "expired", "expired")


async def test_texts_that_are_no_code(service: Service) -> None:
    texts = ("hello", "tb1:ABC", "TB1:", "TB1:ABCDEF", "TB1:中文")

    results = [(await service.verify(text))["result"] for text in texts]

    assert results == ["unknown", "unknown", "altered", "altered", "altered"]


async def test_a_changed_code_is_called_altered_and_shows_nothing(service: Service) -> None:
    qr = (await service.issue())["qr"]
    at = len(qr) // 2

    found = await service.verify(qr[:at] + ("A" if qr[at] != "A" else "B") + qr[at + 1 :])

    assert (found["result"], found["claims"]) == ("altered", None)


async def test_a_code_of_a_key_that_nobody_listed_is_of_an_unknown_issuer(service: Service) -> None:
    key, _ = SigningKey.make()

    found = await service.verify(write_code(CLAIMS, key=key, status_list_url="https://x.example/v1/status-lists/1"))

    assert (found["result"], found["claims"]) == ("unknown_issuer", None)


async def test_an_organs_key_speaks_for_no_other_organ(service: Service) -> None:
    credential = await service.issue()
    key = service.context.signing_keys[credential["organ"]]
    real = open_code(credential["qr"]).claims(public=key.public)
    pretended = Claims(**{name: getattr(real, name) for name in Claims.__slots__} | {"issuer": "110101"})

    found = await service.verify(write_code(pretended, key=key, status_list_url=credential["status_list"]))

    assert found["result"] == "unknown_issuer"


async def test_the_status_list_says_by_place_what_a_verifier_is_told(service: Service) -> None:
    kept, suspended, revoked = [await service.issue() for _ in range(3)]
    await service.post(f"/v1/credentials/{suspended['credential_id']}/suspension", {"ground": "loss"}, by=APPROVER)
    await service.post(f"/v1/credentials/{revoked['credential_id']}/revocation", {"ground": "ended"}, by=APPROVER)
    answer = await service.get("/v1/status-lists/1")
    head, body, signature = answer.text.split(".")
    public = service.context.signing_keys["installation"].public

    Ed25519PublicKey.from_public_bytes(public).verify(_bytes(signature), f"{head}.{body}".encode())

    claims = orjson.loads(_bytes(body))
    packed = zlib.decompress(_bytes(claims["status_list"]["lst"]))
    places = [each["status_place"] for each in (kept, suspended, revoked)]
    assert [packed[place // 4] >> place % 4 * 2 & 3 for place in places] == [0, 2, 1]
    assert (claims["sub"], claims["status_list"]["bits"]) == (kept["status_list"], 2)
    assert orjson.loads(_bytes(head))["typ"] == "statuslist+jwt"
    assert answer.headers["cache-control"] == "public, max-age=5"


async def test_a_list_that_was_not_begun_is_not_there(service: Service) -> None:
    assert (await service.get("/v1/status-lists/2")).json()["rule"] == "status-list.not-found"


@given(st.dictionaries(st.integers(0, CAPACITY - 1), st.sampled_from(Status), max_size=50))
@settings(deadline=None)
def test_a_packed_list_gives_every_place_its_own_status(statuses: dict[int, Status]) -> None:
    packed = zlib.decompress(pack(statuses))

    assert len(packed) == CAPACITY // 4
    assert {place: packed[place // 4] >> place % 4 * 2 & 3 for place in statuses} == statuses


async def test_the_code_is_drawn_for_print(service: Service) -> None:
    path = f"/v1/credentials/{(await service.issue())['credential_id']}/qr"

    drawn = {form: (await service.get(f"{path}?format={form}", by=CLERK)).content for form in ("svg", "png", "text")}

    assert {form: content[:4] for form, content in drawn.items()} == {"svg": b"<?xm", "png": b"\x89PNG", "text": b"TB1:"}


@pytest.mark.parametrize("state", list(CredentialState))
@pytest.mark.parametrize("act", ["suspend", "resume", "revoke", "supersede"])
def test_what_is_not_in_the_table_of_moves_is_refused(state: CredentialState, act: str) -> None:
    to = {"suspend": "suspended", "resume": "issued", "revoke": "revoked", "supersede": "superseded"}[act]
    credential = _credential(state)

    if CredentialState(to) in MOVES[state]:
        _act(credential, act)
        assert credential.state == to
    else:
        with pytest.raises(CredentialMoved):
            _act(credential, act)


def _act(credential: IssuedCredential, act: str) -> None:
    match act:
        case "suspend":
            credential.suspend(ground=SuspensionGround.LOSS, by=APPROVER.ref, at=NOON)
        case "resume":
            credential.resume(by=APPROVER.ref, at=NOON)
        case "revoke":
            credential.revoke(ground=RevocationGround.DECEIT, by=APPROVER.ref, at=NOON)
        case _:
            credential.supersede(at=NOON)


def _credential(state: CredentialState) -> IssuedCredential:
    region, organ = RegionCode("430181"), OrganCode("11430181MB0654321B")
    parties = Parties(case_no="1", receiving_region=region, receiving_organ=organ, handling_region=region, handling_organ=organ)
    return IssuedCredential(
        credential_id=CredentialId("1"),
        credential_no="1",
        case_id=CaseId("1"),
        decision=1,
        notice_id=NoticeId("1"),
        parties=parties,
        issuer=Issuer(organ=organ, region=region),
        credential_type="t",
        holder="**明",
        issued_at=NOON,
        valid_until=date(2026, 1, 1) if state is CredentialState.EXPIRED else None,
        list_id=1,
        place=1,
        content=digest(b""),
        state=state,
    )


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
