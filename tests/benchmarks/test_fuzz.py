"""Mutated requests break nothing, and what is said of them is sound. No time is looked at."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from benchmarks.fuzz.__main__ import main
from benchmarks.fuzz.mutations import Mutations
from benchmarks.fuzz.run import is_sound, run
from detectors.security.payloads import EXCERPT
from topics.signals import Threat

SEED, REQUESTS = 7, 1_500


def test_no_mutated_request_breaks_the_verb() -> None:
    outcome = run(Mutations(SEED).requests(REQUESTS))
    assert (outcome.requests, outcome.refused, outcome.wrong) == (REQUESTS, [], [])
    assert outcome.said > 50
    assert len(outcome.look_us) > REQUESTS // 2


def test_the_same_seed_gives_the_same_requests() -> None:
    assert list(Mutations(SEED).requests(50)) == list(Mutations(SEED).requests(50))


def test_what_is_not_sound_is_told() -> None:
    threat = Threat(client="a", service="shop", family="xss", rule="tag", at_s=0.0, excerpt="<", score=1.5)
    assert is_sound(threat)
    assert not is_sound(replace(threat, excerpt="\n"))
    assert not is_sound(replace(threat, excerpt="<" * (EXCERPT + 1)))
    assert not is_sound(replace(threat, family=""))
    assert not is_sound(replace(threat, score=0.5))


def test_the_command_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--requests", "40", "--seed", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["requests"], told["refused"], told["unsound"]) == (40, 0, 0)
