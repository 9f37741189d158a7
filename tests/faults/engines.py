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
from tongban_local.processes import Progress, is_root, wait_until, working_in

DISKS = {"postgres": 2500, "kafka": 1200}
"""Megabytes of the small disks: several times what a whole run writes."""

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
        # Every row then tells the instant of its commit, which the checker compares with the order on the log.
        postgres.query("alter system set track_commit_timestamp = on")
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

    async def end_postgres(self, number: signal.Signals, *, away: float) -> float:
        """End the database server by a signal, leave it away for some seconds, start it again; the instant at which it was back."""
        os.kill(self.postgres.pid, number)
        await asyncio.sleep(away)
        await asyncio.to_thread(self.start_postgres)
        return time.monotonic()

    def start_postgres(self) -> None:
        """Start the database server again on the port that everybody knows, once the old one is gone."""
        wait_until(lambda: not self.postgres._process.alive(), seconds=GONE)
        self.postgres = PostgresServer.start(data=self.data / "postgres", port=self.postgres.port)

    async def end_kafka(self, *, away: float, broker: int = 1) -> float:
        """Kill a broker, leave it away for some seconds, start it again; the instant at which it was back."""
        self.kafka.kill(broker)
        await asyncio.sleep(away)
        await asyncio.to_thread(self.kafka.restart)
        return time.monotonic()

    async def fill_disk(self, engine: str, *, full: float) -> float:
        """Fill an engine's disk for some seconds, free it, start the engine if it ended over that; when it was back."""
        disk = self.disks[engine]
        try:
            await asyncio.to_thread(disk.fill)
            await asyncio.sleep(full)
        finally:
            disk.free()
        if engine == "kafka":
            await asyncio.to_thread(self.kafka.restart)
        elif not await asyncio.to_thread(self._answers):
            await asyncio.to_thread(self.start_postgres)
        return time.monotonic()

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
