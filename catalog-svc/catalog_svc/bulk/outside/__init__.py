"""The worker: a process of its own reads and writes spreadsheets, so that neither a hostile file nor a large one holds up the service.

It gets no settings and no secrets, a bounded share of memory and of the processor, and talks in lines of JSON over its two pipes. When the
service dies its pipes close and it ends; what it had said counts only as far as the service committed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar, cast

import orjson

from catalog_svc.sheet.domain.refusals import SheetRefused, SheetTooLarge
from chassis.logs import get_logger
from contracts.values import JsonObject

PATIENCE = 240.0
"""Seconds for which the service waits on a worker for one file, in all; what the service itself takes between two reads does not count."""
TOO_HEAVY = 75
FAILED = 70
"""What a worker answers with when it ends: it had not enough memory, or did not know how to go on."""

_LINE = 16 * 1024 * 1024
_PIECE = 262_144
TICKS = 200
"""Looks at the clock in the time that a worker has."""
_MOST_SAID = 2_000
"""Bytes kept of what a worker says to operators."""

_log = get_logger()

Answer = TypeVar("Answer")
Pause = Callable[[float], Awaitable[None]]


class WorkerTooHeavy(SheetTooLarge):
    """The worker needed more time or memory than one file may have."""

    RULE = "sheet.too-heavy"
    ZH = "处理该文件超出资源上限，请拆分或者精简后上传"
    EN = "Reading the file takes more time or memory than one file may have; split it"


class WorkerFailed(SheetRefused):
    """The worker did not know how to go on: a defect of the system, which its log tells of."""

    RULE = "sheet.failed"
    ZH = "系统处理该文件时出错，已记入日志，请联系平台管理人员"
    EN = "The system failed over this file; operators find it in the log"


async def read_table(
    content: AsyncIterator[bytes], *, patience: float = PATIENCE, pause: Pause = asyncio.sleep
) -> AsyncGenerator[JsonObject]:
    """What a worker finds in a file: ``row`` for each row, and at the end ``end`` or ``refused``.

    Args:
        content: The file.
        patience: Seconds for which the worker is waited for, in all.
        pause: Lets seconds pass between two looks at whether it is waited for.

    Raises:
        WorkerTooHeavy: It was stopped before it was done.
        WorkerFailed: It did not know how to go on.
    """
    async with _worker("read", content, patience=patience, pause=pause) as worker:
        ended = False
        while line := await worker.line():
            said: JsonObject = orjson.loads(line)
            ended = ended or "end" in said or "refused" in said
            yield said
        await worker.conclude(whole=ended)


async def write_table(lines: AsyncIterator[bytes], *, how: str, patience: float = PATIENCE) -> AsyncGenerator[bytes]:
    """The file that a worker makes of lines of JSON: ``xlsx`` or ``csv`` of items, ``returned`` of rows that are given back.

    Args:
        lines: What it holds.
        how: Which.
        patience: Seconds for which the worker is waited for, in all.

    Raises:
        WorkerTooHeavy: It was stopped before it was done.
        WorkerFailed: It did not know how to go on.
    """
    async with _worker(how, lines, patience=patience) as worker:
        held = b""
        while piece := await worker.piece():
            # The last byte of all says that the file is whole and is none of it.
            if len(held + piece) > 1:
                yield (held + piece)[:-1]
            held = piece[-1:]
        await worker.conclude(whole=held == b"\n")


class _Worker:
    """A worker as the service sees it: what it says, and whether it is waited for."""

    def __init__(self, process: asyncio.subprocess.Process, *, task: str) -> None:
        self._process, self._task = process, task
        self._output = cast("asyncio.StreamReader", process.stdout)
        self._waiting = self._fetching = self._late = False
        self._told = b""

    async def line(self) -> bytes:
        """Its next line; nothing at the end."""
        try:
            return await self._awaited(self._output.readline())
        except ValueError as error:
            # A line beyond the bound is a worker gone astray.
            raise WorkerTooHeavy from error

    async def piece(self) -> bytes:
        """Its next bytes; nothing at the end."""
        return await self._awaited(self._output.read(_PIECE))

    async def conclude(self, *, whole: bool) -> None:
        """Let it end, and be told why where what it said is not whole.

        Raises:
            WorkerTooHeavy: It was stopped, by the clock or by its bounds.
            WorkerFailed: It ended otherwise.
        """
        code = await self._awaited(self._process.wait())
        if self._told:
            _log.error("worker.told", name=self._task, reason=f"exit {code}", error=self._told.decode(errors="replace"))
        # A table of text that broke off ends like a whole one: what the worker answered with counts too.
        if whole and code == 0:
            return
        raise WorkerTooHeavy if self._late or code < 0 or code == TOO_HEAVY else WorkerFailed

    async def feed(self, sent: AsyncIterator[bytes]) -> None:
        """Send it what it works on; what the service takes to have it at hand is none of its time."""
        pipe = cast("asyncio.StreamWriter", self._process.stdin)
        try:
            self._fetching = True
            async for piece in sent:
                self._fetching = False
                pipe.write(piece)
                await pipe.drain()
                self._fetching = True
        except ConnectionError:
            # The worker has ended: it says why, or it said too little.
            pass
        finally:
            self._fetching = False
            pipe.close()
            with contextlib.suppress(ConnectionError):
                await pipe.wait_closed()

    async def listen(self) -> None:
        """Keep the beginning of what it tells operators."""
        errors = cast("asyncio.StreamReader", self._process.stderr)
        while told := await errors.read(_PIECE):
            self._told = (self._told + told)[:_MOST_SAID]

    async def watch(self, patience: float, pause: Pause) -> None:
        """Stop it once it was waited for too long; never the service's own task, which may be in the middle of a transaction."""
        left = TICKS
        while left > 0:
            await pause(patience / TICKS)
            left -= self._waiting and not self._fetching
        self._late = True
        self.stop()

    def stop(self) -> None:
        """Take it down."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _awaited(self, answer: Awaitable[Answer]) -> Answer:
        self._waiting = True
        try:
            return await answer
        finally:
            self._waiting = False


@contextlib.asynccontextmanager
async def _worker(task: str, sent: AsyncIterator[bytes], *, patience: float, pause: Pause = asyncio.sleep) -> AsyncIterator[_Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__name__}.worker",
        task,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"},
    )
    worker = _Worker(process, task=task)
    feeding, *others = (asyncio.ensure_future(one) for one in (worker.feed(sent), worker.listen(), worker.watch(patience, pause)))
    try:
        yield worker
        # What went wrong on this side while the worker was fed is no fault of the file.
        await feeding
    finally:
        worker.stop()
        for one in (feeding, *others):
            one.cancel()
        await asyncio.gather(feeding, *others, return_exceptions=True)
        await process.wait()
