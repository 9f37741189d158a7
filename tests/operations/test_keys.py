"""Keys of internal tokens are changed and forgotten while processes hold the very files: each goes on seeing them, and nobody is turned away."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.identity import SigningKey, Verifier
from chassis.problems import Unauthenticated
from contracts.caller import ANONYMOUS, CallerKind
from tongban_operations.__main__ import main

PERSON = replace(ANONYMOUS, kind=CallerKind.PERSON, issuer="https://id.example", account="somebody")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What ``tongban provision`` makes."""
    assert main(["provision", str(tmp_path / "secrets")]) == 0
    return tmp_path / "secrets"


def kids(folder: Path) -> list[str]:
    return [str(key["kid"]) for key in json.loads((folder / "internal-jwks.json").read_text())["keys"]]


def act(folder: Path, what: str) -> int:
    key, listed = folder / "gateway-key.json", folder / "internal-jwks.json"
    return main(["keys", what, "--holder", "gateway", "--key-file", str(key), "--jwks-file", str(listed)])


def holder(folder: Path) -> SigningKey:
    """The gateway as it is after a start."""
    return SigningKey.load(folder / "gateway-key.json")


def verifies(folder: Path, key: SigningKey) -> bool:
    """Whether a service lets in whom this key vouches for."""
    try:
        Verifier(folder / "internal-jwks.json", audience="intake").verify(key.mint(PERSON, audience="intake"))
    except Unauthenticated:
        return False
    return True


def test_old_and_new_tokens_are_good_until_the_old_key_is_pruned(folder: Path) -> None:
    old = holder(folder)

    assert act(folder, "rotate") == 0
    new = holder(folder)
    while_both_run = verifies(folder, old), verifies(folder, new)
    assert act(folder, "prune") == 0

    assert old.kid != new.kid
    assert while_both_run == (True, True)
    assert (verifies(folder, old), verifies(folder, new)) == (False, True)
    assert len(kids(folder)) == 2, "the key of the other holder stays"


def test_a_file_that_a_container_was_given_stays_that_file_with_its_rights(folder: Path) -> None:
    files = [folder / "gateway-key.json", folder / "internal-jwks.json"]
    given = [file.open(encoding="utf-8") for file in files]
    before = [(file.stat().st_ino, file.stat().st_mode) for file in files]

    for what in ("rotate", "prune", "rotate"):
        assert act(folder, what) == 0

    assert [(file.stat().st_ino, file.stat().st_mode) for file in files] == before
    assert oct(files[0].stat().st_mode)[-3:] == "444"
    assert [json.load(handle) for handle in given] == [json.loads(file.read_text()) for file in files]
    for handle in given:
        handle.close()


def test_provision_run_again_keeps_the_old_key_until_it_is_pruned(folder: Path) -> None:
    old = holder(folder)
    assert act(folder, "rotate") == 0
    listed = kids(folder)

    assert main(["provision", str(folder)]) == 0

    assert kids(folder) == listed
    assert verifies(folder, old)


def test_nothing_is_pruned_where_the_list_does_not_know_the_holders_key(folder: Path) -> None:
    (folder / "gateway-key.json").chmod(0o600)
    (folder / "gateway-key.json").write_text(json.dumps(SigningKey.make("gateway").private))
    listed = kids(folder)

    assert act(folder, "prune") == 2

    assert kids(folder) == listed
