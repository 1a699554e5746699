"""Decoding: what a text means to those who decode it more often than they should. All of it is linear in the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import re2

from detectors.compiled import kernel

ROUNDS = 4


def bytewise() -> Any:
    """Return options for patterns over bytes that need not be UTF-8."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return options


_NAMED = {
    "lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&", "tab": "\t", "newline": "\n", "colon": ":", "lpar": "(",
    "rpar": ")", "sol": "/", "bsol": "\\", "period": ".", "semi": ";", "equals": "=", "nbsp": " ", "grave": "`",
    "excl": "!",
}  # fmt: skip
LONGEST_NAME, LONGEST_CODE = 12, 7
_SIGNS = frozenset([0x2E, 0x2F, 0x27, 0x5C, 0x3C, 0x3E])
# How forms of too many bytes begin, how many bytes follow, and below what the first of these is.
_OVERLONG = ((b"\xc0", 1, 0x100), (b"\xc1", 1, 0x100), (b"\xe0", 2, 0xA0), (b"\xf0", 3, 0x90))
# Full-width forms, and other signs that some programs take for the plain ones.
_WIDE = {0xFF01 + k: 0x21 + k for k in range(94)} | {
    0x3000: 0x20, 0x2215: 0x2F, 0x2044: 0x2F, 0x2216: 0x5C, 0x3002: 0x2E, 0x2024: 0x2E, 0x02BC: 0x27, 0x2039: 0x3C,
    0x203A: 0x3E,
}  # fmt: skip


@kernel
def digit(byte):  # type: ignore[no-untyped-def]
    """Return what a hexadecimal digit counts; 255: it is none."""
    if 48 <= byte <= 57:
        return byte - 48
    low = byte | 32
    return low - 87 if 97 <= low <= 102 else 255


@kernel
def unquote(raw, out):  # type: ignore[no-untyped-def]
    """Write a text without its percent signs; return its new length."""
    n, k = 0, 0
    while k < len(raw):
        if raw[k] == 37 and k + 2 < len(raw) and digit(raw[k + 1]) < 16 and digit(raw[k + 2]) < 16:
            out[n] = digit(raw[k + 1]) << 4 | digit(raw[k + 2])
            k += 3
        else:
            out[n] = raw[k]
            k += 1
        n += 1
    return n


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
        text = _escapes(_braced(text))
    if "0x" in text or "0X" in text:
        text = _coded(_coded(text, "0x", 2, _SIGNS), "0X", 2, _SIGNS)
    if "&" in text:
        text = _entities(text)
    if not text.isascii():
        text = text.translate(_WIDE)
    return text.replace("\x00", "")


def _coded(text: str, mark: str, size: int, among: frozenset[int] | None = None) -> str:
    """Have a mark and so many hexadecimal digits be the character that they name; among: only these.

    Cut and joined, not matched: a call for each match would take some microseconds, and a text holds many thousands.
    """
    if mark not in text:
        return text
    first, *parts = text.split(mark)
    out = [first]
    for part in parts:
        code = _number(part[:size], 16) if len(part) >= size else -1
        fits = code >= 0 and (among is None or code in among)
        out.append(_character(code) + part[size:] if fits else mark + part)
    return "".join(out)


def _number(digits: str, base: int) -> int:
    """Return a number; -1 where there are other characters than digits."""
    if not (digits.isalnum() and digits.isascii()):
        return -1
    try:
        return int(digits, base)
    except ValueError:
        return -1


def _escapes(text: str) -> str:
    return _coded(_coded(text, "\\u", 4), "\\x", 2)


def _braced(text: str) -> str:
    """Have escapes with braces be what they name."""
    if "\\u{" not in text:
        return text
    first, *parts = text.split("\\u{")
    out = [first]
    for part in parts:
        digits, brace, rest = part[: LONGEST_CODE + 1].partition("}")
        code = _number(digits, 16) if brace else -1
        out.append(_character(code) + rest + part[LONGEST_CODE + 1 :] if code >= 0 else "\\u{" + part)
    return "".join(out)


def _percent(text: str) -> str:
    text = _coded(text, "%u", 4)
    encoded = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    plain = np.empty(len(encoded), np.uint8)
    raw: bytes = plain[: unquote(encoded, plain)].tobytes()
    return (raw if raw.isascii() else _shortened(raw)).decode("utf-8", "replace")


def _character(code: int) -> str:
    """Return a character; what is none, or half of one, is a replacement."""
    return chr(code) if code < 0xD800 or 0xE000 <= code < 0x110000 else "\ufffd"


def _entities(text: str) -> str:
    """Have entities be what they stand for: numbers, and names that end with a semicolon or before no letter."""
    first, *parts = text.split("&")
    out = [first]
    for part in parts:
        if part[:1] == "#":
            out.append(_numbered(part))
            continue
        name = part[:LONGEST_NAME]
        size = next((k for k, sign in enumerate(name) if not (sign.isascii() and sign.isalpha())), len(name))
        meant = _NAMED.get(part[:size].lower())
        out.append("&" + part if meant is None else meant + part[size + (part[size : size + 1] == ";") :])
    return "".join(out)


def _numbered(part: str) -> str:
    """Return what begins with an entity that is a number, from its "#" on."""
    base, at = (16, 2) if part[1:2] in ("x", "X") else (10, 1)
    allowed = "0123456789abcdefABCDEF" if base == 16 else "0123456789"
    head = part[at : at + LONGEST_CODE * 4]
    size = len(head) - len(head.lstrip(allowed))
    digits = head[:size].lstrip("0") or "0"
    if not size or len(digits) > LONGEST_CODE:
        return "&" + part
    end = at + size
    return _character(int(digits, base)) + part[end + (part[end : end + 1] == ";") :]


def _shortened(raw: bytes) -> bytes:
    """Have forms of too many bytes for one character be that character.

    0xC0 and 0xC1 begin nothing else, so some decoders take any byte behind them.
    """
    for lead, size, highest in _OVERLONG:
        if lead not in raw:
            continue
        first, *parts = raw.split(lead)
        out = [first]
        for part in parts:
            tail = part[:size]
            if len(tail) < size or (
                size > 1 and not (0x80 <= tail[0] < highest and all(0x80 <= one < 0xC0 for one in tail))
            ):
                out.append(lead + part)
                continue
            code = (lead[0] & 0x1F) if size == 1 else 0
            for byte in tail:
                code = code << 6 | byte & 0x3F
            out.append(_character(code).encode() + part[size:])
        raw = b"".join(out)
    return raw


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
