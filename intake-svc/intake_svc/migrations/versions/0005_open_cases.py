"""Count the open cases of an item by version and region without looking at those that are closed; see record 0039."""

from alembic import op

from chassis.migrate import build_index

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    build_index(
        "ix_cases_open", "cases", ["(split_part(version_id, '-v', 1))", "version_id", "handling_region"], where="state = 'received'"
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_cases_open", table_name="cases")
