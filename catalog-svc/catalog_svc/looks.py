"""What of the published catalogue somebody must see to in time."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from catalog_svc.context import Catalog
from chassis.figures import Figure, Look, Reading
from rules.workdays import local_day

WITHIN = (7, 30)
"""Days before its last one at which an agreement or a delegation is told of: too late to negotiate, and in time."""

_ENDING = Figure(
    name="instruments_ending",
    text="Agreements and delegations in force that end within so many days; cases are no longer received under them then",
    labels=("kind", "within"),
)


def looks(context: Catalog) -> tuple[Look, ...]:
    """Instruments about to end, from the index: whoever watches costs the database nothing."""

    async def read() -> Mapping[str, Reading]:
        today = local_day(context.now.now())
        catalogue, longest = context.catalogue, max(WITHIN)
        agreements = (one.valid_to for one in catalogue.agreements_ending(on=today, within=longest))
        delegations = (one.valid_to for one in catalogue.delegations_ending(on=today, within=longest))
        return {
            _ENDING.name: {
                **_counted("agreement", agreements, today=today),
                **_counted("delegation", delegations, today=today),
            }
        }

    return (Look(name="instruments", figures=(_ENDING,), read=read),)


def _counted(kind: str, ends: Iterable[date], *, today: date) -> Reading:
    days = list(ends)
    return {(kind, str(within)): float(sum(day <= today + timedelta(days=within) for day in days)) for within in WITHIN}
