"""Abstaining: the parameters of a service at which the model is not believed by itself: it has not learned their form.

What is normal at a parameter shows in who sends it. Where several clients send what the model alone calls hostile, and
hardly anybody what a rule matches, the model has met a form that it does not know; an attack that many clients bring to
one parameter is matched by rules, too. So the model abstains there, unless it is sure, and rules decide as before.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeVar

import msgspec

CLIENTS = 3
"""So many clients have to be called hostile by the model alone before it abstains. As many with what a rule matches end
that for good."""
AGAINST = 4
"""So many times as many as those must be the others."""
PER_CLIENT = 4
"""Parameters at which one client counts."""
MOST, MOST_NOTED, MOST_CLIENTS = 1_024, 4_096, 16_384
"""Parameters at which the model abstains, parameters and clients of which something is noted."""
NAME_BYTES = 8

T = TypeVar("T")

_decode = msgspec.msgpack.Decoder(list[bytes]).decode


def name_of(service: bytes, field: str) -> bytes:
    """Return the short name of a parameter; numbers in its name do not tell it from others.

    >>> name_of(b"shop", "body item1") == name_of(b"shop", "body item22")
    True
    """
    return blake2b(service + b"\0" + _folded(field).encode("utf-8", "replace"), digest_size=NAME_BYTES).digest()


def _folded(field: str) -> str:
    kept = ["0" if character.isdigit() else character for character in field]
    return "".join(one for k, one in enumerate(kept) if one != "0" or k == 0 or kept[k - 1] != "0")


def _again(kept: dict[bytes, T], name: bytes, new: T, most: int) -> T:
    """Return what is kept under a name, moved to the end; beyond `most` the first goes."""
    one = kept[name] = kept.pop(name, new)
    if len(kept) > most:
        del kept[next(iter(kept))]
    return one


class Noted:
    """Who sent to a parameter what the model alone calls hostile, and who sent there what a rule matches."""

    __slots__ = ("by_model", "by_rule")

    def __init__(self) -> None:
        self.by_model: set[bytes] = set()
        self.by_rule: set[bytes] = set()


class Abstaining:
    """The parameters at which the model abstains, and what was noted of all since this program began.

    What is noted is no part of any state: it comes into force as a lesson, and not before that stands in the log.

    times          how often the model has abstained
    """

    def __init__(self) -> None:
        self.times = 0
        self._now: frozenset[bytes] = frozenset()
        self._said: frozenset[bytes] = frozenset()
        self._more: set[bytes] = set()
        self._less: set[bytes] = set()
        self._noted: dict[bytes, Noted] = {}
        self._counted: dict[bytes, int] = {}

    def at(self, service: bytes, field: str) -> bool:
        """Say whether the model abstains at a parameter."""
        if not self._now or name_of(service, field) not in self._now:
            return False
        self.times += 1
        return True

    def note(self, service: bytes, client: bytes, by_model: list[str], by_rule: list[str]) -> None:
        """Take notice of where in a request the model alone found something, unsurely, and where a rule did."""
        for field in by_rule:
            name, noted = self._noted_at(service, field)
            if client not in noted.by_rule and len(noted.by_rule) < CLIENTS:
                noted.by_rule.add(client)
                self._weigh(name, noted)
        for field in by_model:
            name, noted = self._noted_at(service, field)
            if client not in noted.by_model and len(noted.by_model) < CLIENTS * AGAINST and self._counts(client):
                noted.by_model.add(client)
                self._weigh(name, noted)

    def _noted_at(self, service: bytes, field: str) -> tuple[bytes, Noted]:
        name = name_of(service, field)
        return name, _again(self._noted, name, Noted(), MOST_NOTED)

    def _counts(self, client: bytes) -> bool:
        """Say whether a client counts at one more parameter."""
        times = _again(self._counted, client, 0, MOST_CLIENTS)
        self._counted[client] = times + 1
        return times < PER_CLIENT

    def _weigh(self, name: bytes, noted: Noted) -> None:
        """Decide of a parameter, by how many clients speak for and against it."""
        if len(noted.by_rule) >= CLIENTS:
            self._more.discard(name)
            self._less.add(name)
        elif len(noted.by_model) >= max(CLIENTS, AGAINST * len(noted.by_rule)):
            self._more.add(name)

    def lesson(self) -> bytes | None:
        """Return the parameters at which to abstain, where they are others than were said before."""
        wanted = frozenset(sorted((self._now | self._more) - self._less)[:MOST])
        if wanted in (self._said, self._now):
            return None
        self._said = wanted
        return msgspec.msgpack.encode(sorted(wanted))

    def learn(self, lesson: bytes) -> None:
        """Abstain at these parameters from now on; raises ValueError where it is no lesson."""
        try:
            names = _decode(lesson)
        except msgspec.DecodeError as why:
            raise ValueError(str(why)) from why
        if len(names) > MOST or any(len(name) != NAME_BYTES for name in names):
            raise ValueError(f"it holds at most {MOST} names of {NAME_BYTES} bytes")
        self._now = frozenset(names)
        self._more -= self._now
        self._less &= self._now
