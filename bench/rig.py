"""A whole system of its own for one measurement: five processes, Kafka, a durable PostgreSQL, in a folder that goes away."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tongban_local.kafka import KafkaServer
from tongban_local.layout import ALL, SERVICES, Layout, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.processes import working_in
from tongban_local.sole_trader import MATERIALS, application, scan
from tongban_local.system import System
from tongban_local.visitor import Visitor

PREFIX = "bench"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"

Body = dict[str, Any]
"""A JSON object sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """The running system and what is needed to look at it."""

    postgres: PostgresServer
    kafka: KafkaServer
    layout: Layout
    pids: Mapping[str, int]
    """By name: five services, ``postgres`` (with its backends) and ``kafka``."""

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self.layout.url

    def rows(self, service: str, sql: str) -> list[list[str]]:
        """Ask a service's own tables, around the service."""
        return [line.split("|") for line in self.postgres.query(sql, database=f"{PREFIX}_{service}").splitlines()]

    def waiting(self) -> int:
        """Outbox rows that the log has not acknowledged, over all services."""
        return sum(int(self.rows(name, "select count(*) from outbox")[0][0]) for name in SERVICES)

    async def settle(self, *, seconds: float = 60.0) -> float:
        """Wait until every outbox is empty and every case received was heard by routing; seconds it took.

        Raises:
            TimeoutError: Downstream did not keep up.
        """
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(seconds):
            while True:
                received = self.rows("intake", "select count(*) from cases")[0][0]
                heard = self.rows("routing", "select count(distinct case_id) from transfers")[0][0]
                if received == heard and self.waiting() == 0:
                    return asyncio.get_running_loop().time() - began
                await asyncio.sleep(0.1)


@contextmanager
def running() -> Iterator[Rig]:
    """Start everything; stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="tongban-bench-") as folder:
        data = Path(folder)
        postgres = PostgresServer.start(data=data / "postgres", durable=True)
        try:
            # Every row then tells the instant of its commit, which no clock of ours would.
            postgres.query("alter system set track_commit_timestamp = on")
            postgres.stop()
            postgres = PostgresServer.start(data=data / "postgres", durable=True)
            kafka = KafkaServer.start(data=data / "kafka")
            try:
                system = System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=PREFIX))
                try:
                    system.start()
                    pids = {name: system[name].pid or 0 for name in ALL}
                    pids |= {"postgres": postgres.pid, "kafka": working_in(data / "kafka" / "broker-1")[0]}
                    yield Rig(postgres=postgres, kafka=kafka, layout=system.layout, pids=pids)
                finally:
                    system.stop()
            finally:
                kafka.remove()
        finally:
            postgres.remove()


@asynccontextmanager
async def people(rig: Rig, *names: str) -> AsyncIterator[list[Mapping[str, str]]]:
    """The headers of people who signed in, in this order; the public sends none."""
    headers: list[Mapping[str, str]] = []
    for name in names:
        visitor = await Visitor.sign_in(name, url=rig.url)
        headers.append({"Authorization": f"Bearer {visitor.token}"})
        await visitor.close()
    yield headers


class Applications:
    """Applications ready to be handed in, each with three materials of its own that no case has yet.

    One application's materials are uploaded; the others are copies of their rows under ids of their own, made in intake's database,
    because a receipt reads those rows and never the files, and thousands of uploads would take longer than everything that is measured.
    """

    def __init__(self) -> None:
        self._bodies: list[Body] = []
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._bodies)

    def take(self) -> Body | None:
        """The next one; None when all are used."""
        return self._bodies.pop() if self._bodies else None

    async def prepare(self, rig: Rig, clerk: Mapping[str, str], *, count: int) -> None:
        """Make so many more."""
        copies: list[list[str]] = []
        async with aiohttp.ClientSession(rig.url, headers={**clerk, "Content-Type": "image/png"}) as http:
            for place in range(len(MATERIALS)):
                async with http.post("/v1/materials", data=scan(place), headers=fresh_key()) as answer:
                    uploaded = orjson.loads(await answer.read())["material_id"]
                copies.append([row[0] for row in rig.rows("intake", _COPY.format(count=count, uploaded=uploaded))])
        for ids in zip(*copies, strict=True):
            named = [{"code": code, "material_id": material_id} for code, material_id in zip(MATERIALS, ids, strict=True)]
            self._bodies.append(application(named, applicant={"id_number": id_number(next(self._numbers))}))


_COPY = """
    insert into materials (material_id, digest, size, media_type, uploader, organ, at)
    select gen_random_uuid()::text, digest, size, media_type, uploader, organ, at
    from materials, generate_series(1, {count}) where material_id = '{uploaded}' returning material_id
"""


def id_number(number: int) -> str:
    """A well-formed identity number of nobody: order code 000 is never given out."""
    day = number % 28 + 1
    month = number // 28 % 12 + 1
    year = 1950 + number // 336 % 55
    digits = f"360926{year}{month:02}{day:02}000"
    return digits + _CHECKS[sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11]


def fresh_key() -> dict[str, str]:
    """A key of its own for one write."""
    return {"Idempotency-Key": str(uuid.uuid4())}
