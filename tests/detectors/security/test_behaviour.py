import numpy as np

from detectors.security.behaviour import HOT_BYTES, Row, bounds_of
from detectors.security.logins import words_of
from topics.settings import SecuritySettings


def test_what_every_request_touches_stands_together_at_the_rows_beginning() -> None:
    assert HOT_BYTES <= 4 * 64
    names = list(Row.names or ())
    assert Row.fields is not None
    assert max(int(Row.fields[name][1]) for name in names[: names.index("rate_said_s")]) < HOT_BYTES


def test_a_learned_limit_that_is_not_wanted_is_never_reached() -> None:
    assert bounds_of(SecuritySettings(learned=False)).learned_least > 2.0**32
    assert bounds_of(SecuritySettings()).learned_least == 60.0


def test_no_words_name_no_login() -> None:
    words, ends = words_of(SecuritySettings(login_words=()))
    assert (len(words), ends.tolist(), str(ends.dtype)) == (1, [], "int64")
    assert isinstance(words, np.ndarray)
