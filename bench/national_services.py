"""``make national``, second half: the nation's catalogue in real services on a durable PostgreSQL and Kafka.

The nation is published into catalog-svc's tables and sent by its relay. Then every process that follows is started from nothing and from
its own tables, alone and all together; single items are changed through the catalogue's door until every service holds them; and the
guide, the search and routes are asked over HTTP. Figures are printed beside their bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import orjson
import psutil

from bench.nation import NOW, Nation, Scale
from bench.nation_parts import ANSWERED
from bench.nation_publishing import publish, record_of
from bench.national import MEMORY, MIB, ask, percentile
from bench.wire import Answer, Wires
from catalog_svc.app import Settings, create_app
from catalog_svc.item.domain import ItemDraft
from chassis import seen
from chassis.identity import SigningKey
from contracts.caller import Caller, CallerKind, Role
from contracts.catalogue import ItemVersion
from contracts.values import RegionCode
from tongban_local.kafka import KafkaServer
from tongban_local.layout import lay_out
from tongban_local.postgres import PostgresServer
from tongban_local.system import System

PREFIX = "nation"
FROM_TOPICS = 60.0
"""Seconds from the start of a process whose tables are empty to its being ready."""
FROM_TABLES = 10.0
"""The same of one that has its tables."""
VISIBLE = 2.0
"""Seconds within which 99 of 100 changes are held by every service that follows versions."""
FOLLOWING = ("routing", "intake", "credential", "gateway", "catalog")
"""Who follows topics; the first two and the last follow versions, credential the rules, the gateway accounts alone."""
TABLES = ("catalog", "intake", "routing", "credential")
SEARCHES = ("食品经营许可", "身份证", "驾驶证", "shebao", "yyzz", "公积金", "结婚", "道路运输", "生育", "残疾人补贴", "")
PATIENCE = 900.0


@dataclass(slots=True, kw_only=True)
class Bounds:
    """What was found beside what may be."""

    failed: list[str] = field(default_factory=list)

    def hold(self, name: str, found: float, most: float, unit: str) -> None:
        """Print a figure with its bound."""
        good = found <= most
        print(f"{'ok  ' if good else 'FAIL'} {name}: {found:.2f} {unit} (bound {most:g})", flush=True)
        if not good:
            self.failed.append(f"{name} {found:.2f} > {most:g} {unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The engines, and the services that may be started on them."""

    postgres: PostgresServer
    kafka: KafkaServer
    system: System
    nation: Nation

    def rows(self, service: str, statement: str) -> list[list[str]]:
        """Ask a service's own tables, around the service."""
        return [line.split("|") for line in self.postgres.query(statement, database=f"{PREFIX}_{service}").splitlines()]

    def forget(self, service: str) -> None:
        """Empty what a service that does not run has followed, as if it were new."""
        if service in TABLES and self.rows(service, "select to_regclass('followed') is not null") == [["t"]]:
            self.postgres.query("truncate followed, follow_offsets", database=f"{PREFIX}_{service}")


@contextmanager
def standing(nation: Nation) -> Iterator[Ground]:
    """Engines of their own, in a folder that goes away; no service runs yet."""
    with tempfile.TemporaryDirectory(prefix="tongban-nation-") as folder:
        data = Path(folder)
        postgres = PostgresServer.start(data=data / "postgres", durable=True)
        try:
            kafka = KafkaServer.start(data=data / "kafka")
            try:
                system = System(lay_out(data=data, postgres=postgres, kafka_bootstrap=kafka.bootstrap, prefix=PREFIX))
                try:
                    yield Ground(postgres=postgres, kafka=kafka, system=system, nation=nation)
                finally:
                    system.stop()
            finally:
                kafka.remove()
        finally:
            postgres.remove()


