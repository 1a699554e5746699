"""Where a warming begins is told in words; the rest is tested on a real broker, in tests/kafka/test_warm.py."""

import click
import pytest

from streams.warm import Learned, Offset, place


def test_a_place_is_told_in_many_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 100_000_000.0)
    assert [place(text) for text in ("earliest", "now", "@7", "14d", "-14d", "90s", "1970-01-02", "12.5")] == [
        "beginning", "now", Offset(7), 100_000_000.0 - 14 * 86_400, 100_000_000.0 - 14 * 86_400, 99_999_910.0, 86_400.0,
        12.5,
    ]  # fmt: skip
    with pytest.raises(click.BadParameter):
        place("yesterday")


def test_who_learned_under_older_settings_is_told() -> None:
    assert len(Learned("metrics", 4, 100, 7).lines()) == 1
    assert "--as-if-always" in Learned("metrics", 4, 100, 7, changes=1).lines()[1]
