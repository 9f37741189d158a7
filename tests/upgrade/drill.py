"""An upgrade under load: the released version works, the new one joins it, the old one leaves; nobody who calls notices.

The order is that of ``docs/operations.md``: each service's new processes beside the old ones, the catalogue first; then a gateway that
knows both; callers are turned to it; the old gateway goes, and after it the old services.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.line import act, closed, delivered, receive, sealed, sign
from tests.upgrade.released import releases, unpack
from tongban_local.kafka import KafkaServer
from tongban_local.layout import ALL, SERVICES, Layout, lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import ServiceProcess
from tongban_local.visitor import Reply, Visitor
from tongban_operations.checker.check import check

CLERK, REVIEWER, APPROVER = "tonggu-clerk", "liuyang-reviewer", "liuyang-approver"
OLD, NEW = 0, 1
"""Which process of each service."""

FAILED = 500
"""Status from which on a call failed."""

READY = 180.0
"""Seconds for a process to start beside a whole system under load."""

LET_GO = 1.5
"""Seconds until a caller who was turned to another gateway has given back its connections to the former."""

ANSWERED = 120.0
"""Seconds in which a step of the upgrade must see an answered call."""

DRAINED = 150.0
"""Seconds for what is on its way when the last case is closed."""

Say = Callable[[str], None]


class Balancer(httpx.AsyncBaseTransport):
    """What stands before the gateways: sends each request to the next of those it knows."""

    def __init__(self, url: str) -> None:
        self.urls = [url]
        self.failed: Counter[str] = Counter()
        """Calls without an answer, by what happened."""
        self._turn = itertools.count()
        self._wire = httpx.AsyncHTTPTransport(limits=httpx.Limits(keepalive_expiry=LET_GO / 2))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass one request on."""
        chosen = httpx.URL(self.urls[next(self._turn) % len(self.urls)])
        request.url = request.url.copy_with(host=chosen.host, port=chosen.port)
        try:
            return await self._wire.handle_async_request(request)
        except httpx.TransportError as error:
            self.failed[f"{type(error).__name__} {request.method}"] += 1
            raise

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._wire.aclose()


@dataclass(slots=True)
class Outcome:
    """What became of it."""

    cases: int = 0
    """Received and closed."""
    unfinished: Counter[str] = field(default_factory=Counter)
    """Cases that stopped half-way, by the reason."""
    calls: Counter[str] = field(default_factory=Counter)
    """Answered calls by step of the upgrade."""
    failed: Counter[str] = field(default_factory=Counter)
    """Calls that were answered 500 and above or not at all."""
    parked: int = 0
    differences: list[str] = field(default_factory=list)
    """What the checker found."""


class Load:
    """Whole cases, one after the other, by clerks who come to the balancer."""

    def __init__(self, balancer: Balancer, tokens: Mapping[str, str], *, clerks: int, outcome: Outcome) -> None:
        self.step = "old alone"
        self.stop = asyncio.Event()
        self._http = httpx.AsyncClient(transport=balancer, base_url="http://balancer", timeout=40)
        self._tokens = tokens
        self._clerks = clerks
        self._numbers = itertools.count()
        self._outcome = outcome

    async def run(self) -> None:
        """Work until told to stop; returns when the cases in hand are closed."""
        async with self._http:
            await asyncio.gather(*(self._work() for _ in range(self._clerks)))

    async def work_for(self, seconds: float) -> None:
        """Let the present step last so long, and until somebody was answered in it: a machine may stand still for longer."""
        end = time.monotonic() + ANSWERED
        await asyncio.sleep(seconds)
        while not self._outcome.calls[self.step] and time.monotonic() < end:  # noqa: ASYNC110 - a count sets no event
            await asyncio.sleep(0.1)

    async def _work(self) -> None:
        while not self.stop.is_set():
            await self._life(next(self._numbers))

    async def _life(self, number: int) -> None:
        # People of one case have what they have seen of it to themselves, as at their own screens.
        clerk, reviewer, approver = (self._person(name) for name in (CLERK, REVIEWER, APPROVER))
        try:
            no = await receive(clerk, seed=number)
            await sign(reviewer, no)
            await act(reviewer, no, "acceptance")
            await sealed(approver, no)
            await act(approver, no, "decision", {"outcome": "granted"})
            await delivered(clerk, no)
            await closed(clerk, no)
        except (AssertionError, httpx.TransportError) as error:
            self._outcome.unfinished[f"{self.step}: {type(error).__name__} {error}"[:300]] += 1
            await asyncio.sleep(1)
        else:
            self._outcome.cases += 1

    def _person(self, name: str) -> Visitor:
        return Visitor(name=name, http=self._http, token=self._tokens[name], watch=self._note)

    def _note(self, method: str, path: str, reply: Reply) -> None:
        self._outcome.calls[self.step] += 1
        if reply.status >= FAILED:
            self._outcome.failed[f"{self.step}: {method} {path.split('/')[1]} {reply.status} {reply.rule}"] += 1


