"""What officers do with a case, and what its handling hears: lock, load, one verb, save."""

from chassis.context import Subscriptions
from contracts.events import CaseSupplemented, NoticeSealed
from routing_svc.clock.domain import ClockKind
from routing_svc.clock.handlers import timers_when_due
from routing_svc.handling.handlers.acceptance import (
    accept,
    correct,
    not_accept,
    on_acceptance_overrun,
    on_case_supplemented,
    open_handling,
)
from routing_svc.handling.handlers.decision import decide, deliver, give_back, on_notice_sealed, put_in_force, withdraw
from routing_svc.handling.handlers.limits import extend, redate, resume, suspend
from routing_svc.handling.handlers.mergers import find_at, follow_merger, tell, told_at, whose

SUBSCRIPTIONS: Subscriptions = {CaseSupplemented: on_case_supplemented, NoticeSealed: on_notice_sealed}
TIMERS = timers_when_due({ClockKind.ACCEPTANCE: on_acceptance_overrun})

__all__ = [
    "SUBSCRIPTIONS",
    "TIMERS",
    "accept",
    "correct",
    "decide",
    "deliver",
    "extend",
    "find_at",
    "follow_merger",
    "give_back",
    "not_accept",
    "open_handling",
    "put_in_force",
    "redate",
    "resume",
    "suspend",
    "tell",
    "told_at",
    "whose",
    "withdraw",
]
