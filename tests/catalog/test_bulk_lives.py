"""Lives of imports and exports under runners that die or fall asleep at any point: nothing is lost, and no state is reached without its rows.

Officers ask for whatever step comes to their mind, somebody withdraws a draft, months pass. A runner is cut off at its n-th transaction, before it
or with its work done and not committed; or it sleeps there while another runner does everything, and then goes on as if nothing had happened.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_svc.bulk import store
from catalog_svc.bulk.domain.runs import KEPT, READING, WORKING, RunState
from catalog_svc.bulk.jobs import forget, go_on, go_on_with_files
from catalog_svc.context import Catalog
from chassis.database import Database, Tx
from tests.catalog.builders import AUTHOR, LIUYANG, REVIEWER, Service
from tests.catalog.runs import NAMES, a_row, cells_of, seen, settle, step, upload
from tests.catalog.tables import HEADINGS, a_text

WRONG = 60
"""Rows that come back: more than are kept in one transaction."""
STEPS = {"execution": AUTHOR, "review": REVIEWER, "publication": REVIEWER, "cancellation": AUTHOR, "stop": REVIEWER}
EXPECTED_LEFT = {"imported": "good", "reviewed": "drafted", "published": "reviewed"}

_fees = itertools.count(1)


class Lost(BaseException):
    """The runner's process is gone: nothing of it runs any more."""


class Failing(Database):
    """The service's database, for a runner that something befalls at its n-th transaction."""

    def __init__(self, of: Database, *, at: int, befall: Callable[[], Awaitable[None]], within: bool) -> None:
        self._of, self._left, self._befall, self._within = of, at, befall, within
        self.limit = of.limit

    @asynccontextmanager
    async def consume(self, context: Any) -> AsyncIterator[Tx[Any]]:
        self._left -= 1
        if self._left == 0 and not self._within:
            await self._befall()
        async with self._of.consume(context) as tx:
            yield tx
            if self._left == 0 and self._within:
                await self._befall()

    @asynccontextmanager
    async def read(self, context: Any) -> AsyncIterator[Tx[Any]]:
        async with self._of.read(context) as tx:
            yield tx


def seen_by(context: Catalog, database: Database) -> Catalog:
    return replace(context, database=database)


async def dies(service: Service, *, at: int, within: bool) -> None:
    """A runner is lost at its n-th transaction; what it was told before is all that stands."""

    async def gone() -> None:
        raise Lost

    context = seen_by(service.context, Failing(service.context.database, at=at, befall=gone, within=within))
    for runner in (go_on_with_files, go_on):
        try:
            await runner(context)
        except Lost:
            return


