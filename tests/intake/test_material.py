"""A file is what its bytes are, belongs to one case, and lies nowhere in the clear."""

import asyncio
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, literal_column, select

from chassis.tables import SECRET_KEYS
from contracts.caller import Caller
from contracts.values import CaseId
from intake_svc.case.api import NewCase
from intake_svc.case.handlers import receive_cases
from intake_svc.material.domain import CHUNK_BYTES, MAX_BYTES, UNCLAIMED_FOR, Incoming, MaterialTooLarge
from intake_svc.material.handlers import list_claimable
from intake_svc.material.jobs import let_unclaimed_go
from intake_svc.material.store import CHUNKS, MATERIALS
from tests.intake.builders import CLERK, CLERK2, CREDENTIAL, PDF, REVIEWER, STRANGER, SUPERVISOR, Service, a_case_id, an_application, person

LARGE = PDF + bytes(range(256)) * 4 * 700
"""Three pieces."""


async def rows(service: Service, table: Any) -> int:
    async with service.context.database.read(service.context) as tx:
        return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_file_comes_back_byte_for_byte_and_is_sealed_in_pieces(service: Service) -> None:
    kept = await service.upload(LARGE)

    fetched = await service.get(f"/v1/materials/{kept.json()['material_id']}?purpose=handling", by=CLERK)
    async with service.context.database.read(service.context) as tx:
        pieces = [row.sealed for row in await tx.execute(select(CHUNKS.c.sealed).order_by(CHUNKS.c.number))]
    assert kept.json() | {"material_id": ""} == {
        "material_id": "",
        "digest": "sha256:" + hashlib.sha256(LARGE).hexdigest(),
        "size": len(LARGE),
        "media_type": "application/pdf",
    }
    assert (fetched.content, fetched.headers["content-type"]) == (LARGE, "application/pdf")
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert len(pieces) == -(-len(LARGE) // CHUNK_BYTES)
    assert not any(PDF in piece or bytes(range(64)) in piece for piece in pieces)


async def test_files_that_come_in_together_are_stored_together_and_stay_apart(service: Service) -> None:
    contents = [PDF + bytes([number]) for number in range(9)]

    answers = await asyncio.gather(*(service.upload(content) for content in contents), service.upload(b"no PDF"), service.upload(LARGE))

    assert [answer.status_code for answer in answers] == [201] * 9 + [422, 201]
    fetched = [await service.get(f"/v1/materials/{answer.json()['material_id']}?purpose=handling", by=CLERK) for answer in answers[:9]]
    assert [answer.content for answer in fetched] == contents
    async with service.context.database.read(service.context) as tx:
        transactions = (await tx.execute(select(literal_column("xmin::text")).select_from(MATERIALS).distinct())).all()
    assert len(transactions) < len(contents)
    assert await rows(service, SECRET_KEYS) == 10, "each has a key of its own"


async def test_pieces_in_another_order_do_not_open(service: Service) -> None:
    kept = await service.upload(LARGE)
    async with service.context.database.begin(service.context) as tx:
        for old, new in ((0, 9), (1, 0), (9, 1)):
            await tx.execute(CHUNKS.update().where(CHUNKS.c.number == old).values(number=new))

    fetched = await service.get(f"/v1/materials/{kept.json()['material_id']}?purpose=handling", by=CLERK)

    assert fetched.status_code == 404


async def test_a_form_with_one_file_is_taken_too(service: Service, tmp_path: Path) -> None:
    (tmp_path / "证明.pdf").write_bytes(LARGE)

    with (tmp_path / "证明.pdf").open("rb") as file:
        answer = await service.client.post(
            "/v1/materials",
            data={"note": "x"},
            files={"file": ("证明.pdf", file, "application/pdf")},
            headers=service.headers(CLERK) | {"idempotency-key": "k"},
        )

    assert answer.status_code == 201, answer.text
    assert answer.json()["size"] == len(LARGE)
    fetched = await service.get(f"/v1/materials/{answer.json()['material_id']}?purpose=handling", by=CLERK)
    assert fetched.content == LARGE


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=b", b"--b\r\ngarbage"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=note\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data", b"--b--"),
        ("multipart/form-data; boundary=", b"--b--"),
    ],
)
async def test_a_broken_form_is_refused(service: Service, content_type: str, body: bytes) -> None:
    answer = await service.upload(body, media_type=content_type)

    assert answer.status_code in {400, 422}
    assert await rows(service, MATERIALS) == 0


