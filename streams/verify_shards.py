"""The fold of a verification: a replay that looks at every page where the page says that it is true."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.bank import PAGES
from detectors.columns import Columns
from streams.bus import Capability, capabilities, leads
from streams.engine.chunks import Chunk
from streams.engine.origins import FORWARD
from streams.engine.shard import Shard
from streams.replay_letters import BORDER
from streams.replay_logs import Span
from streams.replay_shards import Replay
from streams.tables import counted
from streams.verify_compare import Deviation, Found, compare_page
from streams.verify_pages import ALL, Claim, Claims, Shelf, lowest_of, table_of
from topics import Origin, Topic

Start = list[Claim | None]


@dataclass
class Outcome:
    """What came of the pages.

    counts         by capability: pages that are the same, different or unchecked, and the rows that the fold has
    deviations     of each page that is different, the first difference
    unchecked      what was asked for and could not be checked, in words; notes: what it all rests on
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    deviations: list[Deviation] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Verification(Replay):
    """The shards of one log, folded from its beginning or from pages as they stood once, and held to their claims.

    ends           by partition, where the log ends
    starts         by shard, the pages to begin from; a shard that has none here begins with the log, empty
    watching       whether it was asked for what has moved since those pages, and for no more
    """

    def __init__(
        self,
        topic: Topic,
        chosen: tuple[Capability, ...],
        claims: Mapping[Shelf, Claims],
        ends: Mapping[int, int],
        *,
        starts: Mapping[Shelf, Start] | None = None,
        watching: bool = False,
        skips: dict[tuple[str, int], dict[int, str]] | None = None,
    ) -> None:
        super().__init__(topic, chosen, len(ends), skips=skips)
        self.claims, self.ends, self.starts, self.watching = claims, ends, starts or {}, watching
        self.outcome = Outcome({capability.name: Counter() for capability in chosen})
        self._empty = {c.name: [self._shard(c, 0).bank.take(page) for page in range(PAGES)] for c in chosen}
        self._open: dict[Shelf, list[int]] = {}
        for partition in sorted(ends):
            for capability, shard in super().shards_of(partition):
                self._begin(capability, shard)

    def shards_of(self, partition: int) -> list[tuple[Capability, Shard]]:
        """Return the shards of a partition whose pages can be compared."""
        return [(c, shard) for c, shard in super().shards_of(partition) if (c.name, partition) in self._open]

    # Beginning -------------------------------------------------------------------------------------------------------

    def _begin(self, capability: Capability, shard: Shard) -> None:
        """Fill a shard with what it begins from, and note the pages that are to be looked at."""
        shelf = (capability.name, shard.partition)
        claims, start = self.claims[shelf], self.starts.get(shelf)
        for number, why in claims.unreadable.items():
            what = "what is stated of all pages" if number == ALL else "the page as a whole"
            self._deviate(shelf, number, -1, Found(what, "what can be read", f"unreadable: {why}"))
        problem = self._problem(shard, claims, start)
        if problem:
            self.outcome.unchecked.append(f"{shelf[0]}[{shelf[1]}]: {problem}")
            return
        if start is not None:
            table = table_of(shelf, start, claims.settings, claims.lessons)
            assert table is not None, "that every page has a claim to begin from was just seen"
            shard.load(table, claims.limits.begin)
            whence = ", which may have been learned from the past" if claims.warmed else ""
            where = f"{shard.next}..{shard.spoken}{whence}"
            self.outcome.notes.append(f"{shelf[0]}[{shelf[1]}] begins from its pages at {where}")
            if not self.watching and not claims.warmed and claims.limits.since < shard.spoken:
                what = f"what was said of {max(claims.limits.begin, int(claims.limits.since))}..{shard.spoken - 1}"
                self.outcome.unchecked.append(f"{shelf[0]}[{shelf[1]}]: {what}: the log's beginning is gone")
        self._open[shelf] = self._reach(shelf, shard)
        self._look(capability, shard)

    def _problem(self, shard: Shard, claims: Claims, start: Start | None) -> str:
        """Say why a shard cannot be verified at all, if so."""
        if not claims.positions and self.ends[shard.partition]:
            return "no page is saved"
        if start is None:
            return ""
        if not all(start):
            return f"the log begins at {claims.limits.begin}, and not every page is saved from there on"
        lesson_at = lowest_of(start).lesson_at
        if 0 <= lesson_at < claims.limits.begin and lesson_at not in claims.lessons:
            return f"it would begin under the lesson of @{lesson_at}, which is neither saved nor in the log"
        for claim in start:
            if claim is not None and claim.page is not None and shard.bank.path_from(claim.page.version) is None:
                return (
                    f"it would begin from pages of version {claim.page.version}, this is version {shard.bank.version}"
                )
        return ""

    def _reach(self, shelf: Shelf, shard: Shard) -> list[int]:
        """Return the pages that the fold will come to, lowest first; say of all others why it does not."""
        claims, reach, foreign, unmoved, gone = self.claims[shelf], [], [], [], []
        for number, claim in enumerate(claims.last):
            if number in claims.unreadable:
                continue
            if claim is None:
                gone.append(number)
                continue
            position = claim.statement.position
            if position > self.ends[shelf[1]]:
                end = f"at most {self.ends[shelf[1]]}, where the log ends"
                self._deviate(shelf, number, position, Found("where it stands", end, position))
            elif claim.page is not None and shard.bank.path_from(claim.page.version) is None:
                foreign.append(number)
            elif shelf in self.starts and position <= shard.positions[number]:
                unmoved.append(number)
            else:
                reach.append(number)
        where, counts = f"{shelf[0]}[{shelf[1]}]", self.outcome.counts[shelf[0]]
        counts["unchecked"] += len(foreign) + len(unmoved) + len(gone)
        if gone and claims.positions:
            why = "none is kept that stood before the end of the range"
            self.outcome.unchecked.append(f"{where}: {counted('page', gone)}: {why}")
        if foreign:
            why = f"of another version, this is version {shard.bank.version}"
            self.outcome.unchecked.append(f"{where}: {counted('page', foreign)}: {why}")
        if unmoved and not (self.watching or claims.warmed):
            why = "the log's beginning is gone, and they were not saved anew since"
            self.outcome.unchecked.append(f"{where}: {counted('page', unmoved)}: {why}")
        return sorted(reach, key=lambda number: self._position(shelf, number))

    def _position(self, shelf: Shelf, number: int) -> int:
        claim = self.claims[shelf].last[number]
        assert claim is not None, "only pages that something is said of are looked at"
        return claim.statement.position

    # Looking ---------------------------------------------------------------------------------------------------------

    def _stops(self, capability: Capability, shard: Shard, end: int) -> list[int]:
        """Return where pages are to be looked at, and the end."""
        shelf = (capability.name, shard.partition)
        stops = {self._position(shelf, number) for number in self._open[shelf]} | {end}
        return sorted(stop for stop in stops if shard.next < stop <= end)

    def _fold_to(
        self, stop: int, capability: Capability, shard: Shard, chunk: Chunk, columns: Columns, span: Span
    ) -> None:
        super()._fold_to(stop, capability, shard, chunk, columns, span)
        self._look(capability, shard)

    def _look(self, capability: Capability, shard: Shard) -> None:
        """Compare the pages that say they are true here."""
        shelf = (capability.name, shard.partition)
        still_open, counts = self._open[shelf], self.outcome.counts[capability.name]
        while still_open and self._position(shelf, still_open[0]) <= shard.next:
            number = still_open.pop(0)
            claim, settings = self.claims[shelf].last[number], self.claims[shelf].settings
            assert claim is not None, "only pages that something is said of are looked at"
            found = compare_page(shard, number, claim, settings, self._empty[capability.name][number])
            counts["same"] += found is None
            if found is not None:
                self._deviate(shelf, number, claim.statement.position, found)

    def _deviate(self, shelf: Shelf, number: int, position: int, found: Found) -> None:
        self.outcome.counts[shelf[0]]["different"] += 1
        self.outcome.deviations.append(Deviation(*shelf, number, position, found))

    def finish(self) -> Outcome:
        """Say what the fold did not come to; return what came of the pages."""
        for (name, partition), numbers in self._open.items():
            if numbers:
                self.outcome.counts[name]["unchecked"] += len(numbers)
                self.outcome.unchecked.append(
                    f"{name}[{partition}]: {counted('page', numbers)}: the log ends before them"
                )
        for partition in self.ends:
            for capability, shard in self.shards_of(partition):
                self.outcome.counts[capability.name]["rows"] += len(shard.bank)
        self.outcome.deviations.sort(key=lambda one: (one.position, one.capability, one.partition, one.page))
        return self.outcome

    # The part of the log ---------------------------------------------------------------------------------------------

    def narrowed(self, span: Span) -> Span:
        """Return a part of the log as far as it can be verified: to where the furthest page stands, and what is known.

        Of a shard that begins from pages, it is not known what was said before them; of one left out, nothing is.
        """
        begins, untils = dict(span.begins), dict(span.until)
        known: dict[tuple[str, int], float] = {}
        for partition in self.ends:
            shards = {capability.name: shard for capability, shard in self.shards_of(partition)}
            furthest = max((self._highest((name, partition)) for name in shards), default=0)
            untils[partition] = min(untils[partition], furthest)
            begins[partition] = min((shard.next for shard in shards.values()), default=untils[partition])
            for speaker in self.speakers:
                shard = shards.get(self._voice(speaker))
                known[speaker, partition] = math.inf if shard is None else shard.spoken
        return Span(begins, span.since, untils, known)

    def _voice(self, speaker: str) -> str:
        """Return the capability that a speaker speaks for: who leads the topic forwards and refuses."""
        if speaker in (FORWARD, BORDER):
            return next(c.name for c in self.chosen if leads(c, capabilities()))
        return speaker

    def is_pending(self, origin: Origin) -> bool:
        """Say whether what an origin leads to may not have been said yet: no page stands behind it."""
        return origin.offset >= self._highest((self._voice(origin.capability), origin.partition))

    def _highest(self, shelf: Shelf) -> int:
        """Return how far any page of a shard ever stood; all that the log before that led to was said by then."""
        positions, end = self.claims[shelf].positions, self.ends[shelf[1]]
        return max((position for position in positions if position <= end), default=0)
