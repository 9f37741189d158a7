"""A transfer: one hop of one case to one organ.

The first receiver stays accountable until a person at the handling organ has signed; there is never nobody. An end
without a signature opens the next hop as a new transfer, so bounces are counted, or gives the case back to the applicant
with its reason.

Law: 国办发〔2020〕35号 (收受分离; 异地代收代办).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from contracts.catalogue import Limit, TransferLimits, Unit
from contracts.delegations import Authority
from contracts.events import (
    CaseEvent,
    CaseReceived,
    CaseRehomed,
    CaseReturned,
    CaseSignedFor,
    CaseValidated,
    CaseWithdrawn,
    HandlingEnded,
    Receipt,
)
from contracts.refusals import Conflict, IllegalMove
from contracts.values import (
    AgreementId,
    CaseId,
    DelegationId,
    Digest,
    Ending,
    ItemVersionId,
    JsonObject,
    OrganCode,
    PersonRef,
    RegionCode,
    TransferId,
)
from rules.catalogue import Catalogue
from rules.powers import ORGAN_MERGED, Acting


class TransferState(StrEnum):
    """States of one hop."""

    WAITING = "waiting"
    """What the route rests on is not known here yet."""
    OFFERED = "offered"
    DELIVERED = "delivered"
    """Stored by the other side."""
    VALIDATED = "validated"
    """Route, agreement and version hold as of receipt; a person must sign."""
    SIGNED_FOR = "signed_for"
    RETURNED = "returned"
    RECALLED = "recalled"
    """Withdrawn before anybody signed."""
    EXPIRED = "expired"


MOVES: Mapping[TransferState, frozenset[TransferState]] = MappingProxyType(
    {
        TransferState.WAITING: frozenset({TransferState.OFFERED, TransferState.RETURNED, TransferState.RECALLED}),
        TransferState.OFFERED: frozenset({TransferState.DELIVERED, TransferState.RETURNED, TransferState.RECALLED, TransferState.EXPIRED}),
        TransferState.DELIVERED: frozenset(
            {TransferState.VALIDATED, TransferState.RETURNED, TransferState.RECALLED, TransferState.EXPIRED}
        ),
        TransferState.VALIDATED: frozenset(
            {TransferState.SIGNED_FOR, TransferState.RETURNED, TransferState.RECALLED, TransferState.EXPIRED}
        ),
        TransferState.SIGNED_FOR: frozenset({TransferState.RETURNED}),
        TransferState.RETURNED: frozenset(),
        TransferState.RECALLED: frozenset(),
        TransferState.EXPIRED: frozenset(),
    }
)
"""Every move there is; what is not here is refused."""

WAITS: Mapping[TransferState, frozenset[str]] = MappingProxyType(
    {
        TransferState.WAITING: frozenset({"transfer_waiting", "transfer_delivered", "transfer_validated"}),
        TransferState.VALIDATED: frozenset({"transfer_sign", "transfer_lapse"}),
    }
)
"""Kinds of clocks of which one at least runs in a state that waits for somebody."""

OPEN = frozenset({TransferState.WAITING, TransferState.OFFERED, TransferState.DELIVERED, TransferState.VALIDATED})
"""Hops that nobody has signed for yet."""

ENDED = frozenset({TransferState.RETURNED, TransferState.RECALLED, TransferState.EXPIRED})
"""Hops that came to nothing."""

RETURN_GROUNDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_competent": ("不属于本机关职权范围", "not within this organ's competence"),
        "duplicate": ("同一申请已在办理", "the same application is being handled already"),
        "unreadable": ("材料无法辨认", "the materials cannot be read"),
    }
)
"""Why an organ gives a case back before acceptance, in Chinese and English."""

CHECK_DISAGREES = "transfer.check-disagrees"
ROUTE_DISAGREES = "transfer.route-disagrees"
ROUTE_UNKNOWN = "transfer.route-unknown"

AGREEMENT_ENDED = "agreement.ended"
ENDED_REASON = (
    "通办协议已终止,且无其他协议涵盖;终止前未签收的办件退回",
    "the agreement ended before anybody signed, and no other covers it",
)
"""Why a case goes back that nobody had signed for when its agreement ended, in Chinese and English."""

DISAGREEMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        CHECK_DISAGREES: ("收件时的预检所用规则与事项版本不符", "receipt was not checked by the rules of the item's version"),
        ROUTE_DISAGREES: ("复核得出的办理机关与收件时不同", "checked again, another organ is competent than receipt named"),
        ROUTE_UNKNOWN: ("事项版本、机关或协议未能同步", "the item's version, organ or agreement never became known here"),
    }
)
"""Why receipt and the check after it disagree, in Chinese and English; a rule of `rules.competence` has words of its own."""

ESCALATED_HOP = 3
"""From this hop on a bounce is a matter for the supervisors of both sides."""

LOCAL_LIMITS = TransferLimits(
    delivered=Limit(amount=30, unit=Unit.MINUTES),
    validated=Limit(amount=30, unit=Unit.MINUTES),
    signed_for=Limit(amount=1, unit=Unit.WORKDAYS),
    returned_after=Limit(amount=3, unit=Unit.WORKDAYS),
)
"""Limits where a case is decided where it was received, so that no agreement sets them; ours, not the law's."""


