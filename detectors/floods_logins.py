"""Logins of a service: more clients that fail to log in than usual, beside those that succeed as usual.

Stolen passwords are tried from many addresses, a few times each, so that none is above any limit; where user names are
not logged, only how many clients fail tells of it. When logins break for everybody, many clients fail, too, but then
they do so in place of those who used to succeed: only those that cannot be explained by missing ones count.
"""

from __future__ import annotations

import math

import msgspec
from msgspec import field

from detectors.crowds import distinct, raised
from topics.compositions import WINDOW_S
from topics.settings import FloodSettings

SPAN_S = 300
LEARNED, MOST_LEARNED = 12, 1_000_000
GAIN = 1 / LEARNED
BELIEVED = 12
"""What is said of so many spans in a row, an hour, is believed: then it is learned."""
EXPLAINED = 2.0
"""A login that should have worked and did not explains so many clients that failed; what chance moves counts, too."""


class Logins(msgspec.Struct, array_like=True):
    """The logins of a service in the five minutes that run, and what is usual of them.

    span           which five minutes; worked: logins that did; failing: registers of the clients whose logins did not
    said           whether too many were said of this span; in_a_row: of how many spans before it, without a gap
    seen           spans learned; usual_worked, usual_failing: of a span, logins that worked and clients that failed
    """

    span: int = -1
    worked: int = 0
    failing: dict[int, int] = field(default_factory=dict)
    said: bool = False
    in_a_row: int = 0
    seen: int = 0
    usual_worked: float = 0.0
    usual_failing: float = 0.0

    def take(self, at_s: float, worked: int, failing: dict[int, int], settings: FloodSettings, late: bool) -> str:
        """Take the logins of a window of ten seconds; return what is wrong in a sentence, once a span; "" for nothing.

        A window of a span that is over counts into the one that runs: it is seconds late. `late`: say nothing of it.
        """
        span = int(at_s) // SPAN_S
        if span > self.span:
            self._close()
            self.span = span
        self.worked += worked
        raised(self.failing, failing)
        passed = min(1.0, (at_s % SPAN_S + WINDOW_S) / SPAN_S)
        if late or self.said or not self._too_many(passed, settings):
            return ""
        self.said = True
        return (
            f"logins failed from about {distinct(self.failing):.0f} clients within {SPAN_S} s, "
            f"{self.usual_failing:.0f} usual; {self.worked} worked"
        )

    @property
    def score(self) -> float:
        """Return how many times the usual number of clients fail."""
        return round(min(100.0, distinct(self.failing) / max(self.usual_failing, 1.0)), 2)

    def _too_many(self, passed: float, settings: FloodSettings) -> bool:
        clients = distinct(self.failing)
        if self.seen < LEARNED or clients < settings.login_clients:
            return False
        # A launch brings more of both; a login that is broken brings failures in place of what usually works.
        rush = max(1.0, self.worked / max(self.usual_worked, 1.0))
        expected = self.usual_worked * passed
        missing = max(0.0, expected - self.worked) + math.sqrt(expected)
        more = clients - self.usual_failing
        return clients > settings.login_times * rush * max(self.usual_failing, 1.0) and more > EXPLAINED * missing

    def _close(self) -> None:
        """Learn the span that is over, unless too many were said of it; begin another."""
        self.in_a_row = self.in_a_row + 1 if self.said else 0
        if self.span >= 0 and (not self.said or self.in_a_row > BELIEVED):
            gain = max(GAIN, 1 / (self.seen + 1))
            self.usual_worked += gain * (self.worked - self.usual_worked)
            self.usual_failing += gain * (distinct(self.failing) - self.usual_failing)
            self.seen = min(self.seen + 1, MOST_LEARNED)
        self.worked, self.failing, self.said = 0, {}, False