def bring_in(ground: Ground) -> None:
    """Publish the nation, have it sent, print what it weighs."""
    catalog = ground.system["catalog"]
    catalog.start()
    catalog.wait_ready()
    os.environ.update(ground.system.layout.environment("catalog"))
    context = create_app(Settings()).state.context
    began = time.perf_counter()
    count = asyncio.run(_publish(context, ground.nation, since=began))
    loaded = time.perf_counter() - began
    _until(lambda: ground.rows("catalog", "select not exists (select from outbox)") == [["t"]], what="the outbox is sent")
    sent = time.perf_counter() - began
    print(f"published {count} documents: rows and outbox in {loaded:.0f} s ({count / loaded:.0f}/s), on the log after {sent:.0f} s")
    ground.postgres.query("vacuum analyze", database=f"{PREFIX}_catalog")


async def _publish(context: object, nation: Nation, *, since: float) -> int:
    def progress(line: str) -> None:
        print(f"  {time.perf_counter() - since:6.1f} s  {line}", flush=True)

    try:
        return await publish(context, nation, progress=progress)  # type: ignore[arg-type]  # the catalogue's own
    finally:
        await context.database.close()  # type: ignore[attr-defined]


def weigh(ground: Ground) -> None:
    """Print the size of each service's database and of the topics."""
    for service in TABLES:
        size = ground.rows(service, "select pg_database_size(current_database())")[0][0]
        tables = ground.rows(
            service,
            "select relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint from pg_class where relkind = 'r'"
            " and relnamespace = 'public'::regnamespace and pg_total_relation_size(oid) > 1048576 order by 2 desc limit 8",
        )
        told = ", ".join(f"{name} {int(each) / MIB:.0f} MiB" for name, each, _ in tables)
        print(f"database {service}: {int(size) / MIB:.0f} MiB ({told})")
    for topic in ("catalog.versions.v1", "catalog.parts.v1", "catalog.rules.v1"):
        files = [file for folder in ground.kafka.data.rglob(f"{topic}-*") for file in folder.glob("*.log")]
        print(f"topic {topic}: {sum(file.stat().st_size for file in files) / MIB:.0f} MiB")


def start_and_stop(ground: Ground, bounds: Bounds) -> None:
    """Each process alone, from nothing and from its tables; then all together, without bounds: so many share two cores."""
    system = ground.system
    system["catalog"].stop()
    for name in FOLLOWING:
        ground.forget(name)
        _time(ground, [name], bounds, kind="alone, from the topics", most=FROM_TOPICS)
        _until_stored(ground, name)
        system[name].stop()
        _time(ground, [name], bounds, kind="alone, from its tables", most=FROM_TABLES)
        system[name].stop()
    for kind, most in (("together, from the topics", FROM_TOPICS), ("together, from their tables", FROM_TABLES)):
        if most == FROM_TOPICS:
            for name in FOLLOWING:
                ground.forget(name)
        _time(ground, FOLLOWING, None, kind=kind, most=most)
        for name in FOLLOWING:
            _until_stored(ground, name)
        if most == FROM_TOPICS:
            system.stop()


def _time(ground: Ground, names: Sequence[str], bounds: Bounds | None, *, kind: str, most: float) -> None:
    """Start processes at once and wait until each is ready; without bounds the figures are only told."""
    began = time.perf_counter()
    for name in names:
        ground.system[name].start()
    waiting, ready = list(names), dict[str, float]()
    while waiting and time.perf_counter() - began < PATIENCE:
        for name in [each for each in waiting if ground.system[each].says_ready()]:
            ready[name] = time.perf_counter() - began
            waiting.remove(name)
        time.sleep(0.05)
    for name in names:
        seconds = ready.get(name, PATIENCE)
        process = psutil.Process(ground.system[name].pid or 0)
        memory, spent = process.memory_info().rss / MIB, process.cpu_times()
        if bounds is None:
            print(f"     {name} {kind}: ready after {seconds:.1f} s, {memory:.0f} MiB, CPU {spent.user + spent.system:.1f} s", flush=True)
        else:
            bounds.hold(f"{name} {kind}, ready", seconds, most, "s")
            bounds.hold(f"{name} {kind}, memory", memory, MEMORY, "MiB")
            print(f"     of which the process itself worked {spent.user + spent.system:.1f} s")


def _until_stored(ground: Ground, name: str) -> None:
    """Wait until the tables hold what the memory does."""
    if name not in TABLES:
        return
    wanted = 'select coalesce(sum("offset"), 0) from follow_offsets'
    last, now = "", ground.rows(name, wanted)[0][0]
    while last != now:
        time.sleep(1.5)
        last, now = now, ground.rows(name, wanted)[0][0]


