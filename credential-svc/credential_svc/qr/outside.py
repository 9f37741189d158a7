"""The printed code: COSE_Sign1 over CBOR claims, zlib, base45, prefix ``TB1:``.

Everything has one spelling: a text that reads but would be written otherwise is refused, and nothing of the claims is read before the
signature over their very bytes was right.

Source: RFC 9052 (COSE_Sign1), RFC 8392 (CWT claims), RFC 9285 (base45); status by the Token Status List's claim 65535.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import cbor2

from contracts.values import OrganCode, RegionCode
from credential_svc.qr.domain import SHANGHAI, Claims, Unreadable, Verdict
from credential_svc.seal.outside import KID_BYTES, SigningKey, is_signed

PREFIX = "TB1:"
MAX_TEXT = 4296
"""Characters: more than any QR code holds."""
MAX_INFLATED = 16 * 1024
SIGNATURE_BYTES = 64
COSE_SIGN1 = 18
ALGORITHM, KID, EDDSA = 1, 4, -8
"""Header labels and the one algorithm."""

ISS, EXP, IAT, CTI, STATUS = 1, 4, 6, 7, 65535
ORGAN, TYPE, HOLDER, HOLDER_ID = -70001, -70002, -70003, -70004
"""Private claims of this system (RFC 8392: below -65536)."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


def write_code(claims: Claims, *, key: SigningKey, status_list_url: str) -> str:
    """The text of the code, signed.

    Args:
        claims: What to say.
        key: The issuing organ's.
        status_list_url: Where list ``claims.list_id`` is fetched; ends with that number.
    """
    payload = cbor2.dumps(
        {
            ISS: claims.issuer,
            **({} if claims.valid_until is None else {EXP: _instant(claims.valid_until)}),
            IAT: _instant(claims.issued_on),
            CTI: claims.credential_no.encode(),
            STATUS: {"status_list": {"idx": claims.place, "uri": status_list_url}},
            ORGAN: claims.organ,
            TYPE: claims.credential_type,
            HOLDER: claims.holder,
            HOLDER_ID: claims.holder_id,
        },
        canonical=True,
    )
    header = _header(bytes.fromhex(key.kid))
    signature = key.sign(_signed(header, payload))
    message = cbor2.dumps(cbor2.CBORTag(COSE_SIGN1, [header, {}, payload, signature]), canonical=True)
    return PREFIX + base45(zlib.compress(message, 9))


def open_code(text: str) -> SignedCode:
    """Take a code apart, without believing any of it.

    Raises:
        Unreadable: It is not ours (``unknown``), or damaged (``altered``).
    """
    if not text.startswith(PREFIX) or len(text) > MAX_TEXT:
        raise Unreadable(Verdict.UNKNOWN)
    body = text.removeprefix(PREFIX)
    packed = from_base45(body)
    if base45(packed) != body:
        raise Unreadable(Verdict.ALTERED)
    reader = _Reader(_inflate(packed))
    reader.expect(bytes((0xC0 | COSE_SIGN1, 0x84)))
    header = reader.bytes_()
    reader.expect(b"\xa0")
    payload = reader.bytes_()
    signature = reader.bytes_()
    reader.end()
    kid = header[-KID_BYTES:]
    if header != _header(kid):
        # Another algorithm or another form of header: not ours, and never tried.
        raise Unreadable(Verdict.UNKNOWN)
    if len(signature) != SIGNATURE_BYTES:
        raise Unreadable(Verdict.ALTERED)
    return SignedCode(kid=kid.hex(), header=header, payload=payload, signature=signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCode:
    """A code taken apart; its claims are bytes until the signature was right."""

    kid: str
    header: bytes
    payload: bytes
    signature: bytes

    def claims(self, *, public: bytes) -> Claims:
        """The claims, if the key signed them.

        Raises:
            Unreadable: It did not (``altered``), or what it signed are no claims of a credential (``unknown``).
        """
        if not is_signed(_signed(self.header, self.payload), signature=self.signature, public=public):
            raise Unreadable(Verdict.ALTERED)
        try:
            said = cbor2.loads(self.payload)
            status = said[STATUS]["status_list"]
            return Claims(
                issuer=RegionCode(said[ISS]),
                organ=OrganCode(said[ORGAN]),
                credential_no=said[CTI].decode(),
                credential_type=said[TYPE],
                holder=said[HOLDER],
                holder_id=said[HOLDER_ID],
                issued_on=_day(said[IAT]),
                valid_until=_day(said[EXP]) if EXP in said else None,
                list_id=int(status["uri"].rpartition("/")[2]),
                place=status["idx"],
            )
        except (cbor2.CBORDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(Verdict.UNKNOWN) from error


class _Reader:
    """Reads the outer frame: byte strings with the shortest length there is, and nothing behind the end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def expect(self, wanted: bytes) -> None:
        if self._take(len(wanted)) != wanted:
            raise Unreadable(Verdict.ALTERED)

    def bytes_(self) -> bytes:
        first = self._take(1)[0]
        if first >> 5 != 2:  # noqa: PLR2004 - CBOR's major type of byte strings
            raise Unreadable(Verdict.ALTERED)
        small, shortest = first & 0x1F, {24: (1, 24), 25: (2, 256)}
        if small < 24:  # noqa: PLR2004 - lengths below stand in the first byte
            return self._take(small)
        if small not in shortest:
            raise Unreadable(Verdict.ALTERED)
        width, least = shortest[small]
        length = int.from_bytes(self._take(width), "big")
        if length < least:
            raise Unreadable(Verdict.ALTERED)
        return self._take(length)

    def end(self) -> None:
        if self._at != len(self._content):
            raise Unreadable(Verdict.ALTERED)

    def _take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise Unreadable(Verdict.ALTERED)
        self._at += count
        return taken


def base45(content: bytes) -> str:
    """Base45 of RFC 9285: two bytes as three letters, a last one as two."""
    letters = []
    for at in range(0, len(content), 2):
        pair = content[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, rest = divmod(value, 45)
            letters.append(_ALPHABET[rest])
    return "".join(letters)


def from_base45(text: str) -> bytes:
    """The bytes again.

    Raises:
        Unreadable: No base45 (``altered``).
    """
    content = bytearray()
    try:
        for at in range(0, len(text), 3):
            group = text[at : at + 3]
            value = sum(_VALUES[letter] * 45**place for place, letter in enumerate(group))
            content += value.to_bytes(len(group) - 1, "big")
    except (KeyError, OverflowError) as error:
        raise Unreadable(Verdict.ALTERED) from error
    return bytes(content)


def _inflate(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(packed, MAX_INFLATED)
    except zlib.error as error:
        raise Unreadable(Verdict.ALTERED) from error
    if not inflater.eof or inflater.unused_data:
        raise Unreadable(Verdict.ALTERED)
    return content


def _header(kid: bytes) -> bytes:
    return cbor2.dumps({ALGORITHM: EDDSA, KID: kid}, canonical=True)


def _signed(header: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", header, b"", payload], canonical=True)


def _instant(day: date) -> int:
    return int(datetime.combine(day, time(), SHANGHAI).timestamp())


def _day(instant: int) -> date:
    return datetime.fromtimestamp(instant, UTC).astimezone(SHANGHAI).date()
