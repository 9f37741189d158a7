"""``make national``: who is competent, asked of a catalogue of the whole nation.

It makes the documents of `bench.nation`, hands them as records to a process of their own that follows them as a service does, and
asks that process distinct questions it never answered before. Every answer is held to the slow, plain twin of the tests. Figures and
bounds are printed; the last line says whether all holds.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psutil

from bench.nation import NOW, Nation, Scale
from contracts.catalogue import ItemVersion, Organ, Region
from contracts.codec import decode, encode_object
from contracts.delegations import Delegation
from contracts.documents import address
from contracts.values import ItemCode, ItemId, JsonObject, Mode, RegionCode
from rules.catalogue import Catalogue
from rules.competence import NoRoute, decide
from tests.contracts.plain_competence import Lists, Question, answer_of, answer_plainly, refusal_of

MEMORY = 400
"""MiB that a following process may take for its index."""
P99 = 100.0
"""Microseconds of processor time for a decision, explained and uncached."""
MIB = 2**20
EARLIER = datetime(2025, 6, 1, tzinfo=UTC)
"""The other instant that most questions are asked as of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the following process found."""

    records: int
    build_seconds: float
    build_cpu_seconds: float
    memory_mib: float
    """By which the process grew from its start to the index."""
    cpu_us: list[float]
    """Of each question, in its order."""
    wall_us: list[float]
    answers: list[JsonObject]


def ask(nation: Nation, count: int) -> list[Question]:
    """Distinct questions that people might ask, and some that they should not."""
    chance = random.Random(f"questions {nation.scale.seed}")
    places = [place.code for place in nation.places]
    everywhere = [one.code for one in nation.regions]
    agreed = [one for one in nation.agreements if one.alliance or (one.receiving and one.handling)]
    merged = [(one, nation.mergers[one.code]) for one in nation.organs if one.code in nation.mergers]
    below: dict[RegionCode, list[Region]] = {}
    for region in nation.regions:
        below.setdefault(nation.above[region.code][:2][-1], []).append(region)
    found: dict[Question, None] = {}
    while len(found) < count:
        item, mode, situation = chance.choice(nation.items), None, None
        at = chance.choice((NOW, NOW, NOW, EARLIER))
        match chance.choices(("agreed", "delegated", "merged", "gone", "home", "city", "anywhere"), (35, 20, 15, 5, 10, 10, 5))[0]:
            case "agreed":
                agreement = chance.choice(agreed)
                receiving, handling = (
                    chance.choice(agreement.receiving or agreement.alliance),
                    chance.choice(agreement.handling or agreement.alliance),
                )
                mode = chance.choice((None, None, Mode.COLLECT_HERE, Mode.FULLY_ONLINE))
                item = chance.choice(agreement.items or nation.items)
            case "delegated":
                one = chance.choice(nation.delegations)
                item, handling, situation = chance.choice(one.items), one.region, chance.choice((None, "new", "change"))
                receiving = chance.choice((handling, handling, *nation.above[handling], chance.choice(places)))
            case "merged":
                organ, how = chance.choice(merged)
                handling = chance.choice((organ.region, organ.region, *(one.code for one in below.get(organ.region, ()))))
                item, receiving = (
                    chance.choice(nation.items_of(organ)),
                    chance.choice((handling, *nation.above[handling], chance.choice(places))),
                )
                at = chance.choice((NOW, EARLIER, how.at, how.at - datetime.resolution, how.at + timedelta(days=60)))
            case "gone":
                item, handling = chance.choice(nation.gone)
                receiving = chance.choice(nation.above[handling])
            case "home":
                receiving = handling = chance.choice(everywhere)
            case "city":
                handling = chance.choice(places)
                receiving = RegionCode(chance.choice([place for place in places if place[:4] == handling[:4]]) + chance.choice(("", "101")))
            case _:
                receiving, handling = chance.choice(everywhere), chance.choice(everywhere)
        found[Question(item, receiving, handling, mode, at, situation)] = None
    return list(found)


def write_records(nation: Nation, path: Path) -> int:
    """Write every document as a line: topic, key, data; how many."""
    count = 0
    with path.open("wb") as file:
        for count, document in enumerate(nation.documents(), start=1):  # noqa: B007 - it is the answer
            topic, key, _ = address(document)
            file.write(orjson.dumps([topic, key, encode_object(document)]) + b"\n")
    return count


def follow(records: Path, questions: Path, results: Path) -> None:
    """In a process of its own: build the index from the records, answer the questions, write what it took."""
    process = psutil.Process()
    asked = [_question(row) for row in orjson.loads(questions.read_bytes())]
    catalogue, count = Catalogue(), 0
    gc.collect()
    before, began, cpu = process.memory_info().rss, time.perf_counter(), time.process_time()
    with records.open("rb") as file:
        for line in file:
            topic, key, data = orjson.loads(line)
            catalogue.apply(topic, key, data)
            count += 1
    built, built_cpu = time.perf_counter() - began, time.process_time() - cpu
    gc.collect()
    memory = process.memory_info().rss - before
    gc.freeze()
    cpu_us, wall_us, answers = [], [], []
    for one in asked:
        began_wall, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
        try:
            found = decide(
                catalogue,
                item_code=one.item_code,
                receiving_region=one.receiving_region,
                handling_region=one.handling_region,
                mode=one.mode,
                at=one.at,
                situation=one.situation,
            )
        except NoRoute as reason:
            ended_cpu, ended_wall = time.thread_time_ns(), time.perf_counter_ns()
            answers.append(refusal_of(reason))
        else:
            ended_cpu, ended_wall = time.thread_time_ns(), time.perf_counter_ns()
            answers.append(answer_of(found))
        cpu_us.append((ended_cpu - began_cpu) / 1000)
        wall_us.append((ended_wall - began_wall) / 1000)
    results.write_bytes(orjson.dumps([count, built, built_cpu, memory / MIB, cpu_us, wall_us, answers]))


def _question(row: Sequence[str | None]) -> Question:
    given = dict(zip(("item_code", "receiving_region", "handling_region", "mode", "at", "situation"), row, strict=True))
    return decode(Question, {**given})


def measure(nation: Nation, questions: Sequence[Question], *, folder: Path) -> Measured:
    """Have the questions answered by a process that follows the nation's records."""
    write_records(nation, folder / "records")
    (folder / "questions").write_bytes(orjson.dumps([[*encode_object(one).values()] for one in questions]))
    command = [sys.executable, "-m", "bench.national", "--follow", str(folder)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
    count, built, built_cpu, memory, cpu_us, wall_us, answers = orjson.loads((folder / "results").read_bytes())
    return Measured(
        records=count,
        build_seconds=built,
        build_cpu_seconds=built_cpu,
        memory_mib=memory,
        cpu_us=cpu_us,
        wall_us=wall_us,
        answers=answers,
    )


def compare(nation: Nation, questions: Sequence[Question], answers: Sequence[JsonObject]) -> list[int]:
    """Numbers of the questions that the plain twin answers otherwise.

    It is given the versions of the asked item and of all that take another's place, and regions, organs and delegations of the two provinces
    alone: to read all of them from the beginning for each question would take days and change no answer.
    """
    province = {code: chain[-2] if len(chain) > 1 else code for code, chain in nation.above.items()}
    regions: dict[RegionCode, list[Region]] = {}
    organs: dict[RegionCode, list[Organ]] = {}
    for region in nation.regions:
        regions.setdefault(province[region.code], []).append(region)
    for organ in nation.organs:
        organs.setdefault(province[organ.region], []).append(organ)
    delegations: dict[RegionCode, list[Delegation]] = {}
    for delegation in nation.delegations:
        delegations.setdefault(province[delegation.region], []).append(delegation)
    versions: dict[ItemCode, list[ItemVersion]] = {}
    taking: set[ItemId] = set()
    for version in nation.versions():
        versions.setdefault(version.item_code, []).append(version)
        if version.succeeds:
            taking.add(version.item_id)
    heirs = [version for item in versions.values() for version in item if version.item_id in taking]
    other = []
    for number, (one, answer) in enumerate(zip(questions, answers, strict=True)):
        near = dict.fromkeys((nation.regions[0].code, province[one.receiving_region], province[one.handling_region]))
        lists = Lists(
            regions=[region for code in near for region in regions[code]],
            organs=[organ for code in near for organ in organs.get(code, ())],
            versions=[*versions[one.item_code], *(heir for heir in heirs if heir.item_code != one.item_code)],
            agreements=nation.agreements,
            delegations=[delegation for code in near for delegation in delegations.get(code, ())],
        )
        if orjson.loads(orjson.dumps(answer_plainly(lists, one))) != answer:
            other.append(number)
    return other


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def tell(nation: Nation, found: Measured, other: Sequence[int], *, bounds: bool) -> list[str]:
    """What does not hold; prints the figures."""
    parts = list(nation.parts.every())
    refused = sum(1 for one in found.answers if "refused" in one)
    kinds: dict[str, int] = {}
    for one in found.answers:
        kinds[str(one.get("refused") or one["rule"])] = kinds.get(str(one.get("refused") or one["rule"]), 0) + 1
    print(f"places {len(nation.places)}, items {len(nation.items)}, regions {len(nation.regions)}, organs {len(nation.organs)}")
    print(
        f"records {found.records}: versions {found.records - len(nation.regions) - len(nation.organs) - len(nation.agreements) - len(nation.delegations) - len(parts)}, parts {len(parts)}, ",
        end="",
    )
    print(
        f"agreements {len(nation.agreements)} (largest alliance {max(len(one.alliance) for one in nation.agreements)}), delegations {len(nation.delegations)}"
    )
    print(
        f"mergers {len(nation.mergers)}, of them {sum(1 for one in nation.mergers.values() if one.into.code in nation.mergers)} into organs merged since, {sum(1 for one in nation.mergers.values() if one.at <= NOW)} by the instant asked most"
    )
    print(
        f"index built in {found.build_seconds:.1f} s wall, {found.build_cpu_seconds:.1f} s CPU; the process grew by {found.memory_mib:.0f} MiB"
    )
    for name, values in (("CPU", found.cpu_us), ("wall", found.wall_us)):
        print(
            f"decision {name}: p50 {percentile(values, 0.5):.1f} µs, p99 {percentile(values, 0.99):.1f} µs, max {max(values):.0f} µs, mean {statistics.fmean(values):.1f} µs"
        )
    print(
        f"{len(found.answers)} distinct questions, each once: {refused} refused; {', '.join(f'{rule} {count}' for rule, count in sorted(kinds.items()))}"
    )
    print(f"answers that the plain reference gives otherwise: {len(other)}")
    failed = [f"{len(other)} answers differ"] if other else []
    if bounds and found.memory_mib > MEMORY:
        failed.append(f"{found.memory_mib:.0f} MiB > {MEMORY}")
    if bounds and percentile(found.cpu_us, 0.99) > P99:
        failed.append(f"p99 {percentile(found.cpu_us, 0.99):.0f} µs > {P99:.0f}")
    return failed


def main() -> int:
    """Measure at the scale asked for; 0 when all holds."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--places", type=int, default=None, help="counties and leaf cities (all)")
    arguments.add_argument("--questions", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--follow", type=Path, help="used by the command itself")
    asked = arguments.parse_args()
    if asked.follow is not None:
        follow(asked.follow / "records", asked.follow / "questions", asked.follow / "results")
        return 0
    nation = Nation(scale=Scale(places=asked.places, seed=asked.seed))
    with tempfile.TemporaryDirectory(prefix="tongban-national-") as folder:
        questions = ask(nation, asked.questions)
        found = measure(nation, questions, folder=Path(folder))
    other = compare(nation, questions, found.answers)
    for number in other[:5]:
        print(f"differs: {questions[number]}: {found.answers[number]}")
    failed = tell(nation, found, other, bounds=True)
    print(f"national: {'; '.join(failed) if failed else 'all holds'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
