"""The whole proof: what was promised, what is on the log, what stands in the databases, case by case."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from tongban_operations.checker.cases import prove_case
from tongban_operations.checker.database import look_into
from tongban_operations.checker.documents import prove_followed, read_documents
from tongban_operations.checker.events import CATALOG, SERVICES
from tongban_operations.checker.footprints import Footprints, prove_sent
from tongban_operations.checker.log import open_log
from tongban_operations.checker.promises import prove_promises
from tongban_operations.checker.remains import prove_rest
from tongban_operations.checker.report import Findings, Report
from tongban_operations.checker.rows import read_cases
from tongban_operations.checker.told import read_log


async def check(
    *,
    databases: Mapping[str, str],
    bootstrap: str | None,
    log: str | None,
    journal: Path | None,
    parked: Collection[str] = (),
    kafka: Mapping[str, Any] | None = None,
    log_from: datetime | None = None,
) -> Report:
    """Compare everything a system at rest says of its cases.

    Args:
        databases: Addresses of the databases of `SERVICES`, by service; the catalogue's is looked at where it is named.
        bootstrap: Kafka, ``host:port[,host:port]``; None where the log is in PostgreSQL.
        log: Address of the PostgreSQL log's database; None where the log is Kafka.
        journal: What callers were promised, in the form of `tongban_operations.checker.journal`; None when nobody kept one.
        parked: Ids or keys of events that are expected to be put aside.
        kafka: As whom to come to a Kafka that asks, in aiokafka's keywords.
        log_from: When the log began anew, after it was lost: what is older is proved by rows alone. With its zone.

    Raises:
        OSError: A database or the log cannot be reached.
    """
    findings = Findings()
    async with AsyncExitStack() as opened:
        looked_at = (*SERVICES, CATALOG) if CATALOG in databases else SERVICES
        snapshots = {service: await opened.enter_async_context(look_into(databases[service])) for service in looked_at}
        await prove_promises(findings, snapshots, journal=journal)
        await prove_rest(findings, snapshots, parked=parked)
        await prove_followed(findings, snapshots)
        reader = await opened.enter_async_context(open_log(bootstrap=bootstrap, log=log, kafka=kafka or {}))
        footprints = Footprints()
        await read_documents(findings, reader, snapshots, footprints=footprints)
        telling = await read_log(findings, reader, snapshots, parked=parked, footprints=footprints, log_from=log_from)
        await prove_sent(findings, snapshots, footprints, log_from=log_from)
        async for rows in read_cases(snapshots):
            prove_case(findings, rows, telling)
    findings.counts["databases"] = len(looked_at)
    for case_id in telling.cases:
        findings.differ("lost.case", case_id, expected="a case at intake", found="told on the log only")
    for credential_id, (case_id, number) in telling.credentials.items():
        findings.differ("ahead.log", case_id, expected=f"{credential_id} at credential", found=f"none, and {number} events on the log")
    return findings.report()
