"""Parts in the database."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Boolean, Column, Index, Table, Text, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from catalog_svc.context import Catalog
from catalog_svc.schema import METADATA, AtHand
from chassis import outbox
from chassis.database import Tx
from contracts.catalogue import Part
from contracts.codec import encode_object
from contracts.documents import PARTS as TOPIC
from contracts.documents import read
from contracts.refusals import NotFound
from contracts.values import Digest, ItemCode

_CERTIFICATES = literal_column('(jsonb_path_query_array(body, \'$."materials"[*]."certificate"\'::jsonpath))', JSONB)
"""The certificates that a checklist names, in just the words of the index on them."""

PARTS = Table(
    "parts",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("body", JSONB, nullable=False),
    Index("ix_parts_certificates", _CERTIFICATES, postgresql_using="gin", postgresql_where=literal_column("kind = 'checklist'")),
)
"""Immutable; a part is on its topic from the first version on that was published with it."""


async def _read(tx: Tx[Catalog], digests: Collection[Digest]) -> dict[Digest, Part]:
    found: dict[Digest, Part] = {}
    for row in await tx.execute(select(PARTS.c.digest, PARTS.c.body).where(PARTS.c.digest.in_(sorted(digests)))):
        part = read(topic=TOPIC, key=row.digest, data=row.body)
        if part is not None:
            found[Digest(row.digest)] = part  # type: ignore[assignment]  # under the topic of parts stands nothing else
    return found


_PARTS = AtHand(_read)


async def get_parts(tx: Tx[Catalog], digests: Sequence[Digest]) -> dict[Digest, Part]:
    """The parts under these digests.

    Raises:
        NotFound: One is not there.
    """
    found = await _PARTS.of(tx, digests)
    if len(found) != len(set(digests)):
        raise NotFound
    return found


async def find_checklists(tx: Tx[Catalog], certificate_id: str) -> list[Digest]:
    """The checklists with a material that names this row of the certificate list, by digest."""
    asking = _CERTIFICATES.contains([certificate_id])
    rows = await tx.execute(select(PARTS.c.digest).where(literal_column("kind = 'checklist'"), asking).order_by(PARTS.c.digest))
    return [Digest(row.digest) for row in rows]


async def find_bundles(tx: Tx[Catalog]) -> dict[Digest, list[ItemCode]]:
    """The decision tables of bundles with the base codes of their members."""
    rows = await tx.execute(
        select(PARTS.c.digest, PARTS.c.body["bundle"].label("bundle")).where(
            PARTS.c.kind == "situations", PARTS.c.body["bundle"].is_not(None)
        )
    )
    return {Digest(row.digest): [ItemCode(one["item_code"]) for one in row.bundle["members"]] for row in rows}


async def add_parts(tx: Tx[Catalog], parts: Mapping[Digest, Part]) -> None:
    """Keep parts that are not there yet; content never changes under a digest."""
    rows = [{"digest": name, "kind": part.kind, "published": False, "body": encode_object(part)} for name, part in sorted(parts.items())]
    if rows:
        await tx.execute(insert(PARTS).on_conflict_do_nothing(), rows)
        _PARTS.forget(tx, parts)


async def publish_parts(tx: Tx[Catalog], digests: Sequence[Digest]) -> None:
    """Put parts on their topic that are not there yet; the caller holds the lock on each digest."""
    unpublished = PARTS.c.digest.in_(digests) & ~PARTS.c.published
    rows = await tx.execute(update(PARTS).where(unpublished).values(published=True).returning(PARTS.c.digest, PARTS.c.body))
    found = (read(topic=TOPIC, key=row.digest, data=row.body) for row in sorted(rows, key=lambda one: str(one.digest)))
    await outbox.put_documents(tx, [part for part in found if part is not None])
