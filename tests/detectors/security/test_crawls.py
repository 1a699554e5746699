from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.behaviour import Row
from detectors.security.crawls import walks
from tests.detectors.security.logs import proposals, request, said_of, threats
from topics.settings import Limit, SecuritySettings

LOOSE = SecuritySettings(limit=Limit(requests=100, window_s=10.0))


def test_who_takes_many_distinct_pages_in_a_row_crawls_and_is_not_blocked_for_it() -> None:
    said = said_of((request(k / 5, path=f"/page/p{k}x", status=200) for k in range(120)), LOOSE)
    assert [(t.family, t.text) for t in threats(said)] == [("crawl", "more than 60 distinct pages in 60 s")]
    assert proposals(said) == []


def test_files_of_pages_known_pages_and_slow_readers_are_no_crawl() -> None:
    assert said_of(request(k / 5, path=f"/img/p{k}x.png", status=200) for k in range(90)) == []
    assert said_of(request(k, path=f"/page/p{k % 50}x", status=200) for k in range(90)) == []
    assert said_of(request(k * 1.1, path=f"/page/p{k}x", status=200) for k in range(90)) == []


def test_who_counts_up_the_numbers_of_objects_enumerates_them() -> None:
    said = said_of(request(k, path=f"/orders/{1000 + k}/items", status=(200, 404)[k % 2]) for k in range(40))
    assert threats(said, "enumeration")[0].text.endswith("the last: /orders/1031/items")
    down = said_of(request(k, path=f"/orders?id={1000 - 3 * k}", status=200) for k in range(40))
    assert [t.family for t in threats(down)] == ["enumeration"]


def test_known_objects_far_ones_files_and_what_is_slow_are_no_enumeration() -> None:
    kinds: list[Callable[[int], str]] = [
        lambda k: f"/orders/{1000 + k % 20}",
        lambda k: f"/orders/{1000 + 50 * k}",
        lambda k: f"/segments/part-{k}.ts",
        lambda k: f"/poll?since={1_700_000_000_000 + k}",
    ]
    for path_of in kinds:
        assert said_of(request(k, path=path_of(k), status=200) for k in range(60)) == []
    assert said_of(request(k * 400, path=f"/orders/{k}", status=200) for k in range(60)) == []


@given(numbers=st.lists(st.integers(0, 60), min_size=1, max_size=80))
def test_steps_are_what_a_plain_count_of_new_neighbours_says(numbers: list[int]) -> None:
    row, low, high, steps = np.zeros(1, Row)[0], numbers[0], numbers[0], 0
    for second, number in enumerate(numbers, 1000):
        if not low - 10 <= number <= high + 10:
            low = high = number
            steps = 0
        elif not low <= number <= high:
            low, high, steps = min(low, number), max(high, number), steps + 1
        walks(row, np.uint32(7), np.int64(number), float(second), False, 1000, 1e6)
        assert row["walk_run"][0] == steps


def test_crawl_enumeration_and_a_scanners_agent_add_up_to_a_block() -> None:
    sent = [request(k / 5, path=f"/orders/{k}", status=200, agent="sqlmap/1.8") for k in range(120)]
    assert proposals(said_of(sent, LOOSE)) == []
    more = said_of([*sent, request(24, path="/?q=1'+or+'1'='1", status=200)], LOOSE)
    assert [p.family for p in proposals(more)] == ["sqli"]
