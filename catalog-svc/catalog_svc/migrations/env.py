"""Run by `chassis.migrate`."""

from chassis.migrate import run_migrations

run_migrations()
