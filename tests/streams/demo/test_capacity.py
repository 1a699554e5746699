import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.demo.capacity import Capacity


def served(capacity: Capacity, per_s: float, from_s: float, until_s: float) -> tuple[int, int]:
    """Send an even load; return how many are answered, and how many refused."""
    answered = refused = 0
    at_s = from_s
    while at_s < until_s:
        if capacity.admit_one(at_s) is None:
            refused += 1
        else:
            answered += 1
        at_s += 1 / per_s
    return answered, refused


def test_below_its_capacity_nobody_waits_for_others() -> None:
    capacity = Capacity(replicas=2, per_s=20.0)
    assert served(capacity, 30.0, 0.0, 20.0)[1] == 0
    assert capacity.queue_s(20.0) < 0.1


def test_above_its_capacity_the_queue_grows_and_then_some_are_refused() -> None:
    capacity = Capacity(replicas=2, per_s=20.0, patience_s=2.0)
    served(capacity, 60.0, 0.0, 2.0)
    assert capacity.queue_s(2.0) == pytest.approx(1.0, abs=0.05)
    _, refused = served(capacity, 60.0, 2.0, 22.0)
    assert refused == pytest.approx(60 * 20 - 40 * 20 - 40, abs=45)


def test_a_new_replica_works_after_its_start_and_shortens_the_queue() -> None:
    capacity = Capacity(replicas=2, per_s=20.0, start_s=3.0)
    served(capacity, 60.0, 0.0, 2.0)
    capacity.order(4, 2.0)
    assert (capacity.working, capacity.ordered) == (2, 4)
    served(capacity, 60.0, 2.0, 12.0)
    assert capacity.working == 4
    assert capacity.queue_s(12.0) < 0.1


def test_superfluous_replicas_go_at_once_those_being_started_first() -> None:
    capacity = Capacity(replicas=2, per_s=20.0)
    capacity.order(4, 0.0)
    capacity.order(3, 0.1)
    assert (capacity.working, capacity.ordered) == (2, 3)
    capacity.order(1, 0.2)
    assert (capacity.working, capacity.ordered) == (1, 1)


def test_it_has_at_least_one_replica() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Capacity(replicas=2, per_s=20.0).order(0, 0.0)


def test_utilisation_is_what_was_done_of_what_was_possible_since_it_was_asked() -> None:
    capacity = Capacity(replicas=1, per_s=10.0)
    capacity.admit_one(0.0)
    assert capacity.take_utilisation(1.0) == pytest.approx(0.1)
    assert capacity.take_utilisation(2.0) == 0.0


@given(
    gaps_s=st.lists(st.floats(0, 1), max_size=60),
    orders=st.dictionaries(st.integers(0, 59), st.integers(1, 6)),
    patience_s=st.floats(0.1, 3),
)
def test_nobody_waits_longer_than_they_are_willing_to(
    gaps_s: list[float], orders: dict[int, int], patience_s: float
) -> None:
    capacity, at_s = Capacity(replicas=2, per_s=5.0, patience_s=patience_s), 0.0
    for number, gap_s in enumerate(gaps_s):
        at_s += gap_s
        if number in orders:
            capacity.order(orders[number], at_s)
        wait_s = capacity.admit_one(at_s)
        assert wait_s is None or 0 < wait_s <= patience_s
        assert capacity.queue_s(at_s) >= 0
