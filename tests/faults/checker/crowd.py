"""One finished life copied many times, straight into databases and log: a crowd of cases for the checker, without living them all."""

import json
import re
from collections.abc import Sequence

from tests.faults.checker.ground import Ground

TABLES = {
    "intake": ("cases", "material_claims"),
    "routing": ("cases", "transfers", "handlings", "clocks", "notices", "deliveries", "receipts", "timeline_entries"),
    "credential": ("receipts", "sealings", "credentials"),
}
"""Tables with a row of every case, by service."""

_FIRST = 1_000_000
"""Seven digits, larger than what the original's names end with."""

_EVENT_ID = '("ce_id","[0-9a-f-]{29})[0-9a-f]{7}'
"""In the headers as the log keeps them; the id less its last seven digits stays."""

_OF_CASE = "material_id in (select material_id from material_claims where case_id = '{case_id}')"
_CANONICAL = """'{' || (select string_agg(to_json(key)::text || ':' || value::text, ',' order by key collate "C") from jsonb_each(before.body)) || '}'"""
"""A receipt's JSON as its digest is made of it: flat, keys sorted, no spaces."""

READERS = ("intake", "routing", "credential")


def make_crowd(ground: Ground, *, case_id: str, number: int, after: int = 0) -> None:
    """Copy everything that stands of a case so many times, under ids of its own each time; signatures are not made anew.

    Args:
        ground: The line; at rest.
        case_id: A case that is closed.
        number: How many copies.
        after: How many of them were made before.
    """
    first = _FIRST + after
    copies = f"generate_series({first}, {first + number - 1}) n"
    names = _names(ground, case_id)
    for statement in _copy_materials(case_id, names=names, copies=copies):
        ground.query("intake", statement)
    for service, tables in TABLES.items():
        for table in tables:
            key = "entry_id" if table == "timeline_entries" else ""
            ground.query(service, _copy(table, case_id=case_id, names=names, copies=copies, identity=key))
    ground.query("intake", _copy_answer(case_id, names=names, copies=copies))
    receipts = int(ground.query("routing", f"select max(number) from receipts where case_id = '{case_id}'"))  # noqa: S608 - our own id
    for place in range(2, receipts + 1):
        ground.query("routing", _chain(case_id, place=place))
    events = ground.query("log", f"select headers from log where convert_from(value, 'UTF8') like '%{case_id}%'").splitlines()  # noqa: S608
    ids = [dict(json.loads(line))["ce_id"] for line in events]
    for service in READERS:
        ground.query(service, _copy_inbox(ids, copies=copies))
        ground.query(service, _copy_seen(case_id, copies=copies))
    for topic in ("case.events.v1", "credential.events.v1"):
        ground.query("log", _copy_log(topic, case_id=case_id, names=names, copies=copies))


def _names(ground: Ground, case_id: str) -> list[str]:
    """Everything that names this case and nothing else, the longest first: one name may begin another."""
    found = [case_id, ground.query("intake", f"select case_no from cases where case_id = '{case_id}'")]  # noqa: S608
    for service, column, table in (
        ("routing", "notice_id", "notices"),
        ("credential", "credential_id", "credentials"),
        ("intake", "material_id", "material_claims"),
    ):
        found += ground.query(service, f"select {column} from {table} where case_id = '{case_id}'").splitlines()  # noqa: S608
    assert all(re.fullmatch(r"[0-9A-Za-z-]+", name) for name in found)
    return sorted(found, key=len, reverse=True)


def _renamed(text: str, names: Sequence[str]) -> str:
    """SQL for a text with another ending on every name; all names keep their length."""
    for name in names:
        text = f"replace({text}, '{name}', '{name[:-7]}' || n::text)"
    return text


