from hypothesis import given
from hypothesis import strategies as st

from tests.detectors.security.logs import START_S, proposals, request, said_of, threats
from topics.requests import Request
from topics.settings import SecuritySettings


def missing(at_s: float, path: str, status: int = 404) -> Request:
    return request(at_s, path=path, status=status)


def test_more_than_ten_distinct_paths_in_vain_are_a_scan() -> None:
    assert said_of(missing(k, f"/a{k}") for k in range(10)) == []
    said = said_of(missing(k, f"/a{k}") for k in range(11))
    assert [(t.family, t.at_s, t.text) for t in threats(said)] == [
        ("scan", START_S + 10.0, "more than 10 distinct paths answered 4xx in 60 s")
    ]
    assert [p.family for p in proposals(said)] == ["scan"]


def test_one_path_with_many_queries_and_paths_that_are_there_are_no_scan() -> None:
    assert said_of(missing(k / 10, f"/search?q=word{k}") for k in range(50)) == []
    assert (
        said_of(missing(k / 10, f"/a{k}", status) for k in range(90) for status in (200, 304, 500)[k % 3 : k % 3 + 1])
        == []
    )


def test_a_path_asked_for_a_whole_window_ago_is_out_of_it() -> None:
    first = [missing(0, "/a0")]
    assert said_of(first + [missing(51 + k, f"/a{k}") for k in range(1, 10)] + [missing(60, "/a10")]) == []
    assert threats(said_of(first + [missing(50 + k, f"/a{k}") for k in range(1, 10)] + [missing(59, "/a10")])) != []


def test_slow_visitors_of_broken_links_are_no_scan() -> None:
    assert said_of(missing(k * 7, f"/a{k}") for k in range(60)) == []


def test_a_scan_that_goes_on_is_said_once_a_window() -> None:
    said = threats(said_of(missing(k, f"/a{k}") for k in range(200)))
    assert [t.at_s - START_S for t in said] == [10.0, 70.0, 130.0, 190.0]


def test_a_late_request_teaches_and_says_nothing() -> None:
    sent = [missing(k, f"/a{k}") for k in range(10)] + [request(400, "other"), missing(9, "/late")]
    assert said_of(sent) == []


@given(paths=st.lists(st.integers(0, 30), max_size=80), most=st.integers(1, 23))
def test_it_agrees_with_a_plain_count_of_what_lies_in_the_window(paths: list[int], most: int) -> None:
    said = threats(
        said_of((missing(k, f"/a{path}") for k, path in enumerate(paths)), SecuritySettings(scan_paths=most))
    )
    over = [k for k in range(len(paths)) if len(set(paths[max(0, k - 59) : k + 1])) > most]
    assert bool(said) == bool(over)
    if said:
        assert said[0].at_s == START_S + over[0]
