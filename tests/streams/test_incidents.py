"""The agent that groups signals: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.incidents import group
from tests.fakes import fold
from topics.alerts import ALERTS, Alert
from topics.signals import SIGNALS, Threat


def test_it_reads_signals_and_says_alerts() -> None:
    (incidents,) = (capability for capability in capabilities() if capability.name == "incidents")
    assert (incidents.topic, incidents.says, incidents.verb) == (SIGNALS, (ALERTS,), group)
    threat = Threat(client="192.0.2.1", service="shop", family="rate", rule="limit", at_s=5.0)
    (said,) = fold(incidents.bank, SIGNALS, [(5000, threat)])
    assert isinstance(said, Alert)
    assert (said.state, said.service, said.key()) == ("firing", "shop", said.id)
