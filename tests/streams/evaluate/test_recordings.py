"""How recorded requests are read."""

from pathlib import Path

import pytest

from streams.evaluate.recordings import Row, read, request_of, visits
from streams.evaluate.traces import DataError
from tests.streams.evaluate.recorded import PER_MINUTE, make_requests


def test_cases_that_are_unclear_or_of_suspicious_rules_are_left_out(tmp_path: Path) -> None:
    folder = make_requests(tmp_path / "requests")
    assert [row.hostile for row in read(folder / "crs.jsonl")] == [True]


def test_a_request_is_as_it_was_sent() -> None:
    headers = {"User-Agent": "curl/8", "Referer": "/r", "Cookie": "a=1", "Host": "h"}
    request = request_of(
        Row(label="benign", path="/a", source="s", query="b=%20", headers=headers, body="\ud800x"), 259
    )
    assert (request.path, request.agent, request.referer, request.host) == ("/a?b=%20", "curl/8", "/r", "h")
    assert (request.client, request.body, request.headers) == ("10.0.1.3", "\ufffdx", {"cookie": "a=1"})
    assert request.problem() is None


def test_visits_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    times = [one.at_s for one in visits(make_requests(tmp_path / "requests") / "sessions_access_normal.jsonl")]
    assert len(times) == 2 * PER_MINUTE
    assert times == sorted(times)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "crs.jsonl").write_text('{"label": "attack"')
    with pytest.raises(DataError, match=r"crs\.jsonl, line 1"):
        read(tmp_path / "crs.jsonl")
