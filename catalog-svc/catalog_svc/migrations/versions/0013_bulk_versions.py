"""Find the row of a bulk run that drafted a version: a later run takes up what no other holds."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of rows that were drafted before it no run is known to hold their version."""
    op.add_column("bulk_rows", sa.Column("version_id", sa.Text(), nullable=True))
    op.create_index("ix_bulk_rows_version", "bulk_rows", ["version_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_column("bulk_rows", "version_id")
