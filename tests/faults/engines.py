"""PostgreSQL and Kafka under fire: started on disks of their own, ended by signals, started again where everybody knows them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.faults.disks import SmallDisk
from tongban_local.kafka import KafkaServer
from tongban_local.postgres import PostgresServer
from tongban_local.processes import EngineFailed, Progress, is_root, wait_until, working_in

DISKS = {"postgres": 2500, "kafka": 1200}
"""Megabytes of the small disks: several times what a whole run writes."""

NO_ROOM = "No space left on device"
MORE = "create temporary table more as select repeat('x', 1000) from generate_series(1, 50000)"
"""Some 50 MB, gone with the connection."""

GONE = 30.0
"""Seconds until a killed server must be gone."""


@dataclass(slots=True, kw_only=True)
class Engines:
    """The two engines of one system."""

    data: Path
    postgres: PostgresServer
    kafka: KafkaServer
    disks: dict[str, SmallDisk] = field(default_factory=dict)
    """By engine; empty where disks cannot be filled."""

    @classmethod
    def start(cls, data: Path, *, stack: ExitStack, brokers: int, ports: tuple[int, int | None], disks: bool, progress: Progress) -> Self:
        """Start both; ``stack`` stops and removes them.

        Args:
            data: Folder of the system.
            stack: Ends them.
            brokers: Of Kafka.
            ports: That of the first broker, and the one that clients of a single broker are sent to.
            disks: Whether each has a small disk of its own.
            progress: Told of what takes long.

        Raises:
            EngineFailed: One cannot be started, or no disk can be mounted.
        """
        small: dict[str, SmallDisk] = {}
        # Durable: a server that does not wait for its log may lose what it said it committed when it is killed, and no service could help that.
        postgres = PostgresServer.start(data=data / "postgres", progress=progress)
        postgres.stop()
        place = Path(postgres._record.place)  # whoever fills its disk must know where it is
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        if disks:
            small["postgres"] = SmallDisk.mount(place, megabytes=DISKS["postgres"], nobody=is_root())
            stack.callback(small["postgres"].unmount)
            small["kafka"] = SmallDisk.mount(data / "kafka", megabytes=DISKS["kafka"])
            stack.callback(small["kafka"].unmount)
        postgres = PostgresServer.start(data=data / "postgres")
        stack.callback(lambda: PostgresServer.start(data=data / "postgres").stop() if _lives(place) else None)
        kafka = KafkaServer.start(data=data / "kafka", brokers=brokers, port=ports[0], advertised=ports[1], progress=progress)
        stack.callback(kafka.stop)
        return cls(data=data, postgres=postgres, kafka=kafka, disks=small)

    async def end_postgres(self, number: signal.Signals, *, away: float) -> tuple[float, bool]:
        """End the database server by a signal, leave it away for some seconds, start it again; when it was back, and whether it was gone."""
        before = self.postgres.pid
        os.kill(before, number)
        await asyncio.sleep(away)
        await asyncio.to_thread(self.start_postgres)
        return time.monotonic(), self.postgres.pid != before

    def start_postgres(self) -> None:
        """Start the database server again on the port that everybody knows, once the old one is gone."""
        wait_until(lambda: not self.postgres._process.alive(), seconds=GONE)
        self.postgres = PostgresServer.start(data=self.data / "postgres", port=self.postgres.port)

    async def end_kafka(self, *, away: float, broker: int = 1) -> tuple[float, bool]:
        """Kill a broker, leave it away for some seconds, start it again; when it was back, and whether it was gone until then."""
        self.kafka.kill(broker)
        await asyncio.sleep(away)
        gone = not working_in(self.kafka.data / f"broker-{broker}")
        await asyncio.to_thread(self.kafka.restart)
        return time.monotonic(), gone

    async def fill_disk(self, engine: str, *, full: float) -> tuple[float, bool]:
        """Fill an engine's disk for some seconds, free it, start the engine if it ended over that.

        When it was back, and whether it met the full disk.
        """
        disk = self.disks[engine]
        met = self._kafka_ended if engine == "kafka" else self._postgres_refuses
        try:
            await asyncio.to_thread(disk.fill)
            await asyncio.sleep(full)
            struck = await asyncio.to_thread(met)
        finally:
            disk.free()
        if engine == "kafka":
            await asyncio.to_thread(self.kafka.restart)
        elif not await asyncio.to_thread(self._answers):
            await asyncio.to_thread(self.start_postgres)
        return time.monotonic(), struck

    def _kafka_ended(self) -> bool:
        """True when the broker ended, as it does when it cannot append; its own log lies on the disk that is full."""
        return not working_in(self.kafka.data / "broker-1")

    def _postgres_refuses(self) -> bool:
        """True when the server has no room for more, or ended over that."""
        try:
            self.postgres.query(MORE)
        except EngineFailed as refused:
            return NO_ROOM in str(refused) or not self.postgres._process.alive()
        return False

    def _answers(self) -> bool:
        """True when the database server lives and takes connections within a while."""
        return wait_until(lambda: not self.postgres._process.alive() or self._accepts(), seconds=GONE) and self.postgres._process.alive()

    def _accepts(self) -> bool:
        try:
            self.postgres.query("select 1")
        except Exception:  # noqa: BLE001 - whatever it says, it does not accept
            return False
        return True


def _lives(place: Path) -> bool:
    return bool(working_in(place / "cluster"))
