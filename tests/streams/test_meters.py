"""Every meter is told to those who watch."""

import re

from streams.meters import REGISTRY
from tests.generated import ROOT

SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("",)}


def test_every_meter_is_in_the_documentation_and_no_other() -> None:
    kept = {family.name + end for family in REGISTRY.collect() for end in SAMPLES[family.type]}
    told = set(re.findall(r"`((?:luminar|process)_\w+)`", (ROOT / "docs" / "durability.md").read_text())) - {"process_"}
    assert told <= kept
    assert {name for name in kept if name.startswith("luminar")} <= told
    assert "process_start_time_seconds" in told
