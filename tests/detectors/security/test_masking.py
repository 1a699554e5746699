"""Masking: whatever a secret is and wherever it stands, nobody is told."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.bank import SecurityBank
from detectors.security.masking import _CARD, _FEWEST_DIGITS, _PATTERNS, HIDDEN, _without, masked, masked_bytes
from tests.fakes import fold
from topics.proposals import Proposal
from topics.requests import REQUESTS, Request
from topics.signals import Threat

ALNUM = "abcdefghijkmnoprtuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
Secrets = st.text(ALNUM + "!$%*+._~-", min_size=8, max_size=40).filter(lambda text: text[0].isalnum())
Around = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
NAMES = (
    "password", "passwd", "pwd", "user_password", "PASSWORD", "newPassword", "secret", "client_secret", "token",
    "access_token", "csrf_token", "api_key", "apikey", "X-Api-Key", "authorization", "session_id", "PHPSESSID",
    "cookie", "cvv", "card_number", "otp", "private-key",
)  # fmt: skip
Named = st.sampled_from(NAMES)


def jwt_of(head: bytes, body: bytes, sign: bytes) -> str:
    parts = (b'{"alg":"' + head, b'{"sub":"' + body, sign)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


Tokens = st.builds(jwt_of, st.binary(min_size=4), st.binary(min_size=4), st.binary(min_size=16))


@st.composite
def cards(draw: st.DrawFn) -> tuple[str, str]:
    """Give the number of a card that its last digit proves, and how it is written."""
    digits = [4, *draw(st.lists(st.integers(0, 9), min_size=11, max_size=17))]
    doubled = [2 * one - 9 if 2 * one > 9 else 2 * one for one in digits[::-1][::2]]
    digits.append(-(sum(doubled) + sum(digits[::-1][1::2])) % 10)
    number, gap = "".join(map(str, digits)), draw(st.sampled_from(["", " ", "-"]))
    return number, gap.join(number[at : at + 4] for at in range(0, len(number), 4))


@given(before=Around, name=Named, sign=st.sampled_from(["=", ": ", ":", '": "', "'=>'"]), secret=Secrets, after=Around)
def test_what_a_secret_name_is_set_to_is_masked(before: str, name: str, sign: str, secret: str, after: str) -> None:
    shown = masked(f"{before}&{name}{sign}{secret}&{after}")
    assert secret not in shown or secret in before or secret in after
    assert name in shown


@given(before=Around, scheme=st.sampled_from(["Bearer ", "bearer ", "Basic ", "basic+"]), secret=Secrets)
def test_what_authorises_is_masked(before: str, scheme: str, secret: str) -> None:
    assert f"{scheme}{secret}" not in masked(f"{before} {scheme}{secret} ")


@given(before=Around, token=Tokens, after=Around, lower=st.booleans())
def test_web_tokens_are_masked_even_in_lower_case(before: str, token: str, after: str, lower: bool) -> None:
    told = token.lower() if lower else token
    shown = masked(f"{before} {told} {after}")
    assert not any(part in shown for part in told.split(".") if len(part) > 8)


@given(before=Around, card=cards(), after=Around)
def test_numbers_of_cards_are_masked_however_they_are_written(before: str, card: tuple[str, str], after: str) -> None:
    number, written = card
    shown = masked(f"{before}x{written}x{after}")
    assert written not in shown
    assert number not in shown


@given(raw=st.binary(max_size=300))
def test_lengths_stay_and_masking_twice_is_masking_once(raw: bytes) -> None:
    once = masked_bytes(raw)
    assert len(once) == len(raw)
    assert masked_bytes(once) == once


@pytest.mark.parametrize(
    "field", ["body password", "header authorization", "header x-api-key", "path user[pwd]", "body otp"]
)
def test_of_a_field_that_is_called_as_secrets_are_nothing_is_told(field: str) -> None:
    assert masked("' or 1=1--", field) == HIDDEN


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "1 union select name from users", "../../etc/passwd", "id=7&page=2", "2026-11-21"],
)
def test_what_is_no_secret_is_told(text: str) -> None:
    assert masked(text, "path q") == text


@given(name=Named, secret=Secrets)
def test_neither_threats_nor_proposals_tell_a_secret(name: str, secret: str) -> None:
    """Whether it is a parameter, in a text before the attack, or in the field that is attacked."""
    paths = [
        f"/a?x=1%27+or+1%3D1--&{name}={secret}",
        f"/a?q={name}%3D{secret}%27+union+all+select+null,version()--",
        f"/a?{name}={secret}%27+or+%271%27%3D%271",
        f"/a?q=%3Cscript%3Efetch(%22//x/?{name}={secret}%22)%3C/script%3E",
    ]
    log = [
        (1_000_000 + 10 * i, Request(client="192.0.2.7", at_s=1000.0 + i, path=path, service="shop"))
        for i, path in enumerate(paths)
    ]
    said = fold(SecurityBank, REQUESTS, log)
    told = [record.excerpt + record.text for record in said if isinstance(record, Threat)]
    told += [record.why for record in said if isinstance(record, Proposal)]
    assert len(told) >= 3
    assert not [text for text in told if secret.lower() in text.lower()]


@given(st.text('=:ey.-/@ghakix_Kk019 "bearerBASIC', max_size=60))
def test_no_pattern_would_match_without_the_signs_that_it_is_asked_for_by(text: str) -> None:
    raw = text.encode()
    for signs, pattern in _PATTERNS:
        assert any(sign in raw.lower() for sign in signs) or _without(raw, pattern) == raw
    assert sum(sign in b"0123456789" for sign in raw) >= _FEWEST_DIGITS or _without(raw, _CARD) == raw
