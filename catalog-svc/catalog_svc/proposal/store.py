"""Proposals in the database."""

from collections.abc import Sequence

from sqlalchemy import Column, DateTime, Integer, PrimaryKeyConstraint, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from catalog_svc.context import Catalog
from catalog_svc.proposal.domain import Proposal, ProposalState
from catalog_svc.schema import METADATA, write_rows
from chassis.database import Tx
from contracts.values import Digest, PersonRef, RegionCode

PROPOSALS = Table(
    "proposals",
    METADATA,
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("reviewer", Text),
    Column("version", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("kind", "key", name="pk_proposals"),
)
"""The newest draft of every document under four eyes."""


async def get_proposals(tx: Tx[Catalog], *, kind: str, keys: Sequence[str]) -> dict[str, Proposal]:
    """The proposals there are under these keys."""
    rows = await tx.execute(select(PROPOSALS).where(PROPOSALS.c.kind == kind, PROPOSALS.c.key.in_(keys)))
    return {
        row.key: Proposal(
            kind=row.kind,
            key=row.key,
            region=RegionCode(row.region),
            state=ProposalState(row.state),
            body=row.body,
            digest=Digest(row.digest),
            author=PersonRef(row.author),
            reviewer=None if row.reviewer is None else PersonRef(row.reviewer),
            version=row.version,
        )
        for row in rows
    }


async def save_proposals(tx: Tx[Catalog], proposals: Sequence[Proposal]) -> None:
    """Keep proposals as they are now.

    Raises:
        StaleVersion: Another transaction changed one of them since it was read.
    """
    for proposal in proposals:
        proposal.version += 1
    await write_rows(
        tx,
        PROPOSALS,
        [
            {
                "kind": one.kind,
                "key": one.key,
                "region": one.region,
                "state": one.state.value,
                "digest": one.digest,
                "author": one.author,
                "reviewer": one.reviewer,
                "version": one.version,
                "at": tx.at,
                "body": one.body,
            }
            for one in proposals
        ],
    )
