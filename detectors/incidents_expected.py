"""What is expected: signals of a series, or of a whole service, that a person announced are held back for a time."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from topics.control import Feedback
from topics.signals import Anomaly, Signal, Threat

WHOLE_SERVICE = ""
KEPT = 100
LATEST_MS = 1000 * 4_102_444_800
"""Nothing is expected beyond 2100."""


class Expected(msgspec.Struct, array_like=True, frozen=True):
    """Until when something is expected, by the log's clock, and who said so."""

    until_ms: int
    author: str


class Held(msgspec.Struct, array_like=True):
    """A signal that was held back, the last one of its subject, and the log's clock when it came."""

    heard_ms: int
    signal: Anomaly | Threat


class Notices(msgspec.Struct, array_like=True):
    """What a service's people expect, by series ("": all of them), and by subject what was held back for that."""

    expected: dict[str, Expected] = msgspec.field(default_factory=dict)
    held: dict[str, Held] = msgspec.field(default_factory=dict)

    def announce(self, feedback: Feedback, series: str, clock_ms: int) -> str:
        """Note what a person expects; return that in words, none where nothing is to be held back from now on."""
        until_ms = min(int(1000 * feedback.until_s), LATEST_MS) if feedback.until_s is not None else clock_ms
        if until_ms <= clock_ms or (series not in self.expected and len(self.expected) >= KEPT):
            return ""
        self.expected[series] = Expected(until_ms, feedback.author)
        return until_words(until_ms, feedback.author)

    def hold(self, signal: Signal, subject: str, clock_ms: int) -> bool:
        """Hold a signal back if it is expected at this time; say whether it is."""
        if not self._covers(signal, clock_ms):
            return False
        if subject in self.held or len(self.held) < KEPT:
            self.held[subject] = Held(clock_ms, signal)
        return True

    def release(self, clock_ms: int, resolve_ms: int) -> list[tuple[Signal, str]]:
        """Return what was held back, is expected no more and not over, with a note that says so, by subject."""
        notes = {series: _note(one) for series, one in self.expected.items()}
        self.expected = {series: one for series, one in self.expected.items() if one.until_ms > clock_ms}
        out = []
        for subject in sorted(self.held):
            held = self.held[subject]
            if not self._covers(held.signal, clock_ms):
                del self.held[subject]
                # Whoever is hostile says no end of it: it is over when nothing was heard for long enough.
                if isinstance(held.signal, Anomaly) or clock_ms - held.heard_ms < resolve_ms:
                    out.append((held.signal, notes.get(_series_of(held.signal)) or notes.get(WHOLE_SERVICE, "")))
        return out

    def _covers(self, signal: Signal, clock_ms: int) -> bool:
        found = (self.expected.get(series) for series in (_series_of(signal), WHOLE_SERVICE))
        return any(one is not None and clock_ms < one.until_ms for one in found)

    @property
    def due_ms(self) -> int | None:
        """Return when the first of what is expected is over."""
        return min((one.until_ms for one in self.expected.values()), default=None)


def _series_of(signal: Signal) -> str:
    return signal.series if isinstance(signal, Anomaly) else WHOLE_SERVICE


def until_words(until_ms: int, author: str) -> str:
    """Return until when something is expected, and by whom.

    >>> until_words(1_700_000_000_000, "ann")
    'expected by ann until 2023-11-14 22:13 UTC'
    """
    until = datetime.fromtimestamp(until_ms // 1000, UTC)
    return f"expected by {author or 'a person'} until {until:%Y-%m-%d %H:%M} UTC"


def _note(one: Expected) -> str:
    return f"{until_words(one.until_ms, one.author)}, and not over"
