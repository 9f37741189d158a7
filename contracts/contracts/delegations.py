"""Delegations and transfers of power as every service reads them: which organ decides in whose place, and in whose name.

Law: 行政许可法 §24 (published, in the delegator's name, no further delegation).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from contracts.values import DelegationId, Digest, ItemCode, OrganCode, RegionCode


class DelegationKind(StrEnum):
    """What an instrument hands over.

    Law: 行政许可法 §24; 国办发〔2020〕35号.
    """

    TRANSFER = "transfer"
    """下放、赋权: the receiver holds the power and decides in its own name; it may hand it on."""
    DELEGATION = "delegation"
    """行政委托: the delegate decides in the delegator's name and never delegates further."""
    ASSIST = "assist"
    """委托受理、帮代办: the delegate receives and assists and never decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """The paper a delegation stands on 委托书, published by the delegator."""

    number: str
    title: str
    legal_basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """A delegation 行政委托 or transfer of power 赋权 (S-37, S-38); on ``catalog.rules.v1`` as ``delegation/<id>``.

    Among those of one delegator the one for the smallest region prevails.
    """

    delegation_id: DelegationId
    kind: DelegationKind
    delegator: OrganCode
    delegate: OrganCode
    items: tuple[ItemCode, ...]
    """Base codes; at least one."""
    region: RegionCode
    """Matters that belong to this region or one below it are covered."""
    valid_from: date
    valid_to: date
    """First day on which it no longer holds for new cases; open cases finish where they are."""
    instrument: Instrument
    sealed_as: OrganCode
    """In whose name a decision is sealed: the delegate's after a transfer, else the delegator's."""
    situations: tuple[str, ...] = ()
    """Ids of the situations of its one item that are covered; empty means all."""
    conditions: tuple[str, ...] = ()
    """Further conditions of the instrument in words, shown to who receives and who decides; no machine evaluates them."""
    revoked_from: datetime | None = None
    """First instant at which it no longer holds for new cases, when it was revoked before its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A paper that an organ acts under, as it stood when the case was received."""

    delegation_id: DelegationId
    kind: DelegationKind
    delegator: OrganCode
    number: str
    """Of the paper, as it was published."""
    digest: Digest
    """Of the whole `Delegation` as it then stood; one that was revoked since has another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """In whose name 以谁的名义 an organ acts on a case that it decides through instruments; fixed at receipt.

    Law: 行政许可法 §24.
    """

    sealed_as: OrganCode
    """Notices, the decision and the credential carry this organ's name and seal."""
    instruments: tuple[Cited, ...]
    """From the holder of the power to the organ that acts; at least one."""


def name_of(organ: OrganCode, authority: Authority | None) -> OrganCode:
    """The organ in whose name another acts; its own name where it needs no instrument."""
    return organ if authority is None else authority.sealed_as
