"""Find the versions that take the place of an item: every publication asks for them."""

from alembic import op

from chassis.migrate import build_index

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; it holds only the few versions that take a place."""
    build_index("ix_item_versions_succeeds", "item_versions", ["(body -> 'succeeds')"], using="gin", where="body ? 'succeeds'")


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_item_versions_succeeds", table_name="item_versions")
