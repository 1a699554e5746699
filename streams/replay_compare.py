"""What a replay says against what was said: word by word, told apart by their origins. Nothing here reads a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from streams.reader import Message
from streams.tables import table
from streams.tail import clock, line_of, plain
from topics import Origin
from topics.catalogue import named
from topics.dead_letters import DEAD_LETTERS

Kind = Literal["only now", "only then", "different", "out of order"]
LIFTED = b"lifted: "
LONGEST_FIELD = 60
SHOWN = 20
"""Differences that are put into words."""
HEADS = ("folded", "said", "same", "different", "only now", "only then", "gone", "pending")


class Identity(NamedTuple):
    """Of a derived record: the topic it is on (without prefix), and its origin there."""

    home: str
    origin: Origin


class Copy(NamedTuple):
    """One copy of a word: where in its topic it stands, and what stands there.

    content        the value; of a lift, which is a tombstone, LIFTED and why; of a dead letter, its reason and value
    """

    partition: int
    key: bytes | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Word:
    """What the replay says; time_ms: append time of the record that led to it."""

    copy: Copy
    time_ms: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A word that the replay and the log do not agree on."""

    kind: Kind
    identity: Identity
    now: Copy | None
    then: Copy | None
    time_ms: int


@dataclass
class Tally:
    """How one capability's words compare.

    folded         records of the range; said: words that the replay says
    same           said then, the same in every copy
    different      said then in another way, or where readers take it for had: behind what comes after it
    only_now       the replay says it, its topic does not have it; only_then: the other way round
    gone           its topic does not have it, but may have had it: it was compacted, or is past its time
    pending        its topic does not have it, but the group has not saved that far yet
    """

    folded: int = 0
    said: int = 0
    same: int = 0
    different: int = 0
    only_now: int = 0
    only_then: int = 0
    gone: int = 0
    pending: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether there is no difference."""
        return not (self.different or self.only_now or self.only_then)


@dataclass
class Comparison:
    """The tallies by capability, and the differences in the order of the log."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether there is no difference at all."""
        return all(tally.is_equal for tally in self.tallies.values())


def compare(
    now: Mapping[Identity, Word],
    then: Mapping[Identity, tuple[Copy, ...]],
    *,
    folded: Mapping[str, int],
    is_pending: Callable[[Origin], bool] = lambda origin: False,
    is_gone: Callable[[Identity, Word], bool] = lambda identity, word: False,
    is_behind: Callable[[Identity], bool] = lambda identity: False,
) -> Comparison:
    """Compare what is said now with what was said then.

    then           the differing copies of every word; more than one is a difference whatever the replay says
    folded         how many records of the range each capability folded
    is_pending     whether the group may not have said yet what this origin leads to
    is_gone        whether a word that is not in its topic may have been there
    is_behind      whether a word first stands behind words that come after it, so that readers pass it over
    """
    found = Comparison({name: Tally(count) for name, count in folded.items()})
    for identity, word in now.items():
        tally = found.tallies.setdefault(identity.origin.capability, Tally())
        tally.said += 1
        copies = then.get(identity, ())
        if set(copies) == {word.copy} and not is_behind(identity):
            tally.same += 1
        elif copies:
            tally.different += 1
            other = next((copy for copy in copies if copy != word.copy), None)
            kind: Kind = "out of order" if other is None else "different"
            found.differences.append(Difference(kind, identity, word.copy, other, word.time_ms))
        elif is_pending(identity.origin):
            tally.pending += 1
        elif is_gone(identity, word):
            tally.gone += 1
        else:
            tally.only_now += 1
            found.differences.append(Difference("only now", identity, word.copy, None, word.time_ms))
    for identity in then.keys() - now.keys():
        found.tallies.setdefault(identity.origin.capability, Tally()).only_then += 1
        found.differences.append(Difference("only then", identity, None, then[identity][0], 0))
    found.differences.sort(key=lambda one: _order(one.identity))
    return found


def _order(identity: Identity) -> tuple[Any, ...]:
    origin = identity.origin
    return (origin.partition, origin.offset, origin.subject, origin.capability, identity.home)


