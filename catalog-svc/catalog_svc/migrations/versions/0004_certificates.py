"""The certificate list 证明事项清单 as a document of its own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "certificates",
        sa.Column("certificate_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("certificate_id"),
    )
    op.create_index("ix_certificates_region", "certificates", ["region", "certificate_id"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("certificates")
