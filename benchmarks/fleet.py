"""The fleet: services that each say ten series, eight gauges and two counters, and what they say in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from benchmarks.logs import Batch, Records, batched, texts
from benchmarks.workloads import SLICE, Form
from detectors.columns import Ints, Text
from streams.connection import partition_of
from topics.control import SettingsChange
from topics.settings import AnomalySettings, PatternSettings, Scaling, Service, Settings

GAUGES = ("latency_s", "cpu_share", "memory_mb", "queue_depth", "connections", "threads", "disk_share", "gc_pause_s")
COUNTERS = ("requests_total", "errors_total")
EACH = len(GAUGES) + len(COUNTERS)
SCALED_EACH = 10
"""One service in so many is scaled."""
REQUESTS_PER_S, CAPACITY = 20.0, 5.0
LEVEL, SPREAD, FAR = 20.0, 2.0, 200.0
MILLI = 1000


@dataclass(frozen=True)
class Fleet:
    """A fleet of `series` series, ten a service.

    per_s          readings a second of all of them together, one series after the other
    far_each       one reading in so many is far off
    """

    series: int
    per_s: int = 10_000
    far_each: int = 5_000
    seed: int = 42

    @property
    def services(self) -> list[bytes]:
        """Return the services' names."""
        return [b"service-%d" % number for number in range(-(-self.series // EACH))]

    @property
    def settings(self) -> Settings:
        """Return settings under which some of the services scale."""
        scaled = [name.decode() for name in self.services[::SCALED_EACH]]
        return Settings(
            services={
                name: Service(scaling=Scaling(load=f"{name}/requests_total", capacity=CAPACITY)) for name in scaled
            },
            # A live feed is made ready for longer than a series may be silent, and all of them would be missing.
            anomaly=AnomalySettings(missing_least_s=86_400.0),
            # What they say is invented, and as it is for all series: no threshold fits that.
            patterns=PatternSettings(rules=()),
        )

    def change(self) -> bytes:
        """Return the settings as they stand first in every partition."""
        return msgspec.json.encode(SettingsChange("bench", self.settings))

    def settings_batches(self, time_ms: int, partitions: int) -> list[Batch]:
        """Return the settings as the first batch of every partition."""
        return batched(Records.of([(None, self.change(), time_ms)], partitions), len(self.change()) + 100)

    @cached_property
    def _form(self) -> Form:
        metrics = [*((name, 0) for name in GAUGES), *((name, 1) for name in COUNTERS)]
        named = [(service, *metric) for service in self.services for metric in metrics][: self.series]
        before = texts([b'{"series":"%s/%s","value":' % (service, name.encode()) for service, name, _ in named])
        behind = texts([b"}", b',"kind":"total"}'])
        return Form(before, b',"at_s":', behind, np.array([kind for *_, kind in named], np.int64), 3, 3)

    @cached_property
    def _keys(self) -> Text:
        return texts(self.services)

    def records(self, first: int, n: int, start_ms: int, partitions: int) -> Records:
        """Return readings number `first` and the following; the reading number 0 is of `start_ms`."""
        chance = np.random.default_rng((self.seed, first))
        number = np.arange(first, first + n)
        which, at_ms = number % self.series, start_ms + number * 1000 // self.per_s
        value = chance.normal(LEVEL, SPREAD, n)
        far = chance.random(n) < 1 / self.far_each
        value += np.where(far, FAR * (1 + chance.random(n)), 0.0)
        is_counter = self._form.behind_of[which] == 1
        rise = REQUESTS_PER_S * (number // self.series + 1) * self.series / self.per_s
        value = np.where(is_counter, 1e6 + rise + value / 100, value)
        values = self._form.write(which, np.rint(MILLI * value).astype(np.int64), at_ms)
        service = which // EACH
        key = Text(self._keys.buf, self._keys.at[service], self._keys.length[service])
        return Records(key, values, at_ms, self._homes(partitions)[service])

    def _homes(self, partitions: int) -> Ints:
        return np.array([partition_of(name, partitions) for name in self.services], np.int64)

    def batches(self, n: int, start_ms: int, partitions: int) -> Iterator[Batch]:
        """Yield the first `n` readings in batches as producers with much to say make them."""
        for first in range(0, n, SLICE):
            yield from batched(self.records(first, min(SLICE, n - first), start_ms, partitions))

    def live(self, first: int, n: int, start_ms: int, partitions: int, linger_ms: int) -> Iterator[tuple[int, Batch]]:
        """Yield (ms after start_ms at which it is to be sent, batch) for readings number `first` and the following.

        linger_ms      what is said in so many ms goes together, as a producer sends it; 0: each reading goes alone
        """
        for begin in range(first, first + n, SLICE):
            records = self.records(begin, min(SLICE, first + n - begin), start_ms, partitions)
            past_ms = records.time_ms - start_ms
            slot = past_ms // linger_ms if linger_ms else np.arange(begin, begin + len(past_ms))
            made = batched(records, slot=slot)
            # Batches come slot by slot, so the last reading of each stands where its count ends.
            ends = np.cumsum([batch.records for batch in made]) - 1
            due_ms = (slot[ends] + 1) * linger_ms if linger_ms else past_ms[ends]
            yield from zip(due_ms.tolist(), made, strict=True)
