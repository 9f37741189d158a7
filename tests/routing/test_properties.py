"""Whatever is tried in whatever order: one handling, one decision, never no custodian, a decider who did nothing else.

The machine drives the domain alone; what officers try is often illegal, and an illegal move must change nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.events import (
    CaseAccepted,
    CaseDecided,
    CaseEvent,
    CaseExtended,
    CaseSignedFor,
    CaseWithdrawn,
    DefectFound,
    HandlingEnded,
    Receipt,
)
from contracts.refusals import Refusal
from contracts.values import CredentialId, Digest, NoticeId, Outcome, PersonRef
from routing_svc.handling import domain as handlings
from routing_svc.handling.domain import Handling, HandlingState, Written
from routing_svc.transfer import domain as transfers
from routing_svc.transfer.domain import Transfer, TransferState
from tests.contracts.builders import LIUYANG, LIUYANG_MARKET
from tests.routing.builders import MONDAY, VERSION, a_case

PEOPLE = tuple(PersonRef(f"https://id.example|{number}") for number in range(5))
RECEIVER, HELPER = PEOPLE[0], PEOPLE[1]
people = st.sampled_from(PEOPLE)
seldom = st.sampled_from([False, False, False, False, False, True])
"""What ends a case is seldom tried, or no run would come far."""
CONTENT = Digest("sha256:" + "0" * 64)
LIMIT = MONDAY.astimezone(UTC) + timedelta(days=7)
WAITING_STATES = frozenset(handlings.WAITS)


class Case(RuleBasedStateMachine):
    """One case between its first hop and its end."""

    def __init__(self) -> None:
        super().__init__()
        self.case = a_case("0193a000-0000-7000-8000-000000000001", received_by=RECEIVER, helped_by=(HELPER,))
        self.now: datetime = self.case.at.astimezone(UTC)
        self.hops = [Transfer(case=self.case, hop=1, region=LIUYANG, organ=LIUYANG_MARKET, opened_at=self.now)]
        self.handling: Handling | None = None
        self.handlings = 0
        self.told: list[CaseEvent] = []
        self.notices = 0
        self.acceptors: set[PersonRef] = set()
        self.correctors: set[PersonRef] = set()

    @initialize(far=st.sampled_from(["waiting", "signed", "corrected", "accepted"]), by=people, other=people)
    def it_has_come_so_far(self, far: str, by: PersonRef, other: PersonRef) -> None:
        """Many runs begin late: chance alone seldom leads to a decision."""
        if far != "waiting":
            self.routing_validates()
            self.somebody_signs(by)
        if far == "corrected":
            self.somebody_asks_for_corrections(other, "/form/a")
            self.a_seal_comes(old=False)
            self.a_supplement_is_heard(1)
        if far in {"accepted", "corrected"}:
            self.it_is_accepted(by, deemed=False)
            self.a_seal_comes(old=False)

    # -- what people and machines try

    @rule(minutes=st.integers(min_value=1, max_value=3000))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def routing_validates(self) -> None:
        self.attempt_hop(lambda hop: hop.validate(at=self.now, sign_by=self.now, receipts=()))

    @rule(by=people)
    def somebody_signs(self, by: PersonRef) -> None:
        def sign(hop: Transfer) -> None:
            hop.sign(at=self.now, by=by, acceptance_due=LIMIT, receipt=self.receipt())
            self.handlings += 1
            self.handling = Handling(
                case=self.case,
                item=VERSION,
                transfer_id=hop.transfer_id,
                region=hop.region,
                organ=hop.organ,
                opened_at=self.now,
                signed_by=by,
            )

        self.attempt_hop(sign)

    @rule()
    def the_hop_expires(self) -> None:
        def expire(hop: Transfer) -> None:
            hop.expire(at=self.now, receipt=self.receipt())
            self.hops.append(Transfer(case=self.case, hop=hop.hop + 1, region=LIUYANG, organ=LIUYANG_MARKET, opened_at=self.now))

        self.attempt_hop(expire)

    @rule(really=seldom)
    def the_organ_gives_it_back(self, *, really: bool) -> None:
        if not really:
            return
        handling = self.handling
        if handling is not None and (handling.state is not HandlingState.OPENED or handling.awaiting_seal is not None or self.now >= LIMIT):
            self.attempt(lambda each: each.terminate(at=self.now, acceptance_due=LIMIT))
            return
        before = len(self.told)
        self.attempt_hop(lambda hop: hop.give_back(at=self.now, rule_id="returned-by-organ", reason=CONTENT, receipt=self.receipt()))
        if handling is not None and len(self.told) > before:
            self.attempt(lambda each: each.terminate(at=self.now, acceptance_due=LIMIT))

    @rule(by=people, pointer=st.sampled_from(["/form/a", "/form/a/b", "/form/c"]))
    def somebody_asks_for_corrections(self, by: PersonRef, pointer: str) -> None:
        def correct(handling: Handling) -> None:
            defects = (DefectFound(rule_id="officer", pointer=pointer),)
            handling.correct(
                at=self.now, by=by, defects=defects, notice=self.notice(), acceptance_due=LIMIT, supplement_due=LIMIT + timedelta(days=9)
            )
            self.correctors.add(by)

        self.attempt(correct)

    @rule(number=st.integers(min_value=1, max_value=3))
    def a_supplement_is_heard(self, number: int) -> None:
        self.attempt(lambda handling: handling.supplement(number=number, form_digest=CONTENT, by=RECEIVER))

    @rule(by=people, deemed=st.booleans())
    def it_is_accepted(self, by: PersonRef, *, deemed: bool) -> None:
        def accept(handling: Handling) -> None:
            handling.accept(
                at=self.now,
                by=None if deemed else by,
                effective_on=self.now.date(),
                notice=self.notice(),
                statutory_due=LIMIT,
                promised_due=LIMIT,
                deemed=deemed,
            )
            self.acceptors |= set() if deemed else {by}

        self.attempt(accept)

    @rule(by=people, really=seldom)
    def acceptance_is_refused(self, by: PersonRef, *, really: bool) -> None:
        if not really:
            return
        self.attempt(lambda each: each.not_accept(at=self.now, by=by, ground="not_needed", notice=self.notice(), acceptance_due=LIMIT))

    @rule(ground=st.sampled_from(["hearing", "holiday"]))
    def the_clock_is_stopped(self, ground: str) -> None:
        self.attempt(lambda handling: self.suspends(handling, ground=ground))

    @rule()
    def the_clock_runs_again(self) -> None:
        self.attempt(lambda handling: handling.resume(at=self.now, by=RECEIVER, statutory_due=LIMIT, promised_due=LIMIT))

    @rule(by=people)
    def more_time_is_given(self, by: PersonRef) -> None:
        self.attempt(lambda handling: handling.extend(at=self.now, by=by, notice=self.notice(), statutory_due=LIMIT, promised_due=LIMIT))

    @rule(by=people, outcome=st.sampled_from(Outcome), careless=seldom)
    def somebody_decides(self, by: PersonRef, outcome: Outcome, *, careless: bool) -> None:
        grounds = ("name",) if (outcome is not Outcome.GRANTED) != careless else ()
        self.attempt(lambda each: each.decide(at=self.now, by=by, outcome=outcome, grounds=grounds, notice=self.notice()))

    @rule(by=st.none() | people, really=seldom)
    def the_applicant_withdraws(self, by: PersonRef | None, *, really: bool) -> None:
        if not really:
            return
        if self.handling is None:
            self.attempt_hop(lambda hop: hop.recall(at=self.now, by=by))
        else:
            self.attempt(lambda handling: handling.withdraw(at=self.now, by=by))

    @precondition(lambda self: self.handling is not None and self.handling.awaiting_seal is not None)
    @rule(old=st.booleans())
    def a_seal_comes(self, *, old: bool) -> None:
        def seal(handling: Handling) -> None:
            notice_id = NoticeId("an older one") if old else (handling.awaiting_seal or NoticeId(""))
            if handling.state is HandlingState.DECIDED:
                handling.decision_sealed(at=self.now, decision=1, notice_id=notice_id, credential_id=CredentialId("c"))
            else:
                handling.sealed(at=self.now, notice_id=notice_id)

        self.attempt(seal)

    # -- what must hold

    @invariant()
    def somebody_holds_the_case_or_it_has_ended(self) -> None:
        ended = any(isinstance(event, HandlingEnded) for event in self.told)
        hop = self.hops[-1]
        held_by_receiver = self.handling is None and hop.state in {TransferState.WAITING, TransferState.VALIDATED}
        held_by_handler = self.handling is not None and (self.handling.state in WAITING_STATES or self.handling.awaiting_seal is not None)
        in_force = self.handling is not None and self.handling.state is HandlingState.DECIDED
        assert ended or held_by_receiver or held_by_handler or in_force

    @invariant()
    def there_is_one_handling_and_at_most_one_signature_decision_and_end(self) -> None:
        assert self.handlings <= 1
        for kind in (CaseSignedFor, CaseAccepted, CaseExtended, CaseDecided, CaseWithdrawn, HandlingEnded):
            assert sum(isinstance(event, kind) for event in self.told) <= 1, kind

    @invariant()
    def a_decision_and_a_withdrawal_exclude_each_other(self) -> None:
        assert not {CaseDecided, CaseWithdrawn} <= {type(event) for event in self.told}

    @invariant()
    def the_decider_did_nothing_else(self) -> None:
        for event in self.told:
            if isinstance(event, CaseDecided):
                assert event.decided_by not in {RECEIVER, HELPER} | self.acceptors | self.correctors

    @invariant()
    def a_decision_follows_an_acceptance(self) -> None:
        kinds = [type(event) for event in self.told]
        assert CaseDecided not in kinds or CaseAccepted in kinds[: kinds.index(CaseDecided)]

    @invariant()
    def every_state_that_waits_has_clocks_and_a_way_out(self) -> None:
        if self.handling is not None and handlings.MOVES[self.handling.state]:
            assert handlings.WAITS[self.handling.state]
        if transfers.MOVES[self.hops[-1].state] and self.hops[-1].state is not TransferState.SIGNED_FOR:
            assert transfers.WAITS[self.hops[-1].state]

    # -- how it is tried

    def attempt(self, act: Any) -> None:
        handling = self.handling
        if handling is None:
            return
        before = handling.state
        try:
            act(handling)
        except Refusal:
            assert (handling.state, handling.events) == (before, []), "a refused move changed something"
            return
        assert before is handling.state or handling.state in handlings.MOVES[before]
        self.told += handling.events
        handling.events.clear()

    def attempt_hop(self, act: Any) -> None:
        hop = self.hops[-1]
        before = hop.state
        try:
            act(hop)
        except Refusal:
            assert (hop.state, hop.events) == (before, []), "a refused move changed something"
            return
        self.told += hop.events
        hop.events.clear()

    def suspends(self, handling: Handling, *, ground: str) -> None:
        handlings.refuse_suspension(ground, at=self.now, statutory_due=LIMIT)
        handling.suspend(at=self.now, by=RECEIVER, ground=ground, notice=self.notice(), until=LIMIT)

    def notice(self) -> Written:
        self.notices += 1
        return Written(notice_id=NoticeId(f"n{self.notices}"), digest=CONTENT)

    def receipt(self) -> Receipt:
        return Receipt(
            receipt_id="r",
            case_id=self.case.case_id,
            transfer_id=self.hops[-1].transfer_id,
            hop=1,
            step="signed_for",
            organ=LIUYANG_MARKET,
            by=None,
            at=self.now,
            facts=CONTENT,
            number=1,
            previous=None,
            kid="k",
            signature="s",
        )


TestCase = Case.TestCase
TestCase.settings = settings(max_examples=400, stateful_step_count=40, deadline=None)


def test_every_state_of_a_table_of_moves_is_listed_and_every_move_leads_to_one() -> None:
    for moves, states in ((handlings.MOVES, HandlingState), (transfers.MOVES, TransferState)):
        assert set(moves) == set(states)
        assert all(set(targets) <= set(states) for targets in moves.values())


def test_every_state_that_waits_names_its_clocks() -> None:
    assert set(handlings.WAITS) == {state for state, targets in handlings.MOVES.items() if targets}
    passing = {TransferState.OFFERED, TransferState.DELIVERED, TransferState.SIGNED_FOR}
    assert set(transfers.WAITS) == {state for state, targets in transfers.MOVES.items() if targets} - passing
