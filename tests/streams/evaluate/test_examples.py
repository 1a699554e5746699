"""What is learned of recorded requests, and that the shipped weights are what the recordings give."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from detectors.security import model
from streams.cli import main
from streams.evaluate.examples import collected, examples, model_of, values
from streams.evaluate.recordings import Recorded
from streams.evaluate.traces import DataError
from tests.generated import ROOT
from tests.streams.evaluate.recorded import make_requests
from topics.requests import Request

DATA = ROOT.parent / "shared" / "data" / "requests"


def row(path: str, hostile: bool, source: str = "made", **more: str) -> Recorded:
    return Recorded(Request(client="a", at_s=0.0, path=path, agent=more.get("agent", "")), hostile, "xss", source, "")


def test_plain_values_are_not_learned() -> None:
    assert values(row("/a/b?c=d&e=%3Cf%3E&g=%3Cf%3E", True).request) == ["<f>"]


def test_what_harmless_requests_have_too_is_not_learned_of_attacks() -> None:
    rows = [row("/?q=<x>", True, agent="curl (8)"), row("/", False, agent="curl (8)")]
    assert [one.texts for one in examples(rows, [values(one.request) for one in rows])] == [["<x>"], ["curl (8)"]]


def test_a_large_collection_of_attacks_counts_less_and_a_misleading_text_more() -> None:
    rows = [row(f"/?q=<{n}>", True) for n in range(1_200)] + [row("/?q=a b'", False, source="mgm-fp")]
    weights = [one.weight for one in examples(rows, [values(one.request) for one in rows])]
    assert (weights[0], weights[-1]) == (0.5, 3.0)


def test_weights_are_made_by_a_command(tmp_path: Path) -> None:
    out = tmp_path / "weights.npy"
    folder = make_requests(tmp_path / "requests")
    result = CliRunner().invoke(main, ["train", "requests", "--data", str(tmp_path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert model.load(out).recipe == model_of(collected(folder)).recipe
    assert model.load(out).recipe.recipe in result.output


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected requests NAME\.jsonl"):
        collected(tmp_path)


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded requests are not here")
def test_the_shipped_weights_are_what_the_recordings_give() -> None:
    made, ours = model_of(collected(DATA)), model.shipped()
    assert made.recipe == ours.recipe
    assert made.weights.tobytes() == ours.weights.tobytes()
