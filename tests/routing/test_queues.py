"""What is open is found among any number of cases that are done."""

import asyncio

from sqlalchemy import text

from contracts.caller import Caller
from tests.routing.builders import APPROVER, CLERK, REVIEWER, Service

DONE = 20_000

COPIES = """
    insert into {table} select (jsonb_populate_record(one, jsonb_build_object('{key}', one.{key} || '-' || n, 'opened_at', one.opened_at - interval '1 day'))).*
    from {table} one, generate_series(1, :done) n where one.case_id = :case_id
"""


async def _fill(service: Service, table: str, key: str, case_id: str) -> None:
    """Older rows, as many as `DONE`, that are like the one of this case."""
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text(COPIES.format(table=table, key=key)), {"done": DONE, "case_id": case_id})
    async with service.context.database.begin(service.context) as tx:
        await tx.execute(text(f"analyze {table}"))


async def _read(service: Service, table: str) -> int:
    """Rows of a table that statements have read so far; what a session has read is counted within a second or so of its end."""
    rows = text("select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = :name")
    counted = -1
    while True:
        await asyncio.sleep(1.2)
        async with service.context.database.begin(service.context) as tx:
            found = int((await tx.execute(rows, {"name": table})).scalar_one())
        if found == counted:
            return found
        counted = found


async def _reads_little(service: Service, table: str, path: str, *, by: Caller, **asked: str) -> None:
    before = await _read(service, table)
    shown = await service.shown(path, by=by, limit="20", **asked)
    after = await _read(service, table)

    assert len(shown["items"]) == 1
    assert 0 < after - before < 100


async def test_the_queue_of_open_handlings_is_read_without_what_was_decided(service: Service) -> None:
    done = await service.decided()
    await _fill(service, "handlings", "case_id", done.case_id)
    await service.accepted()

    await _reads_little(service, "handlings", "/v1/handlings", by=REVIEWER, state="accepted")
    await _reads_little(service, "handlings", "/v1/handlings", by=APPROVER, state="accepted")


async def test_the_queue_of_open_deliveries_is_read_without_what_was_handed_over(service: Service) -> None:
    done = await service.decided()
    await service.seal(done)
    await service.act(f"/v1/deliveries/{done.case_id}-d1/handover", {"means": "window"}, by=CLERK)
    await _fill(service, "deliveries", "delivery_id", done.case_id)
    open_still = await service.decided()
    await service.seal(open_still)

    await _reads_little(service, "deliveries", "/v1/deliveries", by=CLERK, state="open")
