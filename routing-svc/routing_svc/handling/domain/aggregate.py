"""The handling of a case: it owns every legal state, one per case, opened when a person signed for the case.

Law: 行政许可法 §32 (acceptance, one correction notice), §37–38 (decision), §42 (extension), §45 (what does not count).
"""

from dataclasses import dataclass, field
from datetime import date, datetime

from contracts.catalogue import ApprovalType, ItemVersion, Limit, ProjectType
from contracts.codec import ADDED
from contracts.delegations import Authority, name_of
from contracts.events import (
    CaseAccepted,
    CaseDecided,
    CaseEvent,
    CaseExtended,
    CaseNotAccepted,
    CaseReceived,
    CaseRehomed,
    CaseResumed,
    CaseSuspended,
    CaseWithdrawn,
    CorrectionNoticed,
    DefectFound,
    HandlingEnded,
    ResultDelivered,
)
from contracts.refusals import IllegalMove
from contracts.values import CaseId, CredentialId, Digest, Ending, Json, NoticeId, OrganCode, Outcome, PersonRef, RegionCode, TransferId
from routing_svc.handling.domain.parts import ActFacts, CaseFacts, CorrectionRound, Written, next_date, refuse_outcome, under
from routing_svc.handling.domain.refusals import (
    AwaitingSeal,
    CaseIsOver,
    DeemedAccepted,
    ExtensionRefused,
    SamePerson,
    ToldOnce,
    ValidityPast,
)
from routing_svc.handling.domain.states import MOVES, WINNERS, HandlingState
from rules.powers import ORGAN_MERGED, Acting
from rules.workdays import local_day


