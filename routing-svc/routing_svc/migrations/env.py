"""How alembic runs for routing-svc: on the connection that the chassis opened."""

from chassis.migrate import run_migrations

run_migrations()
