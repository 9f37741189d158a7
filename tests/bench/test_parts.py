"""What the bench is made of, without a system."""

import asyncio
import re
from contextlib import suppress
from datetime import date

import pytest

from bench import verdict
from bench.cases import Held, Shift
from bench.load import Result, run
from bench.meter import DRIVER, Meter, tell
from bench.profile import read
from bench.rig import id_number
from bench.soak import Soak, slope
from bench.wire import Broken, Wires
from rules.identifiers import check_identity
from tongban_local.layout import ROOT


def test_a_straight_line_has_its_slope_and_no_error() -> None:
    found = slope([0.0, 10.0, 20.0, 30.0], [5.0, 6.0, 7.0, 8.0])

    assert found.per_hour == pytest.approx(360)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert (found.first, found.last) == (5.0, 8.0)


def test_noise_shows_as_error_of_the_slope() -> None:
    found = slope([0.0, 10.0, 20.0, 30.0], [5.0, 9.0, 4.0, 8.0])

    assert found.error > abs(found.per_hour)


def a_rate(*, closed: int = 10, given_up: int = 0, lag: int = 5, waiting: int = 0) -> Held:
    shift = Shift(closed=[float(number) for number in range(closed)])
    shift.failed["sign: 500"] = given_up
    return Held(seconds=10, at_once=1, shift=shift, cpu_ms_per_case={}, lag=({"routing": 5}, {"routing": lag}), waiting=(0, waiting))


@pytest.mark.parametrize(
    ("held", "about"),
    [
        (a_rate(given_up=2), "2 cases given up"),
        (a_rate(closed=0), "0 closed"),
        (a_rate(lag=5 + verdict.MOVES + 1), "routing: records not yet heard 5 → "),
        (a_rate(waiting=verdict.MOVES + 1), "outbox rows"),
    ],
)
def test_a_rate_that_is_not_held_is_told(held: Held, about: str) -> None:
    [found] = verdict.of_cases(held)

    assert about in found


def test_a_rate_that_is_held_is_told_as_well() -> None:
    assert verdict.of_cases(a_rate(lag=5 + verdict.MOVES)) == []


def test_memory_that_grows_is_told_from_memory_that_moves() -> None:
    at = [10.0 * number for number in range(60)]
    series = {
        "MiB intake": [100.0 + number for number in range(60)],
        "MiB routing": [100.0 + number % 3 for number in range(60)],
        "connections, all": [81.0] * 60,
    }

    found = verdict.of_soak(Soak(closed=1, at=at, series=series))

    assert [text.partition(":")[0] for text in found] == ["MiB intake", "81 connections"]


def test_one_failed_call_is_enough() -> None:
    good = Result(name="upload", clients=1, seconds=1, calls=5, failed=0, waits=[], by_period=[])
    bad = Result(name="upload", clients=8, seconds=1, calls=5, failed=1, waits=[], by_period=[])

    assert verdict.of_calls([good, bad]) == ["upload, 8 clients: 1 of 5 calls failed"]


def test_the_processor_time_of_the_bench_itself_is_told_apart() -> None:
    meter = Meter({})
    sum(range(2_000_000))

    assert meter.per(1)[DRIVER] > 0
    assert tell({"intake": 1.0, "routing": 2.0, DRIVER: 4.0}) == "3.00 (intake 1.00, routing 2.00; driver 4.00 more)"


def test_the_people_of_the_bench_have_well_formed_numbers_and_one_each() -> None:
    numbers = [id_number(number) for number in range(60_000)]

    assert len(set(numbers)) == len(numbers)
    assert not any(check_identity("resident_id", number=number, on=date(2026, 11, 22)) for number in numbers[::97])
    assert all(re.search(r"000[0-9X]$", number) for number in numbers), "an order code that nobody was given"


def test_a_sample_belongs_to_the_library_it_was_in_and_to_our_module_that_called_it() -> None:
    ours, theirs = f"act ({ROOT}/routing-svc/routing_svc/transfer/store.py:3)", f"run ({ROOT}/.venv/lib/site-packages/asyncpg/pool.py:9)"

    found = read([f"main (x.py:1);{ours};{theirs} 3", f"main (x.py:1);{ours} 1"])

    assert found.samples == 4
    assert found.libraries == {"asyncpg": 3, "routing-svc": 1}
    assert found.modules == {"routing_svc.transfer.store": 4}


async def _serve(answer: bytes) -> asyncio.Server:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(answer)
            await writer.drain()
            if b"close" in answer:
                writer.close()
                return

    async def forgiving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await take(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    return await asyncio.start_server(forgiving, "127.0.0.1", 0)


async def _call(server: asyncio.Server, times: int) -> list[tuple[int, bytes]]:
    wires = Wires(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        answers = [await wires.call("GET", "/", headers={}) for _ in range(times)]
        return [(answer.status, answer.body) for answer in answers]
    finally:
        wires.close()
        server.close()


async def test_a_connection_is_used_again() -> None:
    server = await _serve(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")

    assert await _call(server, 3) == [(201, b"ok")] * 3


async def test_an_answer_in_chunks_is_put_together() -> None:
    server = await _serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")

    assert await _call(server, 2) == [(200, b"abc")] * 2


async def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    server = await _serve(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    assert await _call(server, 3) == [(200, b"")] * 3


async def test_half_an_answer_is_none() -> None:
    server = await _serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Then: close\r\n\r\nhalf")

    with pytest.raises(Broken):
        await _call(server, 1)


async def test_whoever_gives_up_hangs_up() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        left.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    wires = Wires(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    calling = asyncio.create_task(wires.call("GET", "/", headers={}))
    await asked.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    await asyncio.wait_for(left.wait(), timeout=60)
    wires.close()
    server.close()


async def test_calls_that_get_no_answer_are_counted_as_failed() -> None:
    server = await _serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Then: close\r\n\r\nhalf")
    left = iter(range(5))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    result = await run(
        url, "nothing", pids={}, clients=1, seconds=0.2, make=lambda: None if next(left, None) is None else ("GET", "/", b"", {})
    )
    server.close()

    assert result.failed == result.calls
    assert result.per_second == 0
