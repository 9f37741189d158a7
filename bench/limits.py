"""The limits a figure is held against, measured in the same run on the same machine.

* `bare_http`: FastAPI + one SQLAlchemy Core transaction of two inserts, one process, no gateway, no rules; and nginx before it.
* `bare_log`: produce one record, acknowledged by all replicas, until a consumer in another task has it.

Nothing below these can be expected of a system that does more.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import httpx
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, MetaData, Table, Text, func, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import create_async_engine

from bench.load import Result, percentiles, run
from bench.wire import JSON
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


async def bare_http(
    database_url: str, *, pids: Mapping[str, Sequence[int]], clients: Sequence[int], seconds: float, folder: Path
) -> list[Result]:
    """Measure the bare application at each number of clients, and again behind nginx where that is installed.

    Args:
        database_url: An empty database.
        pids: Whose processor time counts beside the application's own: the database's.
        clients: How many.
        seconds: Of each cell.
        folder: For nginx's own files.
    """
    port = free_port()
    with _application(database_url, port=port) as pid:
        await _until_it_answers(port)
        found = await _measure(port, name="bare FastAPI + two inserts", pids={"bare": (pid,), **pids}, clients=clients, seconds=seconds)
        nginx = shutil.which("nginx")
        if nginx is not None:
            front = free_port()
            with _proxy(nginx, folder=folder, port=front, to=port) as proxy:
                await _until_it_answers(front)
                behind = {"bare": (pid,), "nginx": (proxy,), **pids}
                found += await _measure(front, name="the same behind nginx", pids=behind, clients=clients, seconds=seconds)
    return found


async def _measure(port: int, *, name: str, pids: Mapping[str, Sequence[int]], clients: Sequence[int], seconds: float) -> list[Result]:
    body = orjson.dumps({"name": "个体工商户登记", "body": {f"field_{number}": "浏阳市集里街道" * 5 for number in range(12)}})
    url = f"http://127.0.0.1:{port}"
    return [
        await run(url, name, pids=pids, clients=count, seconds=seconds, make=lambda: ("POST", "/things", body, JSON)) for count in clients
    ]


@contextmanager
def _application(database_url: str, *, port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "uvicorn", "bench.limits:create_app", "--factory", "--port", str(port)]
    environment = os.environ | {"BENCH_DATABASE_URL": database_url}
    with _running([*command, "--log-level", "warning", "--no-access-log"], environment=environment) as pid:
        yield pid


@contextmanager
def _proxy(program: str, *, folder: Path, port: int, to: int) -> Iterator[int]:
    """Nginx as one would put it before an application: as many workers as processors, connections behind it kept open."""
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, port=port, to=to), encoding="utf-8")
    with _running([program, "-e", str(folder / "error.log"), "-c", str(file), "-g", "daemon off;"]) as pid:
        yield pid


@contextmanager
def _running(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(command, env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def _until_it_answers(port: int) -> None:
    async with httpx.AsyncClient() as http:
        for _ in range(200):
            with suppress(httpx.TransportError):
                if (await http.get(f"http://127.0.0.1:{port}/openapi.json")).is_success:
                    return
            await asyncio.sleep(0.1)
    raise TimeoutError(port)


_NGINX = """
worker_processes auto;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream behind {{ server 127.0.0.1:{to}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


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