@pytest.mark.parametrize(
    ("content", "media_type", "rule"),
    [
        (PDF, "image/jpeg", "material.mistyped"),
        (b"<html><script>", "application/pdf", "material.mistyped"),
        (b"PK\x03\x04 an office file", "application/ofd", "material.mistyped"),
        (PDF, "text/html", "material.type-unsupported"),
        (PDF, "", "material.type-unsupported"),
        (b"", "application/pdf", "material.empty"),
    ],
)
async def test_a_file_of_another_type_than_declared_is_refused(service: Service, content: bytes, media_type: str, rule: str) -> None:
    answer = await service.upload(content, media_type=media_type)

    assert (answer.status_code, answer.json()["rule"]) == (422, rule)
    assert await rows(service, MATERIALS) == 0


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n png", "image/png"),
        (b"PK\x03\x04 .. OFD.xml ..", "application/ofd"),
        (PDF, "Application/PDF; charset=binary"),
    ],
)
async def test_what_windows_scan_is_taken(service: Service, content: bytes, media_type: str) -> None:
    assert (await service.upload(content, media_type=media_type)).status_code == 201


async def test_a_file_over_the_bound_is_refused(service: Service) -> None:
    over = await service.upload(PDF + bytes(MAX_BYTES))
    far_over = await service.upload(PDF + bytes(MAX_BYTES + 100_000))

    assert (over.status_code, over.json()["rule"]) == (422, "material.too-large")
    assert (far_over.status_code, far_over.json()["rule"]) == (413, "request.too-large")
    assert await rows(service, MATERIALS) == 0


def test_a_file_is_refused_before_all_of_it_has_come() -> None:
    incoming = Incoming("application/pdf", max_bytes=10)

    with pytest.raises(MaterialTooLarge):
        incoming.feed(b"%PDF-1.7 and more")


async def test_the_same_upload_again_keeps_one_file(service: Service) -> None:
    first, second = [await service.upload(key="once") for _ in range(2)]
    other = await service.upload(PDF + b" changed", key="once")

    assert first.content == second.content
    assert (other.status_code, other.json()["rule"]) == (422, "idempotency.reused")
    assert await rows(service, MATERIALS) == 1


async def test_a_supervisor_uploads_nothing(service: Service) -> None:
    assert (await service.upload(by=SUPERVISOR)).status_code == 403


@pytest.mark.parametrize(("caller", "status"), [(CLERK, 200), (CLERK2, 200), (REVIEWER, 404), (STRANGER, 404), (person(), 404)])
async def test_before_it_has_a_case_only_the_uploaders_organ_sees_it(service: Service, caller: Caller, status: int) -> None:
    material = await service.material()

    assert (await service.get(f"/v1/materials/{material}?purpose=handling", by=caller)).status_code == status


@pytest.mark.parametrize(
    ("caller", "status"), [(CLERK, 200), (REVIEWER, 200), (CREDENTIAL, 200), (person(), 200), (SUPERVISOR, 403), (STRANGER, 404)]
)
async def test_with_its_case_both_sides_and_the_applicant_see_it_and_officers_leave_a_trace(
    service: Service, caller: Caller, status: int
) -> None:
    material = await service.material()
    case = await service.post("/v1/cases", an_application(material), by=CLERK)
    assert case.status_code == 201, case.text

    answer = await service.get(f"/v1/materials/{material}?purpose=handling", by=caller)

    traces = await service.outbox("tongban.personal-data.read.v1")
    refused = await service.outbox("tongban.access.refused.v1")
    about = case.json()["case_id"]
    assert answer.status_code == status
    assert [trace["about"] for trace in traces] == ([about] if status == 200 and caller != person() else [])
    assert [trace["about"] for trace in refused] == ([about] if status == 403 else [])