@dataclass(kw_only=True)
class Drill:
    """Both versions of one system."""

    layout: Layout
    postgres: PostgresServer
    prefix: str
    old: dict[str, ServiceProcess]
    new: dict[str, ServiceProcess]
    old_settings: Mapping[str, str]
    """What the released version must be told otherwise, by the settings' names."""

    @classmethod
    def prepare(cls, data: Path, *, postgres: PostgresServer, kafka: KafkaServer, prefix: str) -> "Drill":
        """Lay out a system with an old and a new process of each service; nothing is started.

        Raises:
            NotInThisClone: The released code is not at hand.
        """
        folder = data / "released"
        folder.mkdir()
        code = unpack(releases()[-1], folder=folder)
        layout = lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=prefix, processes=dict.fromkeys(ALL, 2))
        return cls(
            layout=layout,
            postgres=postgres,
            prefix=prefix,
            old={name: ServiceProcess(name, layout=layout, log=data / f"{name}-old.log", process=OLD, code=code) for name in ALL},
            new={name: ServiceProcess(name, layout=layout, log=data / f"{name}-new.log", process=NEW) for name in ALL},
            old_settings={
                "topics_file": str(code / "deploy/topics.yaml"),
                # It is told of its own generation alone, as it was when it was started.
                **{f"{name}_url": layout.service_url(name, process=OLD) for name in SERVICES},
            },
        )

    async def run(self, *, clerks: int, seconds: float, say: Say) -> Outcome:
        """Upgrade while so many cases are under way at any time; each step lasts ``seconds``."""
        outcome = Outcome()
        with ExitStack() as started:
            for process in (*self.old.values(), *self.new.values()):
                started.callback(process.kill)
            await asyncio.to_thread(self._start_old)
            balancer = Balancer(self.layout.service_url("gateway", process=OLD))
            tokens = {name: await self._token(name) for name in (CLERK, REVIEWER, APPROVER)}
            load = Load(balancer, tokens, clerks=clerks, outcome=outcome)
            running = asyncio.create_task(load.run())
            try:
                await load.work_for(seconds)
                async for step in self._steps(balancer):
                    load.step = step
                    say(step)
                    await load.work_for(seconds)
            finally:
                load.stop.set()
                await running
            await self._settle(outcome)
            outcome.failed.update(balancer.failed)
            for process in self.new.values():
                await asyncio.to_thread(process.stop)
        return outcome

    def _start_old(self) -> None:
        for names in (ALL[:1], ALL[1:]):
            for name in names:
                self.old[name].start(self.old_settings)
            for name in names:
                self.old[name].wait_ready(seconds=READY)

    async def _steps(self, balancer: Balancer) -> AsyncIterator[str]:
        for names in (SERVICES[:1], SERVICES[1:]):
            for name in names:
                self.new[name].start()
            for name in names:
                await asyncio.to_thread(self.new[name].wait_ready, seconds=READY)
        yield "new services hear beside the old"
        self.new["gateway"].start()
        await asyncio.to_thread(self.new["gateway"].wait_ready, seconds=READY)
        balancer.urls.append(self.layout.service_url("gateway", process=NEW))
        yield "both versions are called"
        del balancer.urls[0]
        # Its callers let go of their connections before the old gateway goes.
        await asyncio.sleep(LET_GO)
        await asyncio.to_thread(self.old["gateway"].stop)
        for name in SERVICES:
            await asyncio.to_thread(self.old[name].stop)
        yield "new alone"

    async def _token(self, name: str) -> str:
        visitor = await Visitor.sign_in(name, url=self.layout.url)
        await visitor.close()
        return str(visitor.token)

    async def _settle(self, outcome: Outcome) -> None:
        end = time.monotonic() + DRAINED
        while any(self._count(name, "outbox") for name in SERVICES) and time.monotonic() < end:  # noqa: ASYNC110 - other processes' state
            await asyncio.sleep(0.1)
        outcome.parked = sum(self._count(name, "parked") for name in SERVICES)
        report = await check(databases=self.layout.database_urls, bootstrap=self.layout.kafka_bootstrap, log=None, journal=None)
        outcome.differences = [
            f"{each.rule} {each.about}: {each.en}; expected {each.expected}, found {each.found}" for each in report.differences
        ]

    def _count(self, name: str, table: str) -> int:
        return int(self.postgres.query(f"select count(*) from {table}", database=f"{self.prefix}_{name}"))  # noqa: S608 - our own names
