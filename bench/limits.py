"""The limits a figure is held against, measured in the same run on the same machine.

* `bare_http`: FastAPI + one SQLAlchemy Core transaction of two inserts, one process, no gateway, no rules.
* `bare_log`: produce one record, acknowledged by all replicas, until a consumer in another task has it.

Nothing below these can be expected of a system that does more.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, MetaData, Table, Text, func, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine

from bench.load import Load, Result, percentiles
from tongban_local.ports import free_port

METADATA = MetaData()
THINGS = Table("bare_things", METADATA, Column("id", Text, primary_key=True), Column("body", JSONB), Column("at", DateTime(timezone=True)))
NOTES = Table("bare_notes", METADATA, Column("id", Text, primary_key=True), Column("body", JSONB), Column("at", DateTime(timezone=True)))


class Thing(BaseModel):
    """What the bare application takes: as much JSON as an application form."""

    name: str
    body: dict[str, str]


def create_app() -> FastAPI:
    """The bare application, its database address in ``BENCH_DATABASE_URL``."""
    engine = create_async_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10, max_overflow=0)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/things", status_code=201)
    async def post_thing(thing: Thing, request: Annotated[Request, Depends(_same)]) -> dict[str, str]:
        key = str(uuid.uuid4())
        del request
        async with engine.begin() as connection:
            await connection.execute(insert(THINGS).values(id=key, body=thing.body, at=func.now()))
            await connection.execute(insert(NOTES).values(id=key, body={"about": key}, at=func.now()))
        return {"id": key}

    return app


async def _same(request: Request) -> Request:
    return request


async def bare_http(database_url: str, *, clients: tuple[int, ...], seconds: float) -> list[Result]:
    """Measure the bare application at each number of clients."""
    port = free_port()
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing is measured yet
        [
            sys.executable,
            "-m",
            "uvicorn",
            "bench.limits:create_app",
            "--factory",
            "--port",
            str(port),
            "--log-level",
            "warning",
            "--no-access-log",
        ],
        env=os.environ | {"BENCH_DATABASE_URL": database_url},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as http:
            for _ in range(200):
                try:
                    await http.get(f"{url}/openapi.json")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        body = {"name": "个体工商户登记", "body": {f"field_{number}": "浏阳市集里街道" * 5 for number in range(12)}}
        load = Load(url, pids={"bare": process.pid})
        return [
            await load.run(
                f"bare FastAPI + two inserts, {count} clients", clients=count, seconds=seconds, make=lambda: ("POST", "/things", body, {})
            )
            for count in clients
        ]
    finally:
        process.terminate()
        process.wait()


async def bare_log(bootstrap: str, *, count: int = 500, rate: float = 100.0) -> dict[str, float]:
    """Milliseconds from before the produce until the consumer has the record, at a steady rate."""
    topic = f"bare-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    await asyncio.sleep(1)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=0)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    await producer.start()
    await consumer.start()
    waits: list[float] = []

    async def consume() -> None:
        async for record in consumer:
            waits.append((time.perf_counter() - float(record.value or b"0")) * 1000)
            if len(waits) >= count:
                return

    reading = asyncio.create_task(consume())
    begun = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        await producer.send_and_wait(topic, str(time.perf_counter()).encode())
    await asyncio.wait_for(reading, timeout=30)
    await producer.stop()
    await consumer.stop()
    p50, p95, p99 = percentiles(waits)
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
