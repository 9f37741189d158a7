"""Put final dates in the place of provisional ones when the holiday notice of a year comes out."""

from datetime import timedelta

from chassis.jobs import Job
from chassis.logs import get_logger
from chassis.timers import Timer
from contracts.values import NATION, CaseId
from routing_svc.clock.handlers import waiting_for_notice
from routing_svc.context import Routing
from routing_svc.handling.handlers import redate

AT_ONCE = 500
"""Dates looked at in one page."""
AGAIN = timedelta(minutes=10)
"""After which all are looked at again though no notice came: a process that learns of one late may have told provisional dates since."""

_log = get_logger()


async def redate_provisional(context: Routing, *, at_once: int = AT_ONCE) -> int:
    """Reckon anew every provisional date whose notice is out; how many cases moved.

    At once when a notice comes out or this process starts, else every `AGAIN`. Each case is a matter of its own: one that fails is logged,
    and all are looked at again in the next round. What is final stays.
    """
    until, now = context.catalogue.calendar(NATION).known_until, context.now.now()
    if until is None or (context.redated is not None and context.redated[0] == until and now < context.redated[1] + AGAIN):
        return 0
    moved, failed = 0, False
    done: set[CaseId] = set()
    after: Timer | None = None
    while True:
        async with context.database.read(context) as tx:
            page = await waiting_for_notice(tx, until=until, after=after, limit=at_once)
        for case_id in page.cases.keys() - done:
            try:
                async with context.database.consume(context) as tx:
                    moved += await redate(tx, case_id, root=page.cases[case_id])
            except Exception as error:  # noqa: BLE001 - one case that fails must not keep the others from their dates
                failed = True
                _log.error("clock.redate_failed", name=case_id, exc_info=error)
        done |= page.cases.keys()
        after = page.last
        if after is None:
            break
    if not failed:
        context.redated = until, now
    return moved


JOBS = (Job(name="redate provisional clocks", every=10.0, run=redate_provisional),)
