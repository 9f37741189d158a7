"""Find whether a case was received under a version within a time, without looking at all of them."""

from alembic import op

from chassis.migrate import build_index

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    build_index("ix_cases_version", "cases", ["version_id", "received_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_cases_version", table_name="cases")
