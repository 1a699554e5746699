"""The agent that takes requests apart: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.composition import take_apart
from tests.fakes import fold
from topics.compositions import COMPOSITIONS, Composition
from topics.control import Tick
from topics.requests import REQUESTS, Request


def test_it_reads_requests_and_says_compositions() -> None:
    (composition,) = (capability for capability in capabilities() if capability.name == "composition")
    assert (composition.topic, composition.says, composition.verb) == (REQUESTS, (COMPOSITIONS,), take_apart)
    log = [(k * 500, Request(client="192.0.2.1", at_s=k / 2, path="/", service="shop")) for k in range(3)]
    said = fold(composition.bank, REQUESTS, [*log, (10_000, Tick())])
    assert [(one.service, one.requests, one.key()) for one in said if isinstance(one, Composition)] == [
        ("shop", 3, "shop")
    ]
