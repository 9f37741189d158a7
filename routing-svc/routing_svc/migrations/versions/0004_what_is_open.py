"""What hangs on a case, and what is still open, is found without reading what was done before."""

from alembic import op

from chassis.migrate import build_index

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the indexes."""
    build_index("ix_deliveries_case", "deliveries", ["case_id"])
    build_index("ix_deliveries_open", "deliveries", ["receiving_organ", "opened_at", "delivery_id"], where="state = 'open'")
    build_index(
        "ix_handlings_open",
        "handlings",
        ["handling_organ", "opened_at", "case_id"],
        where="state in ('opened', 'correcting', 'accepted', 'suspended')",
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("ix_handlings_open", "ix_deliveries_open", "ix_deliveries_case"):
        op.drop_index(name)
