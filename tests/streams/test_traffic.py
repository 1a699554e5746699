"""The agent that counts requests: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.traffic import count
from tests.fakes import fold
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request


def test_it_reads_requests_and_says_metrics() -> None:
    (traffic,) = (capability for capability in capabilities() if capability.name == "traffic")
    assert (traffic.topic, traffic.says, traffic.verb) == (REQUESTS, (METRICS,), count)
    log = [(k * 500, Request(client="192.0.2.1", at_s=k / 2, path="/", service="shop")) for k in range(3)]
    said = fold(traffic.bank, REQUESTS, log)
    assert {(r.series, r.value, r.key()) for r in said if isinstance(r, Reading)} == {
        ("shop/requests", 2.0, "shop"),
        ("shop/errors", 0.0, "shop"),
        ("shop/client_errors", 0.0, "shop"),
    }
