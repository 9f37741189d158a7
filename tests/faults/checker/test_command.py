"""What an operator sees of a check, and what a journal must hold."""

import json
from pathlib import Path

import pytest

from tests.faults.checker.ground import Ground, named, tongban
from tongban_operations.checker.journal import Ended, Promise, read_journal

pytestmark = pytest.mark.timeout(1200)


async def test_the_command_finds_nothing_wrong_with_a_sound_line_and_says_what_it_looked_at(ground: Ground, tmp_path: Path) -> None:
    await ground.receive()
    journal = ground.journal(tmp_path)
    report = await ground.check()

    done = tongban(ground, "check", "--json", "--journal", str(journal), *(f"--parked={each.about}" for each in report.differences))

    told = json.loads(done.stdout)[0]
    assert done.returncode == (1 if ground.spoiled else 0)
    assert told["counts"]["promises"] > 0
    assert {each["about"] for each in told["differences"]} == ground.spoiled


async def test_the_command_names_the_rule_in_chinese_and_english(ground: Ground) -> None:
    case = ground.case_id(await ground.receive())
    await ground.check()

    with ground.changed("intake", "cases", f"update cases set stage = 'accepted' where case_id = '{case}'"):  # noqa: S608 - our own id
        done = tongban(ground, "check")

    assert done.returncode == 1
    assert "收件方所示的环节应当与办理一致" in done.stdout
    assert "The stage that intake shows is the handling's" in done.stdout
    assert case in done.stdout


async def test_a_promise_that_is_not_kept_is_named(ground: Ground, tmp_path: Path) -> None:
    no = await ground.receive()
    case = ground.case_id(no)
    await ground.check()
    journal = ground.journal(tmp_path)
    lines = [
        {"answered": {"case_id": case, "case_no": "360926199001010000001"}},
        {"answered": {"material_id": "never-uploaded"}},
        {"answered": {"receipt": {"case_id": case, "number": 9}}},
        {"ended": "granted", "case_no": no},
    ]
    journal.write_text(journal.read_text() + "".join(json.dumps(line) + "\n" for line in lines))

    report = await ground.look(journal=journal)

    assert sorted((each.rule, each.about) for each in ground.others(report)) == [
        ("lost.life", no),
        ("lost.promise", case),
        ("lost.promise", case),
        ("lost.promise", "never-uploaded"),
    ]
    assert named(report, case) == {"lost.promise"}


def test_a_line_that_was_cut_off_promised_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"answered": {"transfer_id": "t-1"}}\n{"ended": "denied", "case_no": "1"}\n{"answered": {"transfer_id": "t-2"}')

    assert list(read_journal(journal)) == [Promise(kind="transfer_id", name="t-1"), Ended(case_no="1", ending="denied")]


def test_a_line_of_another_form_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"asked": {}}\n')

    with pytest.raises(ValueError, match=r"journal\.jsonl:1"):
        list(read_journal(journal))
