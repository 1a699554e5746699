"""Accounts: what was done as whom, whatever client it came from."""

from __future__ import annotations

import math

from topics import Derived, Topic

LONGEST_NAME = 256


class Use(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One request that names an account, of those that matter to it: a failed login, or one that a limit counts.

    account        who was named; keys the topic
    client         who asked; service, path: for what (without the query)
    failed         it was a login that failed
    at_s           as the request says
    """

    account: str
    client: str
    at_s: float
    service: str = "default"
    path: str = ""
    failed: bool = False

    def key(self) -> str:
        """Return the account."""
        return self.account

    def subject(self) -> str:
        """Return the account."""
        return self.account

    def problem(self) -> str | None:
        """Say what makes this record unusable, if anything does."""
        if not 1 <= len(self.account.encode("utf-8", "surrogatepass")) <= LONGEST_NAME:
            return f"account must have 1 to {LONGEST_NAME} bytes"
        if not (math.isfinite(self.at_s) and self.at_s >= 0):
            return f"at_s must be seconds since 1970, got {self.at_s!r}"
        return None


ACCOUNTS = Topic("accounts", (Use,), key="account", keep_days=3)