def _copy(table: str, *, case_id: str, names: Sequence[str], copies: str, identity: str) -> str:
    rows = f"select {_renamed('t::text', names)}::{table} as r from {table} t, {copies} where case_id = '{case_id}'"  # noqa: S608
    # Materialised: a row taken apart into columns would be renamed again for each of them.
    made = f"with copies as materialized ({rows})"
    if identity:
        columns = 'case_id, at, kind, zh, en, organ, region, "by", audience, remark_sealed'
        copied = ", ".join(f"(r).{column.strip()}" for column in columns.split(","))
        return f"{made} insert into {table} ({columns}) select {copied} from copies"  # noqa: S608
    return f"{made} insert into {table} select (r).* from copies"  # noqa: S608


def _copy_materials(case_id: str, *, names: Sequence[str], copies: str) -> list[str]:
    """Whose pieces are counted and never opened."""
    where = _OF_CASE.format(case_id=case_id)
    name = _renamed("material_id", names)
    return [
        f"insert into materials select {name}, digest, size, media_type, uploader, organ, at from materials, {copies} where {where}",  # noqa: S608
        f"insert into material_chunks select {name}, number, '\\x00' from material_chunks, {copies} where {where}",  # noqa: S608
        f"""insert into secret_keys select 'material:' || {name}, '\\x00', '', now() from materials, {copies} where {where}""",  # noqa: S608
    ]


def _copy_answer(case_id: str, *, names: Sequence[str], copies: str) -> str:
    text = "convert_from(body, 'UTF8')"
    body = f"convert_to({_renamed(text, names)}, 'UTF8')"
    return f"""insert into idempotency select caller, route, key || n::text, fingerprint, status, headers, {body}, at
        from idempotency, {copies} where route like '%/v1/cases' and convert_from(body, 'UTF8') like '%{case_id}%'"""  # noqa: S608


def _chain(case_id: str, *, place: int) -> str:
    """Let the copies' receipts of one number name the copies before them."""
    digest = f"'sha256:' || encode(sha256(convert_to({_CANONICAL}, 'UTF8')), 'hex')"
    return f"""update receipts r set body = jsonb_set(r.body, '{{previous}}', to_jsonb({digest})) from receipts before
        where r.number = {place} and before.number = {place - 1} and before.case_id = r.case_id
            and left(r.case_id, -7) = '{case_id[:-7]}' and r.case_id <> '{case_id}'"""  # noqa: S608


def _copy_inbox(ids: Sequence[str], *, copies: str) -> str:
    listed = ", ".join(f"'{event_id}'" for event_id in ids)
    return f"""insert into inbox (consumer, event_id) select consumer, left(event_id, 29) || n::text
        from inbox, {copies} where event_id in ({listed})"""  # noqa: S608


def _copy_seen(case_id: str, *, copies: str) -> str:
    return f"""insert into seen (service, key, position) select service, '{case_id[:-7]}' || n::text, position
        from seen, {copies} where key = '{case_id}'"""  # noqa: S608


def _copy_log(topic: str, *, case_id: str, names: Sequence[str], copies: str) -> str:
    """Spread over the partitions, in the order of the life that is copied."""
    headers = f"regexp_replace({_renamed('headers', names)}, '{_EVENT_ID}', '\\1' || n::text)"
    text = "convert_from(value, 'UTF8')"
    value = f"convert_to({_renamed(text, names)}, 'UTF8')"
    return f"""with copies as (
            select n % 6 as place, row_number() over (partition by n % 6 order by n, "offset") - 1 as nth,
                {_renamed("key", names)} as key, {headers} as headers, {value} as value
            from log, {copies}
            where topic = '{topic}' and convert_from(value, 'UTF8') like '%{case_id}%'
        ), moved as (
            update partitions set next_offset = next_offset + (select count(*) from copies where place = partition)
            where topic = '{topic}' returning partition, next_offset - (select count(*) from copies where place = partition) as first
        )
        insert into log (topic, partition, "offset", key, headers, value)
        select '{topic}', place, first + nth, key, headers, value from copies join moved on partition = place"""  # noqa: S608
