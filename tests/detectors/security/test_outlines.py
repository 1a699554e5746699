import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.outlines import hash_around, is_file, outline, value_of

PATHS = [
    ("/orders/17", "", 17),
    ("/orders/17/items", "", 17),
    ("/a/2/b/31.html?x=4", "html", 31),
    ("/item-8?page=3", "", 8),
    ("/api/v2/users?id=44", "", 44),
    ("/api/v2/users?sort=a&page=5&size=40", "", 5),
    ("/img/logo.PNG", "PNG", None),
    ("/a.b/c", "", None),
    ("/poll?since=1700000000123", "", None),
    ("/x?id=7a&y=", "", None),
    ("", "", None),
]


class Placed:
    """A text in memory, as kernels take it: its address and size."""

    def __init__(self, text: str) -> None:
        raw = text.encode()
        self.size = len(raw)
        self._buf = np.frombuffer(b"\xff" * 3 + raw + b"\xff" * 40, np.uint8)
        self.at = self._buf.ctypes.data + 3


@pytest.mark.parametrize(("path", "extension", "number"), PATHS)
def test_an_outline_says_where_a_path_ends_what_it_names_and_by_which_number(
    path: str, extension: str, number: int | None
) -> None:
    placed = Placed(path)
    size, at, length, place, digits = outline(placed.at, placed.size)
    assert path[:size] == path.partition("?")[0]
    assert path[at : at + length] == extension if length else extension == ""
    assert (value_of(placed.at + place, digits) if digits else None) == number


@given(path=st.text("/-_.?=&0123456789aZ", max_size=40))
def test_what_it_says_lies_in_the_path_whatever_that_is(path: str) -> None:
    placed = Placed(path)
    size, at, length, place, digits = outline(placed.at, placed.size)
    assert size == len(path.partition("?")[0])
    assert 0 <= at <= at + length <= size
    assert path[place : place + digits].isdigit() or digits == 0
    assert 0 <= digits <= 9


def test_paths_that_differ_in_their_number_only_are_one() -> None:
    def of(path: str) -> int:
        placed = Placed(path)
        size, _, _, place, digits = outline(placed.at, placed.size)
        return int(hash_around(placed.at, size, place, digits))

    assert of("/orders/7/items") == of("/orders/1234/items") == of("/orders/8/items?x=y")
    assert len({of("/orders/7/items"), of("/orders/7/item"), of("/order/7/items"), of("/orders/7")}) == 4


def test_files_of_a_page_are_told_from_pages() -> None:
    placed = {name: Placed(name) for name in ("css", "PNG", "woff2", "html", "php", "", "json")}
    assert [name for name, one in placed.items() if is_file(one.at, one.size)] == ["css", "PNG", "woff2"]
