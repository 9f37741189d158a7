"""What hangs on a case, and what is still open, is found without reading what was done before."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_deliveries_case": "deliveries (case_id)",
    "ix_deliveries_open": "deliveries (receiving_organ, opened_at, delivery_id) where state = 'open'",
    "ix_handlings_open": (
        "handlings (handling_organ, opened_at, case_id) where state in ('opened', 'correcting', 'accepted', 'suspended')"
    ),
}


def upgrade() -> None:
    """Build the indexes while others write; one that was left half built by a process that died is built anew."""
    with op.get_context().autocommit_block():
        for name, rows in _INDEXES.items():
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {rows}")


def downgrade() -> None:
    """Drop them."""
    with op.get_context().autocommit_block():
        for name in _INDEXES:
            op.execute(f"drop index concurrently if exists {name}")
