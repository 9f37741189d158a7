"""Hops that nobody has signed for are found by their organ, however many ended before."""

from alembic import op

from chassis.migrate import build_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the index."""
    open_ = "state in ('delivered', 'offered', 'validated', 'waiting')"
    build_index("ix_transfers_open", "transfers", ["handling_organ", "transfer_id"], where=open_)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_transfers_open")
