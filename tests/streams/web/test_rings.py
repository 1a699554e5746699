"""Rings and shelves keep the newest, in order, and never more than they are told."""

from hypothesis import given
from hypothesis import strategies as st

from streams.web.rings import LATE_MOST, Ring, Shelf
from topics.metrics import Reading


def reading(at_s: float, value: float, kind: str = "gauge") -> Reading:
    return Reading(series="shop/x", at_s=at_s, value=value, kind=kind)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(-1e6, 1e6)), max_size=300))
def test_a_gauge_shows_the_mean_of_each_second_in_order(seen: list[tuple[int, float]]) -> None:
    ring = Ring(most=1000)
    plain: dict[int, list[float]] = {}
    for second, value in seen:
        newer = sum(1 for other in plain if other > second)
        if ring.take(reading(second + 0.25, value)):
            plain.setdefault(second, []).append(value)
        else:
            assert second not in plain
            assert newer > LATE_MOST
    shown = ring.since(0)
    assert [at_s for at_s, _ in shown] == sorted(plain)
    for at_s, value in shown:
        values = plain[int(at_s)]
        assert abs(value - sum(values) / len(values)) <= 1e-6 * max(1.0, max(map(abs, values)))


@given(st.integers(1, 50), st.integers(0, 500))
def test_a_ring_shows_the_newest_and_holds_a_quarter_more_at_most(most: int, count: int) -> None:
    ring = Ring(most=most)
    for second in range(count):
        ring.take(reading(second, second))
    assert len(ring) <= most + most // 4
    assert ring.since(0) == [(second, second) for second in range(max(0, count - most), count)]


def test_deltas_of_all_partitions_add_up_to_a_rate_per_second() -> None:
    ring = Ring()
    for second in (0, 10, 20, 30):
        ring.take(reading(second, 20, "delta"))
        ring.take(reading(second + 0.5, 30, "delta"))
    # Every ten seconds 50, so 5 a second; the newest is still being added to and not shown.
    assert ring.since(0) == [(0, 5.0), (10, 5.0), (20, 5.0)]
    assert ring.latest == (20, 5.0)


def test_a_counter_becomes_its_rate_and_a_reset_shows_nothing() -> None:
    ring = Ring()
    taken = [ring.take(reading(at_s, total, "total")) for at_s, total in ((0, 100), (2, 120), (4, 5), (6, 9))]
    assert taken == [False, True, False, True]
    assert ring.since(0) == [(2, 10.0), (6, 2.0)]


def test_sketches_and_what_is_not_finite_are_not_shown() -> None:
    ring = Ring()
    assert not ring.take(reading(1, 5, "sketch"))
    assert not ring.take(reading(1, float("nan")))
    assert ring.latest is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers()), max_size=60), st.integers(1, 5))
def test_a_shelf_keeps_the_latest_of_each_name(puts: list[tuple[int, int]], most: int) -> None:
    shelf: Shelf[tuple[int, int]] = Shelf(most)
    for name, item in puts:
        shelf.put(name, (name, item))
    newest: list[tuple[int, int]] = []
    for name, item in reversed(puts):
        if name not in [other for other, _ in newest]:
            newest.append((name, item))
    assert shelf.newest(100) == newest[:most]