class TransferIsOver(Conflict):
    """The hop has ended; ``facts.winner`` names how."""

    RULE = "transfer.over"
    ZH = "该次转办已经结束"
    EN = "This hop has ended"


class NeedsNotice(Conflict):
    """Who is not competent refuses acceptance in a sealed notice that names the competent organ; a return is none.

    Law: 行政许可法 §32(2).
    """

    RULE = "return.needs-notice"
    ZH = "不属于本机关职权范围的,应当签收后作出不予受理决定,并告知有权机关"
    EN = "Sign for it and refuse acceptance, naming the competent organ: a return is not enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the route of a case rests on."""

    version_id: ItemVersionId
    receiving_region: RegionCode
    handling_region: RegionCode
    handling_organ: OrganCode
    agreement_id: AgreementId | None
    matter_region: RegionCode | None = None
    delegations: tuple[DelegationId, ...] = ()

    @classmethod
    def of(cls, case: CaseReceived) -> "Needs":
        """What the route taken at receipt rests on."""
        return cls(
            version_id=case.version_id,
            receiving_region=case.region,
            handling_region=case.handling_region,
            handling_organ=case.handling_organ,
            agreement_id=case.agreement_id,
            matter_region=case.matter_region,
            delegations=case.delegations,
        )

    def unknown(self, catalogue: Catalogue) -> str:
        """The names of what is not here yet; empty when all is."""
        known = {
            "item_version": catalogue.parts(self.version_id) is not None,
            "receiving_region": catalogue.region(self.receiving_region) is not None,
            "handling_region": catalogue.region(self.handling_region) is not None,
            "matter_region": self.matter_region is None or catalogue.region(self.matter_region) is not None,
            "delegation": all(catalogue.delegation(one) is not None for one in self.delegations),
            "handling_organ": catalogue.organ(self.handling_organ) is not None,
            "agreement": self.agreement_id is None or catalogue.agreement(self.agreement_id) is not None,
        }
        return ",".join(name for name, here in known.items() if not here)


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One hop of one case."""

    case: CaseReceived
    hop: int
    region: RegionCode
    """Of the organ that is asked to handle it."""
    organ: OrganCode
    limits: TransferLimits = LOCAL_LIMITS
    authority: Authority | None = None
    """In whose name the organ acts; fixed at receipt, and at the hand-off where receipt said nothing of it."""
    state: TransferState = TransferState.WAITING
    opened_at: datetime
    waits_for: str = ""
    """What is not known here yet, while waiting."""
    sign_by: datetime | None = None
    signed_by: PersonRef | None = None
    signed_at: datetime | None = None
    ended_rule: str | None = None
    version: int = 0
    sequence: int = 0
    events: list[CaseEvent] = field(default_factory=list)

    @property
    def transfer_id(self) -> TransferId:
        """Made of case and hop, so that a hop is opened once whatever is heard twice."""
        return transfer_id(self.case.case_id, self.hop)

    @property
    def case_id(self) -> CaseId:
        """The case."""
        return self.case.case_id

    @property
    def facts(self) -> JsonObject:
        """What the receipts of this hop are about."""
        named: JsonObject = {} if self.authority is None else {"sealed_as": self.authority.sealed_as}
        return named | {
            "form": self.case.form_digest,
            "materials": [{"code": one.code, "digest": one.digest} for one in self.case.materials],
            "check": self.case.check_digest,
            "version_id": self.case.version_id,
            "route_rule": self.case.route_rule,
            "agreement_id": self.case.agreement_id,
            "handling_organ": self.organ,
        }

    def validate(self, *, at: datetime, sign_by: datetime, receipts: tuple[Receipt, ...]) -> None:
        """Offer, deliver and validate in one act: both places are hosted here.

        Raises:
            IllegalMove: The transfer is not waiting.
        """
        for state in (TransferState.OFFERED, TransferState.DELIVERED, TransferState.VALIDATED):
            self._move(state)
        self.sign_by, self.waits_for = sign_by, ""
        self.events.append(
            CaseValidated(
                at=at,
                case_id=self.case.case_id,
                root_case_id=self.case.root_case_id,
                region=self.case.region,
                transfer_id=self.transfer_id,
                hop=self.hop,
                handling_region=self.region,
                handling_organ=self.organ,
                sign_by=sign_by,
                receipts=receipts,
            )
        )

    def sign(self, *, at: datetime, by: PersonRef, acceptance_due: datetime, receipt: Receipt) -> None:
        """Take the case in a person's name; the first receiver is accountable no longer.

        Raises:
            TransferIsOver: The hop ended before.
            IllegalMove: It is not validated, or signed for already.
        """
        self._move(TransferState.SIGNED_FOR)
        self.signed_by, self.signed_at = by, at
        self.events.append(
            CaseSignedFor(
                at=at,
                case_id=self.case.case_id,
                root_case_id=self.case.root_case_id,
                region=self.case.region,
                transfer_id=self.transfer_id,
                hop=self.hop,
                handling_region=self.region,
                handling_organ=self.organ,
                signed_by=by,
                acceptance_due=acceptance_due,
                receipt=receipt,
            )
        )

    def give_back(self, *, at: datetime, rule_id: str, reason: Digest | None, receipt: Receipt) -> None:
        """End the hop and give the case back to the applicant, with its reason; a handling opened by it ends by itself.

        Raises:
            TransferIsOver: The hop ended before.
        """
        handled = self.state is TransferState.SIGNED_FOR
        self._move(TransferState.RETURNED)
        self._bounce(at, rule_id=rule_id, reason=reason, receipt=receipt, offered_again=False)
        if not handled:
            self._end(at, ending=Ending.RETURNED)

    def expire(self, *, at: datetime, receipt: Receipt) -> None:
        """End the hop: nobody signed in time. The next hop follows.

        Raises:
            TransferIsOver: The hop ended before.
            IllegalMove: Somebody signed.
        """
        self._move(TransferState.EXPIRED)
        self._bounce(at, rule_id="not-signed-in-time", reason=None, receipt=receipt, offered_again=True)

    def recall(self, *, at: datetime, by: PersonRef | None) -> None:
        """Let the applicant take the application back before anybody signed.

        Raises:
            TransferIsOver: The hop ended before.
            IllegalMove: Somebody signed: the handling decides.
        """
        self._move(TransferState.RECALLED)
        self.ended_rule = "withdrawn"
        self.events.append(
            CaseWithdrawn(at=at, case_id=self.case.case_id, root_case_id=self.case.root_case_id, region=self.case.region, withdrawn_by=by)
        )
        self._end(at, ending=Ending.WITHDRAWN)

    def follow(self, now: Acting, *, at: datetime) -> None:
        """Go on at the organ that took the place of the one asked; whoever signs there signs for it.

        Raises:
            TransferIsOver: The hop ended before.
        """
        if self.state in ENDED:
            raise TransferIsOver(facts={"winner": self.ended_rule, "state": self.state.value})
        self.events.append(
            CaseRehomed(
                at=at,
                case_id=self.case.case_id,
                root_case_id=self.case.root_case_id,
                region=self.case.region,
                transfer_id=self.transfer_id,
                former_organ=self.organ,
                handling_organ=now.organ,
                handling_region=now.region,
                authority=now.authority,
                reason=ORGAN_MERGED,
            )
        )
        self.organ, self.region, self.authority = now.organ, now.region, now.authority

    def go_along(self, handled: Acting) -> None:
        """Name who handles the case by now: what is still done about the hop is done there. The handling has told of it."""
        self.organ, self.region, self.authority = handled.organ, handled.region, handled.authority

    def refuse_unless(self, to: TransferState) -> None:
        """Whether a move is open, asked before receipts are made for it.

        Raises:
            TransferIsOver: The hop ended before.
            IllegalMove: The move is not in `MOVES`.
        """
        if self.state in ENDED:
            raise TransferIsOver(facts={"winner": self.ended_rule, "state": self.state.value})
        if to not in MOVES[self.state]:
            raise IllegalMove(facts={"from": self.state.value, "to": to.value})

    def _bounce(self, at: datetime, *, rule_id: str, reason: Digest | None, receipt: Receipt, offered_again: bool) -> None:
        self.ended_rule = rule_id
        self.events.append(
            CaseReturned(
                at=at,
                case_id=self.case.case_id,
                root_case_id=self.case.root_case_id,
                region=self.case.region,
                transfer_id=self.transfer_id,
                hop=self.hop,
                handling_region=self.region,
                handling_organ=self.organ,
                rule_id=rule_id,
                reason_digest=reason,
                offered_again=offered_again,
                receipt=receipt,
            )
        )

    def _end(self, at: datetime, *, ending: Ending) -> None:
        self.events.append(
            HandlingEnded(at=at, case_id=self.case.case_id, root_case_id=self.case.root_case_id, region=self.case.region, ending=ending)
        )

    def _move(self, to: TransferState) -> None:
        self.refuse_unless(to)
        self.state = to


def transfer_id(case_id: CaseId, hop: int) -> TransferId:
    """The id of one hop of a case."""
    return TransferId(f"{case_id}-{hop}")
