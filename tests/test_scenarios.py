"""Scenarios: one folder a story, a log in and what must come out of it, short enough to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from streams.bus import Capability, capabilities
from tests.contract import check
from tests.fakes import without_origin
from topics.control import decode_control
from topics.settings import Settings

FOLDER = Path(__file__).parent / "scenarios"
STORIES = sorted(path.parent for path in FOLDER.glob("*/*/input.jsonl"))


def entry(line: str) -> tuple[int, Any]:
    """Read one line of a log: its append time, and a record, a control record or raw text."""
    data = json.loads(line)
    if "control" in data:
        return data["time_ms"], decode_control(json.dumps(data["control"]).encode())
    if "raw" in data:
        return data["time_ms"], data["raw"].encode()
    return data["time_ms"], json.dumps(data["record"]).encode()


def read(story: Path) -> tuple[Capability, Settings, list[tuple[int, Any]]]:
    """Return who a story is told to, under which settings, and its log."""
    capability = next(c for c in capabilities() if c.name == story.parent.name)
    settings = Settings()
    if (story / "settings.yaml").exists():
        settings = msgspec.convert(yaml.safe_load((story / "settings.yaml").read_text()), Settings, strict=False)
    lines = (story / "input.jsonl").read_text().splitlines()
    return capability, settings, [entry(line) for line in lines if line.strip()]


@pytest.mark.parametrize("story", STORIES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_must_come_out_comes_out(story: Path) -> None:
    """A story's log gives what the story says, and holds to the contract of banks on the way."""
    capability, settings, log = read(story)
    said = check(capability.bank, capability.topic, log, settings)
    expected = [json.loads(line) for line in (story / "expected.jsonl").read_text().splitlines() if line.strip()]
    assert [json.loads(msgspec.json.encode(without_origin(record))) for record in said] == expected
