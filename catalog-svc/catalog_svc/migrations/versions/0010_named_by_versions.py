"""Find versions by their base item or by a part, and checklists by the certificates that they name."""

from alembic import op

from chassis.migrate import build_index

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes."""
    build_index("ix_item_versions_item", "item_versions", ["item_code", "version_id"])
    build_index("ix_item_versions_checklist", "item_versions", ["(parts ->> 'checklist')", "version_id"])
    build_index("ix_item_versions_situations", "item_versions", ["(parts ->> 'situations')", "version_id"])
    named = '(jsonb_path_query_array(body, \'$."materials"[*]."certificate"\'::jsonpath))'
    build_index("ix_parts_certificates", "parts", [named], using="gin", where="kind = 'checklist'")


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_parts_certificates", table_name="parts")
    for name in ("situations", "checklist", "item"):
        op.drop_index(f"ix_item_versions_{name}", table_name="item_versions")
