"""Logs hold known keys and nothing of a person."""

import logging

import orjson
import pytest

from chassis import logs, tracing
from tests.support.toy import RunningToy

CANARY = "340102199001011234"


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in captured.readouterr().out.splitlines()]


def test_a_line_is_json_with_its_service_and_trace(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    with tracing.traced(service="intake"):
        trace = tracing.trace_id()
        logs.get_logger().info("relay.started", topic="case.events.v1", count=3)

    [line] = lines(capsys)
    assert line["event"] == "relay.started"
    assert (line["service"], line["trace"], line["topic"], line["count"]) == ("intake", trace, "case.events.v1", 3)


def test_a_key_that_is_not_known_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    logs.get_logger().info("x", id_number=CANARY, applicant={"name": CANARY})

    assert CANARY not in capsys.readouterr().out


def test_of_an_exception_its_type_and_place_are_written_and_never_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    try:
        int(CANARY + "x")
    except ValueError as error:
        logs.get_logger().error("x", exc_info=error)

    [line] = lines(capsys)
    assert line["error"] == "ValueError"
    assert "test_logs.py" in str(line["place"])
    assert CANARY not in str(line)


def test_another_program_in_the_process_silences_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").disabled = True

    logs.configure("info")
    logging.getLogger("uvicorn.error").warning("started")

    assert [line["event"] for line in lines(capsys)] == ["started"]


@pytest.mark.parametrize("name", ["uvicorn.error", "some.library"])
def test_what_a_library_fills_in_is_not_written(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logs.configure("info")

    logging.getLogger(name).warning("cannot read %s", CANARY)
    try:
        int(CANARY + "x")
    except ValueError:
        logging.getLogger(name).exception("failed")

    shown = lines(capsys)
    assert [line["logger"] for line in shown] == [name, name]
    assert CANARY not in str(shown)


def test_what_a_library_formats_itself_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")

    logging.getLogger("asyncio").error(f"Task exception was never retrieved {CANARY}")  # noqa: G004 - as asyncio does

    assert CANARY not in capsys.readouterr().out


async def test_no_request_leaves_a_person_in_the_logs(toy: RunningToy, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug")

    await toy.client.get(f"/broken?name={CANARY}")
    await toy.client.get(f"/widgets/{CANARY}", headers=toy.headers())
    await toy.client.post("/widgets", json={"id": CANARY, "owner": CANARY}, headers=toy.headers(key=CANARY))
    await toy.client.post("/widgets", json={"id": CANARY, "name": CANARY}, headers=toy.headers(key="k"))
    await toy.client.get(f"/{CANARY}")

    shown = capsys.readouterr().out
    assert shown.count('"event":"request"') == 5
    assert CANARY not in shown
