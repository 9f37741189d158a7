"""A small line that defects are planted into: five processes on the PostgreSQL log, driven over HTTP, struck, and checked."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import httpx

from tests.support.line import act, closed, delivered, receive, sealed, sign, until
from tongban_local.postgres import PostgresServer
from tongban_local.sole_trader import upload
from tongban_local.system import PACKAGES, System
from tongban_local.visitor import Visitor
from tongban_operations.checker import Difference, Report, check

_SEEDS = count(7000)
_PATIENCE = 150.0

READY = 200.0
"""Seconds a service may take until it is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who acts."""

    clerk: Visitor
    reviewer: Visitor
    approver: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The line and what can be done to it."""

    system: System
    postgres: PostgresServer
    people: People
    root: Path
    spoiled: set[str] = field(default_factory=set)
    """Cases that a defect was let loose on, by id: from then on the checker has something to say of them."""

    async def receive(self, *, key: str | None = None) -> str:
        """A case received; its number."""
        return await receive(self.people.clerk, seed=next(_SEEDS), key=key)

    def case_id(self, no: str) -> str:
        """The id of a case by its number, from its row."""
        return self.query("intake", f"select case_id from cases where case_no = '{no}'")  # noqa: S608 - our own number

    def journal(self, folder: Path, *, but: Collection[str] = ()) -> Path:
        """What callers were promised, as if one had kept it of all calls: every case but some, by id."""
        file = folder / "journal.jsonl"
        rows = [row.split("|") for row in self.query("intake", "select case_id || '|' || case_no from cases").splitlines()]
        answers = [{"answered": {"case_id": case_id, "case_no": no}, "act": "receive"} for case_id, no in rows if case_id not in but]
        file.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
        return file

    async def accept(self, no: str) -> None:
        """From receipt to acceptance under seal."""
        await sign(self.people.reviewer, no)
        await act(self.people.reviewer, no, "acceptance")
        await sealed(self.people.reviewer, no)

    async def correct(self, no: str) -> None:
        """From receipt to the supplement that was asked for."""
        await sign(self.people.reviewer, no)
        defect = {"pointer": "/materials/place_proof", "rule": "officer", "text": "租赁合同缺少出租方签章页"}
        await act(self.people.reviewer, no, "correction-notice", {"defects": [defect]})
        await sealed(self.people.reviewer, no)
        await until("the notice at intake", lambda: self._stage(no, "correcting"))
        [notice] = (await self.people.clerk.get(f"/cases/{no}/notices"))["items"]
        given = {
            "notice_id": notice["notice_id"],
            "form": {},
            "materials": await upload(self.people.clerk, ("place_proof",), seed=next(_SEEDS)),
        }
        await self.people.clerk.post(f"/cases/{no}/supplements", given)

    async def _stage(self, no: str, stage: str) -> bool:
        found = await self.people.clerk.get(f"/cases/{no}")
        return bool(found["stage"] == stage and not found["awaiting_seal"])

    async def look_at_applicant(self, no: str) -> None:
        """Open the applicant's data, which leaves a trace."""
        await self.people.clerk.get(f"/cases/{no}", params={"expand": "person", "purpose": "review"})

    async def decide(self, no: str) -> None:
        """Grant, with its credential."""
        await act(self.people.approver, no, "decision", {"outcome": "granted"})
        await sealed(self.people.approver, no)

    async def hand_over(self, no: str) -> None:
        """Hand the result out."""
        await delivered(self.people.clerk, no)

    async def live(self) -> str:
        """A whole life, granted; the case's number."""
        no = await self.receive()
        await self.accept(no)
        await self.decide(no)
        await self.hand_over(no)
        await closed(self.people.clerk, no)
        return no

    async def check(self) -> Report:
        """The report once the line is at rest: two looks that see the same."""
        last: Report | None = None
        end = time.monotonic() + _PATIENCE
        while True:
            found = await self.look()
            if last == found:
                return found
            assert time.monotonic() < end, f"never at rest: {found.by_rule}"
            last = found
            await asyncio.sleep(0.4)

    async def look(self, *, journal: Path | None = None, parked: tuple[str, ...] = (), log_from: datetime | None = None) -> Report:
        """The report as of now."""
        layout = self.system.layout
        return await check(
            databases=layout.database_urls, bootstrap=None, log=layout.log_url, journal=journal, parked=parked, log_from=log_from
        )

    def others(self, report: Report) -> list[Difference]:
        """What is said of anything but the cases spoiled."""
        return [each for each in report.differences if each.about not in self.spoiled]

    def query(self, database: str, statement: str) -> str:
        """Run SQL on a service's database, or on the log's."""
        url = self.system.layout.log_url if database == "log" else self.system.layout.database_urls[database]
        return self.postgres.query(statement, database=url.rpartition("/")[2])

    @contextmanager
    def changed(self, database: str, table: str, statement: str) -> Iterator[None]:
        """A table changed behind everybody's back, and put back afterwards."""
        self.query(database, f'create table kept_aside as table "{table}"')
        try:
            self.query(database, statement)
            yield
        finally:
            # One transaction: the services are at rest, but their signs of life go on.
            back = f'insert into "{table}" overriding system value table kept_aside'
            self.query(database, f'truncate "{table}" cascade; {back}; drop table kept_aside')

    @asynccontextmanager
    async def planted(self, service: str, defect: str, *, crash_point: str = "") -> AsyncIterator["subprocess.Popen[bytes]"]:
        """A service with a defect in place of the sound one, which is back afterwards."""
        sound = self.system[service]
        await asyncio.to_thread(sound.stop)
        process = self._start(service, defect, crash_point=crash_point)
        try:
            await until(f"{service} with {defect}", lambda: self._ready(service, process), patience=READY)
            yield process
        finally:
            # Not killed: it leaves its group in order, so that the next one does not hear again what this one has heard.
            process.terminate()
            await asyncio.to_thread(process.wait)
            sound.start()
            await asyncio.to_thread(sound.wait_ready, seconds=READY)

    def _start(self, service: str, defect: str, *, crash_point: str) -> "subprocess.Popen[bytes]":
        environment = os.environ | self.system.layout.environment(service) | {f"TONGBAN_{service.upper()}_CRASH_POINT": crash_point}
        command = [sys.executable, "-m", "tests.faults.checker.planted", defect, PACKAGES[service]]
        with self.system[service].log.open("ab") as log:
            return subprocess.Popen(command, env=environment, cwd=self.root, stdout=log, stderr=subprocess.STDOUT)

    async def _ready(self, service: str, process: "subprocess.Popen[bytes]") -> bool:
        assert process.poll() is None, f"{service} is gone before it was ready"
        try:
            answer = await self.people.clerk.http.get(f"{self.system.layout.service_url(service)}/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == 200


async def gone(process: "subprocess.Popen[bytes]") -> None:
    """Wait until a process that is to die has died."""
    await until("the death of the process", lambda: _ended(process), patience=_PATIENCE)


async def _ended(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is not None


def named(report: Report, case: str) -> set[str]:
    """The rules that do not hold of a case."""
    return {each.rule for each in report.differences if each.about == case}


def tongban(ground: Ground, *words: str, program: Sequence[str] = ("-m", "tongban_operations")) -> "subprocess.CompletedProcess[str]":
    """An operator's command with the services' own settings around it."""
    settings: dict[str, str] = {}
    for service in ("catalog", "intake", "routing", "credential"):
        settings |= ground.system.layout.environment(service)
    command = [sys.executable, *program, *words]
    return subprocess.run(command, env=os.environ | settings, cwd=ground.root, capture_output=True, text=True, check=False, timeout=1800)
