"""A whole system of its own for one measurement: services, Kafka, a durable PostgreSQL, in a folder that goes away."""

from __future__ import annotations

import itertools
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.wire import Wires, fresh_key
from tongban_local.kafka import KafkaServer
from tongban_local.layout import ALL, SERVICES, Layout, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.processes import working_in
from tongban_local.sole_trader import MATERIALS, application, scan
from tongban_local.system import System
from tongban_local.visitor import Visitor

PREFIX = "bench"
HEARING = ("intake", "routing", "credential")
"""The services that hear events; each is a consumer group of that name."""
MATERIAL = {"Content-Type": "image/png"}
_applicants = itertools.count(1)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_BORN_IN = ("360926", "360902", "360921", "360922", "360923", "360924", "360925", "360981", "360982", "360983", "430181", "430121")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """The running system and what is needed to look at it."""

    postgres: PostgresServer
    kafka: KafkaServer
    layout: Layout
    pids: Mapping[str, tuple[int, ...]]
    """By name: five services, ``postgres`` and ``kafka``; what they started is counted with them."""

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


@contextmanager
def running(*, processes: int = 1) -> Iterator[Rig]:
    """Start everything; stop and remove it at the end.

    Args:
        processes: How many of each service that hears events; the others have one.
    """
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
                with serving(data=data, postgres=postgres, kafka=kafka, processes=processes) as rig:
                    yield rig
            finally:
                kafka.remove()
        finally:
            postgres.remove()


@contextmanager
def serving(*, data: Path, postgres: PostgresServer, kafka: KafkaServer, processes: int = 1) -> Iterator[Rig]:
    """The services on engines that somebody else started; their own keys and logs go to ``data``."""
    counts = dict.fromkeys(HEARING, processes)
    system = System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=PREFIX, processes=counts))
    try:
        system.start()
        pids = {name: tuple(process.pid or 0 for process in system.processes[name]) for name in ALL}
        brokers = [pid for number in range(kafka.brokers) for pid in working_in(kafka.data / f"broker-{number + 1}")]
        yield Rig(postgres=postgres, kafka=kafka, layout=system.layout, pids=pids | {"postgres": (postgres.pid,), "kafka": tuple(brokers)})
    finally:
        system.stop()


async def people(rig: Rig, *names: str) -> list[dict[str, str]]:
    """The headers of people who signed in, in this order; each is signed in for eight hours."""
    headers = []
    for name in names:
        visitor = await Visitor.sign_in(name, url=rig.url)
        headers.append({"Authorization": f"Bearer {visitor.token}"})
        await visitor.close()
    return headers


def new_applicant() -> dict[str, str]:
    """Somebody who never applied before, as an application names whom it is of."""
    return {"id_number": id_number(next(_applicants))}


class Applications:
    """Applications ready to be handed in, each with three materials of its own that no case has yet.

    One application's materials are uploaded; the others are copies of their rows under ids of their own, made in intake's database,
    because a receipt reads those rows and never the files, and thousands of uploads would take longer than everything that is measured.
    """

    def __init__(self) -> None:
        self._numbers = iter(range(0))
        self._series = ""
        self.left = 0
        """How many there are still."""

    def take(self) -> bytes | None:
        """The next one as JSON; None when all are used."""
        number = next(self._numbers, None)
        if number is None:
            return None
        self.left -= 1
        named = [{"code": code, "material_id": f"{self._series}{place}{number:011x}"} for place, code in enumerate(MATERIALS)]
        return orjson.dumps(application(named, applicant=new_applicant()))

    async def prepare(self, rig: Rig, clerk: Mapping[str, str], *, count: int) -> None:
        """Make so many, in place of those that are left."""
        # Ids rise as those of real uploads do, which keeps the index as dense as it would be.
        self._series = f"{uuid.uuid4().hex[:8]}-0000-7000-8000-"
        wires = Wires(rig.url)
        for place in range(len(MATERIALS)):
            kept = await wires.call("POST", "/v1/materials", headers={**clerk, **MATERIAL, **fresh_key()}, body=scan(place))
            uploaded = orjson.loads(kept.body)["material_id"]
            rig.rows("intake", _COPY.format(series=self._series, place=place, count=count, uploaded=uploaded))
        wires.close()
        # Else both would begin by themselves while something is measured.
        for tidy in ("vacuum analyze materials", "checkpoint"):
            rig.rows("intake", tidy)
        self._numbers, self.left = iter(range(1, count + 1)), count


_COPY = """
    insert into materials (material_id, digest, size, media_type, uploader, organ, at)
    select '{series}{place}' || lpad(to_hex(number), 11, '0'), digest, size, media_type, uploader, organ, at
    from materials, generate_series(1, {count}) as number where material_id = '{uploaded}'
"""


def id_number(number: int) -> str:
    """A well-formed identity number of nobody, since order code 000 is never given out; 221,760 different ones."""
    day = number % 28 + 1
    month = number // 28 % 12 + 1
    year = 1950 + number // 336 % 55
    digits = f"{_BORN_IN[number // 18_480 % len(_BORN_IN)]}{year}{month:02}{day:02}000"
    return digits + _CHECKS[sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11]
