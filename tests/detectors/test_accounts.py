from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.accounts import CLIENTS, AccountsBank
from detectors.security.bank import SecurityBank
from tests.contract import check
from tests.detectors.security.logs import START_S, log_of, request, said_of
from tests.fakes import fold, fold_into, shard_of
from topics.accounts import ACCOUNTS, Use
from topics.requests import REQUESTS
from topics.settings import Limit, SecuritySettings, Settings
from topics.signals import Threat

USERS = Settings(
    security=SecuritySettings(
        limits=(
            Limit(by="user", requests=2, window_s=9.0, route="/pay"),
            Limit(by="user", requests=4, window_s=20.0, service="shop"),
        )
    )
)


def use(at_s: float, account: str = "ann", client: str = "192.0.2.1", **more: str | bool) -> Use:
    return Use(account=account, client=client, at_s=START_S + at_s, **more)  # type: ignore[arg-type]


def log(uses: Sequence[Use]) -> list[tuple[int, Use]]:
    return [(int(1000 * one.at_s), one) for one in uses]


Uses = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["ann", "bob", "3:ann"]),
        st.sampled_from(["/pay", "/pay/now", "/payment", "/"]),
        st.sampled_from(["shop", "blog"]),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=50,
)


@given(steps=Uses)
@settings(max_examples=12)
def test_limits_of_users_are_what_a_sorted_log_of_each_says_whatever_clients_they_come_from(
    steps: list[tuple[int, str, str, str, int]],
) -> None:
    at_s, uses, expected = 0.0, list[Use](), list[tuple[str, float]]()
    times, said_s = dict[tuple[str, str], list[float]](), dict[tuple[str, str], float]()
    for gap, account, path, service, client in steps:
        at_s += gap
        one = use(at_s, account, f"192.0.2.{client}", service=service, path=path)
        uses.append(one)
        of_route = path == "/pay" or path.startswith("/pay/")
        if not of_route and service != "shop":
            continue
        scope = (account, "route" if of_route else "shop")
        most, window_s = (2, 9.0) if of_route else (4, 20.0)
        mine = times.setdefault(scope, [])
        mine.append(one.at_s)
        over = sum(then > one.at_s - window_s for then in mine) > most
        if over and (scope not in said_s or one.at_s >= said_s[scope] + window_s):
            said_s[scope] = one.at_s
            expected.append((account, one.at_s))
    said = check(AccountsBank, ACCOUNTS, log(uses), USERS)
    assert [(t.excerpt, t.at_s) for t in said if isinstance(t, Threat)] == expected


def test_an_account_that_many_clients_fail_to_log_in_as_is_told_of_once() -> None:
    tried = [use(60 * k, client=f"192.0.2.{k}", failed=True) for k in range(12)]
    (said,) = fold(AccountsBank, ACCOUNTS, log(tried))
    assert isinstance(said, Threat)
    assert (said.family, said.rule, said.text) == ("login", "account", "logins as ann failed from 6 clients in 3600 s")


def test_its_owner_with_few_addresses_is_nobodys_victim() -> None:
    tried = [use(60 * k, client=f"192.0.2.{k % 5}", failed=True) for k in range(40)]
    spread = [use(1000 * k, "bob", f"192.0.2.{k}", failed=True) for k in range(40)]
    assert fold(AccountsBank, ACCOUNTS, log(tried)) == []
    assert fold(AccountsBank, ACCOUNTS, log(spread)) == []


def test_what_is_kept_of_an_account_is_bounded() -> None:
    shard = shard_of(AccountsBank, ACCOUNTS, USERS)
    fold_into(shard, ACCOUNTS, log([use(k, client=f"10.0.0.{k}", failed=True, service="shop") for k in range(400)]))
    bank = shard.bank
    assert isinstance(bank, AccountsBank)
    tallies = [tally for entries in bank.entries for tally in entries.values()]
    assert max(len(tally.failed_s) for tally in tallies) == CLIENTS
    assert max(len(tally.times) for tally in tallies) == 101
    many = log([use(0, f"user{k}", failed=True) for k in range(64 * AccountsBank.entries_per_page + 900)])
    fold_into(shard, ACCOUNTS, many, start=400)
    assert all(len(entries) <= AccountsBank.entries_per_page for entries in bank.entries)
    assert bank.evicted > 0


def test_security_tells_of_failed_logins_by_name_and_of_what_a_limit_of_users_counts() -> None:
    sent = [
        request(0, path="/login", method="POST", status=401, user="ann"),
        request(1, path="/login", method="POST", status=401),
        request(2, path="/login", method="POST", status=302, user="ann"),
        request(3, path="/", user="ann"),
        request(4, path="/private", status=401, user="x" * 300),
    ]
    told = [one for one in said_of(sent) if isinstance(one, Use)]
    assert [(one.account, one.failed, one.at_s - START_S) for one in told] == [("ann", True, 0.0)]
    limited = [one for one in said_of(sent, USERS.security) if isinstance(one, Use)]
    assert [one.at_s - START_S for one in limited] == [0.0]
    paid = [request(k, path="/pay?a=b", user="ann", service="blog") for k in range(4)]
    counted = [one for one in said_of(paid, USERS.security) if isinstance(one, Use)]
    assert [(one.path, one.failed) for one in counted] == [("/pay", False)] * 4
    assert [one for one in check(SecurityBank, REQUESTS, log_of([*sent, *paid]), USERS) if isinstance(one, Use)]


def test_of_a_client_that_is_to_be_blocked_no_more_failed_logins_are_told() -> None:
    sent = [request(k, path="/login", method="POST", status=401, user=f"user{k}") for k in range(40)]
    assert sum(isinstance(one, Use) for one in said_of(sent)) <= 6
