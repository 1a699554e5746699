"""Masking: what is secret in a piece of a request is told to nobody: passwords, tokens, keys, numbers of cards.

Found by the names that stand before it, or by its own look, with RE2: in time linear in the text, whatever the text.
What is masked keeps its length, so that places in a text stay what they are.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import re2

MASK = b"*"
HIDDEN = "********"
LONGEST = 65_536

# The second ones are parts of other words, too, and count only where they stand alone.
_NAMES = (
    r"(?:passw(?:or)?d|passwd|passphrase|passcode|pwd|secrets?|tokens?|api[_\-. ]?keys?|access[_\-. ]?keys?|"
    r"(?:private|client)[_\-. ]?keys?|authorization|credentials?|sess(?:ion)?[_\-. ]?id|"
    r"(?:^|[^a-z])(?:pass|auth|session|sid|cookies?|csrf|xsrf|signature|sig|cvv2?|cvc|"
    r"card(?:[_\-. ]?(?:number|num|no))?|iban|ssn|otp|pin))"
)
# In each, what group 1 holds is masked. Only a text that holds one of the signs in front need be matched; most hold
# none.
_PATTERNS = (
    # A name, or one that ends in such a name, and what it is set to.
    (
        (b"=", b":"),
        rf"(?i){_NAMES}[\"'\]\s]*(?:=>|[=:])\s*((?:bearer|basic|digest)\s+[^\s\"'&;,<>]+|"
        r"\"[^\"]*\"?|'[^']*'?|[^\s\"'&;,<>]+)",
    ),
    (
        (b"bearer", b"basic", b"digest", b"negotiate"),
        r"(?i)\b(?:bearer|basic|digest|negotiate)[\s+]+([^\s\"'&;,<>]{6,})",
    ),
    # JSON Web Tokens, and what else is told by its first letters.
    ((b"ey",), r"(?i)\b(eyj?[a-z0-9_-]{6,}\.[a-z0-9_-]{2,}(?:\.[a-z0-9_-]*)?)"),
    (
        (b"akia", b"asia", b"gh", b"xox", b"k_"),
        r"(?i)\b((?:akia|asia)[a-z0-9]{12,}|gh[pousr]_[a-z0-9]{16,}|xox[a-z]-[a-z0-9-]{8,}|"
        r"[sr]k_(?:live|test)_[a-z0-9]{8,})",
    ),
    ((b"-----begin",), r"(?i)(-----begin [a-z ]*private key-----.*)"),
    # A password before the host of an address.
    ((b"://",), r"://[^/\s:@]*:([^/\s@]+)@"),
)
# So many digits in a row, parted or not, are perhaps those of a card.
_FEWEST_DIGITS, _CARD = 13, r"((?:\d[ .-]?){12,}\d)"
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.log_errors = False
    return options


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern.encode(), _options())


@cache
def _secret_name() -> Any:
    return re2.compile(rf"(?i)(?:{_NAMES}|x-[a-z-]*key)[\])]*$".encode(), _options())


def masked_bytes(raw: bytes) -> bytes:
    """Return a text in which what is secret is so many asterisks."""
    low = raw.lower()
    for signs, pattern in _PATTERNS:
        if any(sign in low for sign in signs):
            raw = _without(raw, pattern)
    return _without(raw, _CARD) if len(raw.translate(None, _NO_DIGITS)) >= _FEWEST_DIGITS else raw


def _without(raw: bytes, pattern: str) -> bytes:
    """Return a text in which what a pattern holds is so many asterisks."""
    parts, at = list[bytes](), 0
    for match in _compiled(pattern).finditer(raw):
        start, end = match.span(1)
        parts += [raw[at:start], MASK * (end - start)]
        at = end
    return b"".join([*parts, raw[at:]]) if parts else raw


def masked(text: str, field: str = "") -> str:
    """Return a text without what is secret in it; nothing of it where its field is called as secrets are.

    >>> masked("user=ann&password=hunter2&x=1"), masked("' or 1=1--", "body password")
    ('user=ann&password=*******&x=1', '********')
    >>> masked("card 4111 1111 1111 1111 or 1=1")
    'card ******************* or 1=1'
    """
    if field and _secret_name().search(field.encode("utf-8", "replace")):
        return HIDDEN if text else ""
    return masked_bytes(text[:LONGEST].encode("utf-8", "replace")).decode("utf-8", "replace")
