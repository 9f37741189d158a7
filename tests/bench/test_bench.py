"""Every part of the bench runs, small: what it counts is there and adds up. How fast it was is nobody's business here."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from bench import cases, clerks, latency, limits, registration, soak
from bench.load import HEADER
from bench.meter import DRIVER
from bench.report import Section
from bench.rig import HEARING, PREFIX, Rig

Found = TypeVar("Found")

TRIES = 6
"""A run of seconds on a machine that does other things may not see one case through; that says nothing of the bench."""

ACTS = {"upload", "receive", "sign", "accept", "decide", "hand over"}


async def seen(measure: Callable[[], Awaitable[Found]], count: Callable[[Found], int]) -> Found:
    """What was measured, once it saw something."""
    for _ in range(TRIES):
        found = await measure()
        if count(found):
            return found
    pytest.fail("no case was seen through")


async def test_registrations_are_counted_with_what_each_process_spent(rig: Rig) -> None:
    before = int(rig.rows("intake", "select count(*) from cases")[0][0])

    [cell] = await registration.measure(rig, clients=[2], seconds=[2])

    stored = int(rig.rows("intake", "select count(*) from cases")[0][0]) - before
    assert cell.result.failed == 0
    assert 0 < cell.result.calls <= stored, "the warm-up is stored, too, and not counted"
    assert sum(cell.result.by_period) == cell.result.calls
    assert cell.result.cpu_ms_per_call.keys() == {*rig.pids, DRIVER}
    assert cell.result.cpu_ms_per_call["intake"] > 0
    assert cell.result.row().count("|") == HEADER.partition("\n")[0].count("|")
    assert not cell.exhausted
    assert int(rig.rows("routing", "select count(*) from transfers")[0][0]) == before + stored


async def test_every_upload_of_the_bench_is_let_in(rig: Rig) -> None:
    found = await registration.upload(rig, clients=2, seconds=1)

    assert found.calls > 0
    assert found.failed == 0


async def test_tables_are_filled_with_as_many_cases_as_asked_for(rig: Rig) -> None:
    before = int(rig.rows("intake", "select count(*) from cases")[0][0])

    await registration.fill(rig, count=7, clients=3)

    assert int(rig.rows("intake", "select count(*) from cases")[0][0]) == before + 7


async def test_every_case_of_an_open_loop_is_seen_on_its_way(rig: Rig) -> None:
    found = await latency.measure(rig, per_second=5, seconds=2)

    assert found.cases == 10
    assert found.failed == 0
    assert all(0 < one <= other for one, other in zip(found.heard, found.routed, strict=True))
    assert all(len(values) == 3 for values in (found.answered, found.heard, found.routed, found.shown))


@pytest.mark.parametrize("uploads", [False, True])
async def test_whole_cases_close_with_every_act_and_no_look(rig: Rig, *, uploads: bool) -> None:
    closed = int(rig.rows("intake", "select count(*) from cases where state = 'closed'")[0][0])

    held = await seen(lambda: cases.measure(rig, at_once=3, seconds=6, warm=4, uploads=uploads), lambda held: len(held.shift.closed))

    assert not held.shift.failed
    assert int(rig.rows("intake", "select count(*) from cases where state = 'closed'")[0][0]) >= closed + len(held.shift.closed)
    acts = ACTS if uploads else ACTS - {"upload"}
    assert held.shift.waits.keys() == acts
    assert held.lag[0].keys() == held.lag[1].keys() == set(HEARING)
    assert all(f"| {act} |" in "\n".join(cases.tell(held)) for act in acts)


async def test_clerks_finish_cases_while_others_arrive(rig: Rig) -> None:
    day = await seen(lambda: clerks.measure(rig, clerks=2, beside=1, think=0, seconds=12, warm=1), lambda day: min(day.cases, day.beside))

    assert not +day.failed
    assert day.waits.keys() > ACTS | {"search", "route", "guide", "check", "list cases", "get handling", "timeline", "clocks"}


async def test_a_soak_tells_what_a_case_leaves_behind(rig: Rig) -> None:
    found = await seen(lambda: soak.measure(rig, per_second=1, seconds=6, warm=5, every=1), lambda found: found.closed)

    assert found.given_up == 0
    assert {len(values) for values in found.series.values()} == {len(found.at)}
    assert found.series.keys() > {f"MiB {name}" for name in rig.pids} | {f"records not yet heard, {name}" for name in HEARING}
    assert all(value > 1 for name in rig.pids for value in found.series[f"MiB {name}"])
    assert 0 < max(found.series["connections, all"]) <= 80
    assert found.rows_per_case["routing.transfers"] > 0
    assert found.log_bytes_per_case > 0
    assert any("routing.transfers" in line for line in soak.show(found))


async def test_the_limits_are_measured_with_what_is_installed(rig: Rig, tmp_path: Path) -> None:
    rig.postgres.create_database(f"{PREFIX}_bare")

    found = await limits.bare_http(
        rig.postgres.url(f"{PREFIX}_bare"), pids={"postgres": rig.pids["postgres"]}, clients=[2], seconds=1, folder=tmp_path
    )
    log = await limits.bare_log(rig.kafka.bootstrap, count=20)

    assert [result.failed for result in found] == [0] * len(found)
    assert {"bare", "postgres", DRIVER} <= found[0].cpu_ms_per_call.keys()
    assert 0 < log["p50_ms"] <= log["p99_ms"]


def test_a_part_never_overwrites_the_figures_of_another(rig: Rig, tmp_path: Path) -> None:
    for part in ("limits", "cases"):
        section = Section(rig, part=part, title=part, command="python -m bench.line")
        section.say(f"figures of {part}")
        section.finish(tmp_path)

    [of_cases, of_limits] = sorted(tmp_path.iterdir())
    assert "figures of cases" in of_cases.read_text()
    assert "figures of limits" in of_limits.read_text()
    assert "load average before" in of_limits.read_text()
