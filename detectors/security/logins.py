"""Logins: how often a client failed to log in of late, and as how many accounts.

A failed login is one more in a bucket that leaks; one that works takes half a failure out of it, so that many people
behind one address fill it no faster than they mistype. Of the accounts that a client named last a few are kept: that
most of them failed tells stolen lists from an office.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.security.outlines import outline, second_of
from detectors.wide import byte
from topics.settings import SecuritySettings

ACCOUNTS = 10
NONE, FAILED, WORKED = 0, 1, 2
REDEEMED = 0.5
POST = int.from_bytes(b"POST", "big")

# login_level: failures in the bucket when it was last looked at, at login_at_s; login_said_s: when it was said.
# account_hash, account_s: accounts that were named, and in which second last (0: a free place); the hash's lowest bit
# says whether that login worked.
LOGIN_FIELDS = [
    ("login_level", "f8"),
    ("login_at_s", "f8"),
    ("login_said_s", "f8"),
    ("account_hash", "u4", ACCOUNTS),
    ("account_s", "u4", ACCOUNTS),
]


def words_of(settings: SecuritySettings) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the words that name a login, one behind the other, and where each ends."""
    words = [word.lower().encode() for word in settings.login_words]
    return np.frombuffer(b"".join(words) or b"\0", np.uint8), np.cumsum([len(word) for word in words], dtype=np.int64)


@kernel
def is_letter(letter):  # type: ignore[no-untyped-def]
    """Say whether a byte is an ASCII letter."""
    return 97 <= letter | 32 <= 122


@kernel
def is_post(at, length):  # type: ignore[no-untyped-def]
    """Say whether a method is POST."""
    told = np.int64(0)
    for k in range(at, at + min(length, 4)):
        told = told << 8 | byte(k)
    return length == 4 and told == POST


@kernel
def names_login(at, size, words, ends):  # type: ignore[no-untyped-def]
    """Say whether one of some words stands by itself in a path; they are in lower case, each ends at `ends`."""
    begin = 0
    for end in ends:
        length = end - begin
        for k in range(size - length + 1):
            if k > 0 and is_letter(byte(at + k - 1)):
                continue
            if k + length < size and is_letter(byte(at + k + length)):
                continue
            same = True
            for j in range(length):
                letter = byte(at + k + j)
                if (letter | 32 if is_letter(letter) else letter) != words[begin + j]:
                    same = False
                    break
            if same:
                return True
        begin = end
    return False


@kernel
def outcome_of(status, posted, named, at_login, is_page):  # type: ignore[no-untyped-def]
    """Return what a request says of a login.

    Who names an account and is answered 401 has failed, wherever that was; so has who posts to a login and is answered
    4xx, or by a page (`/login.php`) with 200: it shows its form again. A request without an account or a form that is
    answered 401 is only a program that has not logged in.
    """
    if status == 401 and named:
        return FAILED
    if not posted or not at_login:
        return NONE
    if 400 <= status < 500 or (status == 200 and is_page):
        return FAILED
    return WORKED if 200 <= status < 400 else NONE


@kernel
def outcome_at(status, at, length, words, ends, named):  # type: ignore[no-untyped-def]
    """Return what a request that was posted to a path says of a login."""
    size, _, extension, _, _ = outline(at, length)
    return outcome_of(status, True, named, names_login(at, size, words, ends), extension > 0)


@kernel
def note_account(row, account_hash, second, outcome):  # type: ignore[no-untyped-def]
    """Remember how the last login as an account ended; the one longest not heard of makes room."""
    mark = (account_hash & np.uint32(0xFFFFFFFE)) | np.uint32(outcome == WORKED)
    place = 0
    for k in range(ACCOUNTS):
        if row.account_s[k] != 0 and (row.account_hash[k] | np.uint32(1)) == (mark | np.uint32(1)):
            place = k
            second = max(second, row.account_s[k])
            break
        if row.account_s[k] < row.account_s[place]:
            place = k
    row.account_hash[place] = mark
    row.account_s[place] = second


@kernel
def failed_accounts(row, window_s):  # type: ignore[no-untyped-def]
    """Return as how many accounts a client failed in the window that ends with the newest; 0 unless most failed."""
    last = np.uint32(0)
    for k in range(ACCOUNTS):
        last = max(last, row.account_s[k])
    failed, worked = 0, 0
    for k in range(ACCOUNTS):
        if row.account_s[k] != 0 and np.float64(row.account_s[k]) > np.float64(last) - window_s:
            if row.account_hash[k] & np.uint32(1):
                worked += 1
            else:
                failed += 1
    return failed if failed > worked else 0


@kernel
def logs_in(row, account_hash, outcome, at_s, late, failures, window_s, accounts, accounts_window_s):  # type: ignore[no-untyped-def]
    """Take a login (account_hash 0: nobody is named); say whether too many failing are to be said: once a window."""
    if account_hash != 0:
        note_account(row, account_hash, second_of(at_s), outcome)
    passed_s = max(0.0, at_s - row.login_at_s)
    level = max(0.0, row.login_level - passed_s * failures / window_s)
    row.login_level = min(level + 1.0, failures + 2.0) if outcome == FAILED else max(0.0, level - REDEEMED)
    row.login_at_s = max(row.login_at_s, at_s)
    if late or outcome != FAILED:
        return False
    if row.login_level <= failures and failed_accounts(row, accounts_window_s) <= accounts:
        return False
    if row.login_said_s != 0.0 and at_s < row.login_said_s + window_s:
        return False
    row.login_said_s = at_s
    return True
