"""What in a request is looked at by itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.fields import DEEPEST, MOST_LEAVES, MOST_VALUES, headers_of, values_of


def texts(field: str, text: str) -> list[tuple[str, str]]:
    return [(value.field, value.text) for value in values_of(field, text).values]


def test_a_query_is_taken_apart_and_odd_names_are_values_too() -> None:
    assert texts("path", "/a/b?c=d-1&e[]=f&g=h") == [("path", "/a/b"), ("path c", "d-1"), ("path e[]", "e[]")]


def test_a_parameter_whose_equals_sign_was_encoded_is_one_all_the_same() -> None:
    assert texts("path", "/?a%3Db-1%26c%3Dd") == [("path", "/"), ("path a", "b-1%26c%3Dd")]
    assert texts("body", "a%3db-1%3D") == [("body a", "b-1%3D")]
    assert texts("body", "50%3D half") == [("body", "50%3D half")]


def test_a_body_without_blanks_may_mean_them_by_plus() -> None:
    assert [value.blanks for value in values_of("body", "1+or+1").values] == [True]
    assert [value.blanks for value in values_of("body", "1 + 1").values] == [False]


def test_a_form_a_document_and_parts_give_the_same_values() -> None:
    form = "name=x%20y&note=z-1"
    head = "--b\r\nContent-Disposition: form-data; name="
    parts = f'{head}"name"\r\n\r\nx y\r\n{head}"note"\r\n\r\nz-1\r\n--b--\r\n'
    xml = "<?xml version='1.0'?><form><name>x y</name><note>z-1</note></form>"
    for body in (parts, xml, json.dumps({"name": "x y", "note": "z-1"})):
        assert {("body name", "x y"), ("body note", "z-1")} <= set(texts("body", body))
    assert texts("body", form) == [("body name", "x%20y"), ("body note", "z-1")]


def test_names_of_files_and_odd_lines_of_a_part_are_values() -> None:
    part = (
        '--b\r\nContent-Disposition: form-data; name="f"; filename="../a.php"\r\nX-Odd: ${jndi:a}\r\n\r\n<?php\r\n--b--'
    )
    assert {("body f", "../a.php"), ("body f", "${jndi:a}"), ("body f", "<?php")} <= set(texts("body", part))


def test_attributes_sections_and_declarations_of_xml_are_values() -> None:
    xml = "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a d=\"e\"><![CDATA[f < g]]></a>"
    assert texts("body", xml) == [("body", "<!DOCTYPE a [<!ENTITY b 'c'>]>"), ("body a", "e"), ("body a", "f < g")]


def test_an_element_that_does_something_is_a_value() -> None:
    assert ("body svg", "<svg onload='a()'>") in texts("body", "<?xml version='1.0'?><svg onload='a()'></svg>")


def test_html_is_text() -> None:
    assert texts("body", "<script>alert(1)</script>") == [("body", "<script>alert(1)</script>")]


@pytest.mark.parametrize(
    "body",
    [
        '{"a": ',
        "[" * (DEEPEST + 2) + "1" + "]" * (DEEPEST + 2),
        json.dumps(["a b"] * (MOST_VALUES + 1)),
        json.dumps(["a"] * (MOST_LEAVES + 1)),
        "[" * 100_000,
        "<?xml version='1.0'?><a><b",
        "<?xml version='1.0'?><a b='c>",
        "<?xml version='1.0'?>" + "<a>" * (MOST_VALUES + 1),
        "--b\r\nno head",
        "--" + "b" * 100 + "\r\n\r\n",
    ],
)
def test_what_is_not_what_it_seems_too_deep_or_too_wide_is_one_text(body: str) -> None:
    found = values_of("body", body)
    assert (found.understood, [value.text for value in found.values]) == (False, [body])


def test_each_cookie_is_a_value_and_usual_headers_are_none() -> None:
    found = headers_of({"Cookie": "a=b c; d", "Accept": "*/*", "Sec-X": "1", "X-Y": "z"})
    assert [(value.field, value.text) for value in found] == [
        ("cookie a", "b c"),
        ("cookie d", "d"),
        ("header x-y", "z"),
    ]


def test_of_cookies_and_fields_only_so_many_are_looked_at() -> None:
    assert len(headers_of({"Cookie": ";".join(f"a{k}=b" for k in range(2 * MOST_VALUES)), "X": "y"})) == MOST_VALUES


@pytest.mark.parametrize("tag", ["<\t>", "<\n/>", "<>", "</>", "< a>"])
def test_an_element_without_a_name_is_one(tag: str) -> None:
    found = values_of("body", f"<?xml version='1.0'?>{tag}x y")
    assert "x y" in found.values[-1].text


@given(
    st.sampled_from(["{", "[", "--b\r\n", "<?xml ", "a=", ""]),
    st.text(alphabet="{}[]\":,<>/!?-=&;a\r\n\t '", max_size=80),
)
def test_whatever_comes_is_taken_apart(start: str, rest: str) -> None:
    found = values_of("body", start + rest)
    assert found.understood or found.values
