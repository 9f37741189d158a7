"""A trace of access is one reading by one caller: several may name the same trace id, which comes with the request."""

from alembic import op

from chassis.migrate import widen_key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BEFORE = ["trace_id", "aggregate", "action", "about"]


def upgrade() -> None:
    """Tell them apart by who and when, too."""
    widen_key("pk_traces", "traces", _BEFORE, by=["caller", "at"])


def downgrade() -> None:
    """Go back; fails where two are told apart by that alone."""
    op.drop_constraint("pk_traces", "traces")
    op.create_primary_key("pk_traces", "traces", _BEFORE)