@dataclass(slots=True, kw_only=True)
class Handling:
    """The handling of one case."""

    case: CaseReceived
    item: ItemVersion
    """The version pinned at receipt, as it stood when the handling was opened."""
    transfer_id: TransferId
    region: RegionCode
    organ: OrganCode
    opened_at: datetime
    signed_by: PersonRef
    state: HandlingState = HandlingState.OPENED
    form_digest: Digest | None = None
    """Of the last supplement; the case's own before one."""
    rounds: tuple[CorrectionRound, ...] = ()
    supplements: int = 0
    supplemented_by: tuple[PersonRef, ...] = ()
    accepted_by: PersonRef | None = None
    accepted_on: date | None = None
    deemed: bool = False
    suspended_for: str | None = None
    extended: bool = False
    decision: int = 0
    outcome: Outcome | None = None
    decided_by: PersonRef | None = None
    decided_at: datetime | None = None
    credential_id: CredentialId | None = None
    awaiting_seal: NoticeId | None = None
    """The notice of the last act while it is not in force."""
    ending: Ending | None = None
    due: datetime | None = None
    """End of the clock that its organ or the applicant has to meet now."""
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name the organ acts, where it decides through instruments."""
    version: int = 0
    sequence: int = 0
    events: list[CaseEvent] = field(default_factory=list)

    @property
    def case_id(self) -> CaseId:
        """The case; also the handling's own id."""
        return self.case.case_id

    @property
    def sealed_as(self) -> OrganCode:
        """In whose name its organ acts."""
        return name_of(self.organ, self.authority)

    @property
    def may_not_decide(self) -> frozenset[PersonRef]:
        """Who acted before the decision: received, helped, took the supplement, asked for corrections; and who accepted, unless 即办 or 备案."""
        acted = {self.case.received_by, *self.case.helped_by, *self.supplemented_by, *(told.noticed_by for told in self.rounds)}
        if self.item.project_type is not ProjectType.INSTANT and self.item.approval_type is not ApprovalType.FILING:
            acted.add(self.accepted_by)
        return frozenset(person for person in acted if person is not None)

    def follow(self, now: Acting, *, at: datetime) -> None:
        """Go on at the organ that took the place of its own, or in the name that took the place of the one it acts in.

        Raises:
            CaseIsOver: The matter has its result.
        """
        self.refuse_if_over()
        former, self.organ, self.region, self.authority = self.organ, now.organ, now.region, now.authority
        self.events.append(
            CaseRehomed(
                **self._facts(at),
                transfer_id=None,
                former_organ=former,
                handling_organ=now.organ,
                handling_region=now.region,
                authority=now.authority,
                reason=ORGAN_MERGED,
            )
        )

    def refuse_if_over(self) -> None:
        """Name who came first, once nothing can be done any more.

        Raises:
            CaseIsOver: The matter has its result.
        """
        winner = WINNERS.get(self.state)
        if winner is not None:
            raise CaseIsOver(facts={"winner": winner, "state": self.state.value})

    def correct(
        self,
        *,
        at: datetime,
        by: PersonRef,
        defects: tuple[DefectFound, ...],
        notice: Written,
        acceptance_due: datetime,
        supplement_due: datetime,
    ) -> None:
        """Tell the applicant once everything to be supplied.

        Raises:
            IllegalMove: Acceptance is decided already, or a correction is under way.
            DeemedAccepted: The time to tell ran out.
            ToldOnce: A later notice asks for what could be seen the first time.
            AwaitingSeal: The last notice is not in force yet.
        """
        self._in_time(at, acceptance_due)
        self.refuse_what_was_visible(defects)
        self._move(HandlingState.CORRECTING)
        self.rounds = (*self.rounds, CorrectionRound(notice_id=notice.notice_id, defects=defects, noticed_by=by))
        self.awaiting_seal, self.due = notice.notice_id, supplement_due
        self.events.append(CorrectionNoticed(**self._act(at, notice), round=len(self.rounds), defects=defects, noticed_by=by))

    def refuse_what_was_visible(self, defects: tuple[DefectFound, ...]) -> None:
        """Only what a supplement brought can be asked for in a later notice.

        Raises:
            ToldOnce: A defect lies elsewhere; it was there the first time.
        """
        asked = [defect.pointer for told in self.rounds for defect in told.defects]
        late = [defect.pointer for defect in defects if self.rounds and not any(under(defect.pointer, pointer) for pointer in asked)]
        if late:
            raise ToldOnce(facts={"pointers": list[Json](late)})

    def supplement(self, *, number: int, form_digest: Digest, by: PersonRef | None) -> bool:
        """Take what the applicant supplied; False when none is waited for (any more), and then nothing changes."""
        if self.state is not HandlingState.CORRECTING or number <= self.supplements:
            return False
        self._move(HandlingState.OPENED, sealed=False)
        self.supplements = number
        self.form_digest = form_digest
        if by is not None:
            self.supplemented_by = (*self.supplemented_by, by)
        return True

    def accept(
        self,
        *,
        at: datetime,
        by: PersonRef | None,
        effective_on: date,
        notice: Written,
        statutory_due: datetime,
        promised_due: datetime,
        deemed: bool = False,
    ) -> None:
        """Accept the application; deemed when the time to tell ran out, and then it counts from the day it was received.

        Raises:
            IllegalMove: Acceptance is decided already, or a correction is under way.
            AwaitingSeal: The last notice is not in force yet.
        """
        self._only_from(HandlingState.OPENED, to=HandlingState.ACCEPTED)
        self._move(HandlingState.ACCEPTED, sealed=not deemed)
        self.accepted_by, self.accepted_on, self.deemed = by, effective_on, deemed
        self.awaiting_seal, self.due = notice.notice_id, promised_due
        self.events.append(
            CaseAccepted(
                **self._act(at, notice),
                effective_on=effective_on,
                deemed=deemed,
                accepted_by=by,
                statutory_due=statutory_due,
                promised_due=promised_due,
            )
        )

    def not_accept(self, *, at: datetime, by: PersonRef, ground: str, notice: Written, acceptance_due: datetime) -> None:
        """Refuse acceptance with its ground.

        Raises:
            IllegalMove: Acceptance is decided already, or a correction is under way.
            DeemedAccepted: The time to tell ran out.
            AwaitingSeal: The last notice is not in force yet.
        """
        self._in_time(at, acceptance_due)
        self._move(HandlingState.NOT_ACCEPTED)
        self.awaiting_seal = notice.notice_id
        self.events.append(CaseNotAccepted(**self._act(at, notice), ground=ground, refused_by=by))

    def suspend(self, *, at: datetime, by: PersonRef, ground: str, notice: Written, until: datetime) -> None:
        """Stop the decision clocks for what does not count, at once; the notice tells it under seal.

        Raises:
            IllegalMove: The application is not accepted.
            AwaitingSeal: The acceptance is not in force yet.
        """
        self._move(HandlingState.SUSPENDED)
        self.suspended_for, self.due = ground, until
        self.events.append(CaseSuspended(**self._act(at, notice), ground=ground, suspended_by=by))

    def resume(self, *, at: datetime, by: PersonRef, statutory_due: datetime, promised_due: datetime) -> None:
        """Let the decision clocks run again.

        Raises:
            IllegalMove: They are not stopped.
        """
        self._only_from(HandlingState.SUSPENDED, to=HandlingState.ACCEPTED)
        self._move(HandlingState.ACCEPTED)
        self.suspended_for, self.due = None, next_date(at, promised=promised_due, statutory=statutory_due)
        self.events.append(
            CaseResumed(**self._facts(at), handling_organ=self.organ, resumed_by=by, statutory_due=statutory_due, promised_due=promised_due)
        )

    def more_time(self, *, at: datetime, statutory_due: datetime) -> Limit:
        """How much more time the item allows, once.

        Raises:
            IllegalMove: No decision is being prepared.
            ExtensionRefused: It was extended before, the time ran out, or the item allows none.
        """
        self._only_from(HandlingState.ACCEPTED, to=HandlingState.ACCEPTED)
        if self.extended or at >= statutory_due or self.item.extension_limit is None:
            raise ExtensionRefused
        return self.item.extension_limit

    def extend(self, *, at: datetime, by: PersonRef, notice: Written, statutory_due: datetime, promised_due: datetime) -> None:
        """Give the organ more time, until these dates.

        Raises:
            IllegalMove: No decision is being prepared.
            ExtensionRefused: It was extended before, or its longer time is past, too.
        """
        self.more_time(at=at, statutory_due=statutory_due)
        self.extended, self.due = True, next_date(at, promised=promised_due, statutory=statutory_due)
        self.events.append(
            CaseExtended(
                **self._act(at, notice),
                extended_by=by,
                statutory_due=statutory_due,
                promised_due=promised_due,
            )
        )

    def decide(
        self, *, at: datetime, by: PersonRef, outcome: Outcome, grounds: tuple[str, ...], notice: Written, valid_until: date | None = None
    ) -> None:
        """Decide; in force when sealed.

        Raises:
            SamePerson: The person acted on the case before.
            CaseIsOver: It is decided or withdrawn.
            IllegalMove: It is not accepted, or its clock is stopped.
            AwaitingSeal: The acceptance is not in force yet.
            FilingDenied: A filing is no permit that could be denied.
            GroundsMissing: A denial, also of a part, without grounds, or a full grant with some.
            ValidityPast: The credential would not outlast the day.
        """
        self.refuse_if_over()
        self.refuse_decider(by)
        refuse_outcome(outcome, self.item.approval_type, grounds=grounds)
        if valid_until is not None and valid_until <= local_day(at):
            raise ValidityPast
        self._move(HandlingState.DECIDED)
        self.decision += 1
        self.outcome, self.decided_by, self.decided_at, self.due = outcome, by, at, None
        self.awaiting_seal = notice.notice_id
        self.events.append(
            CaseDecided(
                **self._act(at, notice),
                case_no=self.case.case_no,
                handling_region=self.region,
                version_id=self.case.version_id,
                situation=self.case.situation,
                decision=self.decision,
                outcome=outcome,
                grounds=grounds,
                decided_by=by,
                credential_type=None if outcome is Outcome.DENIED else self.item.credential_type,
                valid_until=None if outcome is Outcome.DENIED else valid_until,
            )
        )

    def refuse_decider(self, by: PersonRef) -> None:
        """The decider did nothing else on the case, else `SamePerson` is raised."""
        if by in self.may_not_decide:
            raise SamePerson(facts={"aggregate": "handling", "action": "decide", "about": self.case_id})

    def withdraw(self, *, at: datetime, by: PersonRef | None) -> None:
        """Let the applicant take the application back, before a decision.

        Raises:
            CaseIsOver: A decision or another end came first.
        """
        self.refuse_if_over()
        self._move(HandlingState.WITHDRAWN, sealed=False)
        self.events.append(CaseWithdrawn(**self._facts(at), withdrawn_by=by))
        self.end(at=at, ending=Ending.WITHDRAWN)

    def terminate(self, *, at: datetime, acceptance_due: datetime) -> None:
        """Give the case back before acceptance; the transfer tells why.

        Raises:
            IllegalMove: It is not at its opening any more.
            DeemedAccepted: The time to tell ran out.
            AwaitingSeal: The last notice is not in force yet.
        """
        self._in_time(at, acceptance_due)
        self._move(HandlingState.TERMINATED)
        self.end(at=at, ending=Ending.RETURNED)

    def sealed(self, *, at: datetime, notice_id: NoticeId) -> bool:
        """Put the act of a notice in force; False when it was not the one waited for."""
        if self.awaiting_seal != notice_id:
            return False
        self.awaiting_seal = None
        if self.state is HandlingState.NOT_ACCEPTED:
            self.end(at=at, ending=Ending.NOT_ACCEPTED)
        return True

    def decision_sealed(self, *, at: datetime, decision: int, notice_id: NoticeId, credential_id: CredentialId | None) -> bool:
        """Put a decision in force; False when it was not the one waited for."""
        if self.decision != decision or not self.sealed(at=at, notice_id=notice_id):
            return False
        self.credential_id = credential_id
        return True

    def delivered(self, *, at: datetime, delivery_id: str, means: str, by: PersonRef | None) -> None:
        """Note that the result is in the applicant's hands; nothing is left to do."""
        self.events.append(ResultDelivered(**self._facts(at), delivery_id=delivery_id, means=means, delivered_by=by))
        if self.outcome is not None:
            self.end(at=at, ending=Ending(self.outcome.value))

    def end(self, *, at: datetime, ending: Ending) -> None:
        """Tell intake that nothing is left to do; once."""
        if self.ending is None:
            self.ending = ending
            self.events.append(HandlingEnded(**self._facts(at), ending=ending))

    def _in_time(self, at: datetime, acceptance_due: datetime) -> None:
        if self.state is HandlingState.OPENED and at >= acceptance_due:
            raise DeemedAccepted

    def _only_from(self, state: HandlingState, *, to: HandlingState) -> None:
        if self.state is not state:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})

    def _move(self, to: HandlingState, *, sealed: bool = True) -> None:
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})
        if sealed and self.awaiting_seal is not None:
            raise AwaitingSeal(facts={"notice_id": self.awaiting_seal}, retry_after=1)
        self.state = to

    def _facts(self, at: datetime) -> CaseFacts:
        return {"at": at, "case_id": self.case.case_id, "root_case_id": self.case.root_case_id, "region": self.case.region}

    def _act(self, at: datetime, notice: Written) -> ActFacts:
        return {
            **self._facts(at),
            "handling_organ": self.organ,
            "authority": self.authority,
            "notice_id": notice.notice_id,
            "notice_digest": notice.digest,
        }
