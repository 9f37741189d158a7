"""Beside each followed offset stands which log it counts in; a version that does not know the column leaves it as it was."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("follow_offsets", sa.Column("log", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("follow_offsets", "log")
