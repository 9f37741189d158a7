"""Figures by route template, a registry per service."""

from chassis.metrics import Metrics
from tests.support.toy import MakeToy, RunningToy


async def test_requests_are_counted_by_route_template(toy: RunningToy) -> None:
    await toy.client.get("/widgets/340102199001011234", headers=toy.headers())
    await toy.client.get("/340102199001011234")
    await toy.client.request("FETCH", "/open")

    shown = (await toy.client.get("/metrics")).text

    assert 'http_server_request_duration_seconds_count{method="GET",route="/widgets/{widget_id}",service="toy",status="404"} 1.0' in shown
    assert 'method="GET",route="unknown",service="toy",status="404"' in shown
    assert 'method="other"' in shown
    assert "340102199001011234" not in shown


async def test_two_services_of_one_process_count_for_themselves(make_toy: MakeToy) -> None:
    first, second = await make_toy(), await make_toy()

    await first.client.get("/open")

    assert "/open" in (await first.client.get("/metrics")).text
    assert "/open" not in (await second.client.get("/metrics")).text


def test_a_figure_asked_for_twice_is_one() -> None:
    metrics = Metrics("toy")

    assert metrics.counter("sent", "Sent") is metrics.counter("sent", "Sent")
    assert metrics.gauge("waiting", "Waiting") is metrics.gauge("waiting", "Waiting")
