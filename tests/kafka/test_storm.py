"""Faults of every kind, one after the other under load: afterwards all is as a sequential fold of the logs gives it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

import pytest

from benchmarks.storm import __main__ as storm
from benchmarks.storm.faults import STRIKES
from benchmarks.storm.piece import Outcome, run_piece
from benchmarks.storm.plan import CHEAP, LONG, PIECE, Round, pieces, rounds

SEED = int(os.environ.get("LUMINAR_TEST_SEED", "1"))

SPEAKERS = (
    "anomaly -> signals", "traffic -> metrics", "percentiles -> metrics", "forward -> metrics", "forward -> requests",
    "scaling -> proposals", "security -> signals", "security -> proposals", "incidents -> alerts",
    "decisions -> commands", "decisions -> blocklist", "decisions -> metrics", "poisoned -> metrics",
)  # fmt: skip


@pytest.mark.kafka
def test_after_fifteen_rounds_all_is_as_if_nothing_had_happened() -> None:
    """Rows equal the fold; every word is there, copies are alike, marks let each through once; nothing else is said."""
    outcome = run_piece(rounds(SEED, 15), print)
    print(dict(sorted(outcome.counts.items())))
    assert outcome.wrong == []
    assert {kind for kind, _ in outcome.recovered} == set(CHEAP)
    assert [speaker for speaker in SPEAKERS if not outcome.counts[speaker]] == []
    assert outcome.counts["letters"] > 100


# The plan -------------------------------------------------------------------------------------------------------------


def test_a_storm_is_cut_into_pieces_that_can_each_be_had_again() -> None:
    plan = pieces(7, 2 * PIECE + 5)
    assert [len(piece) for piece in plan] == [PIECE, PIECE, 5]
    for i, piece in enumerate(plan):
        assert list(piece) == rounds(7 + i, len(piece))
        assert piece == rounds(7 + i, PIECE)[: len(piece)]
        assert [one.number for one in piece] == list(range(1, len(piece) + 1))
    assert plan[0] != plan[1]


def test_every_piece_has_every_kind_as_often_and_a_minute_without_a_broker_once() -> None:
    counts = Counter(one.kind for one in rounds(SEED, PIECE))
    assert counts == {**dict.fromkeys(CHEAP, 5), LONG: 1}
    assert set(STRIKES) == set(counts)
    assert LONG not in {one.kind for one in rounds(SEED, 15)}


def test_what_a_round_does_depends_on_seed_and_number_alone() -> None:
    assert Round(3, "kill", 7).chance().random() == rounds(7, 3)[2].chance().random()
    assert len({one.chance().random() for one in rounds(7, 9) + rounds(8, 9)}) == 18


# What is said of it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [[], ["signals[1]@7 was never said"]])
def test_a_loss_is_said_with_the_command_that_has_it_again_and_ends_with_1(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def piece(plan: Sequence[Round], _: object) -> Outcome:
        return Outcome(plan[0].seed, [(one.kind, 1.0) for one in plan], wrong=wrong)

    monkeypatch.setattr(storm, "run_piece", piece)
    assert storm.main(["--rounds", "15", "--seed", "9", "--json"]) == len(wrong)
    said = capsys.readouterr()
    assert f'"losses": {len(wrong)}' in said.out
    assert all(text in said.err for text in wrong)
    assert ("again: python -m benchmarks storm --rounds 15 --seed 9" in said.err) == bool(wrong)
