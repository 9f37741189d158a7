"""The service as a process on a real log: what it hears it seals, once, even when it is killed in the middle of sealing."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
import uuid_utils

from chassis import topics
from chassis.bus import Following
from chassis.bus_postgres import PostgresBus
from chassis.identity import SigningKey
from chassis.vault import write_wrapping_key
from contracts.codec import encode_object
from contracts.envelope import Envelope, to_record
from contracts.events import CASE_EVENTS, CREDENTIAL_EVENTS, CredentialIssued, DecisionSealed, Event, NoticeSealed
from tests.credential.builders import ORGANS, a_case, accepted, decided, received
from tests.credential.conftest import IntakeRoute, migrate
from tests.support.engines import DatabaseUrl

PATIENCE = 180.0
"""Seconds until something must have happened; a guard against hanging."""


class Log:
    """The event log, spoken to as the other services would."""

    def __init__(self, bus: PostgresBus) -> None:
        self._bus = bus
        self._following: dict[str, Following] = {}
        self.heard: list[tuple[str, dict[str, Any]]] = []

    async def tell(self, event: Event, *, service: str) -> None:
        await self._append(event.TOPIC, event.key, kind=event.TYPE, source=f"/{service}/{event.place}", data=encode_object(event))

    async def publish(self) -> None:
        for topic, key, data in ORGANS:
            await self._append(topic, key, kind="tongban.organ.published.v1", source="/catalog/", data=data)

    async def until_told(self, *kinds: type[Event]) -> list[dict[str, Any]]:
        """Read on until each kind was told at least once."""
        wanted = {kind.TYPE for kind in kinds}
        while not wanted <= {kind for kind, _ in self.heard}:
            await self.read()
        return [data for kind, data in self.heard if kind in wanted]

    async def read(self) -> None:
        for topic in (CASE_EVENTS, CREDENTIAL_EVENTS):
            if topic not in self._following:
                self._following[topic] = await self._bus.follow(topic)
            for record in await self._following[topic].batch(wait=0.1):
                kind = dict(record.headers)["ce_type"].decode()
                self.heard.append((kind, orjson.loads(record.value or b"{}")))

    async def close(self) -> None:
        for following in self._following.values():
            await following.close()
        await self._bus.stop()

    async def _append(self, topic: str, key: str, *, kind: str, source: str, data: Any) -> None:
        envelope = Envelope(
            id=str(uuid_utils.uuid7()),
            type=kind,
            source=source,
            subject=key,
            time=accepted(a_case()).at,
            key=key,
            sequence=1,
            position=1,
            data=data,
        )
        await self._bus.append(topic, await self._bus.partition(topic, key), [to_record(envelope)])


async def test_killed_in_sealing_it_seals_once_after_the_restart(
    tmp_path: Path, intake: IntakeRoute, database_url: DatabaseUrl, project: Path
) -> None:
    bus = PostgresBus(log_url := await database_url("log"))
    await bus.start()
    await bus.create(topics.load(project / "deploy/topics.yaml"))
    log = Log(bus)
    environment = _environment(tmp_path, intake=intake, project=project) | {
        "TONGBAN_CREDENTIAL_DATABASE_URL": await database_url("credential", prepare=migrate),
        "TONGBAN_CREDENTIAL_LOG_URL": log_url,
    }
    case_id = a_case()
    await log.publish()
    for event, service in ((received(case_id), "intake"), (accepted(case_id), "routing"), (decided(case_id), "routing")):
        await log.tell(event, service=service)

    output = tmp_path / "output"
    killed = await _start(environment | {"TONGBAN_CREDENTIAL_CRASH_POINT": "in-sealing"}, output=output)
    assert await asyncio.wait_for(killed.wait(), PATIENCE) == -signal.SIGKILL, output.read_text(encoding="utf-8")

    again = await _start(environment, output=output)
    async with asyncio.timeout(PATIENCE):
        told = await log.until_told(NoticeSealed, DecisionSealed, CredentialIssued)
    again.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(again.wait(), PATIENCE) in {0, -signal.SIGTERM}
    await log.read()
    await log.close()

    assert sorted(kind for kind, _ in log.heard if "sealed" in kind or "issued" in kind) == sorted(
        kind.TYPE for kind in (NoticeSealed, DecisionSealed, CredentialIssued)
    )
    assert {each["case_id"] for each in told} == {case_id}


def _environment(folder: Path, *, intake: IntakeRoute, project: Path) -> dict[str, str]:
    own = SigningKey.make("credential")
    (folder / "jwks.json").write_bytes(orjson.dumps({"keys": [own.public]}))
    (folder / "own.json").write_bytes(orjson.dumps(own.private))
    write_wrapping_key(folder / "wrapping-key")
    settings = {
        "topics_file": str(project / "deploy/topics.yaml"),
        "development": "true",
        "internal_jwks_file": str(folder / "jwks.json"),
        "internal_key_file": str(folder / "own.json"),
        "wrapping_key_file": str(folder / "wrapping-key"),
        "intake_url": intake.url,
    }
    return {**os.environ, **{f"TONGBAN_CREDENTIAL_{name.upper()}": value for name, value in settings.items()}}


async def _start(environment: dict[str, str], *, output: Path) -> asyncio.subprocess.Process:
    with output.open("ab") as written:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "credential_svc", env=environment, stdout=written, stderr=asyncio.subprocess.STDOUT
        )
