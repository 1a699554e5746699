"""Pieces of attacks that are a whole value, and what people write that holds the same words."""

import numpy as np
import pytest

from detectors.security.fragments import FRAGMENTS
from detectors.security.model import BITS, VERSION, Model, Recipe
from detectors.security.naming import FAMILIES as NAMED
from detectors.security.naming import NAME_BITS
from detectors.security.payloads import inspect
from detectors.security.signatures import SHORT, matching

RULES_ALONE = Model(np.zeros(1 << BITS, np.int8), np.zeros((1 << NAME_BITS, len(NAMED)), np.int8), Recipe(VERSION, ""))
PIECES = {
    "sqli": [
        "and price != (", "||(a='", "' or b", "x' and c ilike c--", "7 != 8", "in (1, 2)", "'; drop", "lower(",
        "substr(a,1)", "drop/**/members", "set @a", "'{\"a\":1}'::jsonb @> '{}'", "(1)::int",
    ],
    "code": ["passthru (x)", "(system)(id)", "runtime.invokertransformer", "com.opensymphony.xwork2"],
    "xss": ["(![]+[])[+[]]", "<noscript>", "[1].map(prompt)"],
    "command": ["<(sort a)", "pi``ng a", "a=b;c=d;$a$c e", "if not defined a set b=1", "{,id,}"],
    "header": ["\r\nretr 7", "/a\nb"],
    "ssrf": ["ip6-loopback/", "a.docker.internal:80"],
    "traversal": ["/sys/kernel/notes", "/proc/uptime"],
    "probe": ["/tmp/sess_0123456789abcdef", "/app/debug.log", "/.pgpass"],
}  # fmt: skip
PLAIN = [
    "fish and chips", "this or that", "left, right and centre", "select one", "a drop of water", "date (optional)",
    "lower back", "if you go, so do i", "set of 3", "list 3 things", "O'Neill and sons", "the top 10", "a = b",
    "price < 20", "call us (now)", "a.b@example.org", "${name}", "/html/body/div[2]/h1", "is it so?",
    "Version 2 (beta)", "javax.faces.ViewState", "org.apache.struts.taglib.html.TOKEN",
]  # fmt: skip


@pytest.mark.parametrize(("family", "text"), [(family, text) for family, texts in PIECES.items() for text in texts])
def test_a_piece_is_found_by_rule(family: str, text: str) -> None:
    assert family in {rule.family for rule in matching(text)}


@pytest.mark.parametrize("text", PLAIN)
def test_words_that_pieces_are_made_of_are_none(text: str) -> None:
    assert matching(text.lower()) == []


def test_the_gate_lets_no_name_of_a_class_pass() -> None:
    for name in ("runtime.clonetransformer", "com.sun.org.apache.xalan"):
        assert [piece.family for piece in inspect("body", f"a={name}".encode(), RULES_ALONE)] == ["code"]


def test_in_long_texts_no_pieces_are_looked_for() -> None:
    text = "{,id,}"
    assert matching(text) != []
    assert matching(text + " " * SHORT) == []
    assert all(rule.short for rule in FRAGMENTS)
