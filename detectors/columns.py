"""Columns: one chunk of a topic, decoded once for every capability that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.names import hash_names
from topics import Record
from topics.control import Control

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Source = tuple[str, str, int]
"""Where derived records come from: capability, topic, partition."""


@dataclass(slots=True)
class Text:
    """One text field of every record: where it stands in `buf` (length -1: the record has none)."""

    buf: Bytes
    at: NDArray[np.int32]
    length: NDArray[np.int32]
    _hashes: NDArray[np.uint64] | None = None

    def __getitem__(self, i: int) -> bytes:
        """Return the field of record i."""
        at = int(self.at[i])
        return self.buf[at : at + int(self.length[i])].tobytes()

    def hashes(self) -> NDArray[np.uint64]:
        """Return a hash of every record's text, seeded anew in every process."""
        if self._hashes is None:
            self._hashes = hash_names(self.buf, self.at, self.length)
        return self._hashes


@dataclass(slots=True)
class Origins:
    """The origins of derived records.

    source         int64 [n]: place in `sources`, -1: the record has no origin
    offset, phase  int64 [n]; what: the rest of the subject
    sources        none stands there twice
    """

    source: Ints
    offset: Ints
    phase: Ints
    what: Text
    sources: list[Source]

    def of_capability(self, name: str) -> Flags:
        """Say which records a capability has said."""
        places = [place for place, (capability, _, _) in enumerate(self.sources) if capability == name]
        return np.isin(self.source, places)


@dataclass(slots=True)
class Columns:
    """`n` records of one partition, in log order.

    offset, time_ms  int64 [n]: offset and append time
    good             bool [n]: whether the record could be used; False for control records and for what is wrong
    text, number, code  the fields: texts, float64 [n] (NaN where absent), int8 [n] (place in the list of allowed words)
    records          those that were decoded into objects: all of a cold topic, the unusual ones of a hot topic
    control          control records by index; wrong: why a record cannot be used, by index
    origins          where these records come from; None where no record carries an origin
    decode           makes the object of a record's index
    """

    offset: Ints
    time_ms: Ints
    good: Flags
    text: dict[str, Text] = field(default_factory=dict)
    number: dict[str, Floats] = field(default_factory=dict)
    code: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    control: dict[int, Control] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)
    origins: Origins | None = None
    decode: Callable[[int], Record] | None = None

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.offset)

    def record(self, i: int) -> Record:
        """Return record i as an object, decoded at most once."""
        found = self.records.get(i)
        if found is None:
            assert self.decode is not None, "columns without a decoder hold all their records"
            found = self.records[i] = self.decode(i)
        return found


@dataclass(slots=True)
class Run:
    """The part of a chunk between two cuts: what a bank folds at once.

    start, end     which records
    keep           bool [n]: False for what this bank shall not fold (no record, refused, had before)
    late           bool [n]: too old to raise an alarm
    positions      int64 [PAGES]: a page has had all records below its position
    clock_ms       int64 [n]: the log's clock at each record: the highest append time up to it
    foreign        filled by the bank: indices of records that belong to another partition
    """

    columns: Columns
    start: int
    end: int
    keep: Flags
    late: Flags
    positions: Ints
    clock_ms: Ints
    foreign: list[int] = field(default_factory=list)
