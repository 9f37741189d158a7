"""What a printed code says, and what anyone who scans it is told.

The code carries only masked data: whoever finds the paper learns no more than the paper shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from contracts.values import OrganCode, RegionCode

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the issuing organ signed."""

    issuer: RegionCode
    """Region of the issuing organ."""
    organ: OrganCode
    credential_no: str
    credential_type: str
    holder: str
    """Masked name of a person, the full name of a firm."""
    holder_id: str
    """Masked."""
    issued_on: date
    valid_until: date | None
    """First day on which it holds no more."""
    list_id: int
    place: int
    """Index in the status list."""


class Verdict(StrEnum):
    """What a verification answers."""

    VALID = "valid"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ALTERED = "altered"
    UNKNOWN_ISSUER = "unknown_issuer"
    UNKNOWN = "unknown"


REASONS: dict[Verdict, tuple[str, str]] = {
    Verdict.VALID: ("签名有效,截至所示时间状态正常", "The signature is right and the credential holds as of the time shown"),
    Verdict.SUSPENDED: (
        "签名有效,但证照已被发证机关暂停使用",
        "The signature is right, but the issuing organ has suspended the credential",
    ),
    Verdict.REVOKED: ("签名有效,但证照已被撤销、注销或换发", "The signature is right, but the credential was revoked or replaced"),
    Verdict.EXPIRED: ("签名有效,但证照已超过有效期", "The signature is right, but the credential has expired"),
    Verdict.ALTERED: ("内容损坏或被改动,签名不符", "The content is damaged or was altered; the signature does not match"),
    Verdict.UNKNOWN_ISSUER: ("签发机关不在信任列表中", "The issuer is not on the trust list"),
    Verdict.UNKNOWN: ("不是本系统签发的证照二维码", "This is not a code of a credential issued here"),
}
"""Chinese and English, by verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer; claims only where the signature is right."""

    verdict: Verdict
    as_of: datetime
    """UTC; what is said holds for this instant."""
    claims: Claims | None = None


class Unreadable(Exception):
    """The text is no code that could be judged; ``verdict`` says which answer that is."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.value)
        self.verdict = verdict


def judge(claims: Claims, *, revoked: bool, suspended: bool, at: datetime) -> Verdict:
    """What a right signature is worth: revoked outweighs expired, expired outweighs suspended."""
    if revoked:
        return Verdict.REVOKED
    if claims.valid_until is not None and at.astimezone(SHANGHAI).date() >= claims.valid_until:
        return Verdict.EXPIRED
    return Verdict.SUSPENDED if suspended else Verdict.VALID
