"""What the shop's replicas can do: a queue in front of them, as real servers have one."""

from __future__ import annotations


class Capacity:
    """Equal replicas behind one queue: too much load makes it grow, and who would wait too long is refused.

    replicas       how many there are at first
    per_s          requests that one replica answers in a second
    patience_s     longest wait in the queue; a request that would wait longer is refused
    start_s        how long a new replica needs until it works

    The clock is handed in, in seconds, and never goes back.

    >>> capacity = Capacity(replicas=1, per_s=10.0, patience_s=1.0, start_s=2.0)
    >>> round(sum(capacity.admit_one(0.0) is not None for _ in range(30)))
    10
    """

    def __init__(self, replicas: int, per_s: float, patience_s: float = 2.0, start_s: float = 2.0) -> None:
        self.per_s = per_s
        self.patience_s = patience_s
        self.start_s = start_s
        self.working = replicas
        self._starting_at_s: list[float] = []
        self._queued = 0.0
        self._done = 0.0
        self._possible = 0.0
        self._at_s: float | None = None

    @property
    def ordered(self) -> int:
        """Replicas that work or are being started."""
        return self.working + len(self._starting_at_s)

    def order(self, replicas: int, at_s: float) -> None:
        """Have so many replicas: new ones work after their start, superfluous ones are gone at once."""
        if replicas < 1:
            raise ValueError(f"replicas must be at least 1, got {replicas}")
        self._advance(at_s)
        while self.ordered > replicas:
            if self._starting_at_s:
                self._starting_at_s.pop()
            else:
                self.working -= 1
        self._starting_at_s += [at_s + self.start_s] * (replicas - self.ordered)

    def admit_one(self, at_s: float) -> float | None:
        """Queue a request; return how many seconds later it is answered, or None if the queue is too long for it."""
        self._advance(at_s)
        wait_s = (self._queued + 1) / (self.working * self.per_s)
        if wait_s > self.patience_s:
            return None
        self._queued += 1
        return wait_s

    def queue_s(self, at_s: float) -> float:
        """Return how long the queue is, in seconds of work."""
        self._advance(at_s)
        return self._queued / (self.working * self.per_s)

    def take_utilisation(self, at_s: float) -> float:
        """Return the share of what was possible that was done since the last time this was asked."""
        self._advance(at_s)
        share = self._done / self._possible if self._possible else 0.0
        self._done = self._possible = 0.0
        return share

    def _advance(self, at_s: float) -> None:
        """Let the replicas work until `at_s`, replica by replica as they come up."""
        if self._at_s is None:
            self._at_s = at_s
        while self._starting_at_s and self._starting_at_s[0] <= at_s:
            self._work(self._starting_at_s.pop(0))
            self.working += 1
        self._work(at_s)

    def _work(self, until_s: float) -> None:
        assert self._at_s is not None
        possible = max(0.0, until_s - self._at_s) * self.working * self.per_s
        done = min(self._queued, possible)
        self._queued -= done
        self._done += done
        self._possible += possible
        self._at_s = max(self._at_s, until_s)
