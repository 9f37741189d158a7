"""A newer seed while officers publish: neither stops the other, and what an officer does at that moment stays."""

import asyncio
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from catalog_svc.region.handlers import TREE
from catalog_svc.seed import load
from catalog_svc.seed.reading import Seed
from catalog_svc.word import handlers as words
from chassis.database import lock
from contracts.catalogue import Region
from contracts.values import NATION
from tests.catalog.builders import NATIONAL_AUTHOR, TONGGU, Service
from tests.catalog.test_seed_again import Newer

WAITING = text(
    "select virtualtransaction from pg_locks where locktype = 'advisory' and not granted "
    "and database = (select oid from pg_database where datname = current_database())"
)


class Renamed(Newer):
    """One region of the seed has another name than before."""

    def regions(self) -> list[Region]:
        return [replace(one, name="铜鼓新县") if one.code == TONGGU else one for one in super().regions()]


async def loads(service: Service, seed: Seed, *, told: list[str]) -> None:
    await load(service.context, told.append, seed=seed)


async def waited(service: Service, *, times: int = 1) -> None:
    """So many transactions were seen to wait for a lock, one after the other."""
    seen: set[Any] = set()
    while len(seen) < times:
        async with service.context.database.read(service.context) as tx:
            seen.update((await tx.execute(WAITING)).scalars())
        await asyncio.sleep(0.01)


async def named(service: Service) -> str:
    return str((await service.get(f"/regions/{TONGGU}")).json()["name"])


async def test_a_seed_that_brings_a_region_waits_for_an_officer_who_publishes_it_and_stops_nobody(service: Service) -> None:
    told: list[str] = []
    async with asyncio.TaskGroup() as both, service.context.database.begin(service.context) as officer:
        await lock(officer, TREE)
        both.create_task(loads(service, Renamed(), told=told))
        await waited(service)
        await lock(officer, f"region/{TONGGU}")

    assert await named(service) == "铜鼓新县"


async def test_a_seed_outlasts_an_officer_who_is_longer_at_it_than_a_lock_is_waited_for(service: Service) -> None:
    told: list[str] = []
    async with asyncio.TaskGroup() as both, service.context.database.begin(service.context) as officer:
        await lock(officer, TREE)
        both.create_task(loads(service, Renamed(), told=told))
        await waited(service, times=2)

    assert await named(service) == "铜鼓新县"


async def test_a_word_that_is_given_up_while_the_seed_looks_is_not_given_again(service: Service) -> None:
    word = next(one for one in Seed().words() if one.item is not None and one.region == NATION)
    told: list[str] = []
    async with asyncio.TaskGroup() as both, service.context.database.begin(service.context) as officer:
        await words.remove_word(officer, word, by=NATIONAL_AUTHOR)
        both.create_task(loads(service, Newer(), told=told))
        await waited(service)

    async with service.context.database.read(service.context) as tx:
        assert word not in await words.all_words(tx)
    assert any("given up here" in line for line in told)
