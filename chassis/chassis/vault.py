"""Sealed personal data: one key per owner, wrapped by a key that lies outside the databases.

What a service keeps of a person is sealed as one value under the key of its owner. The owner's name is bound into the ciphertext, so a value
moved to another owner's row does not open. Destroying the key destroys the data, wherever copies of it lie.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from sqlalchemy import ARRAY, DateTime, LargeBinary, Text, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Tx
from chassis.prepared import Prepared
from chassis.settings import ServiceSettings
from chassis.tables import SECRET_KEYS
from chassis.writing import Conflict, Rows
from contracts.values import JsonObject

KEY_BYTES = 32
NONCE_BYTES = 12
_SEALED_V1 = b"\x01"


class Unreadable(Exception):
    """The key was destroyed, belongs to another owner, or the bytes were changed; says nothing about the content."""


class SecretKey:
    """The key of one owner; never shown, never stored unwrapped."""

    __slots__ = ("_cipher", "owner")

    def __init__(self, *, owner: str, material: bytes) -> None:
        self.owner = owner
        self._cipher = AESGCM(material)

    def __repr__(self) -> str:
        return f"SecretKey({self.owner})"

    def seal(self, plain: bytes) -> bytes:
        """AES-256-GCM with the owner as associated data."""
        nonce = os.urandom(NONCE_BYTES)
        return _SEALED_V1 + nonce + self._cipher.encrypt(nonce, plain, self.owner.encode())

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes again.

        Raises:
            Unreadable: Another owner's bytes, or changed ones.
        """
        if sealed[:1] != _SEALED_V1:
            raise Unreadable("unknown form of sealed bytes")
        nonce, cipher = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, cipher, self.owner.encode())
        except (InvalidTag, ValueError) as error:
            raise Unreadable("does not open with this key") from error


class Vault:
    """Keys of owners and keyed hashes, under one wrapping key."""

    def __init__(self, wrapping_key: bytes) -> None:
        """Take the wrapping key.

        Args:
            wrapping_key: 32 random bytes, the same in every process of the service.

        Raises:
            ValueError: Not 32 bytes.
        """
        if len(wrapping_key) != KEY_BYTES:
            raise ValueError(f"a wrapping key has {KEY_BYTES} bytes")
        self._wrapping = _derive(wrapping_key, "wrap")
        self._lookup = _derive(wrapping_key, "lookup")
        self._fingerprint = _derive(wrapping_key, "fingerprint")
        self.key_id = _derive(wrapping_key, "id").hex()[:8]
        """Names the wrapping key beside what was made with it."""

    async def new_key(self, tx: Tx[Any], owner: str) -> SecretKey:
        """Make and store a key; an owner that has one already keeps it and gets it back."""
        return (await self.new_keys(tx, [owner]))[owner]

    async def new_keys(self, tx: Tx[Any], owners: Sequence[str]) -> dict[str, SecretKey]:
        """Make and store keys of several owners in one statement; as `new_key`."""
        opened = self._opened(tx)
        # Those that `take` said are not there.
        self.first_keys(tx, sorted({owner for owner in owners if owner in opened and opened[owner] is None}))
        wanted = sorted({owner for owner in owners if owner not in opened})
        if wanted:
            wrapped = [aes_key_wrap(self._wrapping, os.urandom(KEY_BYTES)) for _ in wanted]
            rows = {"owners": wanted, "wrapped": wrapped, "wrapping_id": self.key_id, "at": tx.at}
            opened |= {owner: self._open(owner, key) for owner, key in await tx.fetch(_MAKE, rows)}
        # A key that somebody else made between the two looks of the statement is in neither.
        return await self.keys(tx, owners)

    def first_keys(self, tx: Tx[Any], owners: Sequence[str]) -> dict[str, SecretKey]:
        """Make the keys of owners that are new themselves; stored with all else that the transaction writes, without a look of their own.

        An owner that has a key already makes that writing fail with a unique violation.
        """
        made = {owner: os.urandom(KEY_BYTES) for owner in owners}
        for owner, material in made.items():
            wrapped = aes_key_wrap(self._wrapping, material)
            tx.write(_FIRST, {"owner": owner, "wrapped": wrapped, "wrapping_id": self.key_id, "at": tx.at})
        keys = {owner: SecretKey(owner=owner, material=material) for owner, material in made.items()}
        self._opened(tx).update(keys)
        return keys

    async def key(self, tx: Tx[Any], owner: str) -> SecretKey:
        """The key of an owner.

        Raises:
            Unreadable: There is none: it was never made, or it was destroyed.
        """
        return (await self.keys(tx, [owner]))[owner]

    async def keys(self, tx: Tx[Any], owners: Sequence[str]) -> dict[str, SecretKey]:
        """The keys of several owners in one query; what the transaction has opened before is not asked for again.

        Raises:
            Unreadable: One of them has none.
        """
        keys = await self.find_keys(tx, owners)
        if len(keys) < len(set(owners)):
            raise Unreadable("no key, or wrapped by another key")
        return keys

    async def find_keys(self, tx: Tx[Any], owners: Sequence[str]) -> dict[str, SecretKey]:
        """The keys of those among the owners who have one that opens, in one query; as `keys`."""
        opened = self._opened(tx)
        wanted = sorted({owner for owner in owners if owner not in opened})
        if wanted:
            for owner, wrapped in await tx.fetch(_KEYS, {"owners": wanted}):
                with suppress(Unreadable):
                    opened[owner] = self._open(owner, wrapped)
        found = {owner: opened.get(owner) for owner in owners}
        return {owner: key for owner, key in found.items() if key is not None}

    def take(self, tx: Tx[Any], owner: str, wrapped: bytes | None) -> None:
        """Have at hand the key of an owner as another statement read it; None when there is none.

        Whoever makes keys of this owner holds the same lock from before that statement to the commit: what is not there is not being made.
        """
        self._opened(tx).setdefault(owner, None if wrapped is None else self._open(owner, wrapped))

    async def destroy(self, tx: Tx[Any], owner: str) -> bool:
        """Destroy an owner's key and with it everything sealed under it; False when there was none."""
        self._opened(tx).pop(owner, None)
        gone = await tx.execute(delete(SECRET_KEYS).where(SECRET_KEYS.c.owner == owner))
        return gone.rowcount > 0

    def seal(self, key: SecretKey, value: JsonObject) -> bytes:
        """Seal a JSON object under its owner's key."""
        return key.seal(orjson.dumps(value))

    def open(self, key: SecretKey, sealed: bytes) -> JsonObject:
        """The JSON object again.

        Raises:
            Unreadable: Another owner's bytes, or changed ones.
        """
        return cast("JsonObject", orjson.loads(key.open(sealed)))

    def lookup(self, value: str) -> str:
        """A keyed hash to find a value by, ``<key id>:<64 hex digits>``; without the key it cannot be tried out."""
        return f"{self.key_id}:{hmac.digest(self._lookup, value.encode(), 'sha256').hex()}"

    def fingerprint(self, *parts: bytes) -> bytes:
        """A keyed hash (32 bytes) of byte strings in order: equal for equal requests, says nothing about them."""
        mac = hmac.new(self._fingerprint, digestmod=hashlib.sha256)
        for part in parts:
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.digest()

    def _opened(self, tx: Tx[Any]) -> dict[str, SecretKey | None]:
        opened: dict[str, SecretKey | None] = tx.at_hand.setdefault(self, {})
        return opened

    def _open(self, owner: str, wrapped: bytes) -> SecretKey:
        return SecretKey(owner=owner, material=self._unwrap(wrapped))

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise Unreadable("wrapped by another key") from error


