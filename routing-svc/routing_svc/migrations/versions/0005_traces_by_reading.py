"""A trace of access is one reading by one caller: several may name the same trace id, which comes with the request."""

from chassis.migrate import change_key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tell them apart by who and when, too."""
    change_key("pk_traces", "traces", ["trace_id", "aggregate", "action", "about", "caller", "at"])


def downgrade() -> None:
    """Go back; fails where two are told apart by that alone."""
    change_key("pk_traces", "traces", ["trace_id", "aggregate", "action", "about"])
