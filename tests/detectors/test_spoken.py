"""Numbers as people say them: a value that is out of its band is seen to be."""

from hypothesis import given
from hypothesis import strategies as st

from detectors.spoken import clock_of, spoken

Numbers = st.floats(-1e14, 1e14, allow_subnormal=False)


def read(text: str) -> float:
    number, _, scale = text.partition(" ")
    return float(number) * {"": 1.0, "M": 1e6, "G": 1e9, "T": 1e12}[scale]


@given(value=Numbers, one=Numbers, other=Numbers)
def test_what_is_out_of_its_band_is_not_told_as_in_it(value: float, one: float, other: float) -> None:
    """But for differences that only the thirteenth decimal shows."""
    lower, upper = min(one, other), max(one, other)
    told = [read(text) for text in spoken(value, lower, upper)]
    apart = max(abs(number) for number in (value, lower, upper)) * 1e-11 + 1e-11
    if value < lower - apart:
        assert told[0] < told[1]
    if value > upper + apart:
        assert told[0] > told[2]
    assert told[1] <= told[2]


def test_no_more_digits_are_told_than_the_band_is_wide() -> None:
    assert spoken(2.3123456, 0.2, 0.41) == ("2.31", "0.20", "0.41")
    assert spoken(412.0, 92.1234, 195.9876) == ("412", "92", "196")
    assert spoken(93.0, 93.9, 94.1) == ("93.00", "93.90", "94.10")


def test_a_time_of_another_day_is_told_with_its_date() -> None:
    assert clock_of(1_700_000_000.0, 1_700_000_060.0) == "22:13"
    assert clock_of(1_700_000_000.0, 1_700_010_000.0) == "2023-11-14 22:13"
    assert clock_of(1e300) == "23:59"
