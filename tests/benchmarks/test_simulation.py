"""Whatever happens to workers, and in whatever order, what comes of it is the fold of the log; and breaks are found."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.simulation.__main__ import main, told
from benchmarks.simulation.breaks import BREAKS, no_marks
from benchmarks.simulation.run import run, run_many, shortened
from benchmarks.simulation.schedules import schedule_of
from benchmarks.simulation.world import Schedule

FIRST, SCHEDULES = 1, 2_000
SEARCHED = 600
STORIES = """
import json, logging
from benchmarks.simulation.run import run
from benchmarks.simulation.schedules import schedule_of
logging.disable(logging.CRITICAL)
print(json.dumps([run(schedule_of(seed), traced=True).trace for seed in range(10)]))
"""


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """What the engine says loudly, it says here all the time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_whatever_happens_what_comes_of_it_is_the_fold_of_the_log() -> None:
    total = run_many(range(FIRST, FIRST + SCHEDULES))
    assert total.failed == []
    assert min(total.events[kind] for kind in ("crashes", "zombie", "late", "repeated", "words")) > SCHEDULES / 4


@pytest.mark.parametrize("seed", [107080, 138508])
def test_what_lies_over_a_page_that_was_dropped_is_written_over(seed: int) -> None:
    """A worker that learned a page again had it stated as saved, beside another's page of an older version."""
    assert run(schedule_of(seed)).problems == []


@pytest.mark.parametrize("seed", [311552])
def test_a_shard_that_failed_while_it_was_saved_is_loaded_from_what_was_saved(seed: int) -> None:
    """It was loaded from before that save; what it stated of its pages then was not believed, yet was committed."""
    assert run(schedule_of(seed)).problems == []


@pytest.mark.parametrize("seed", [312128])
def test_a_lesson_is_not_written_over_while_the_lowest_page_needs_it(seed: int) -> None:
    """The newest was saved at once, before the page furthest back: the fold then began behind what was committed."""
    assert run(schedule_of(seed)).problems == []


@pytest.mark.parametrize("seed", [517013])
def test_a_lesson_that_pages_name_and_nobody_saved_is_saved_by_who_loads_them(seed: int) -> None:
    """Nothing but that lesson was behind the pages, and all was taken for saved."""
    assert run(schedule_of(seed)).problems == []


@pytest.mark.parametrize("seed", [3629, 8100])
def test_what_waits_for_a_newer_worker_is_not_committed_past(seed: int) -> None:
    """One capability's pages are of a newer version and wait; another of the same log goes on."""
    assert run(schedule_of(seed)).problems == []


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_on_purpose_is_found(name: str) -> None:
    assert run(Schedule(0, ()), BREAKS[name]).problems == []
    assert run_many(range(FIRST, FIRST + SEARCHED), BREAKS[name]).failed


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    other = subprocess.run([sys.executable, "-c", STORIES], check=True, capture_output=True, env=environment).stdout
    ours = [run(schedule_of(seed), traced=True).trace for seed in range(10)]
    assert json.loads(other) == ours
    assert all(ours)


def test_of_a_schedule_that_fails_the_shortest_part_is_told() -> None:
    (seed,) = run_many(range(FIRST, FIRST + SEARCHED), no_marks).failed
    short = shortened(schedule_of(seed), lambda part: bool(run(part, no_marks).problems))
    assert run(short, no_marks).problems
    for i in range(len(short.steps)):
        one_less = replace(short, steps=short.steps[:i] + short.steps[i + 1 :])
        assert run(one_less, no_marks).problems == []
    assert f"{len(short.steps)} of its {len(schedule_of(seed).steps)} steps are enough:" in list(told(seed, no_marks))


def test_the_command_says_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schedules", "1", "--seed", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["schedules"], result["failures"]) == (1, 0)
    assert main(["--schedules", "100", "--break", "no_marks"]) == 0
    assert "steps are enough" in capsys.readouterr().out
    assert main(["--schedules", "1", "--seed", "2", "--break", "overtake"]) == 1