@pytest.mark.parametrize(("caller", "status"), [(CLERK, 422), (REVIEWER, 422), (CREDENTIAL, 422), (SUPERVISOR, 403), (person(), 200)])
async def test_only_the_applicant_opens_it_without_saying_what_for(service: Service, caller: Caller, status: int) -> None:
    material = await service.material()
    await service.post("/v1/cases", an_application(material), by=CLERK)

    answer = await service.get(f"/v1/materials/{material}", by=caller)

    assert answer.status_code == status
    assert status != 422 or answer.json()["rule"] == "case.purpose-missing"
    assert await service.outbox("tongban.personal-data.read.v1") == []


async def test_what_no_case_claims_goes_after_a_day_with_its_key(service: Service) -> None:
    claimed = await service.material()
    await service.post("/v1/cases", an_application(claimed), by=CLERK)
    await service.material()
    keys = await rows(service, SECRET_KEYS)

    early = await let_unclaimed_go(service.context)
    service.context.now.set_offset((UNCLAIMED_FOR + timedelta(minutes=1)).total_seconds())
    late = await let_unclaimed_go(service.context)

    assert (early, late, await let_unclaimed_go(service.context)) == (0, 1, 0)
    assert (await rows(service, MATERIALS), await rows(service, CHUNKS), await rows(service, SECRET_KEYS)) == (1, 1, keys - 1)
    assert (await service.get(f"/v1/materials/{claimed}?purpose=handling", by=CLERK)).status_code == 200


async def test_an_unreadable_material_is_absent_once_its_key_is_gone(service: Service) -> None:
    material = await service.material()
    async with service.context.database.begin(service.context) as tx:
        await service.context.vault.destroy(tx, f"material:{material}")

    assert (await service.get(f"/v1/materials/{material}?purpose=handling", by=CLERK)).status_code == 404


async def test_a_hidden_material_looks_like_an_absent_one(service: Service) -> None:
    material = await service.material()
    await service.post("/v1/cases", an_application(material), by=CLERK)

    answers = [await service.get(f"/v1/materials/{one}?purpose=handling", by=STRANGER) for one in (material, a_case_id())]

    bodies = [{name: value for name, value in answer.json().items() if name != "traceId"} for answer in answers]
    assert bodies[0] == bodies[1]
    assert bodies[0]["rule"] == "material.not-found"


async def test_what_is_being_handed_in_does_not_go_meanwhile(service: Service) -> None:
    material = await service.material()
    service.context.now.set_offset((UNCLAIMED_FOR + timedelta(minutes=1)).total_seconds())

    async with service.context.database.begin(service.context) as tx:
        await list_claimable(tx, [material], caller=CLERK, keep=True)
        meanwhile = await let_unclaimed_go(service.context)

    assert (meanwhile, await let_unclaimed_go(service.context)) == (0, 1)


async def test_a_receipt_holds_its_materials(service: Service) -> None:
    """The same, at the door: the job comes between the check and the claim."""
    material = await service.material()
    service.context.now.set_offset((UNCLAIMED_FOR + timedelta(minutes=1)).total_seconds())
    submission = NewCase.model_validate(an_application(material)).submission(CLERK, case_id=CaseId(a_case_id()))

    async with service.context.database.begin(service.context) as tx:
        await receive_cases(tx, [(submission, CLERK)])
        meanwhile = await let_unclaimed_go(service.context)

    assert (meanwhile, await rows(service, MATERIALS)) == (0, 1)
