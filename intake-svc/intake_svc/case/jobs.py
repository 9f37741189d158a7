"""Where the open cases stand, for whoever watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from chassis.figures import MOST, Figure, Look, Reading
from intake_svc.application.domain import likeness
from intake_svc.case import store
from intake_svc.context import Intake
from intake_svc.progress.domain import Stage

AGES = {
    "minute": timedelta(0),
    "hour": timedelta(minutes=1),
    "day": timedelta(hours=1),
    "week": timedelta(days=1),
    "older": timedelta(days=7),
}
"""Where each age begins; one is called by what it has not reached."""

REPEATED_WITHIN = timedelta(days=7)
"""How long a client may repeat a request under its key; the answers kept for that are gone with what a restore lost."""

_OPEN = Figure(
    name="cases_open",
    text=f"Open cases by stage and time since receipt; exact up to {MOST} cases in the table, estimated from a random part beyond",
    labels=("stage", "age"),
)


async def remember_lost(context: Intake) -> None:
    """Know by what they have in common the applications that a client may still repeat, though their kept answers are lost."""
    async with context.database.read(context) as tx:
        for case in await store.list_lost(tx, since=tx.at - REPEATED_WITHIN):
            kept = case.received
            like = likeness(
                by=kept.received_by,
                item_code=kept.item_code,
                situation=kept.situation,
                handling_region=kept.matter_region or kept.handling_region,
                form=case.form_digest,
                materials=((one.code, one.digest) for one in case.materials),
            )
            context.lost.pop(like, None)
            context.lost[like] = kept.case_no, kept.received_at + REPEATED_WITHIN


def looks(context: Intake) -> tuple[Look, ...]:
    """Open cases by stage and age: one statement that reads some ten thousand rows."""

    async def read() -> Mapping[str, Reading]:
        names = tuple(AGES)
        counted: dict[tuple[str, ...], float] = {(stage.value, age): 0.0 for stage in Stage for age in names}
        async with context.database.read(context) as tx:
            for stage, reached, cases in await store.sample_open(tx, ages=tuple(AGES.values()), rows=MOST):
                # A case of another process' clock may seem to come from the future.
                counted[stage.value, names[max(reached - 1, 0)]] += cases
        return {_OPEN.name: counted}

    return (Look(name="cases", figures=(_OPEN,), read=read),)
