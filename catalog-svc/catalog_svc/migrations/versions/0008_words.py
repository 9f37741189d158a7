"""Everyday words that officers teach the search, and what people looked for in vain."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "word_entries",
        sa.Column("entry_id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), server_default="", nullable=False),
        sa.Column("means", sa.Text(), server_default="", nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_word_entries_newest", "word_entries", ["region", "word", "item", "means", "entry_id"])
    op.create_table(
        "search_misses",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("region", "words", name="pk_search_misses"),
    )
    op.create_index("ix_search_misses_last_at", "search_misses", ["last_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("search_misses")
    op.drop_table("word_entries")
