"""Powers lists 权责清单: each power with its organs and the items through which they exercise it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "powers",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("applied_for", sa.Boolean(), nullable=False),
        sa.Column("organs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("item_codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_powers_region", "powers", ["region", "key"], unique=False)
    op.create_index("ix_powers_kind", "powers", ["region", "kind", "key"], unique=False)
    op.create_index("ix_powers_applied_for", "powers", ["region", "key"], unique=False, postgresql_where=sa.text("applied_for"))
    op.create_index(
        "ix_powers_link", "powers", ["organs", "item_codes"], unique=False, postgresql_using="gin", postgresql_with={"fastupdate": "off"}
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("powers")
