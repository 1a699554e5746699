import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.decoding import decoded, without_comments


@pytest.mark.parametrize(
    "text",
    [
        "../etc/passwd",
        "%2e%2e%2fetc%2fpasswd",
        "%252e%252e%252fetc%252fpasswd",
        "%25252e%25252e%25252fetc%25252fpasswd",
        "%u002e%u002e%u2215etc%u002fpasswd",
        "..%c0%afetc%c0%afpasswd",
        "%c0%ae%c0%ae/etc/passwd",
        "..%e0%80%afetc%e0%80%afpasswd",
        "..%f0%80%80%afetc/passwd",
        r"\u002e\u002e\u002fetc/passwd",
        r"\x2e\x2e\x2fetc/passwd",
        r"\u{2e}\u{2e}/etc/passwd",
        "0x2e0x2e0x2fetc0x2fpasswd",
        "&#46;&#x2e;&sol;etc&#x0000002f;passwd",
        "．．／ｅｔｃ／ｐａｓｓｗｄ",
        ".%00./etc/pas%00swd",
        "../ETC/Passwd",
    ],
)
def test_many_ways_to_write_it_mean_the_same(text: str) -> None:
    assert decoded(text) == "../etc/passwd"


def test_a_plus_is_a_blank_in_a_query_and_a_plus_elsewhere() -> None:
    assert decoded("a+b%2Bc", blanks=True) == "a b+c"
    assert decoded("a+b") == "a+b"


@given(st.text(alphabet=st.sampled_from("%&#x;u\\0123456789abcdefABCDEF{}+.\x00\ud800é／"), max_size=60) | st.text())
def test_whatever_comes_is_decoded_to_something_that_can_be_encoded(text: str) -> None:
    meant = decoded(text.encode("utf-8", "replace").decode(), blanks=True)
    without_comments(meant).encode()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("%uzz41 %u00", "%uzz41 %u00"),
        (r"\u00_1 \x4 \u{41", r"\u00_1 \x4 \u{41"),
        (r"\u{110000}\ud800", "\ufffd\ufffd"),
        ("0x2f0x41", "/0x41"),
        ("&#x41&#65;&#;&#x;&#99999999;", "aa&#;&#x;&#99999999;"),
        ("%c0%ae%c1%9c%e0%80%af%f0%80%80%af%e0%a4%85", ".\\//अ"),
        ("%c0", "\ufffd"),
    ],
)
def test_what_only_begins_like_an_encoding_stays(text: str, meant: str) -> None:
    assert decoded(text) == meant


@pytest.mark.parametrize("bomb", ["%25" * 20_000, "&#" + "9" * 60_000, "/*" * 30_000, "\\u{" * 20_000, "&" * 60_000])
def test_texts_made_to_be_slow_are_decoded_all_the_same(bomb: str) -> None:
    assert without_comments(decoded(bomb))


def test_comments_are_blanks_but_for_those_that_are_carried_out() -> None:
    assert without_comments("1/**/or/*x*/ 1=1") == "1 or 1=1"
    assert without_comments("/*!50000union*/ /*!select*/ 1") == "union select 1"
    assert without_comments("a /* open") == "a /* open"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("&lt;a&GT;", "<a>"),
        ("&lt", "<"),
        ("a&ltd=1&amplitude=2", "a&ltd=1&amplitude=2"),
        ("&lt1", "<1"),
        ("&name;", "&name;"),
    ],
)
def test_an_entity_is_a_whole_name(text: str, meant: str) -> None:
    assert decoded(text) == meant
