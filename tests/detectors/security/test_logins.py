import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.behaviour import Row
from detectors.security.logins import FAILED, NONE, WORKED, failed_accounts, logs_in, names_login, outcome_of, words_of
from tests.detectors.security.logs import proposals, request, said_of, threats
from topics.requests import Request
from topics.settings import SecuritySettings


def login(at_s: float, status: int = 401, path: str = "/login", **more: str) -> Request:
    return request(at_s, path=path, method="POST", status=status, **more)


def test_more_failed_logins_than_five_are_guessing() -> None:
    assert said_of(login(k) for k in range(5)) == []
    said = said_of(login(k) for k in range(6))
    assert [(t.family, t.rule, t.text) for t in threats(said)] == [
        ("login", "guessing", "more than 5 failed logins in 300 s")
    ]
    assert [p.family for p in proposals(said)] == ["login"]


def test_who_mistypes_now_and_then_guesses_nothing() -> None:
    assert said_of(login(k * 61) for k in range(100)) == []


def test_an_office_behind_one_address_is_no_attacker() -> None:
    sent = [login(k, 401 if k % 10 == 0 else 302, user=f"user{k}") for k in range(90)]
    assert threats(said_of(sent)) == []
    unnamed = [login(k, 401 if k % 5 == 0 else 302) for k in range(90)]
    assert said_of(unnamed) == []


def test_slow_tries_of_many_accounts_are_stuffing() -> None:
    said = said_of(login(k * 300, user=f"user{k}") for k in range(12))
    assert [(t.rule, t.text) for t in threats(said)][:1] == [("stuffing", "failed to log in as 5 accounts in 3600 s")]
    assert proposals(said)
    assert threats(said_of(login(k * 300, user=f"user{k % 3}") for k in range(12))) == []


def test_a_form_that_is_shown_again_is_a_failed_login_and_one_that_redirects_is_not() -> None:
    assert threats(said_of(login(k, 200, "/wp-login.php") for k in range(6)))
    assert said_of(login(k, 200, "/api/login") for k in range(40)) == []
    assert said_of(login(k, 302, "/wp-login.php") for k in range(40)) == []


@pytest.mark.parametrize(
    ("status", "posted", "named", "at_login", "is_page", "outcome"),
    [
        (401, False, True, False, False, FAILED),  # Basic authentication
        (401, False, False, True, False, NONE),  # a program that has not logged in asks who it is
        (403, False, True, False, False, NONE),  # who is known may not do everything
        (403, True, False, True, False, FAILED),
        (422, True, False, True, False, FAILED),
        (401, True, False, False, False, NONE),
        (500, True, False, True, True, NONE),
        (200, True, False, True, True, FAILED),
        (200, True, False, True, False, WORKED),
        (303, True, True, True, False, WORKED),
    ],
)
def test_what_an_answer_says_of_a_login(
    status: int, posted: bool, named: bool, at_login: bool, is_page: bool, outcome: int
) -> None:
    assert outcome_of(status, posted, named, at_login, is_page) == outcome


def test_a_login_is_named_by_a_word_of_its_own() -> None:
    def named(path: str, settings: SecuritySettings | None = None) -> bool:
        raw = np.frombuffer(path.encode(), np.uint8)
        return bool(names_login(raw.ctypes.data, len(path), *words_of(settings or SecuritySettings())))

    paths = ["/login", "/wp-login.php", "/user/LogIn/", "/api/sign-in", "/catalogins", "/logins", "/", "/logi"]
    assert [path for path in paths if named(path)] == ["/login", "/wp-login.php", "/user/LogIn/", "/api/sign-in"]
    assert not named("/login", SecuritySettings(login_words=()))


@given(tries=st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=60))
def test_of_the_latest_accounts_each_counts_by_its_last_login(tries: list[tuple[int, bool]]) -> None:
    row, last = np.zeros(1, Row)[0], dict[int, bool]()
    for second, (account, works) in enumerate(tries, 1000):
        logs_in(row, np.uint32(account * 2), WORKED if works else FAILED, float(second), False, 5.0, 60.0, 3, 1e6)
        last[account] = works
    failed = sum(not works for works in last.values())
    assert failed_accounts(row, 1e6) == (failed if 2 * failed > len(last) else 0)


@given(gaps=st.lists(st.floats(0, 400), min_size=1, max_size=60))
def test_the_bucket_says_what_a_plain_one_says(gaps: list[float]) -> None:
    row, level, at_s, said_s = np.zeros(1, Row)[0], 0.0, 1000.0, None
    row["login_at_s"] = at_s
    for gap in gaps:
        at_s += gap
        level = min(max(0.0, level - gap * 5 / 300) + 1, 7.0)
        expected = level > 5 and (said_s is None or at_s >= said_s + 300)
        said_s = at_s if expected else said_s
        found = logs_in(row, np.uint32(0), FAILED, at_s, False, 5.0, 300.0, 3, 1e6)
        assert found == expected or abs(level - 5) < 1e-6
