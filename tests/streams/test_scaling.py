"""The agent that sizes services: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities, home_of
from streams.scaling import size
from tests.fakes import fold
from topics.metrics import METRICS, Reading
from topics.proposals import PROPOSALS, Proposal
from topics.settings import Scaling, Service, Settings

SETTINGS = Settings(services={"shop": Service(scaling=Scaling(load="shop/load", capacity=10.0, maximum=9))})


def test_it_reads_metrics_and_says_proposals_and_forecasts() -> None:
    (scaling,) = (capability for capability in capabilities() if capability.name == "scaling")
    assert (scaling.topic, scaling.says, scaling.verb) == (METRICS, (PROPOSALS, METRICS), size)
    log = [(k * 1000, Reading(series="shop/load", value=45.0, at_s=float(k))) for k in range(200)]
    said = fold(scaling.bank, METRICS, log, SETTINGS)
    assert {home_of(scaling, record).name for record in said} == {"proposals", "metrics"}
    proposals = [record for record in said if isinstance(record, Proposal)]
    assert (proposals[0].action, proposals[0].key(), proposals[0].wanted) == ("scale", "shop", 5.0)
