"""What intake holds while it runs."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_settings import SettingsConfigDict

from chassis.context import Context
from chassis.settings import ServiceSettings
from contracts.caller import Caller
from contracts.refusals import Invalid
from contracts.values import CaseNo, Digest
from rules.catalogue import Catalogue
from rules.identifiers import normalise

MAX_BODY = (20 * 1024 + 64) * 1024
"""Bytes of the largest request: a material, and the frame of a form around it."""


LAST_SIX = 6
"""Characters of the identity number that the public question for a case asks for."""


class PurposeMissing(Invalid):
    """Personal data is opened for a purpose only, which its trace names.

    Law: 个人信息保护法.
    """

    RULE = "case.purpose-missing"
    ZH = "读取个人信息须说明用途(purpose)"
    EN = "Personal data is opened for a purpose: add the parameter purpose"


class Settings(ServiceSettings):
    """Read once, from ``TONGBAN_INTAKE_…``."""

    model_config = SettingsConfigDict(env_prefix="TONGBAN_INTAKE_")
    NAME = "intake"

    max_body: int = MAX_BODY
    staff_issuer: str = ""
    """Issuer in the references of the officers that the seed enters: the identity provider's ``iss``."""
    seed: bool = False
    """Bring in the halls of the demo at the start; a second time changes nothing."""


@dataclass(kw_only=True)
class Intake(Context):
    """Intake's own: the followed catalogue, and numbers taken ahead."""

    settings: Settings
    catalogue: Catalogue = field(default_factory=Catalogue)
    """Built from the followed topics; read by every check and route."""
    numbers: deque[int] = field(default_factory=deque)
    """Sequence numbers of the block this process holds; what is left at its end is a gap."""
    wrong_tries: OrderedDict[str, tuple[datetime, ...]] = field(default_factory=OrderedDict)
    """Instants at which this process was asked for a case number with a wrong end of the identity number."""
    lost: dict[Digest, tuple[CaseNo, datetime]] = field(default_factory=dict)
    """Numbers of cases that a restore knows from the log alone, by what a repeat of their applications has in common with them, and until when
    a client may repeat them; what ends first stands first."""

    def applicant_key(self, *, id_type: str, id_number: str) -> str:
        """The keyed hash by which a person's cases are found."""
        return self.vault.lookup(f"{id_type}:{normalise(id_number)}")

    def applicant_keys(self, caller: Caller) -> frozenset[str]:
        """The keys of a caller's own identity; none for whoever did not sign in as a person."""
        known = caller.identity
        return frozenset() if known is None else frozenset({self.applicant_key(id_type=known.id_type, id_number=known.id_number)})

    def progress_key(self, case_no: CaseNo, *, id_number: str) -> str:
        """The keyed hash by which whoever knows a number's end may ask how a case stands."""
        return self.vault.lookup(f"progress:{case_no}:{normalise(id_number)[-LAST_SIX:]}")
