"""Put final dates in the place of provisional ones when the holiday notice of a year comes out."""

from chassis.jobs import Job
from chassis.logs import get_logger
from contracts.values import NATION, CaseId
from routing_svc.clock.handlers import waiting_for_notice
from routing_svc.context import Routing
from routing_svc.handling.handlers import redate

AT_ONCE = 100
"""Cases read in one page."""

_log = get_logger()


async def redate_provisional(context: Routing) -> int:
    """Reckon anew every date that rests on a year whose notice came out since this was done last; how many cases moved.

    Each case is a matter of its own. One that fails is logged, and all are looked at again in the next round: what is final stays.
    """
    until = context.catalogue.calendar(NATION).known_until
    if until is None or until == context.redated_until:
        return 0
    moved, failed, after = 0, False, CaseId("")
    while True:
        async with context.database.read(context) as tx:
            page = await waiting_for_notice(tx, until=until, after=after, limit=AT_ONCE)
        for case_id, root in page:
            try:
                async with context.database.consume(context) as tx:
                    moved += await redate(tx, case_id, root=root)
            except Exception as error:  # noqa: BLE001 - one case that fails must not keep the others from their dates
                failed = True
                _log.error("clock.redate_failed", name=case_id, exc_info=error)
        if len(page) < AT_ONCE:
            break
        after = page[-1][0]
    if not failed:
        context.redated_until = until
    return moved


JOBS = (Job(name="redate provisional clocks", every=10.0, run=redate_provisional),)
