"""Keep after how many publications of its item a version was drafted: a later one would undo changes that it does not know."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; drafts from before are published as they were."""
    op.add_column("item_versions", sa.Column("drafted_after", sa.Integer(), nullable=True))
    op.add_column("item_versions", sa.Column("published_as", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("item_versions", "published_as")
    op.drop_column("item_versions", "drafted_after")
