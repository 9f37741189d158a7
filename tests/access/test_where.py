"""The two readings of one right: whoever asks, SQL selects the very rows for which the rule says yes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis.database import where
from contracts.caller import Caller, CallerKind, Role
from contracts.values import NATION, CaseId, OrganCode, RegionCode
from rules.access import GRANTS, allows, tree
from tests.contracts.builders import CHANGSHA, DAYAO, HUNAN, LIUYANG, LIUYANG_MARKET, TONGGU, a_catalogue
from tests.support.engines import DatabaseUrl

CATALOGUE = a_catalogue()
REGIONS = st.sampled_from([TONGGU, LIUYANG, CHANGSHA, HUNAN, DAYAO, NATION, RegionCode("999999")])
ORGANS = st.sampled_from([LIUYANG_MARKET, OrganCode("11360926MB1234567X"), OrganCode("o'1")])
CASES = st.sampled_from([CaseId("c1"), CaseId("c2")])
KEYS = st.sampled_from(["k1:aa", "k1:bb"])

ROWS = Table(
    "rows",
    MetaData(),
    Column("id", Text, primary_key=True),
    *(
        Column(name, Text)
        for name in (
            "receiving_region",
            "receiving_organ",
            "handling_region",
            "handling_organ",
            "applicant_key",
            "case_id",
            "region",
            "organ",
        )
    ),
)

CALLERS = st.builds(
    Caller,
    kind=st.sampled_from(CallerKind),
    issuer=st.just("https://staff.example"),
    account=st.just("1"),
    roles=st.frozensets(st.sampled_from(Role), max_size=3),
    region=st.none() | REGIONS,
    organ=st.none() | ORGANS,
    case=st.none() | CASES,
)
A_ROW = st.fixed_dictionaries(
    {
        "receiving_region": st.none() | REGIONS,
        "receiving_organ": st.none() | ORGANS,
        "handling_region": st.none() | REGIONS,
        "handling_organ": st.none() | ORGANS,
        "applicant_key": st.none() | KEYS,
        "case_id": st.none() | CASES,
        "region": st.none() | REGIONS,
        "organ": st.none() | ORGANS,
    }
)


@pytest.fixture
async def engine(database_url: DatabaseUrl) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(await database_url("access"))
    async with made.begin() as connection:
        await connection.run_sync(ROWS.metadata.create_all)
    yield made
    await made.dispose()


async def test_sql_selects_what_the_right_allows_for_every_caller_and_row(engine: AsyncEngine) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None)
    @given(caller=CALLERS, keys=st.frozensets(KEYS), rows=st.lists(A_ROW, min_size=1, max_size=12))
    def agree(caller: Caller, keys: frozenset[str], rows: list[dict[str, Any]]) -> None:
        numbered = [{"id": str(number), **row} for number, row in enumerate(rows)]
        selected = asyncio.run_coroutine_threadsafe(selected_by_each_right(engine, caller, keys, numbered), loop).result()
        for (aggregate, action), found in selected.items():
            rule = tree(caller, aggregate, action, regions=CATALOGUE, applicant_keys=keys)
            assert found == {row["id"] for row in numbered if allows(rule, row)}, (aggregate, action)

    await asyncio.to_thread(agree)


async def selected_by_each_right(
    engine: AsyncEngine, caller: Caller, keys: frozenset[str], rows: list[dict[str, Any]]
) -> dict[tuple[str, str], set[str]]:
    """Ids of the rows that PostgreSQL selects, right by right."""
    async with engine.begin() as connection:
        await connection.execute(delete(ROWS))
        await connection.execute(insert(ROWS), rows)
        return {
            right: set(
                (
                    await connection.execute(
                        select(ROWS.c.id).where(where(tree(caller, *right, regions=CATALOGUE, applicant_keys=keys), ROWS.c))
                    )
                ).scalars()
            )
            for right in GRANTS
        }
