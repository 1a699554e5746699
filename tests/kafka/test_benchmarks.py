"""Every benchmark, small: its outputs are what its reference says. No time is looked at."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize(("name", "records"), [("noop", 20_000), ("windows", 150_000), ("metrics", 150_000)])
def test_the_outputs_are_what_the_reference_says(name: str, records: int) -> None:
    """A drain of a small topic is right, and has folded all of it."""
    command = [sys.executable, "-m", "benchmarks", name, "--records", str(records), "--repetitions", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["correct"]
    assert result["records"] == records