def differing(now: Copy, then: Copy) -> str:
    """Name what two copies of a word differ in, then → now.

    >>> differing(Copy(0, b"shop", b"{}"), Copy(1, b"shop", b"{}"))
    'partition: 1 → 0'
    """
    told = [f"partition: {then.partition} → {now.partition}"] if now.partition != then.partition else []
    if now.key != then.key:
        told.append(f"key: {_key(then.key)} → {_key(now.key)}")
    if now.content != then.content:
        told.append(differing_fields(now.content, then.content))
    return "; ".join(told)


def _key(key: bytes | None) -> str:
    return "none" if key is None else _short(key.decode(errors="backslashreplace"))


def differing_fields(now: bytes, then: bytes) -> str:
    """Name what two copies of a record differ in, then → now.

    >>> differing_fields(b'{"score": 2.5, "kind": "level"}', b'{"score": 2.0, "kind": "level"}')
    'score: 2.0 → 2.5'
    """
    try:
        one, other = json.loads(then), json.loads(now)
    except ValueError:
        one = other = None
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return f"{_short(then.decode(errors='replace'))} → {_short(now.decode(errors='replace'))}"
    changed = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    if not changed:
        return "the same values in other bytes"
    return "; ".join(f"{name}: {_shown(one, name)} → {_shown(other, name)}" for name in changed)


def _shown(record: dict[str, Any], name: str) -> str:
    return _short(json.dumps(record[name], ensure_ascii=False)) if name in record else "not there"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_FIELD else text[: LONGEST_FIELD - 1] + "…"


def in_words(difference: Difference) -> str:
    """Return a difference as a line: its kind, the record that led to it, where it is said and by whom, and what."""
    home, origin = difference.identity
    copy = difference.now if difference.now is not None else difference.then
    assert copy is not None, "a difference has a word on one side at least"
    moment = f"{clock(difference.time_ms / 1000)} " if difference.time_ms else ""
    place = f"{origin.topic}[{origin.partition}]@{origin.offset}"
    said = _said(home, copy.content, origin, difference.time_ms)
    line = f"{difference.kind}: {moment}{place} → {origin.capability} on {home}: {said}"
    if difference.kind == "out of order":
        line += "; it stands behind what comes after it, so readers take it for had"
    if difference.kind == "different" and difference.now is not None and difference.then is not None:
        line += f"; {plain(differing(difference.now, difference.then))}"
    return line


def _said(home: str, content: bytes, origin: Origin, time_ms: int) -> str:
    if content.startswith(LIFTED):
        return plain(f"{origin.subject[1]} {content.decode(errors='replace')}")
    if home == DEAD_LETTERS.name:
        return plain(f"refused: {json.loads(content)['reason']}")
    message = Message(home, origin.partition, origin.offset, time_ms, None, content)
    # Of the line that `tail` prints, the part behind the moment and the place: those are the origin's here.
    line = line_of(named(home), message) or ""
    return line.split(" ", 3)[-1]


def as_plain(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain data."""
    home, origin = difference.identity
    return {
        "kind": difference.kind,
        "topic": home,
        "origin": {
            "capability": origin.capability,
            "topic": origin.topic,
            "partition": origin.partition,
            "offset": origin.offset,
            "subject": list(origin.subject),
        },
        "now": _plain_content(difference.now),
        "then": _plain_content(difference.then),
        "differs": differing(difference.now, difference.then) if difference.now and difference.then else "",
    }


def _plain_content(copy: Copy | None) -> Any:
    if copy is None:
        return None
    try:
        return json.loads(copy.content)
    except ValueError:
        return copy.content.decode(errors="replace")


def plain_tallies(comparison: Comparison) -> dict[str, dict[str, int]]:
    """Return the tallies as plain data, by capability."""
    return {name: asdict(tally) for name, tally in comparison.tallies.items()}


def lines_of(comparison: Comparison) -> list[str]:
    """Return a comparison as lines for a terminal: the tallies, and the first of the differences."""
    lines = table(("capability", *HEADS), [(name, *one.values()) for name, one in plain_tallies(comparison).items()])
    differences = comparison.differences
    lines += ["", *map(in_words, differences[:SHOWN])] if differences else []
    if len(differences) > SHOWN:
        lines.append(f"and {len(differences) - SHOWN} more differences; --json tells all")
    return lines
