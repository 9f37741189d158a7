"""Delegations 行政委托 as documents of their own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "delegations",
        sa.Column("delegation_id", sa.Text(), nullable=False),
        sa.Column("delegator", sa.Text(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("items", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("delegation_id"),
    )
    for name in ("delegator", "delegate", "region"):
        op.create_index(f"ix_delegations_{name}", "delegations", [name, "delegation_id"], unique=False)
    op.create_index("ix_delegations_items", "delegations", ["items"], unique=False, postgresql_using="gin")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("delegations")
