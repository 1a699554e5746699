"""Gate: which texts need a closer look. Most requests are plain words, and cost nothing beyond a compiled loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Columns, Flags, Ints, Text
from detectors.compiled import kernel
from detectors.names import ABSENT, Names, find_name, hash_names

FIELDS = ("path", "agent", "referer", "user", "body")
REMEMBERED = 16_384
LONGEST_REMEMBERED = 512
ONCE = 1 << 16
"""Places for texts that came once."""

NEVER_PLAIN, WORD, PATH_ONLY, QUERY_ONLY = 0, 1, 2, 3
DOT, QUESTION, SMALL_X, ZERO, UNDERSCORE, LARGE_A, LARGE_Z = 46, 63, 120, 48, 95, 65, 90


def _kinds() -> NDArray[np.uint8]:
    """Return what each byte is: part of a word, a separator of paths or of queries, or what makes a text worth a look.

    A blank is none of them, nor is what stands for one: plain words in a row can be SQL.
    """
    kinds = np.zeros(256, np.uint8)
    for characters, kind in ((b"_-.~:,", WORD), (b"/?", PATH_ONLY), (b"=&", QUERY_ONLY)):
        kinds[list(characters)] = kind
    for first, last in ((b"0", b"9"), (b"a", b"z"), (b"A", b"Z")):
        kinds[ord(first) : ord(last) + 1] = WORD
    return kinds


KINDS = _kinds()


def _numbers(*words: str) -> NDArray[np.int64]:
    """Return four characters as one number each."""
    return np.array([int.from_bytes(word.encode(), "big") for word in words])


# How words begin that name a class or hold an object of Java, or are how webshells and secret files are called.
ODD_WORDS = (
    "java", "ro0a", "org.", "com.", "runt", "c99.", "r57.", "b374", "wso.", "shel", "cmd.", "phpi", "dock", "actu",
)  # fmt: skip
ODD_BEGINS = _numbers(*ODD_WORDS)
# Endings of copies, settings and keys.
ODD_ENDINGS = _numbers(
    ".bak", ".sql", ".swp", ".old", ".ori", ".sav", ".yml", ".ini", ".con", ".inc", ".mdb", ".key", ".pem"
)  # fmt: skip
_ODD, _ODD_STARTS = frozenset(ODD_WORDS), frozenset(["0x", "0X", "__"])


@kernel
def is_one_of(number, numbers):  # type: ignore[no-untyped-def]
    """Say whether a number is among a few."""
    for one in numbers:  # noqa: SIM110
        if number == one:
            return True
    return False


@kernel
def is_plain(buf, at, length, query):  # type: ignore[no-untyped-def]
    """Say whether a text is a path of plain words, and behind its "?" (query: from its start) of single plain words.

    A word that begins with a dot can name a hidden file, one with 0x can spell anything, one with __ can be code; some
    begin or end as what only attackers look for, and a dot before a capital can name a class.
    """
    before, first, dot, tail = 0, at, -4, 0
    for k in range(at, at + length):
        byte = buf[k]
        kind = KINDS[byte]
        if kind == NEVER_PLAIN:
            return False
        if byte == DOT and (before == DOT or k == first):
            return False
        if before == DOT and LARGE_A <= byte <= LARGE_Z:
            return False
        if k == first + 1 and before == UNDERSCORE == byte:
            return False
        if k == first + 1 and before == ZERO and byte | 32 == SMALL_X:
            return False
        tail = (tail << 8 | byte | 32) & 0xFFFFFFFF
        if byte == DOT:
            dot = k
        if (k == first + 3 and is_one_of(tail, ODD_BEGINS)) or (k == dot + 3 and is_one_of(tail, ODD_ENDINGS)):
            return False
        if kind == PATH_ONLY and query:
            return False
        if kind == QUERY_ONLY and not query:
            return False
        if byte == QUESTION:
            query = True
        if kind != WORD:
            first = k + 1
        before = byte
    return True


def is_word(text: str) -> bool:
    """Say whether a text is one plain word of letters, digits and "_"; quick, but `is_plain` says so of more."""
    if not (text.isalnum() or text.isidentifier()) or not text.isascii():
        return False
    return text[:2] not in _ODD_STARTS and text[:4].lower() not in _ODD


@kernel
def mark_doubts(buf, at, length, keep, start, end, query, bit, doubts):  # type: ignore[no-untyped-def]
    """Set `bit` for the records start..end whose text is not plain."""
    for i in range(start, end):
        if keep[i] and length[i] > 0 and not is_plain(buf, at[i], length[i], query):
            doubts[i] |= bit


@kernel
def drop_known(buf, at, length, which, hashes, table, blob, bit, doubts):  # type: ignore[no-untyped-def]
    """Clear `bit` for the records `which` whose text was looked at before and found harmless."""
    for k in range(len(which)):
        i = which[k]
        if find_name(buf, at[i], length[i], hashes[k], table, blob) != ABSENT:
            doubts[i] &= ~bit


class Gate:
    """Tells which fields of which requests are worth a look, and remembers harmless texts, since many come again.

    Those that never come again, what somebody types, would cost more than they spare, and drive out the others: a text
    is remembered when it comes the second time. What is remembered spares work and changes no answer, so it is not part
    of any state.
    """

    def __init__(self) -> None:
        self._harmless = [Names() for _ in FIELDS]
        self._once: NDArray[np.int64] = np.zeros(ONCE, np.int64)

    def doubts(self, columns: Columns, keep: Flags, start: int, end: int) -> NDArray[np.uint8]:
        """Return for each record which fields need a look: bit k for `FIELDS[k]`."""
        doubts = np.zeros(len(columns), np.uint8)
        for k, field in enumerate(FIELDS):
            text, bit = columns.text[field], np.uint8(1 << k)
            mark_doubts(text.buf, text.at, text.length, keep, start, end, field == "body", bit, doubts)
            which = start + np.flatnonzero(doubts[start:end] & bit)
            if len(which):
                self._drop_known(text, which, self._harmless[k], bit, doubts)
        return doubts

    def _drop_known(self, text: Text, which: Ints, harmless: Names, bit: np.uint8, doubts: NDArray[np.uint8]) -> None:
        hashes = hash_names(text.buf, text.at[which], text.length[which])
        drop_known(text.buf, text.at, text.length, which, hashes, *harmless.tables(), bit, doubts)

    def is_harmless(self, k: int, text: bytes) -> bool:
        """Say whether a text of the field `FIELDS[k]` was found harmless before."""
        return self._harmless[k].row(text) != ABSENT

    def remember(self, k: int, text: bytes) -> None:
        """Remember a harmless text of the field `FIELDS[k]` that was looked at before; of too many all are forgotten.

        That another text stands in the same place only means that it is looked at once more, or remembered too early.
        """
        mark = hash((k, text))
        if len(text) > LONGEST_REMEMBERED or self._once[mark % ONCE] != mark:
            self._once[mark % ONCE] = mark
            return
        if len(self._harmless[k]) >= REMEMBERED:
            self._harmless[k] = Names()
        self._harmless[k].add(text, 0)
