"""The catalogue: every topic of ours, in the order in which records pass through them."""

from __future__ import annotations

from topics import Topic
from topics.accounts import ACCOUNTS
from topics.alerts import ALERTS
from topics.blocklist import BLOCKLIST
from topics.commands import COMMANDS
from topics.compositions import COMPOSITIONS
from topics.connections import CONNECTIONS
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS
from topics.proposals import PROPOSALS, REFUSALS
from topics.requests import REQUESTS
from topics.settings import SETTINGS
from topics.signals import SIGNALS
from topics.state import STATE

ALL: tuple[Topic, ...] = (
    METRICS,
    REQUESTS,
    CONNECTIONS,
    COMPOSITIONS,
    ACCOUNTS,
    SIGNALS,
    ALERTS,
    PROPOSALS,
    REFUSALS,
    COMMANDS,
    BLOCKLIST,
    SETTINGS,
    DEAD_LETTERS,
    STATE,
)

CONTROLLED: tuple[Topic, ...] = (METRICS, REQUESTS, COMPOSITIONS, CONNECTIONS, ACCOUNTS, SIGNALS, PROPOSALS)
"""Topics whose log decides something, and which therefore carry control records as well."""


def named(name: str) -> Topic | None:
    """Return the topic of that name, without a prefix.

    >>> named("dead-letters") is DEAD_LETTERS, named("telegraf")
    (True, None)
    """
    return next((topic for topic in ALL if topic.name == name), None)
