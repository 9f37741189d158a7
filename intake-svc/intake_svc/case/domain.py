"""A case 办件 as intake owns it: draft, received, closed, and a projection of what others do with it.

After receipt intake changes nothing legal: what routing and credential report is only shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypedDict

from contracts.codec import ADDED
from contracts.delegations import Authority
from contracts.events import CaseClosed, CaseEvent, CaseReceived, CaseSupplemented, Submitted
from contracts.refusals import Conflict, IllegalMove, Invalid, NotFound
from contracts.values import (
    AgreementId,
    CaseId,
    CaseNo,
    Channel,
    DelegationId,
    Digest,
    Ending,
    ItemCode,
    ItemVersionId,
    Mode,
    NoticeId,
    OrganCode,
    PersonRef,
    RegionCode,
    WindowId,
)
from intake_svc.progress.domain import Progress, Stage


class CaseState(StrEnum):
    """What intake itself says of a case."""

    DRAFT = "draft"
    RECEIVED = "received"
    CLOSED = "closed"
    DISCARDED = "discarded"


MOVES: Mapping[CaseState, frozenset[CaseState]] = MappingProxyType(
    {
        CaseState.DRAFT: frozenset({CaseState.RECEIVED, CaseState.DISCARDED}),
        CaseState.RECEIVED: frozenset({CaseState.CLOSED}),
        CaseState.CLOSED: frozenset({CaseState.RECEIVED}),
        CaseState.DISCARDED: frozenset(),
    }
)
"""Closed goes back to received only when the handling is reopened."""


NO_FORM = Digest("")
"""In place of a digest, in a draft."""


class CaseNotFound(NotFound):
    """No such case, or it is hidden from this caller."""

    RULE = "case.not-found"
    ZH = "未找到该办件"
    EN = "There is no such case"


class CaseAlreadyReceived(Conflict):
    """The id made by the client already names a case."""

    RULE = "case.already-received"
    ZH = "该办件已收件"
    EN = "A case of this id was received already"


class ChannelMismatch(Invalid):
    """The channel named is not the one the application came by."""

    RULE = "case.channel"
    ZH = "收件渠道与提交方式不一致"
    EN = "The application did not come by the channel that it names"


class SupplementNotAsked(Conflict):
    """No correction notice of that number waits for a supplement."""

    RULE = "supplement.not-asked"
    ZH = "当前没有需要补正的通知"
    EN = "No correction notice of that number waits for a supplement"


class SupplementEmpty(Invalid):
    """Neither form nor materials were given."""

    RULE = "supplement.empty"
    ZH = "补正内容为空"
    EN = "The supplement is empty"


NOBODY = ""
"""What stands where the database came back from a backup and something of a person is not known any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed(Submitted):
    """A material as handed in, with where intake keeps it."""

    material_id: str


