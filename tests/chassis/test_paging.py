"""Pages by keyset."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from chassis.paging import CursorInvalid, Pages, after
from chassis.vault import Vault
from tests.support.toy import WIDGETS, RunningToy

PAGES = Pages(vault=Vault(b"A" * 32), scope=("widgets", "region=360926"))


@given(st.lists(st.one_of(st.text(), st.integers(-(2**62), 2**62), st.booleans(), st.none()), min_size=1, max_size=4).map(tuple))
def test_a_cursor_gives_its_position_back(position: tuple[str | int | bool | None, ...]) -> None:
    assert PAGES.position(PAGES.cursor(position)) == position


def test_no_cursor_is_the_first_page() -> None:
    assert PAGES.position("") is None


def test_a_cursor_of_another_list_or_filter_is_refused() -> None:
    other = Pages(vault=Vault(b"A" * 32), scope=("widgets", "region=430181"))

    with pytest.raises(CursorInvalid):
        PAGES.position(other.cursor(("w-1",)))


@pytest.mark.parametrize("cursor", ["x", "é", "AAAA", "=", base64.urlsafe_b64encode(b"0" * 16 + b'["w-1"]').decode()])
def test_a_cursor_that_was_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        PAGES.position(cursor)


@pytest.mark.parametrize("descending", [False, True])
async def test_pages_show_every_row_once_while_others_are_added(toy: RunningToy, *, descending: bool) -> None:
    names = ["b", "a", "b", "c", "a", "b"]
    rows = [{"id": f"w-{number}", "owner": "somebody", "name": name, "version": 1} for number, name in enumerate(names)]
    async with toy.context.database.begin(toy.context) as tx:
        await tx.execute(insert(WIDGETS), rows)
    columns = (WIDGETS.c.name, WIDGETS.c.id)
    order = [column.desc() if descending else column for column in columns]
    seen: list[tuple[str, str]] = []
    position: tuple[object, ...] | None = None

    while True:
        statement = select(*columns).order_by(*order).limit(2)
        if position is not None:
            statement = statement.where(after(columns, position, descending=descending))
        async with toy.context.database.begin(toy.context) as tx:
            page = [(row.name, row.id) for row in await tx.execute(statement)]
            behind_us = {"id": f"n-{len(seen)}", "owner": "somebody", "name": "z" if descending else "", "version": 1}
            await tx.execute(insert(WIDGETS), behind_us)
        if not page:
            break
        seen += page
        position = page[-1]

    assert seen == sorted(((row["name"], row["id"]) for row in rows), reverse=descending)
