from hypothesis import given
from hypothesis import strategies as st

from streams.demo.marks import Marks
from topics import Origin

PLACE = ("alerts", 0)


def origin(offset: int, what: str = "a", partition: int = 0) -> Origin:
    return Origin("incidents", "signals", partition, offset, (1, what))


@given(again_from=st.lists(st.integers(0, 19), max_size=6))
def test_whatever_is_said_again_after_a_crash_each_conclusion_is_taken_once(again_from: list[int]) -> None:
    """A worker that takes over says again all from where the pages stand, in the same order."""
    marks = Marks()
    log = list(range(20))
    taken = []
    for start in [0, *again_from]:
        taken += [number for number in log[start:] if marks.is_new(PLACE, origin(number // 2, "ab"[number % 2]), b"")]
    assert taken == log
    assert (marks.taken_twice, marks.lost, marks.differing) == (0, 0, 0)
    assert marks.said_again == sum(20 - start for start in again_from)


def test_logs_and_places_have_marks_of_their_own() -> None:
    marks = Marks()
    assert marks.is_new(PLACE, origin(7), b"")
    assert marks.is_new(PLACE, origin(3, partition=1), b"")
    assert marks.is_new(("alerts", 1), origin(3), b"")
    assert not marks.is_new(PLACE, origin(7), b"")


def test_a_conclusion_that_comes_after_a_later_one_is_found_missing() -> None:
    marks = Marks()
    marks.is_new(PLACE, origin(7), b"")
    assert not marks.is_new(PLACE, origin(3), b"")
    assert marks.lost == 1


def test_copies_that_differ_are_found() -> None:
    marks = Marks()
    marks.is_new(PLACE, origin(7), b"one")
    marks.is_new(PLACE, origin(7), b"another")
    assert (marks.said_again, marks.differing) == (1, 1)


def test_a_conclusion_taken_from_two_partitions_was_taken_twice() -> None:
    """Each key has one partition: a worker that chose another for its copy would get past the marks."""
    marks = Marks()
    assert marks.is_new(("alerts", 0), origin(7), b"")
    assert marks.is_new(("alerts", 1), origin(7), b"")
    assert marks.taken_twice == 1
