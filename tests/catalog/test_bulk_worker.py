"""The worker beside the service: waited for within bounds, never blamed for the service's own time, and what it died of is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from catalog_svc.bulk.domain.table import Reading
from catalog_svc.bulk.outside import TICKS, WorkerFailed, WorkerTooHeavy, read_table, write_table
from catalog_svc.sheet.domain.cells import Cell, Sheet, SheetRow
from tests.catalog.runs import NAMES, a_row
from tests.catalog.tables import HEADINGS, a_text


async def of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


class Clock:
    """Time that passes when the test says so: a look at the worker for each piece of it."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, _seconds: float) -> None:
        await self._pieces.get()
        self._pieces.task_done()

    async def pass_by(self, looks: int) -> None:
        """Return when the worker was looked at so often."""
        for _ in range(looks):
            self._pieces.put_nowait(None)
        await self._pieces.join()


class Broken(str):
    """A text over which the reading of its row breaks."""

    __slots__ = ()

    def partition(self, _sep: str, /) -> tuple[str, str, str]:
        raise ZeroDivisionError


async def test_a_service_slower_than_a_worker_may_be_still_hears_all_it_says() -> None:
    clock, said = Clock(), list[Any]()

    async with aclosing(read_table(of(a_text([HEADINGS, *(a_row(name) for name in NAMES)])), pause=clock)) as lines:
        async for line in lines:
            said.append(line)
            if len(said) == 1:
                await clock.pass_by(2 * TICKS)

    assert ["row" in line for line in said] == [True, True, True, False]


async def test_a_worker_that_is_waited_for_too_long_is_stopped_and_its_reader_told() -> None:
    with pytest.raises(WorkerTooHeavy):
        [line async for line in read_table(of(a_text([HEADINGS, a_row()])), patience=0.01)]


async def test_a_worker_that_does_not_know_how_to_go_on_is_not_called_too_heavy() -> None:
    with pytest.raises(WorkerFailed):
        [piece async for piece in write_table(of(b"no line of JSON\n"), how="csv")]


async def test_what_fails_while_a_worker_is_fed_is_no_fault_of_the_file() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b'{"body":{},"task":"","former":[],"planned":null}\n'
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        [piece async for piece in write_table(broken(), how="xlsx")]


def test_a_row_that_nobody_knows_how_to_read_leaves_the_others_to_be_read() -> None:
    header, good = [Cell(text) for text in HEADINGS], [Cell(text) for text in a_row()]
    rows = [SheetRow(1, header), SheetRow(2, [Cell(Broken(good[0].text)), *good[1:]]), SheetRow(3, good)]

    first, second = Reading().read([Sheet(name="清单", hidden=False, rows=rows)])

    assert (first.number, type(first.failed)) == (2, ZeroDivisionError)
    assert (second.number, second.failed, second.flaws) == (3, None, [])
