"""Decoding: what a text means to those who decode it more often than they should. All of it is linear in the text."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import re2

ROUNDS = 4


def bytewise() -> Any:
    """Return options for patterns over bytes that need not be UTF-8."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return options


# Too many bytes for one character; 0xC0 and 0xC1 begin nothing else, so some decoders take any byte behind them.
_OVERLONG = re2.compile(
    rb"(?s)[\xc0\xc1].|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf][\x80-\xbf]", bytewise()
)
_UNICODE = re2.compile(r"%u([0-9a-fA-F]{4})")
_ESCAPES = re2.compile(r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2}))")
_SIGNS = re2.compile(r"0[xX](2[eEfF7]|5[cC]|3[cCeE])")
_NAMED = {
    "lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&", "tab": "\t", "newline": "\n", "colon": ":", "lpar": "(",
    "rpar": ")", "sol": "/", "bsol": "\\", "period": ".", "semi": ";", "equals": "=", "nbsp": " ", "grave": "`",
    "excl": "!",
}  # fmt: skip
# Only names that stand for something: in queries most of what follows "&" is another parameter.
_ENTITIES = re2.compile(rf"&(?:#[xX]0*([0-9a-fA-F]{{1,6}})|#0*([0-9]{{1,7}})|((?i:{'|'.join(_NAMED)})));?")
# Full-width forms, and other signs that some programs take for the plain ones.
_WIDE = {0xFF01 + k: 0x21 + k for k in range(94)} | {
    0x3000: 0x20, 0x2215: 0x2F, 0x2044: 0x2F, 0x2216: 0x5C, 0x3002: 0x2E, 0x2024: 0x2E, 0x02BC: 0x27, 0x2039: 0x3C,
    0x203A: 0x3E,
}  # fmt: skip


def decoded(text: str, blanks: bool = False) -> str:
    """Return a text after all the decoding that somebody may do to it, in lower case; blanks: whether "+" is a blank.

    >>> decoded("%252e%252e%c0%af", False), decoded("1+%55nion+&#x53;elect", True)
    ('../', '1 union select')
    """
    if blanks:
        text = text.replace("+", " ")
    for _ in range(ROUNDS):
        if not _can_mean_more(text):
            break
        before = text
        text = _once(text)
        if text == before:
            break
    return text.lower()


def _can_mean_more(text: str) -> bool:
    """Say whether a text holds anything that begins some encoding."""
    if "%" in text or "\\" in text or "&" in text:
        return True
    return "0x" in text or "0X" in text or "\x00" in text or not text.isascii()


def _once(text: str) -> str:
    """Undo one layer of each encoding."""
    if "%" in text:
        text = _percent(text)
    if "\\" in text:
        text = _ESCAPES.sub(_sign, text)
    if "0x" in text or "0X" in text:
        text = _SIGNS.sub(lambda match: chr(int(match.group(1), 16)), text)
    if "&" in text:
        text = _ENTITIES.sub(_entity, text)
    if not text.isascii():
        text = text.translate(_WIDE)
    return text.replace("\x00", "")


def _percent(text: str) -> str:
    if "%u" in text:
        text = _UNICODE.sub(_sign, text)
    raw: bytes = unquote_to_bytes(text.encode("utf-8", "replace"))
    if not raw.isascii():
        raw = bytes(_OVERLONG.sub(_shortened, raw))
    return raw.decode("utf-8", "replace")


def _character(code: int) -> str:
    """Return a character; what is none, or half of one, is a replacement."""
    return chr(code) if code < 0xD800 or 0xE000 <= code < 0x110000 else "\ufffd"


def _sign(match: Any) -> str:
    digits = next(group for group in match.groups() if group is not None)
    return _character(int(digits, 16))


def _entity(match: Any) -> str:
    hexadecimal, decimal, name = match.groups()
    if hexadecimal is not None:
        return _character(int(hexadecimal, 16))
    if decimal is not None:
        return _character(int(decimal))
    whole, after = str(match.group(0)), match.string[match.end() : match.end() + 1]
    is_longer = not whole.endswith(";") and after.isascii() and after.isalpha()
    return whole if is_longer else _NAMED[name.lower()]


def _shortened(match: Any) -> bytes:
    """Return the character of an overlong form."""
    raw = match.group(0)
    code = 0
    for byte in raw[1:]:
        code = code << 6 | byte & 0x3F
    if len(raw) == 2:
        code |= (raw[0] & 0x1F) << 6
    return _character(code).encode()


def without_comments(text: str) -> str:
    """Return a text without SQL comments, one blank between words; what stands in `/*! */` is no comment.

    >>> without_comments("un/**/ion  /*!50000select*/ 1")
    'un ion select 1'
    """
    if "/*" in text:
        pieces, at = [], 0
        while (start := text.find("/*", at)) >= 0:
            end = text.find("*/", start + 2)
            if end < 0:
                break
            inside = text[start + 2 : end]
            pieces += [text[at:start], inside[1:].lstrip("0123456789") if inside.startswith("!") else ""]
            at = end + 2
        text = " ".join([*pieces, text[at:]])
    return " ".join(text.split())