_FIRST = Rows(SECRET_KEYS, conflict=Conflict.REFUSE)
_made = (
    func.unnest(bindparam("owners", type_=ARRAY(Text)), bindparam("wrapped", type_=ARRAY(LargeBinary)))
    .table_valued("owner", "wrapped", name="made")
    .render_derived()
)
_made_now = (
    insert(SECRET_KEYS)
    .from_select(
        ["owner", "wrapped", "wrapping_id", "at"],
        select(_made.c.owner, _made.c.wrapped, bindparam("wrapping_id", type_=Text), bindparam("at", type_=DateTime(timezone=True))),
    )
    .on_conflict_do_nothing()
    .returning(SECRET_KEYS.c.owner, SECRET_KEYS.c.wrapped)
    .cte("made_now")
)
_of_owners = select(SECRET_KEYS.c.owner, SECRET_KEYS.c.wrapped).where(
    SECRET_KEYS.c.owner == func.any(bindparam("owners", type_=ARRAY(Text)))
)
_KEYS = Prepared(_of_owners)
_MAKE = Prepared(select(_made_now.c.owner, _made_now.c.wrapped).union_all(_of_owners))
"""The keys just made and those that were there, in one statement however many owners."""


def open_vault(settings: ServiceSettings) -> Vault:
    """The vault of a service.

    Raises:
        ValueError: The settings name no wrapping key, or it is not 32 bytes in base64url.
        OSError: The named file cannot be read.
    """
    if settings.wrapping_key is not None:
        return Vault(_decode(settings.wrapping_key.get_secret_value()))
    if settings.wrapping_key_file is not None:
        return Vault(_decode(settings.wrapping_key_file.read_text("ascii")))
    raise ValueError("wrapping_key or wrapping_key_file must be set")


def write_wrapping_key(path: Path) -> None:
    """Make a wrapping key in a file that only its owner reads; a file that is there stays as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)))


def _decode(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded.strip())


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, f"tongban {purpose} v1".encode(), hashlib.sha256)
