"""One finished life copied many times, straight into databases and log: a crowd of cases for the checker, without living them all."""

import json
import re
from collections.abc import Sequence

from tests.faults.checker.ground import Ground

TABLES = {
    "intake": ("cases",),
    "routing": ("cases", "transfers", "handlings", "clocks", "notices", "deliveries", "receipts", "timeline_entries"),
    "credential": ("receipts", "sealings", "credentials"),
}
"""Tables with a row of every case, by service."""

_FIRST = 1_000_000
"""Seven digits, larger than what the original's names end with."""

_EVENT_ID = '("ce_id","[0-9a-f-]{29})[0-9a-f]{7}'
"""In the headers as the log keeps them; the id less its last seven digits stays."""

READERS = ("intake", "routing", "credential")


def make_crowd(ground: Ground, *, case_id: str, number: int) -> None:
    """Copy everything that stands of a case so many times, under ids of its own each time; signatures are not made anew.

    Args:
        ground: The line; at rest.
        case_id: A case that is closed.
        number: How many copies.
    """
    names = _names(ground, case_id)
    for service, tables in TABLES.items():
        for table in tables:
            key = "entry_id" if table == "timeline_entries" else ""
            ground.query(service, _copy(table, case_id=case_id, names=names, number=number, identity=key))
    events = ground.query("log", f"select headers from log where convert_from(value, 'UTF8') like '%{case_id}%'").splitlines()  # noqa: S608
    ids = [dict(json.loads(line))["ce_id"] for line in events]
    for service in READERS:
        ground.query(service, _copy_inbox(ids, number=number))
        ground.query(service, _copy_seen(case_id, number=number))
    for topic in ("case.events.v1", "credential.events.v1"):
        ground.query("log", _copy_log(topic, case_id=case_id, names=names, number=number))


def _names(ground: Ground, case_id: str) -> list[str]:
    """Everything that names this case and nothing else, the longest first: one name may begin another."""
    found = [case_id, ground.query("intake", f"select case_no from cases where case_id = '{case_id}'")]  # noqa: S608
    for service, column, table in (("routing", "notice_id", "notices"), ("credential", "credential_id", "credentials")):
        found += ground.query(service, f"select {column} from {table} where case_id = '{case_id}'").splitlines()  # noqa: S608
    assert all(re.fullmatch(r"[0-9A-Za-z-]+", name) for name in found)
    return sorted(found, key=len, reverse=True)


def _renamed(text: str, names: Sequence[str]) -> str:
    """SQL for a text with another ending on every name; all names keep their length."""
    for name in names:
        text = f"replace({text}, '{name}', '{name[:-7]}' || n::text)"
    return text


def _copy(table: str, *, case_id: str, names: Sequence[str], number: int, identity: str) -> str:
    rows = f"select {_renamed('t::text', names)}::{table} as r from {table} t, generate_series({_FIRST}, {_FIRST} + {number} - 1) n where case_id = '{case_id}'"  # noqa: S608
    # Materialised: a row taken apart into columns would be renamed again for each of them.
    copies = f"with copies as materialized ({rows})"
    if identity:
        columns = 'case_id, at, kind, zh, en, organ, region, "by", audience, remark_sealed'
        copied = ", ".join(f"(r).{column.strip()}" for column in columns.split(","))
        return f"{copies} insert into {table} ({columns}) select {copied} from copies"  # noqa: S608
    return f"{copies} insert into {table} select (r).* from copies"  # noqa: S608


def _copy_inbox(ids: Sequence[str], *, number: int) -> str:
    listed = ", ".join(f"'{event_id}'" for event_id in ids)
    return f"""insert into inbox (consumer, event_id) select consumer, left(event_id, 29) || n::text
        from inbox, generate_series({_FIRST}, {_FIRST} + {number} - 1) n where event_id in ({listed})"""  # noqa: S608


def _copy_seen(case_id: str, *, number: int) -> str:
    return f"""insert into seen (service, key, position) select service, '{case_id[:-7]}' || n::text, position
        from seen, generate_series({_FIRST}, {_FIRST} + {number} - 1) n where key = '{case_id}'"""  # noqa: S608


def _copy_log(topic: str, *, case_id: str, names: Sequence[str], number: int) -> str:
    """Spread over the partitions, in the order of the life that is copied."""
    headers = f"regexp_replace({_renamed('headers', names)}, '{_EVENT_ID}', '\\1' || n::text)"
    text = "convert_from(value, 'UTF8')"
    value = f"convert_to({_renamed(text, names)}, 'UTF8')"
    return f"""with copies as (
            select n % 6 as place, row_number() over (partition by n % 6 order by n, "offset") - 1 as nth,
                {_renamed("key", names)} as key, {headers} as headers, {value} as value
            from log, generate_series({_FIRST}, {_FIRST} + {number} - 1) n
            where topic = '{topic}' and convert_from(value, 'UTF8') like '%{case_id}%'
        ), moved as (
            update partitions set next_offset = next_offset + (select count(*) from copies where place = partition)
            where topic = '{topic}' returning partition, next_offset - (select count(*) from copies where place = partition) as first
        )
        insert into log (topic, partition, "offset", key, headers, value)
        select '{topic}', place, first + nth, key, headers, value from copies join moved on partition = place"""  # noqa: S608
