"""Runs of bulk import and export with their rows and files, and former codes of items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "bulk_runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("ix_bulk_runs_region", "bulk_runs", ["region", "run_id"])
    op.create_index("ix_bulk_runs_touched", "bulk_runs", ["state", "touched"])
    op.create_table(
        "bulk_rows",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["bulk_runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_index("ix_bulk_rows_state", "bulk_rows", ["run_id", "state", "number"])
    op.create_table(
        "bulk_files",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["bulk_runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "role", "number"),
    )
    op.create_table(
        "former_codes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("organ", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", "region"),
    )
    op.create_index("ix_former_codes_item", "former_codes", ["item_id"])


def downgrade() -> None:
    """Drop them."""
    for table in ("former_codes", "bulk_files", "bulk_rows", "bulk_runs"):
        op.drop_table(table)
