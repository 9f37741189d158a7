"""Beside each followed document stands what of it goes back into memory, and which offsets that holds for; see record 0037."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a version that does not know them leaves them as they were."""
    op.add_column("followed", sa.Column("brief", sa.Text()))
    op.add_column("follow_offsets", sa.Column("briefed", sa.BigInteger()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("follow_offsets", "briefed")
    op.drop_column("followed", "brief")
