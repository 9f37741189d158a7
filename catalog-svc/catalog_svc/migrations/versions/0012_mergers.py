"""Which organ took the place of which."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; an organ published before was merged into none."""
    op.add_column("organs", sa.Column("merged_into", sa.Text(), nullable=True))
    op.create_index("ix_organs_merged_into", "organs", ["merged_into"], postgresql_where=sa.text("merged_into is not null"))


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_organs_merged_into")
    op.drop_column("organs", "merged_into")
