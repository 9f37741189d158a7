"""Who calls: what the gateway vouches for and every access rule reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.values import CaseId, OrganCode, PersonRef, RegionCode, WindowId, person_ref


class CallerKind(StrEnum):
    """What stands behind a token."""

    STAFF = "staff"
    PERSON = "person"
    MACHINE = "machine"
    SERVICE = "service"
    """One of the five services, for the few calls between them."""
    ANONYMOUS = "anonymous"


class Role(StrEnum):
    """What a caller does; rights come from `rules.access`, never from the name alone."""

    RECEIVING_CLERK = "receiving_clerk"
    """收件 at a window: may receive, help and forward, never decide."""
    REVIEWER = "reviewer"
    """受理 and correction notices at the handling organ."""
    APPROVER = "approver"
    """Decides at the handling organ."""
    SUPERVISOR = "supervisor"
    """Sees the cases of a region subtree; acts on none."""
    CATALOGUE_AUTHOR = "catalogue_author"
    CATALOGUE_REVIEWER = "catalogue_reviewer"
    OPERATOR = "operator"
    """Runs the installation: parked events, development clock; sees no case."""
    APPLICANT = "applicant"
    PARTNER = "partner"
    """A partner county's system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The real-name identity of a person who signed in; travels only to intake-svc, never into events or logs."""

    id_type: str
    id_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One verified caller of one request."""

    kind: CallerKind
    issuer: str
    account: str
    """Staff number, subject or client id at the issuer."""
    roles: frozenset[Role] = frozenset()
    region: RegionCode | None = None
    organ: OrganCode | None = None
    window: WindowId | None = None
    case: CaseId | None = None
    """The one case this token was narrowed to: an applicant whom intake has let see it."""
    identity: Identity | None = None

    @property
    def ref(self) -> PersonRef:
        """The caller as events and decider rules name it."""
        return person_ref(issuer=self.issuer, account=self.account)


ANONYMOUS = Caller(kind=CallerKind.ANONYMOUS, issuer="", account="")
"""Nobody signed in; public routes only."""
