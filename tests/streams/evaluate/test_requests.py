"""Figures of recorded requests, on made-up collections."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from streams.evaluate.firewalls import Verdicts, luminar
from streams.evaluate.recordings import Recorded, read
from streams.evaluate.requests import measure, rates, transplanted
from streams.evaluate.traces import DataError
from tests.streams.evaluate.recorded import make_requests
from topics.requests import Request


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_requests(tmp_path_factory.mktemp("recorded") / "requests")


def row(hostile: bool, family: str = "", source: str = "made") -> Recorded:
    return Recorded(Request(client="192.0.2.1", at_s=0.0, path="/"), hostile, family, source, "")


def test_the_shipped_bank_is_measured_on_all_there_is(folder: Path) -> None:
    figures = measure(folder, luminar)
    assert (figures["wcp.tpr"], figures["wcp.fpr"], figures["wcp.balanced_accuracy"]) == (100.0, 0.0, 100.0)
    assert (figures["crs.tpr"], figures["techtext.fpr"]) == (100.0, 0.0)
    assert (figures["rates.wrong"], figures["visits.fpr"], figures["visits.blocked"]) == (0.0, 0.0, 50.0)
    assert figures["wcp.tpr_transplanted"] == 100.0
    assert figures["us_per_request"] > 0
    assert "lists.tpr" not in figures


def test_families_count_alike_whatever_their_size() -> None:
    rows = [row(True, "xss")] * 8 + [row(True, "sqli")] * 2 + [row(False)] * 4
    found = rates(rows, np.array([True] * 8 + [True, False] + [False] * 3 + [True]))
    assert (found["tpr"], found["tpr_macro"], found["fpr"]) == (90.0, 75.0, 25.0)
    assert (found["tpr_sqli"], found["balanced_accuracy"]) == (50.0, 82.5)


def test_payloads_are_moved_into_parameters_of_ordinary_requests(folder: Path) -> None:
    rows = read(folder / "wcp_attacks.jsonl") + read(folder / "wcp_benign.jsonl")
    seen: list[str] = []

    def judge(requests: Sequence[Request]) -> Verdicts:
        seen.extend(request.path for request in requests)
        return Verdicts(np.ones(len(requests), np.bool_), np.zeros(len(requests), np.bool_), 0.0)

    assert transplanted(rows, judge) == 100.0
    carriers = {one.request.path.partition("?")[0] for one in rows if not one.hostile}
    assert {path.partition("?")[0] for path in seen} <= carriers


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected requests NAME\.jsonl"):
        measure(tmp_path, luminar)
