"""Dead letters: a record as it came, with headers that say where it stood and why it could not be used."""

from __future__ import annotations

from dataclasses import dataclass

from topics import Derived
from topics.signals import Anomaly

LONGEST_VALUE = 15 << 20
LONGEST_REASON = 4000


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that cannot be used: its index in the chunk, why, and at which stage that was found."""

    index: int
    reason: str
    stage: str


@dataclass(slots=True)
class Said:
    """What a stretch of the log led to: records in the order of their origins, forwarded ones too, and dead letters."""

    records: list[Derived]
    letters: list[Letter]


def letter_headers(
    value: bytes | None, topic: str, partition: int, offset: int, reason: str, stage: str
) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """Return the value to keep and the headers of a dead letter; a value too large to be kept is cut, and that is said.

    >>> letter_headers(b"{", "metrics", 4, 81732, "JSON is malformed", "bus")[1][:3]
    [('topic', b'metrics'), ('partition', b'4'), ('offset', b'81732')]
    """
    headers = [
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
        ("reason", reason.encode("utf-8", "replace")[:LONGEST_REASON]),
        ("stage", stage.encode()),
    ]
    if value is not None and len(value) > LONGEST_VALUE:
        headers.append(("cut", str(len(value)).encode()))
        value = value[:LONGEST_VALUE]
    return value, headers


def batch_headers(topic: str, partition: int, first: int, last: int) -> list[tuple[str, bytes]]:
    """Return the headers of the dead letter that stands for a batch nobody could unpack, offsets `first` to `last`.

    >>> batch_headers("metrics", 4, 70, 79)[3]
    ('reason', b'offsets 70 to 79 are a batch that is damaged or too large to unpack')
    """
    return letter_headers(None, topic, partition, first, left_out(first, last), "bus")[1]


def left_out(first: int, last: int) -> str:
    """Return why the records of a batch nobody could unpack are missing."""
    return f"offsets {first} to {last} are a batch that is damaged or too large to unpack"


def fault_of(capability: str, where: str, clock_ms: int) -> Anomaly:
    """Return the anomaly of our own that says that a capability could not fold a record; where: "topic[0]@7"."""
    return Anomaly(
        series=f"luminar/faults{{capability={capability}}}", kind="fault", at_s=clock_ms / 1000, score=2.0,
        text=f"{capability} could not fold {where}; it is kept in dead-letters",
    )  # fmt: skip
