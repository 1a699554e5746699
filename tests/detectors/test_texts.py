import numpy as np

from detectors.columns import Text
from detectors.texts import filled, replaced


def column() -> Text:
    """Return a column of "shop", nothing, and "blog"."""
    at, length = np.array([0, 0, 4], np.int32), np.array([4, -1, 4], np.int32)
    return Text(np.frombuffer(b"shopblog", np.uint8), at, length)


def test_some_records_have_another_text_and_the_others_keep_theirs() -> None:
    old = column()
    new = replaced(old, np.array([0, 1]), [b"a", b"longer"])
    assert [new[i] for i in range(3)] == [b"a", b"longer", b"blog"]
    assert [old[0], old[2]] == [b"shop", b"blog"]


def test_a_default_stands_where_nothing_does() -> None:
    assert [filled(column(), b"default")[i] for i in range(3)] == [b"shop", b"default", b"blog"]


def test_a_column_that_lacks_nothing_is_left_as_it_is() -> None:
    old = column()
    old.length[1] = 4
    assert filled(old, b"default") is old


def test_a_new_column_is_of_the_kind_that_kernels_are_compiled_for() -> None:
    new = filled(column(), b"default")
    assert not new.buf.flags.writeable
    assert new.at.dtype == new.length.dtype == np.dtype(np.int32)