async def oversleeps(service: Service, *, at: int) -> None:
    """A runner lost its lock and does not know: another does all there is to do, then it goes on."""
    fell, wake = asyncio.Event(), asyncio.Event()

    async def sleeps() -> None:
        fell.set()
        await wake.wait()

    for runner in (go_on_with_files, go_on):
        fell.clear()
        wake.clear()
        context = seen_by(service.context, Failing(service.context.database, at=at, befall=sleeps, within=False))
        asleep = asyncio.create_task(runner(context))
        watching = asyncio.create_task(fell.wait())
        await asyncio.wait({asleep, watching}, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        if not asleep.done():
            await settle(service)
        wake.set()
        await asyncio.gather(asleep, return_exceptions=True)


@dataclass
class Life:
    """One import, and an export now and then."""

    service: Service
    run_id: str
    exports: list[str] = field(default_factory=list)

    async def move(self, name: str, at: int) -> None:
        """Do, or try, one thing."""
        if name in STEPS:
            asked = "cancellation" if name == "stop" else name
            answer = await step(self.service, self.run_id, asked, by=STEPS[name])
            assert answer.status_code in {200, 403, 409, 412}, answer.text
        elif name == "run":
            await settle(self.service)
        elif name in {"die", "die within"}:
            await dies(self.service, at=at, within=name == "die within")
        elif name == "oversleep":
            await oversleeps(self.service, at=at)
        elif name == "withdraw":
            drafted = [row for row in await self.taken() if row["version_id"] is not None]
            for row in drafted[at % 2 : at % 2 + 1]:
                await self.service.post(f"/service-items/versions/{row['version_id']}/withdrawal", by=REVIEWER)
        elif name == "export":
            asked_for = await self.service.client.post(
                "/v1/service-items/exports", json={"region": LIUYANG, "format": "csv"}, headers=self.service.headers(AUTHOR)
            )
            if asked_for.status_code == 201:
                self.exports.append(asked_for.json()["run_id"])
        else:
            self.service.context.now.set_offset(self.service.context.now.offset.total_seconds() + (KEPT.days + 1) * 86_400)
            await forget(self.service.context)

    async def taken(self) -> Sequence[Any]:
        """Rows that were good when they were checked."""
        asked, headers = f"/v1/service-items/imports/{self.run_id}/rows", self.service.headers(AUTHOR)
        pages = [(await self.service.client.get(asked, params={"limit": "100"}, headers=headers)).json()["items"]]
        return [row for page in pages for row in page if row["state"] != "bad"]

    async def holds(self) -> None:
        """What must be so at any moment."""
        run = await seen(self.service, self.run_id)
        counts, state = run["counts"], RunState(run["state"])
        if state in {RunState.RECEIVED, RunState.CANCELLED}:
            return
        assert state is not RunState.REFUSED, run
        assert (run["rows"], sum(counts.values()), counts["bad"]) == (WRONG + 2, WRONG + 2, WRONG)
        assert counts[EXPECTED_LEFT[state]] == 0 if state in EXPECTED_LEFT else True
        back = await self.service.client.get(f"/v1/service-items/imports/{self.run_id}/returned", headers=self.service.headers(AUTHOR))
        async with self.service.context.database.read(self.service.context) as tx:
            forgotten = not await store.list_rows(tx, self.run_id, states=[], after=0, limit=1)
        assert forgotten is (state is RunState.EXPIRED or (forgotten and state is RunState.PUBLISHED))
        if forgotten:
            assert back.status_code == 404
        else:
            given = len(cells_of(back.content)) - 1
            assert given == counts["bad"] + counts["refused"] if state not in WORKING else given >= counts["bad"]
            for row in await self.taken():
                assert (row["version_id"] is not None) is (row["state"] in {"drafted", "reviewed", "published", "unchanged"}) or (
                    row["state"] == "refused"
                )
        for export in self.exports:
            await self.export_is_whole(export)

    async def export_is_whole(self, run_id: str) -> None:
        """A file that may be fetched has every row."""
        asked = f"/v1/service-items/exports/{run_id}"
        run = (await self.service.client.get(asked, headers=self.service.headers(AUTHOR))).json()
        file = await self.service.client.get(f"{asked}/file", headers=self.service.headers(AUTHOR))
        assert (file.status_code == 200) <= (run["state"] == "ready")
        if file.status_code == 200:
            assert len(cells_of(file.content)) == run["rows"] + 1 > 10


MOVES = ["run", "run", "die", "die within", "oversleep", *STEPS, "execution", "review", "publication", "withdraw", "export", "expire"]


@pytest.fixture
def uploaded(service: Service) -> Callable[[], Awaitable[Life]]:
    async def make() -> Life:
        fees = f"收费 {next(_fees)} 元"
        wrong = [a_row(NAMES[2], promiseDay="很快") for _ in range(WRONG)]
        answer = await upload(service, a_text([HEADINGS, a_row(NAMES[0], fees=fees), *wrong, a_row(NAMES[1], fees=fees)]))
        return Life(service, answer.json()["run_id"])

    return make


@settings(max_examples=8, deadline=None, suppress_health_check=[*HealthCheck])
@given(moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(1, 7)), min_size=4, max_size=10))
async def test_whatever_befalls_its_runners_a_run_loses_nothing(
    uploaded: Callable[[], Awaitable[Life]], moves: list[tuple[str, int]]
) -> None:
    life = await uploaded()
    for name, at in moves:
        await life.move(name, at)
        await life.holds()

    await settle(life.service)

    await life.holds()
    assert RunState((await seen(life.service, life.run_id))["state"]) not in WORKING


@pytest.mark.parametrize("at", [1, 3, 5, 7])
async def test_a_reader_that_was_overtaken_keeps_nothing_more(uploaded: Callable[[], Awaitable[Life]], at: int) -> None:
    life = await uploaded()
    await life.move("export", 0)

    await oversleeps(life.service, at=at)
    await settle(life.service)

    await life.holds()
    run = await seen(life.service, life.run_id)
    assert (run["state"], run["counts"]["good"]) == ("checked", 2)
    async with life.service.context.database.read(life.service.context) as tx:
        assert await store.next_run(tx, READING) is None


async def test_every_step_at_every_transaction_survives_the_loss_of_its_runner(uploaded: Callable[[], Awaitable[Life]]) -> None:
    life = await uploaded()
    for name in ("", "execution", "review", "publication"):
        if name:
            await life.move(name, 0)
        for at, within in itertools.product(range(1, 7), (False, True)):
            await dies(life.service, at=at, within=within)
            await life.holds()
        await settle(life.service)
        await life.holds()

    assert (await seen(life.service, life.run_id))["counts"]["published"] == 2