class Known(TypedDict):
    """What a receipt knows of the applicant."""

    applicant_key: str
    applicant_label: str
    progress_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Everything a receipt fixes and never changes."""

    case_no: CaseNo
    received_at: datetime
    receiving_region: RegionCode
    receiving_organ: OrganCode
    window: WindowId | None
    channel: Channel
    received_by: PersonRef | None
    """``None`` when the applicant submitted without a window."""
    helped_by: tuple[PersonRef, ...]
    item_code: ItemCode
    version_id: ItemVersionId
    situation: str
    mode: Mode
    handling_region: RegionCode
    handling_organ: OrganCode
    agreement_id: AgreementId | None
    route_rule: str
    check_digest: Digest
    applicant_key: str
    """Keyed hash of the applicant's identity."""
    applicant_label: str
    """Masked name for lists."""
    progress_key: str
    """Keyed hash of number and last six characters of the identity, for the public question."""
    matter_region: RegionCode | None = field(default=None, metadata=ADDED)
    """The region that the matter belongs to, as it was asked for, where that is not the handling region itself."""
    delegations: tuple[DelegationId, ...] = field(default=(), metadata=ADDED)
    """The instruments through which the handling organ is competent."""
    authority: Authority | None = field(default=None, metadata=ADDED)
    """In whose name it acts through them."""

    @classmethod
    def again(cls, event: CaseReceived) -> Receipt:
        """What a receipt had fixed, as far as its event tells; of the applicant nothing."""
        return cls(
            case_no=event.case_no,
            received_at=event.at,
            receiving_region=event.region,
            receiving_organ=event.receiving_organ,
            window=event.window,
            channel=event.channel,
            received_by=event.received_by,
            helped_by=event.helped_by,
            item_code=event.item_code,
            version_id=event.version_id,
            situation=event.situation,
            mode=event.mode,
            handling_region=event.handling_region,
            handling_organ=event.handling_organ,
            agreement_id=event.agreement_id,
            route_rule=event.route_rule,
            check_digest=event.check_digest,
            applicant_key=NOBODY,
            applicant_label="待补录",
            progress_key=NOBODY,
            matter_region=event.matter_region,
            delegations=event.delegations,
            authority=event.authority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """What was given after a correction notice."""

    number: int
    notice_id: NoticeId
    at: datetime
    by: PersonRef | None


@dataclass(slots=True, kw_only=True)
class Case:
    """One case; a draft until it is received."""

    case_id: CaseId
    root_case_id: CaseId
    state: CaseState = CaseState.DRAFT
    receipt: Receipt | None = None
    closed_at: datetime | None = None
    form_digest: Digest = NO_FORM
    """Of the form as it now stands."""
    materials: tuple[Handed, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    progress: Progress = field(default_factory=Progress)
    version: int = 0
    """As stored; 0 before the first save."""
    sequence: int = 0
    """Events so far."""
    events: list[tuple[int, CaseEvent]] = field(default_factory=list)
    """Recorded since it was read, each with its sequence."""

    @property
    def stage(self) -> Stage:
        """What the case shows of its handling: the owner's last fact, or intake's own supplement to it."""
        asked = self.progress.stage is Stage.CORRECTING
        return Stage.SUPPLEMENTED if asked and self.is_answered(self.progress.notice_id) else self.progress.stage

    @property
    def answer_by(self) -> datetime | None:
        """When the holder must have answered, UTC, exclusive; None where intake knows no such date."""
        return None if self.stage is Stage.SUPPLEMENTED else self.progress.answer_by

    @property
    def held_by(self) -> OrganCode | None:
        """The organ whose turn it is; None for a draft and for a case that ended.

        The receiving organ stays accountable until a person at the handling organ has signed.
        """
        if self.receipt is None or self.progress.ending is not None:
            return None
        match self.stage:
            case Stage.RECEIVED | Stage.VALIDATED | Stage.OFFERED_AGAIN | Stage.CORRECTING | Stage.RETURNED:
                return self.receipt.receiving_organ
            case Stage.DECIDED:
                return self.receipt.handling_organ if self.progress.awaiting_seal else self.receipt.receiving_organ
            case _:
                return self.receipt.handling_organ

    def is_answered(self, notice_id: NoticeId | None) -> bool:
        """True when a supplement was given for the notice."""
        return any(supplement.notice_id == notice_id for supplement in self.supplements)

    def receive(self, receipt: Receipt, *, form_digest: Digest, materials: tuple[Handed, ...]) -> None:
        """Take the application in; from now on the applicant holds a number.

        Law: 国办发〔2020〕35号 (收受分离).

        Raises:
            IllegalMove: It is not a draft.
        """
        if self.receipt is not None or self.state is not CaseState.DRAFT:
            # A closed case goes back to received by being reopened, never by a second receipt.
            raise IllegalMove(facts={"from": self.state.value, "to": CaseState.RECEIVED.value})
        self._move(CaseState.RECEIVED)
        self.receipt, self.form_digest, self.materials = receipt, form_digest, materials
        self._record(
            CaseReceived(
                case_id=self.case_id,
                root_case_id=self.root_case_id,
                region=receipt.receiving_region,
                at=receipt.received_at,
                case_no=receipt.case_no,
                receiving_organ=receipt.receiving_organ,
                window=receipt.window,
                channel=receipt.channel,
                item_code=receipt.item_code,
                version_id=receipt.version_id,
                situation=receipt.situation,
                mode=receipt.mode,
                handling_region=receipt.handling_region,
                handling_organ=receipt.handling_organ,
                agreement_id=receipt.agreement_id,
                route_rule=receipt.route_rule,
                form_digest=form_digest,
                materials=_submitted(materials),
                check_digest=receipt.check_digest,
                received_by=receipt.received_by,
                helped_by=receipt.helped_by,
                matter_region=receipt.matter_region,
                delegations=receipt.delegations,
                authority=receipt.authority,
            )
        )

    def await_supplement(self, notice_id: NoticeId) -> None:
        """See that the notice asks for a supplement that was not given yet.

        Raises:
            SupplementNotAsked: It does not.
        """
        if self.state is not CaseState.RECEIVED or self.stage is not Stage.CORRECTING or self.progress.notice_id != notice_id:
            raise SupplementNotAsked

    def supplement(
        self, notice_id: NoticeId, *, form_digest: Digest, materials: tuple[Handed, ...], by: PersonRef | None, at: datetime
    ) -> None:
        """Add what a correction notice asked for.

        Law: 行政许可法 §32.

        Args:
            notice_id: The notice answered.
            form_digest: Of the whole form as it now stands.
            materials: All materials as they now stand.
            by: The clerk or agent; None when the applicant did it.
            at: Instant of the supplement; its effect on a clock is routing's.

        Raises:
            SupplementNotAsked: No such notice waits for a supplement.
        """
        self.await_supplement(notice_id)
        given = Supplement(number=len(self.supplements) + 1, notice_id=notice_id, at=at, by=by)
        self.supplements, self.form_digest, self.materials = (*self.supplements, given), form_digest, materials
        self._record(
            CaseSupplemented(
                case_id=self.case_id,
                root_case_id=self.root_case_id,
                region=self.received.receiving_region,
                at=at,
                supplement=given.number,
                notice_id=notice_id,
                form_digest=form_digest,
                materials=_submitted(materials),
                supplemented_by=by,
            )
        )

    def hear(self, event: CaseEvent, *, position: int, at: datetime) -> None:
        """Show what another service reported.

        Args:
            event: The fact.
            position: Its position at its service.
            at: Instant of hearing, which dates the closing of the case.
        """
        self.progress = self.progress.hear(event, position=position)
        if self.progress.ending is not None and self.state is CaseState.RECEIVED:
            self._close(self.progress.ending, at=at)

    def enter_again(self, receipt: Receipt, *, materials: tuple[Handed, ...]) -> None:
        """Know again who applies, and where those materials are that were lost with the database; nothing legal changes."""
        places = {(one.code, one.digest): one.material_id for one in materials}
        self.receipt = receipt
        self.materials = tuple(replace(one, material_id=places.get((one.code, one.digest), one.material_id)) for one in self.materials)

    def _close(self, ending: Ending, *, at: datetime) -> None:
        self._move(CaseState.CLOSED)
        self.closed_at = at
        self._record(
            CaseClosed(case_id=self.case_id, root_case_id=self.root_case_id, region=self.received.receiving_region, at=at, ending=ending)
        )

    @property
    def row(self) -> Mapping[str, str]:
        """The columns that access rules ask for."""
        receipt = self.received
        return {
            "case_id": self.case_id,
            "receiving_region": receipt.receiving_region,
            "receiving_organ": receipt.receiving_organ,
            "handling_region": receipt.handling_region,
            "handling_organ": receipt.handling_organ,
            "applicant_key": receipt.applicant_key,
        }

    @property
    def received(self) -> Receipt:
        """What the receipt fixed.

        Raises:
            IllegalMove: It is still a draft.
        """
        if self.receipt is None:
            raise IllegalMove(facts={"from": self.state.value, "to": CaseState.RECEIVED.value})
        return self.receipt

    def _move(self, to: CaseState) -> None:
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})
        self.state = to

    def _record(self, event: CaseEvent) -> None:
        self.sequence += 1
        self.events.append((self.sequence, event))


def again(materials: tuple[Submitted, ...], *, known: tuple[Handed, ...] = ()) -> tuple[Handed, ...]:
    """Materials as an event names them, with where those are kept that are known."""
    kept = {material.digest: material.material_id for material in known}
    return tuple(Handed(code=each.code, digest=each.digest, material_id=kept.get(each.digest, NOBODY)) for each in materials)


def _submitted(materials: tuple[Handed, ...]) -> tuple[Submitted, ...]:
    return tuple(Submitted(code=material.code, digest=material.digest) for material in materials)
