"""The fleet breaks as it is written, and the bank that the worker runs finds each break, under the demo's settings."""

from __future__ import annotations

import pytest

from detectors.anomaly import AnomalyBank
from streams.demo.crew import SETTINGS
from streams.demo.fleet import BROKEN_S, FLEET, Fleet, Member, member_of
from streams.settings import load
from tests.fakes import Entry, fold
from topics import Record
from topics.metrics import METRICS, Reading
from topics.signals import Anomaly

T0 = 1_700_000_000


@pytest.fixture(scope="module")
def said() -> list[Anomaly]:
    """What is said of the fleet's first hundred seconds."""
    log: list[Entry] = []

    def publish(_: object, key: str, record: Record | bytes) -> None:
        assert isinstance(record, Reading)
        assert record.service == key
        log.append((int(1000 * record.at_s), record))

    fleet = Fleet(publish)
    for second in range(100):
        fleet.measure(second + 0.01, T0 + second + 0.3)
    return [
        record for record in fold(AnomalyBank, METRICS, log, load(SETTINGS, {}).settings) if isinstance(record, Anomaly)
    ]


@pytest.mark.parametrize("member", FLEET, ids=lambda member: member.service)
def test_each_break_is_found_while_it_lasts_and_not_before(member: Member, said: list[Anomaly]) -> None:
    found = [anomaly.at_s - T0 for anomaly in said if member_of(anomaly) is member]
    assert found
    assert member.after_s <= min(found) <= member.after_s + BROKEN_S


def test_nobody_is_called_broken_who_is_whole(said: list[Anomaly]) -> None:
    after_s = {member.service: member.after_s for member in FLEET}
    assert [anomaly for anomaly in said if anomaly.at_s - T0 < after_s[anomaly.service]] == []