def _until(holds: Callable[[], bool], *, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"not in {PATIENCE:.0f} s: {what}")
        time.sleep(0.2)


@dataclass(slots=True, kw_only=True)
class Doors:
    """The services' own doors, asked as the gateway asks."""

    ground: Ground
    wires: dict[str, Wires] = field(default_factory=dict)
    calls: int = 0

    async def call(
        self, service: str, method: str, path: str, *, by: Caller, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One call; its answer, whatever it is."""
        layout = self.ground.system.layout
        wires = self.wires.setdefault(service, Wires(layout.service_url(service)))
        key = SigningKey.load(layout.data / "keys/gateway.json")
        self.calls += 1
        told = {
            "Authorization": f"Bearer {key.mint(by, audience=service)}",
            "Idempotency-Key": f"nation-{self.calls}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        return await wires.call(method, path, headers=told, body=body)

    async def must(self, method: str, path: str, *, by: Caller, body: bytes = b"") -> Answer:
        """A call to the catalogue that must succeed."""
        answer = await self.call("catalog", method, path, by=by, body=body)
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.body[:400]!r}")
        return answer


def officer(role: Role, region: RegionCode) -> Caller:
    """Somebody who authors or reviews for a region."""
    return Caller(kind=CallerKind.STAFF, issuer="nation", account=f"{role}-{region}", roles=frozenset({role}), region=region)


async def change(doors: Doors, *, count: int) -> dict[str, list[float]]:
    """Publish changes of single items, one after the other; of each service the seconds until it held each."""
    nation = doors.ground.nation
    chance = random.Random(f"changes {nation.scale.seed}")
    wanted = _changeable(nation)
    found: dict[str, list[float]] = {"catalog": [], "intake": [], "routing": []}
    for version in chance.sample(wanted, min(count, len(wanted))):
        author, reviewer = officer(Role.CATALOGUE_AUTHOR, version.region), officer(Role.CATALOGUE_REVIEWER, version.region)
        drafted = await doors.must("POST", "/v1/service-items", by=author, body=_next_version(nation, version))
        path = f"/v1/service-items/versions/{orjson.loads(drafted.body)['version_id']}"
        await doors.must("POST", f"{path}/review", by=reviewer)
        began = time.perf_counter()
        published = await doors.must("POST", f"{path}/publication", by=reviewer)
        told = published.headers[seen.HEADER.lower().encode()].decode()
        body = orjson.loads(published.body)
        waits = {
            "catalog": f"/v1/routes?item={version.item_code}&region={version.region}&from={version.region}&at={quote(body['effective_from'])}",
            "intake": f"/v1/windows?region={version.region[:6]}",
            "routing": "/v1/dev/now",
        }
        seconds = await asyncio.gather(*(_held(doors, name, asked, told=told, began=began, by=reviewer) for name, asked in waits.items()))
        for name, each in zip(waits, seconds, strict=True):
            found[name].append(each)
    return found


def _changeable(nation: Nation) -> list[ItemVersion]:
    """Versions in force whose item is no part of another and always was its organ's, which stands alone."""
    newest = {one.item_id: one for one in nation.versions() if nation.is_whole(one.item_code)}
    mixed = {code for former, how in nation.mergers.items() for code in (former, how.into.code)}
    return [
        one
        for one in newest.values()
        if one.state == "published"
        and one.effective_from <= NOW
        and one.effective_to is None
        and one.organ not in mixed
        and not one.succeeds
    ]


def _next_version(nation: Nation, version: ItemVersion) -> bytes:
    content = record_of(version).content
    promised = content.promised_limit
    changed = replace(content, promised_limit=replace(promised, amount=promised.amount + 1))
    parts = nation.parts.of(version.item_code, name=version.name, province=nation.above[version.region][-2])
    return orjson.dumps(ItemDraft(content=changed, parts=parts).body())


async def _held(doors: Doors, service: str, path: str, *, told: str, began: float, by: Caller) -> float:
    """Seconds until a service answers that it has heard what was published."""
    while time.perf_counter() - began < PATIENCE:
        answer = await doors.call(service, "GET", path, by=by, headers={seen.HEADER: told})
        body = orjson.loads(answer.body) if answer.body else {}
        if answer.status != 503 and not body.get("behind"):
            return time.perf_counter() - began
    return PATIENCE


async def look(doors: Doors, *, count: int) -> dict[str, list[float]]:
    """Milliseconds of each answer of the guide, the search and routes, to one client."""
    nation = doors.ground.nation
    chance = random.Random(f"looks {nation.scale.seed}")
    by = officer(Role.CATALOGUE_AUTHOR, nation.places[0].code)
    versions = chance.sample(_changeable(nation), count)
    regions = [one.code for one in nation.places]
    asked: dict[str, list[str]] = {
        "guide, first question": [],
        "guide, answered": [],
        "search": [],
        "search near a place": [],
        "search, here": [],
        "route explained": [],
    }
    for version in versions:
        guide = f"/v1/service-items/{version.item_id}/guide"
        asked["guide, first question"].append(guide)
        asked["guide, answered"].append(f"{guide}?{ANSWERED}")
        word, place = quote(chance.choice(SEARCHES)), chance.choice(regions)
        asked["search"].append(f"/v1/search?q={word}")
        asked["search near a place"].append(f"/v1/search?q={word}&region={place}")
        asked["search, here"].append(f"/v1/search?q={word}&region={place}&here=true")
    for one in ask(nation, count):
        mode = "" if one.mode is None else f"&mode={one.mode.value}"
        asked["route explained"].append(
            f"/v1/routes?item={one.item_code}&region={one.handling_region}&from={one.receiving_region}&at={quote(one.at.isoformat())}{mode}"
        )
    found: dict[str, list[float]] = {}
    for name, paths in asked.items():
        times = []
        for path in paths:
            began = time.perf_counter()
            answer = await doors.call("catalog", "GET", path, by=by)
            times.append((time.perf_counter() - began) * 1000)
            if answer.status >= 500:
                raise SystemExit(f"{path}: {answer.status} {answer.body[:300]!r}")
        found[name] = times
    return found


async def use(ground: Ground, bounds: Bounds, *, changes: int, looks: int) -> None:
    """Change and ask, while every service runs."""
    doors = Doors(ground=ground)
    held = await change(doors, count=changes)
    for name, seconds in held.items():
        print(f"     {name}: p50 {percentile(seconds, 0.5):.3f} s, p99 {percentile(seconds, 0.99):.3f} s, max {max(seconds):.3f} s")
    slowest = [max(each) for each in zip(*held.values(), strict=True)]
    bounds.hold(f"publish → held by every service, p99 of {len(slowest)} changes", percentile(slowest, 0.99), VISIBLE, "s")
    for name, times in (await look(doors, count=looks)).items():
        print(
            f"     {name}: p50 {percentile(times, 0.5):.1f} ms, p95 {percentile(times, 0.95):.1f} ms, p99 {percentile(times, 0.99):.1f} ms ({len(times)} calls)"
        )
    for name in FOLLOWING:
        memory = psutil.Process(ground.system[name].pid or 0).memory_info().rss / MIB
        bounds.hold(f"{name} after all this, memory", memory, MEMORY, "MiB")
    for wires in doors.wires.values():
        wires.close()


def run(nation: Nation, *, changes: int = 200, looks: int = 300) -> list[str]:
    """Everything; what does not hold."""
    bounds = Bounds()
    with standing(nation) as ground:
        bring_in(ground)
        start_and_stop(ground, bounds)
        weigh(ground)
        asyncio.run(use(ground, bounds, changes=changes, looks=looks))
    return bounds.failed


def main() -> int:
    """Measure at the scale asked for; 0 when all bounds hold."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--places", type=int, default=None, help="counties and leaf cities (all)")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--changes", type=int, default=200)
    asked = arguments.parse_args()
    failed = run(Nation(scale=Scale(places=asked.places, seed=asked.seed)), changes=asked.changes)
    print(f"national services: {'; '.join(failed) if failed else 'all holds'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
