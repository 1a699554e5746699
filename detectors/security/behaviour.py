"""Behaviour: all that a client's requests show by their number, their paths and their answers, in one compiled loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Text
from detectors.compiled import kernel
from detectors.security.agents import is_scanner
from detectors.security.blocks import BLOCK_FIELDS, EVIDENCE_FIELDS
from detectors.security.crawls import CRAWL_FIELDS, PAGE_FIELDS, crawls, walks
from detectors.security.habits import HABIT_FIELDS, begin, counted, excess_of, minute_of
from detectors.security.logins import (
    FAILED,
    LOGIN_FIELDS,
    NONE,
    failed_accounts,
    is_post,
    logs_in,
    names_login,
    outcome_of,
)
from detectors.security.outlines import hash_around, hash_text, is_file, outline, value_of
from detectors.security.rates import RATE_FIELDS, exceeds
from detectors.security.scans import SCAN_FIELDS, scans
from detectors.wide import address, prefetch_lines
from topics.settings import SecuritySettings

# What every request touches stands first, so that it is brought near together.
_HOT = [*CRAWL_FIELDS, *HABIT_FIELDS]
Row = np.dtype([*_HOT, *RATE_FIELDS, *SCAN_FIELDS, *LOGIN_FIELDS, *BLOCK_FIELDS, *PAGE_FIELDS])
HELD_AGAINST = tuple(
    name for name, *_ in (*CRAWL_FIELDS, *RATE_FIELDS, *SCAN_FIELDS, *LOGIN_FIELDS, *EVIDENCE_FIELDS, *PAGE_FIELDS)
)
"""What a client begins anew with that a person lets go: all but its habits, and how often it was blocked before."""
ROW_BYTES, HOT_BYTES, AHEAD = Row.itemsize, np.dtype(_HOT).itemsize, 8
RATE, SCAN, UNUSUAL, LOGIN, CRAWL, WALK, TRIED, AGENT = (1 << k for k in range(8))

Place = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32]]


class Bounds(NamedTuple):
    """What holds for every client (`SecuritySettings`)."""

    scan_paths: int
    scan_window_s: float
    learned_least: float
    login_failures: float
    login_window_s: float
    login_accounts: int
    login_accounts_window_s: float
    crawl_pages: float
    crawl_window_s: float
    walk_ids: int
    walk_window_s: float


def bounds_of(settings: SecuritySettings) -> Bounds:
    """Return what holds for every client; a learned limit that is not wanted lies beyond all counts."""
    return Bounds(
        settings.scan_paths, float(settings.scan_window_s), float(settings.learned_least) if settings.learned else 1e30,
        float(settings.login_failures), float(settings.login_window_s), settings.login_accounts,
        float(settings.login_accounts_window_s), float(settings.crawl_pages), float(settings.crawl_window_s),
        settings.walk_ids, float(settings.walk_window_s),
    )  # fmt: skip


def place_of(text: Text) -> Place:
    """Return a column as kernels take it."""
    return text.buf, text.at, text.length


@kernel
def judge_rows(  # type: ignore[no-untyped-def]
    rows, ids, pages, usual, at_s, status, late, whole, rated, path, method, user, agent, service, requests, window_s,
    words, ends, bounds, start, end, signs, facts,
):  # fmt: skip
    """Fold what requests start..end show; signs[i] says of each what that is, facts[i] how much (`View`, `Usual`).

    That is the limit of an unusual minute, or the number of accounts as which logins failed. Texts are columns, each as
    (buf, at, length); `requests` and `window_s` are each row's limit.
    """
    base, paths, methods, users = address(rows), address(path[0]), address(method[0]), address(user[0])
    agents, services = address(agent[0]), address(service[0])
    for i in range(start, end):
        if i + AHEAD < end:
            prefetch_lines(base + ROW_BYTES * max(ids[i + AHEAD], 0), HOT_BYTES)
        if ids[i] < 0:
            continue
        row, row_id = rows[ids[i]], ids[i]
        if rated[i] and exceeds(row, at_s[i], late[i], requests[row_id], window_s[row_id]):
            signs[i] |= np.uint8(RATE)
        if not whole[i]:
            continue
        path_at, path_size, in_vain = paths + path[1][i], np.int64(path[2][i]), 400 <= status[i] < 500
        if (in_vain or row.habit_minute[0] == 0) and is_scanner(agents + agent[1][i], agent[2][i]):
            signs[i] |= np.uint8(AGENT)
        if not late[i]:
            minute = minute_of(at_s[i])
            k, begins = counted(row, hash_text(services + service[1][i], np.int64(service[2][i])), minute)
            if begins:
                begin(row, k, minute, bounds.learned_least, usual[pages[row_id]])
            facts[i] = excess_of(row, k, minute)
            signs[i] |= np.uint8(UNUSUAL * (facts[i] > 0.0))
        posted = is_post(methods + method[1][i], method[2][i])
        if not posted and status[i] != 401:
            signs[i] |= np.uint8(of_path(row, path_at, path_size, at_s[i], in_vain, status[i], late[i], bounds))
            continue
        sign, accounts = of_login(
            row, at_s[i], status[i], late[i], posted, path_at, path_size, words, ends, users + user[1][i],
            np.int64(user[2][i]), bounds,
        )  # fmt: skip
        if sign & LOGIN:
            # Who fails to log in so often is blocked for that; that it is unusual adds nothing.
            signs[i], facts[i] = signs[i] & np.uint8(~UNUSUAL & 255), accounts
        signs[i] |= np.uint8(sign)


@kernel
def of_path(row, at, length, at_s, in_vain, status, late, bounds):  # type: ignore[no-untyped-def]
    """Fold what a request's path and answer show of scans, crawls and enumerations."""
    sign = 0
    size, extension_at, extension, number, digits = outline(at, length)
    if in_vain and scans(row, hash_text(at, size), at_s, late, bounds.scan_paths, bounds.scan_window_s):
        sign |= SCAN
    if is_file(at + extension_at, extension):
        return sign
    if 200 <= status < 400:
        sign |= CRAWL * crawls(row, hash_text(at, length), at_s, late, bounds.crawl_pages, bounds.crawl_window_s)
    if digits > 0:
        walk_hash, value = hash_around(at, size, number, digits), value_of(at + number, digits)
        sign |= WALK * walks(row, walk_hash, value, at_s, late, bounds.walk_ids, bounds.walk_window_s)
    return sign


@kernel
def of_login(row, at_s, status, late, posted, at, length, words, ends, user_at, user_size, bounds):  # type: ignore[no-untyped-def]
    """Fold what a request says of a login, and of scans; return what it shows, and as how many accounts it failed."""
    size, _, extension, _, _ = outline(at, length)
    sign = 0
    if 400 <= status < 500 and scans(row, hash_text(at, size), at_s, late, bounds.scan_paths, bounds.scan_window_s):
        sign |= SCAN
    outcome = outcome_of(status, posted, user_size > 0, names_login(at, size, words, ends), extension > 0)
    if outcome == NONE:
        return sign, 0.0
    account = hash_text(user_at, user_size) | np.uint32(2) if user_size > 0 else np.uint32(0)
    if outcome == FAILED and user_size > 0:
        sign |= TRIED
    said = logs_in(
        row, account, outcome, at_s, late, bounds.login_failures, bounds.login_window_s, bounds.login_accounts,
        bounds.login_accounts_window_s,
    )  # fmt: skip
    if not said:
        return sign, 0.0
    return sign | LOGIN, np.float64(failed_accounts(row, bounds.login_accounts_window_s))
