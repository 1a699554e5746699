import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.columns import Columns, Text
from detectors.security.gate import FIELDS, REMEMBERED, Gate, is_plain, is_word
from tests.detectors.security.test_payloads import ATTACKS, HARMLESS


def plain(text: str, query: bool = False) -> bool:
    raw = np.frombuffer(text.encode() or b" ", np.uint8)
    return bool(is_plain(raw, 0, len(text.encode()), query))


@pytest.mark.parametrize("path", [path for paths in ATTACKS.values() for path in paths])
def test_no_attack_is_plain(path: str) -> None:
    assert not plain(path)


@pytest.mark.parametrize(
    "path", ["/", "/cart/items/12", "/a.html?x=1&y=b-c_d.e", "https://shop.example:8080/a?b=c", ""]
)
def test_plain_words_are_plain(path: str) -> None:
    assert plain(path)


@pytest.mark.parametrize(
    "text",
    [
        "/?c=bsh.Interpreter",
        "/shell.php",
        "/db/dump.sql",
        "/a b",
        "/a?q=a+b",
        "/a%20b",
        "/../a",
        "/.git",
        "/a?f=/etc/passwd",
        "/?f=.env",
        "/?x=0x2e",
        "/?__proto__=1",
        "/?c=java.lang.Runtime",
        "/?o=rO0ABXNy",
    ],
)
def test_what_can_mean_more_is_not(text: str) -> None:
    assert not plain(text)


@given(st.text(alphabet="abjvrokshel0xX19_", max_size=8))
@example("java")
@example("0x2e")
@example("rO0ABXNy")
def test_a_quick_word_is_plain(word: str) -> None:
    assert not is_word(word) or plain(word, query=True)


@given(st.from_regex(r"\A[a-z0-9_.~:,-]{0,20}\Z"))
def test_a_plain_text_is_plain_as_a_value_too(word: str) -> None:
    assert plain(f"/{word}") == plain(word, query=True)


def columns_of(**texts: list[bytes]) -> Columns:
    """Return columns of requests; what is not given is absent."""
    n = len(next(iter(texts.values())))
    columns = Columns(np.arange(n), np.arange(n), np.ones(n, np.bool_))
    for field in FIELDS:
        values = texts.get(field, [b""] * n)
        sizes = np.array([len(value) or -1 for value in values], np.int32)
        at = np.cumsum([0] + [len(value) for value in values[:-1]], dtype=np.int32)
        columns.text[field] = Text(np.frombuffer(b"".join(values) or b" ", np.uint8), at, sizes)
    return columns


def test_each_doubtful_field_has_its_bit() -> None:
    columns = columns_of(path=[b"/", b"/<", b"/"], agent=[b"curl/8", b"curl/8", b"x y"], body=[b"a=b", b"a b", b"/"])
    assert Gate().doubts(columns, np.ones(3, np.bool_), 0, 3).tolist() == [0, 0b10001, 0b10010]


def test_only_kept_requests_of_the_run_are_asked() -> None:
    columns = columns_of(path=[b"/<"] * 4)
    keep = np.array([True, False, True, True])
    assert Gate().doubts(columns, keep, 0, 3).tolist() == [1, 0, 1, 0]


def test_a_harmless_text_is_looked_at_twice() -> None:
    gate, columns = Gate(), columns_of(agent=[b"Mozilla/5.0 (X11)", b"Mozilla/5.0 (X12)"])
    for _ in range(2):
        assert gate.doubts(columns, np.ones(2, np.bool_), 0, 2).tolist() == [2, 2]
        gate.remember(1, b"Mozilla/5.0 (X11)")
    assert gate.doubts(columns, np.ones(2, np.bool_), 0, 2).tolist() == [0, 2]
    assert gate.is_harmless(1, b"Mozilla/5.0 (X11)")
    assert not gate.is_harmless(0, b"Mozilla/5.0 (X11)")


def test_what_comes_once_does_not_drive_out_what_comes_again() -> None:
    gate = Gate()
    for text in [b"Mozilla/5.0 (X11)"] * 2 + [b"/search?q=%d <" % n for n in range(2 * REMEMBERED)]:
        gate.remember(0, text)
    assert gate.is_harmless(0, b"Mozilla/5.0 (X11)")
    assert not gate.is_harmless(0, b"/search?q=7 <")


def test_it_remembers_a_limited_number_of_texts_of_limited_length() -> None:
    gate = Gate()
    for text in [b"/<" * 1000] * 2 + [b"/<%d" % (n // 2) for n in range(2 * REMEMBERED + 2)]:
        gate.remember(0, text)
    assert not gate.is_harmless(0, b"/<" * 1000)
    assert gate.is_harmless(0, b"/<%d" % REMEMBERED)
    assert not gate.is_harmless(0, b"/<0")


def test_harmless_examples_stay_harmless_behind_the_gate() -> None:
    columns = columns_of(path=[path.encode() for path in HARMLESS])
    assert Gate().doubts(columns, np.ones(len(HARMLESS), np.bool_), 0, len(HARMLESS)).max() <= 1
