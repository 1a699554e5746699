"""Figures of sessions, on made-up logs."""

import json
from pathlib import Path

from streams.evaluate.sessions import HUB, NORMAL, HubTest, measure, of_hub, of_normal, request_of
from topics.requests import Request

GUESS = '192.0.2.7 - - [10/Oct/2026:13:55:3{k} +0000] "POST /login HTTP/1.1" 401 162 "-" "curl/8"'
VISIT = '192.0.2.9 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 162 "-" "Mozilla"'


def test_of_tests_that_can_be_read_those_count_whose_sources_are_all_told_of() -> None:
    guesses = [GUESS.replace("{k}", str(k)) for k in range(8)]
    tests = [
        HubTest("guessing", ["Sep 15 16:13:46 host nginx[28]: " + line for line in guesses] + [VISIT], ["192.0.2.7"]),
        HubTest("another", guesses, ["192.0.2.7", "192.0.2.8"]),
        HubTest("no requests", ["sshd[1]: Invalid user"], ["192.0.2.7"]),
        HubTest("somebody else", guesses, ["192.0.2.8"]),
    ]
    found = of_hub(tests)
    assert (found["tests"], found["readable"], found["false_sources"]) == (4, 3, 1)
    assert (round(found["recall"]), found["recall_all"], round(found["blocked"])) == (33, 25.0, 33)


def test_lines_are_read_in_any_of_our_formats_behind_what_syslog_puts_before_them() -> None:
    read = [request_of(line) for line in (VISIT, f"Sep  5 16:13:46 web nginx[2]: {VISIT}", "Port 22", "")]
    assert [None if request is None else request.client for request in read] == ["192.0.2.9", "192.0.2.9", None, None]


def test_sources_of_ordinary_visits_are_counted_that_are_told_of_or_blocked() -> None:
    calm = [Request(client=f"192.0.2.{k}", at_s=1000.0 + k, path="/") for k in range(9)]
    flood = [Request(client="198.51.100.1", at_s=1000.0 + k / 10, path="/") for k in range(101)]
    crawl = [Request(client="198.51.100.2", at_s=1000.0 + k, path=f"/orders/{k}", status=200) for k in range(40)]
    assert of_normal([*calm, *flood, *crawl]) == {
        "sources": 11, "false_sources": 1, "told_sources": 2, "told_enumeration": 1, "told_rate_limit": 1,
    }  # fmt: skip


def test_each_file_that_a_folder_has_gives_its_figures(tmp_path: Path) -> None:
    assert measure(tmp_path) == {}
    (tmp_path / f"{NORMAL}.jsonl").write_text(json.dumps({"ts": 5.0, "client": "192.0.2.1", "path": "/"}) + "\n")
    (tmp_path / f"{HUB}.jsonl").write_text(json.dumps({"test": "a", "lines": [VISIT], "expected_sources": []}) + "\n")
    figures = measure(tmp_path)
    assert (figures[f"{NORMAL}.sources"], figures[f"{NORMAL}.false_sources"], figures[f"{HUB}.tests"]) == (
        1.0,
        0.0,
        1.0,
    )
