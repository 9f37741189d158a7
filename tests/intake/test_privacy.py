"""A person's data lies sealed: not in a table, an event, a stored answer, a log line or a refusal."""

import pytest
from sqlalchemy import text

from chassis import logs
from tests.intake.builders import CLERK, SECRETS, Service, an_application, correction_noticed, signed_for


async def everything(service: Service) -> str:
    """All tables of the database as text, bytes as text where they are."""
    found = []
    async with service.context.database.read(service.context) as tx:
        tables = await tx.execute(text("select tablename from pg_tables where schemaname = 'public'"))
        for (table,) in tables.all():
            for row in await tx.execute(text(f"select * from {table}")):  # noqa: S608 - names from the catalogue of the database
                found += [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in row]
    return "\n".join(found)


async def test_no_table_holds_a_name_or_a_number(service: Service) -> None:
    case = await service.received(notes="本人电话 13800138000")
    await service.hear(signed_for(case["case_id"]), position=1)
    await service.hear(correction_noticed(case["case_id"]), position=2)
    await service.post(f"/v1/cases/{case['case_no']}/supplements", {"notice_id": "n-correction", "form": {"capital": 9}}, by=CLERK)
    await service.post("/v1/cases:find", {"id_type": "resident_id", "id_number": SECRETS[1]}, by=CLERK)
    await service.get(f"/v1/cases/{case['case_no']}/person?purpose=handling", by=CLERK)

    kept = await everything(service)

    assert case["case_no"] in kept
    assert [secret for secret in SECRETS if secret in kept] == []


async def test_no_line_of_the_log_and_no_refusal_repeats_what_was_sent(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")
    body = an_application(form={"trade_name": SECRETS[3], "capital": "much", "extra": SECRETS[0]})
    wrong = {**body, "applicant": {**body["applicant"], "id_number": SECRETS[1][:-1] + "1", "phone": SECRETS[2] + "9"}}

    answers = [
        await service.post("/v1/cases", body, by=CLERK),
        await service.post("/v1/cases", wrong, by=CLERK),
        await service.post("/v1/cases", {**body, SECRETS[0]: SECRETS[1]}, by=CLERK),
        await service.post("/v1/cases", {**body, "situation": SECRETS[0]}, by=CLERK),
        await service.post("/v1/cases:find", {"id_type": SECRETS[0] * 20, "id_number": SECRETS[1]}, by=CLERK),
        await service.post("/v1/progress", {"case_no": SECRETS[1], "id_last_six": SECRETS[2]}, by=None),
    ]

    printed = "".join(capsys.readouterr())
    assert {answer.status_code for answer in answers} == {422}
    said = printed + "".join(answer.text for answer in answers)
    assert "request" in printed
    assert [secret for secret in (*SECRETS, SECRETS[1][:-1]) if secret in said] == []
