"""The agent that finds floods: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.floods import weigh
from tests.detectors.crowd import distributed, log_of
from tests.detectors.test_floods import then
from tests.fakes import fold
from topics.compositions import COMPOSITIONS
from topics.proposals import PROPOSALS
from topics.signals import SIGNALS, Threat


def test_it_reads_compositions_and_says_signals_and_proposals() -> None:
    (floods,) = (capability for capability in capabilities() if capability.name == "floods")
    assert (floods.topic, floods.says, floods.verb) == (COMPOSITIONS, (SIGNALS, PROPOSALS), weigh)
    (said,) = fold(floods.bank, COMPOSITIONS, log_of(then(0, distributed, 9)))
    assert isinstance(said, Threat)
    assert (said.client, said.family, said.key()) == ("*", "flood", "shop")
