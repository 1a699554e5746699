"""Accounts: how often each is used in any window, exactly, and from how many clients logins as it fail."""

from __future__ import annotations

from bisect import insort
from typing import Any

from msgspec import field

from detectors.bank import NEVER
from detectors.ledger import Entry, Ledger
from detectors.security.limits import SEPARATOR, Limits
from detectors.security.rates import KEPT, words
from topics import Derived, Record
from topics.accounts import Use
from topics.settings import Limit, Settings
from topics.signals import Threat

CLIENTS = 32
LIMIT_SCORE, LOGIN_SCORE = 2.0, 2.0


class Tally(Entry, kw_only=True, array_like=True):
    """What is counted of an account: all of it, or what a limit of its own counts.

    times          the newest ones, ascending; said_s: the newest when an excess was last said, or that logins fail
    failed_s       clients whose logins as this account failed, and when last
    """

    times: list[float] = field(default_factory=list)
    said_s: float = 0.0
    failed_s: dict[str, float] = field(default_factory=dict)


class AccountsBank(Ledger):
    """Says which accounts are used too often, and which are tried from many clients at once.

    Nobody is blocked for it: of the clients that try an account each may have failed once, and be its owner.
    """

    capability = "accounts"
    key = "account"
    entry = Tally
    entries_per_page = 256

    def configure(self, settings: Settings) -> None:
        """Put the limits of users into force."""
        super().configure(settings)
        self._limits = Limits(settings.security)

    def group_of(self, record: Record) -> str | None:
        """Return the account."""
        assert isinstance(record, Use)
        return record.account

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Do nothing: windows end with an account's newest use."""
        entries[name].due_ms = NEVER
        return []

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a use; one said again counts once (same origin), a late one teaches and says nothing."""
        assert isinstance(record, Use)
        said: list[Derived] = []
        if record.failed:
            said += self._failed(record, _tally(entries, record.account, "failed", clock_ms), late)
        limit = self._limits.of_user(record.service.encode(), record.path.encode("utf-8", "replace"))
        if limit is not None:
            scope = (SEPARATOR + self._limits.scope_of(limit)).decode("utf-8", "replace")
            said += _counted(record, limit, _tally(entries, record.account, scope, clock_ms), late)
        return said

    def _failed(self, use: Use, tally: Tally, late: bool) -> list[Derived]:
        """Note whose login failed; say so where they are many."""
        settings, failed_s = self.settings.security, tally.failed_s
        failed_s[use.client] = max(use.at_s, failed_s.get(use.client, 0.0))
        if len(failed_s) > CLIENTS:
            del failed_s[min(failed_s, key=lambda client: (failed_s[client], client))]
        window_s = settings.login_accounts_window_s
        clients = sum(at_s > max(failed_s.values()) - window_s for at_s in failed_s.values())
        if late or clients <= settings.login_clients or (tally.said_s and use.at_s < tally.said_s + window_s):
            return []
        tally.said_s = use.at_s
        text = f"logins as {use.account} failed from {clients} clients in {window_s:g} s"
        return [_threat(use, "login", "account", text, LOGIN_SCORE)]


def _tally(entries: dict[str, Any], account: str, what: str, clock_ms: int) -> Tally:
    # The size tells an account's name from what stands behind it.
    tally: Tally = entries.setdefault(f"{len(account)}:{account}{what}", Tally())
    tally.heard_ms = clock_ms
    return tally


def _counted(use: Use, limit: Limit, tally: Tally, late: bool) -> list[Derived]:
    """Take the time of a use; say that it is one too many, once in a window."""
    times = tally.times
    insort(times, use.at_s)
    del times[:-KEPT]
    now_s = times[-1]
    over = len(times) > limit.requests and times[-1 - limit.requests] > now_s - limit.window_s
    if late or not over or (tally.said_s and now_s < tally.said_s + limit.window_s):
        return []
    tally.said_s = now_s
    return [_threat(use, "rate", "user", f"{use.account}: {words(limit)}", LIMIT_SCORE)]


def _threat(use: Use, family: str, rule: str, text: str, score: float) -> Threat:
    return Threat(
        client=use.client, service=use.service, family=family, rule=rule, at_s=use.at_s, field="user",
        excerpt=use.account[:120], score=score, text=text,
    )  # fmt: skip
