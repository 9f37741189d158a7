"""Sealed personal data and keyed hashes."""

import stat
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from chassis.tables import SECRET_KEYS
from chassis.vault import SecretKey, Unreadable, Vault, open_vault, write_wrapping_key
from contracts.values import JsonObject
from tests.support.toy import RunningToy, toy_settings

FORM: JsonObject = {"name": "张三", "lines": [1, 2.5, None, True]}


async def test_what_was_sealed_opens_again_with_the_owners_key(toy: RunningToy) -> None:
    vault = toy.context.vault
    async with toy.context.database.begin(toy.context) as tx:
        sealed = vault.seal(await vault.new_key(tx, "case/1"), FORM)

    async with toy.context.database.begin(toy.context) as tx:
        assert vault.open(await vault.key(tx, "case/1"), sealed) == FORM
    assert "张三".encode() not in sealed


async def test_a_second_key_for_an_owner_is_the_first_one(toy: RunningToy) -> None:
    vault = toy.context.vault
    async with toy.context.database.begin(toy.context) as tx:
        first = await vault.new_key(tx, "case/1")
        again = await vault.new_key(tx, "case/1")

    assert vault.open(again, vault.seal(first, FORM)) == FORM


async def test_first_keys_are_stored_with_all_else_and_open_later(toy: RunningToy) -> None:
    vault = toy.context.vault
    async with toy.context.database.begin(toy.context) as tx:
        keys = vault.first_keys(tx, ["case/1", "case/2"])
        sealed = vault.seal(keys["case/2"], FORM)

    async with toy.context.database.begin(toy.context) as tx:
        assert vault.open(await vault.key(tx, "case/2"), sealed) == FORM


async def test_a_first_key_never_takes_the_place_of_another(toy: RunningToy) -> None:
    vault = toy.context.vault
    async with toy.context.database.begin(toy.context) as tx:
        sealed = vault.seal(await vault.new_key(tx, "case/1"), FORM)

    with pytest.raises(DBAPIError):
        async with toy.context.database.begin(toy.context) as tx:
            vault.first_keys(tx, ["case/1"])

    async with toy.context.database.begin(toy.context) as tx:
        assert vault.open(await vault.key(tx, "case/1"), sealed) == FORM


def test_bytes_moved_to_another_owner_do_not_open() -> None:
    vault, material = Vault(b"A" * 32), b"k" * 32
    sealed = vault.seal(SecretKey(owner="case/1", material=material), FORM)

    with pytest.raises(Unreadable):
        vault.open(SecretKey(owner="case/2", material=material), sealed)


@pytest.mark.parametrize("place", [0, 1, 20, -1])
def test_changed_bytes_do_not_open(place: int) -> None:
    key = SecretKey(owner="case/1", material=b"k" * 32)
    sealed = bytearray(key.seal(b"secret"))
    sealed[place] ^= 1

    with pytest.raises(Unreadable):
        key.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01short"])
def test_bytes_that_were_never_sealed_do_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        SecretKey(owner="case/1", material=b"k" * 32).open(sealed)


async def test_a_destroyed_key_makes_the_data_unreadable(toy: RunningToy) -> None:
    vault = toy.context.vault
    async with toy.context.database.begin(toy.context) as tx:
        await vault.new_key(tx, "case/1")

    async with toy.context.database.begin(toy.context) as tx:
        assert await vault.destroy(tx, "case/1")
    async with toy.context.database.begin(toy.context) as tx:
        assert not await vault.destroy(tx, "case/1")
        with pytest.raises(Unreadable):
            await vault.key(tx, "case/1")


async def test_keys_are_stored_wrapped_and_another_wrapping_key_does_not_open_them(toy: RunningToy) -> None:
    async with toy.context.database.begin(toy.context) as tx:
        await toy.context.vault.new_key(tx, "case/1")
        with pytest.raises(Unreadable):
            await Vault(b"B" * 32).key(tx, "case/1")

    [row] = await toy.rows(SECRET_KEYS)
    assert row.wrapping_id == toy.context.vault.key_id
    assert len(row.wrapped) == 40


async def test_several_keys_come_at_once_or_not_at_all(toy: RunningToy) -> None:
    vault = toy.context.vault
    async with toy.context.database.begin(toy.context) as tx:
        for owner in ("case/1", "case/2"):
            await vault.new_key(tx, owner)

        assert sorted(await vault.keys(tx, ["case/2", "case/1", "case/1"])) == ["case/1", "case/2"]
        with pytest.raises(Unreadable):
            await vault.keys(tx, ["case/1", "case/3"])


async def test_of_several_keys_those_that_are_there_and_open_are_found(toy: RunningToy) -> None:
    vault, other = toy.context.vault, Vault(b"B" * 32)
    async with toy.context.database.begin(toy.context) as tx:
        await vault.new_key(tx, "case/1")
        await other.new_key(tx, "case/2")

        assert list(await vault.find_keys(tx, ["case/1", "case/2", "case/3"])) == ["case/1"]
        with pytest.raises(Unreadable):
            await vault.keys(tx, ["case/1", "case/2"])


def test_a_keyed_hash_is_the_same_for_the_same_key_only() -> None:
    first, second = Vault(b"A" * 32), Vault(b"B" * 32)

    assert first.lookup("340102199001011234") == Vault(b"A" * 32).lookup("340102199001011234")
    assert first.lookup("340102199001011234") != second.lookup("340102199001011234")
    assert first.lookup("340102199001011234").startswith(f"{first.key_id}:")


def test_a_fingerprint_tells_where_one_part_ends() -> None:
    vault = Vault(b"A" * 32)

    assert vault.fingerprint(b"ab", b"c") != vault.fingerprint(b"a", b"bc")


def test_a_key_is_never_shown() -> None:
    assert repr(SecretKey(owner="case/1", material=b"k" * 32)) == "SecretKey(case/1)"


def test_the_wrapping_key_of_a_local_run_lies_in_a_file_of_its_owner_and_stays(tmp_path: Path) -> None:
    write_wrapping_key(tmp_path / "key")
    made = (tmp_path / "key").read_bytes()
    write_wrapping_key(tmp_path / "key")

    settings = toy_settings("postgresql+asyncpg://x/x", tmp_path).model_copy(
        update={"wrapping_key": None, "wrapping_key_file": tmp_path / "key"}
    )
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "key").read_bytes() == made
    assert open_vault(settings).key_id == open_vault(settings).key_id


def test_a_service_without_a_wrapping_key_does_not_start(tmp_path: Path) -> None:
    settings = toy_settings("postgresql+asyncpg://x/x", tmp_path).model_copy(update={"wrapping_key": None})

    with pytest.raises(ValueError, match="wrapping_key"):
        open_vault(settings)


def test_a_short_wrapping_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(b"short")
