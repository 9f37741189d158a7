"""A caller who hangs up is no failure of ours."""

from collections.abc import Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from chassis.entrance import Entrance
from chassis.metrics import Metrics


async def _take_all(scope: Scope, receive: Receive, _send: Send) -> None:
    async for _ in Request(scope, receive).stream():
        pass


async def statuses(messages: Sequence[Message]) -> list[str]:
    """With which status one upload was counted."""
    left = list(messages)
    metrics = Metrics("toy")
    entrance = Entrance(_take_all, service="toy", metrics=metrics, max_body=100)

    async def receive() -> Message:
        return left.pop(0)

    async def send(_message: Message) -> None:
        raise AssertionError("nobody is there to be answered")

    await entrance({"type": "http", "method": "POST", "path": "/up", "headers": []}, receive, send)
    found = text_string_to_metric_families(metrics.exposition().decode())
    return sorted({sample.labels["status"] for family in found for sample in family.samples if "status" in sample.labels})


async def test_who_hangs_up_in_the_middle_of_an_upload_is_counted_as_gone(capsys: pytest.CaptureFixture[str]) -> None:
    found = await statuses([{"type": "http.request", "body": b"abc", "more_body": True}, {"type": "http.disconnect"}])

    assert found == ["499"]
    assert "request.failed" not in capsys.readouterr().out
