"""Route each case received to the organ that must decide it; let a person sign for it or give it back."""

from chassis.context import Subscriptions
from contracts.events import CaseReceived
from routing_svc.clock.domain import ClockKind
from routing_svc.clock.handlers import timers_when_due
from routing_svc.transfer.handlers.acts import give_back, sign_for, withdraw
from routing_svc.transfer.handlers.ending import list_ended, return_ended
from routing_svc.transfer.handlers.hops import on_case_received, on_lapse, on_unknown_too_long, try_again
from routing_svc.transfer.handlers.mergers import find_merged, follow_merger

SUBSCRIPTIONS: Subscriptions = {CaseReceived: on_case_received}
TIMERS = timers_when_due({ClockKind.TRANSFER_LAPSE: on_lapse, ClockKind.TRANSFER_WAITING: on_unknown_too_long})

__all__ = [
    "SUBSCRIPTIONS",
    "TIMERS",
    "find_merged",
    "follow_merger",
    "give_back",
    "list_ended",
    "return_ended",
    "sign_for",
    "try_again",
    "withdraw",
]
