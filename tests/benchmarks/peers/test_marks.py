"""What a peer says of itself while it drains."""

import json

import pytest

from benchmarks.peers.marks import Marks


def words(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    lines = [line.split(" ", 1) for line in capsys.readouterr().out.splitlines()]
    return [(word, json.loads(figures)["records"]) for word, figures in lines]


def test_every_mark_is_said_once_by_who_counts_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    marks = Marks(10)
    for _ in range(12):
        marks.count()
    assert words(capsys) == [("FIRST", 0), ("HALF", 5), ("LAST", 10)]


def test_every_mark_is_said_once_by_who_counts_batches(capsys: pytest.CaptureFixture[str]) -> None:
    marks = Marks(10)
    marks.begin()
    for batch in (7, 1, 2, 5):
        marks.begin()
        marks.count(batch)
    assert words(capsys) == [("FIRST", 0), ("HALF", 7), ("LAST", 10)]


def test_one_batch_can_be_all(capsys: pytest.CaptureFixture[str]) -> None:
    marks = Marks(10)
    complete = [marks.complete]
    marks.count(10)
    assert [*complete, marks.complete] == [False, True]
    assert words(capsys) == [("FIRST", 0), ("HALF", 10), ("LAST", 10)]


def test_figures_are_those_of_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    Marks(1).count()
    first, *_ = (json.loads(line.split(" ", 1)[1]) for line in capsys.readouterr().out.splitlines())
    assert first["peak_rss_mb"] > 1
    assert first["cpu_s"] > 0
