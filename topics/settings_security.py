"""The settings of security: limits, and from where on the behaviour of a client is hostile."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from topics.settings_parts import Count, Part, Positive


class Limit(Part, frozen=True, kw_only=True):
    """At most `requests` of one client in any `window_s` seconds; for one service, route or client network where named.

    by             whose requests are counted together: a client's, or a user's (the request's `user`), whatever
                   clients they come from; for users there are no other limits than those named
    route          a path as it is sent, and all below it: "/login". What has a limit is counted by itself
    """

    by: Literal["client", "user"] = "client"

    requests: Annotated[int, Meta(ge=1, le=100)] = 100
    window_s: Positive = 60.0
    service: str | None = None
    route: str | None = None
    network: str | None = None


LOGIN_WORDS = ("login", "logon", "log-in", "signin", "sign-in", "authenticate", "xmlrpc")


class SecuritySettings(Part, frozen=True, kw_only=True):
    """The judgement of requests.

    limit          for every client; limits: exceptions, the first that fits counts
    learned        whether each client is also held against what it usually asks of a service in a minute, and against
                   what the service's clients do; learned_least: no such limit is lower
    scan_paths     a client that asks for more distinct paths answered 4xx within scan_window_s scans
    login_failures more failed logins of a client than leak out of a bucket of so many within login_window_s; or failed
                   logins as more than login_accounts accounts within login_accounts_window_s, most of those it tried;
                   or of one account from more than login_clients clients within that time
    login_words    a POST to a path with one of them is a login
    crawl_pages    a client that asks for so many distinct pages faster than as many in crawl_window_s crawls
    walk_ids       so many steps up or down the numbers of one path, each within walk_window_s, are an enumeration
    evidence       so much distinct evidence leads to a proposed block: a hostile payload, a crawl or an enumeration
                   counts 1, an unusual rate or a scanner's agent a half; after evidence_window_s each counts less,
                   by half in as long again
    block_s        how long a first block lasts; each return multiplies it by `escalation`, up to block_most_s
    """

    limit: Limit = Limit()
    limits: tuple[Limit, ...] = ()
    scan_paths: Annotated[int, Meta(ge=1, le=23)] = 10
    scan_window_s: Positive = 60.0
    learned: bool = True
    learned_least: Count = 60
    login_failures: Count = 5
    login_window_s: Positive = 300.0
    login_accounts: Annotated[int, Meta(ge=1, le=9)] = 4
    login_clients: Annotated[int, Meta(ge=1, le=31)] = 5
    login_accounts_window_s: Positive = 3600.0
    login_words: tuple[str, ...] = LOGIN_WORDS
    crawl_pages: Annotated[int, Meta(ge=1, le=400)] = 60
    crawl_window_s: Positive = 60.0
    walk_ids: Count = 30
    walk_window_s: Positive = 300.0
    evidence: Annotated[int, Meta(ge=1, le=8)] = 3
    evidence_window_s: Positive = 600.0
    block_s: Positive = 240.0
    escalation: Annotated[float, Meta(ge=1)] = 4.0
    block_most_s: Positive = 86_400.0
