"""The command: figures by set and measure, and what it says of a folder that does not fit."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli import main
from streams.evaluate.command import SETS
from tests.streams.evaluate.sets import MAKERS


def luminar(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", *arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for name, make in MAKERS.items():
        make(folder / name)
    return folder


def test_all_sets_give_one_flat_object(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    result = luminar("all", "--data", str(data), "--json", str(out))
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())
    asked = {
        *(f"nab.{name}" for name in ("standard_at_1", "standard_best", "low_fp_best", "low_fn_best", "event_f1_at_1")),
        *(f"{name}.delay_f1_{which}" for name in ("aiops_kpi", "mscloud") for which in ("at_1", "best")),
        *(f"asd.{name}" for name in ("f1_at_1", "average_precision", "cause_in_top3")),
        *(f"{name}.us_per_reading" for name in (*SETS, "load.daily")),
        *(f"load.daily.{name}" for name in ("mase_15", "cover_95", "beyond_30min", "beyond_30min_reactive")),
    }
    assert asked <= set(figures)
    assert all(isinstance(value, float) for value in figures.values())
    assert "standard_at_1" in result.output


def test_one_set_is_found_in_its_own_folder_or_beside_others(data: Path) -> None:
    for folder in (data, data / "mscloud"):
        assert luminar("mscloud", "--data", str(folder)).exit_code == 0


def test_another_detector_can_be_asked_for(data: Path) -> None:
    result = luminar("mscloud", "--data", str(data), "--detector", "ewma")
    assert result.exit_code == 0
    assert "ewma" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nob",), "no set 'nob'"),
        (("mscloud", "--detector", "river:Nothing"), "no detector 'river:Nothing'"),
        (("nab",), "found no folder there"),
        (("load", "--detector", "ewma"), "no detector"),
    ],
)
def test_what_there_is_not_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = luminar(*arguments, "--data", str(tmp_path))
    assert result.exit_code == 2
    assert said in result.output
