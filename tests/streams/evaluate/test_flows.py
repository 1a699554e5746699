"""Figures of recorded connections, on a made-up day and made-up captures."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.evaluate.flows import WATCHES, Flow, by_window, folded, measure, of_captures

OWN = "198.51.100.1"


def flow(src: str, k: int, state: str = "REJ", **more: Any) -> dict[str, Any]:
    return {"ts": 1e9 + 600.0 * k, "src": src, "dst": OWN, "dport": 1000 + k, "state": state, **more}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A day with a scanner of twenty ports, one of eight, one that is mostly answered, a visitor, and the own host."""
    rows = [flow("192.0.2.1", k) for k in range(20)] + [flow("192.0.2.2", k) for k in range(8)]
    rows += [flow("192.0.2.3", k, "SF") for k in range(20)] + [flow("192.0.2.4", k) | {"dport": 80} for k in range(99)]
    rows += [flow(OWN, k, "SF") | {"dst": f"203.0.113.{k}"} for k in range(40)]
    write(tmp_path / "flows_some_edge.jsonl", rows)
    known = [("192.0.2.1", 20, True), ("192.0.2.2", 8, False), ("192.0.2.3", 20, True)]
    truth = [{"src": src, "distinct_targets": n, "scanner": is_one, "own_host": False} for src, n, is_one in known]
    own = {"src": OWN, "distinct_targets": 40, "scanner": False, "own_host": True}
    write(tmp_path / "flows_some_edge_truth.jsonl", [*truth, own])
    return tmp_path


def test_scanners_of_a_day_are_counted_and_those_that_are_none(folder: Path) -> None:
    figures = measure(folder, folded)
    assert (figures["scans.recall"], figures["scans.false_sources"], figures["scans.own_hosts"]) == (50.0, 1.0, 0.0)
    assert (figures["scans.false_targets_least"], figures["scans.false_answered"]) == (8.0, 0.0)
    assert figures["scans.us_per_connection"] > 0


def test_a_day_of_which_nothing_is_known_and_a_folder_without_any_say_nothing(folder: Path) -> None:
    (folder / "flows_some_edge_truth.jsonl").unlink()
    assert measure(folder, folded) == {}


def captured(capture: str, kind: str, src: str, n: int, **more: Any) -> list[Flow]:
    return [msgspec.convert(flow(src, k, capture=capture, kind=kind, **more), Flow) for k in range(n)]


def test_of_captures_the_name_or_the_labels_say_who_scans() -> None:
    flows = captured("a", "vertical-scan", "192.0.2.1", 20) + captured("a", "vertical-scan", "192.0.2.2", 9)
    flows += captured("b", "mixed", "192.0.2.3", 20)
    flows += captured("c", "mixed", "192.0.2.4", 20, label="Malicious", detail="PortScan")
    flows += captured("c", "mixed", "192.0.2.5", 20, label="Malicious", detail="worm")
    flows += captured("c", "mixed", "192.0.2.6", 5, label="Benign")
    assert of_captures(flows, folded) == {"recall": 100.0, "false_sources": 1.0, "unlabelled": 1.0}


def test_what_is_odd_in_a_recording_is_no_trouble() -> None:
    rows = [{"ts": 1.0, "src": "a", "dst": "b", "dport": None, "state": "S_RA", "proto": "arp", "rb": 7, "label": None}]
    assert of_captures([msgspec.convert(row, Flow) for row in rows], folded) == {
        "false_sources": 0.0,
        "unlabelled": 0.0,
    }


def test_the_usual_rule_sees_who_is_fast(folder: Path) -> None:
    assert measure(folder, by_window)["scans.recall"] == 0.0
    fast = [msgspec.convert(flow("192.0.2.9", k) | {"ts": 1e9 + k}, Flow) for k in range(15)]
    assert by_window(fast[:14]).clients == frozenset()
    assert by_window(fast).clients == {"192.0.2.9"}
    assert WATCHES["luminar"] is folded
