"""Decisions: which proposals become commands and blocks. Nothing else moves the world."""

from __future__ import annotations

import math
from typing import Any

from detectors.bank import page_of
from detectors.columns import Flags
from detectors.decisions_blocks import Verdict, block, blocked, desk_of, lift, place_of, until_ms_of, why_not_block
from detectors.decisions_entries import MINUTE_MS, AllowList, Client, Desk, Target, tell_refusal
from detectors.ledger import Ledger
from detectors.security.clients import is_in
from topics import Derived, Record
from topics.clients import client_of
from topics.commands import Command
from topics.control import EVERYBODY, Feedback
from topics.metrics import Reading
from topics.proposals import BLOCKLIST_KEY, Proposal, Refusal
from topics.settings import Scaling, Settings

_BLOCKLIST_PAGE = page_of(BLOCKLIST_KEY.encode())


class DecisionsBank(Ledger):
    """Turns proposals into commands, whose epoch grows by one for each of a target, and into blocks, each with its end.

    Every rule that refuses is said, each for a target at most once a minute. All blocks are one group, so that limits
    over many clients are exact.
    """

    capability = "decisions"
    key = "target"
    entry = Target | Client | Desk  # msgspec tells them apart by their tags
    entries_per_page = 32_768  # Never reached: clients are bounded by the rules, and a block must not be forgotten.

    def configure(self, settings: Settings) -> None:
        """Put the rules into force; blocks that the allow-list now covers are lifted at the next beat."""
        super().configure(settings)
        self.allowed = AllowList(settings.decisions.allow)
        self._recheck = True

    def group_of(self, record: Record) -> str | None:
        """Return the service, or the one group of all blocks."""
        return record.key()

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Decide a proposal. One that is late or said again finds what it wants done, or itself expired."""
        assert isinstance(record, Proposal)
        if record.action == "block":
            return self._block(record, entries, clock_ms)
        return self._scale(record, entries, clock_ms)

    @property
    def due_ms(self) -> int:
        """Return when a block ends, or that the blocks are to be held against a new allow-list."""
        return 0 if self._recheck and self.entries[_BLOCKLIST_PAGE] else super().due_ms

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Lift blocks that the allow-list covers, and those that are over."""
        said: list[Derived] = []
        if self._recheck and ready[_BLOCKLIST_PAGE]:
            self._recheck = False
            said += self._lift_allowed(clock_ms)
        return said + super().pass_time(clock_ms, ready)

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Lift a block that is over; forget what was remembered long enough."""
        entry = entries[name]
        if isinstance(entry, Client) and entry.until_ms:
            return list[Derived](lift(name[2:], "the block is over", entries, clock_ms))
        del entries[name]
        return []

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Lift a client's block, or every block, because a person says so, and spare who was blocked for a while."""
        client, entries = client_of(feedback.subject), self.entries[_BLOCKLIST_PAGE]
        if feedback.verdict != "lift" or not ready[_BLOCKLIST_PAGE]:
            return []
        clients = blocked(entries) if client == EVERYBODY else [client] if place_of(client) in entries else []
        why = f"lifted by {feedback.author or 'a person'}" + (" with all others" if client == EVERYBODY else "")
        spared_ms = clock_ms + int(1000 * self.settings.decisions.spare_s)
        self.dirty[_BLOCKLIST_PAGE] |= bool(clients)
        return [said for one in clients for said in lift(one, why, entries, clock_ms, spared_ms)]

    def _lift_allowed(self, clock_ms: int) -> list[Derived]:
        entries, said = self.entries[_BLOCKLIST_PAGE], list[Derived]()
        for client in blocked(entries):
            covering = self.allowed.entry_for(client)
            if covering is not None:
                self.dirty[_BLOCKLIST_PAGE] = True
                said += lift(client, f"{covering} is on the allow-list now", entries, clock_ms)
        return said

    def _block(self, proposal: Proposal, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        client = client_of(proposal.target)
        until_ms = until_ms_of(proposal, self.settings, clock_ms)
        verdict = (
            self._why_nothing(proposal, clock_ms)
            or why_not_block(client, until_ms, entries, self.settings, self.allowed, clock_ms)
            or self._why_not_believed(proposal, client)
            or self._why_dry(proposal)
        )
        if verdict is None:
            return [block(client, until_ms, proposal, entries, self.settings, clock_ms)]
        if not tell_refusal(desk_of(entries).refused_ms, f"{verdict.rule} {client}", clock_ms):
            return []
        return [_refusal(proposal, client, verdict, clock_ms)]

    def _scale(self, proposal: Proposal, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        name = f"s:{proposal.target}"
        target: Target = entries.get(name) or Target()
        service = self.settings.services.get(proposal.target)
        scaling = None if service is None else service.scaling
        after = (
            None if scaling is None else float(min(max(math.ceil(proposal.wanted), scaling.minimum), scaling.maximum))
        )
        verdict = (
            self._why_nothing(proposal, clock_ms)
            or self._why_not_scale(proposal, target, after, clock_ms)
            or self._why_dry(proposal)
        )
        if verdict is None:
            assert scaling is not None
            assert after is not None
            entries[name] = target
            return self._order(proposal, target, scaling, after, clock_ms)
        if not tell_refusal(target.refused_ms, verdict.rule, clock_ms):
            return []
        entries[name] = target
        if not target.epoch:  # Nothing was ordered: to be forgotten with its refusals.
            target.due_ms = clock_ms + MINUTE_MS
        return [_refusal(proposal, proposal.target, verdict, clock_ms)]

    def _why_nothing(self, proposal: Proposal, clock_ms: int) -> Verdict | None:
        """Return what refuses any action."""
        if proposal.expires_at_s < clock_ms / 1000:
            return Verdict("expired", f"the proposal expired {clock_ms / 1000 - proposal.expires_at_s:.0f} s ago")
        if not self.settings.decisions.enabled:
            return Verdict("kill switch", "all actions are switched off in the settings")
        return None

    def _why_not_believed(self, proposal: Proposal, client: str) -> Verdict | None:
        """Return that somebody else may have sent, under the client's address, what led to a proposed block."""
        if not proposal.forgeable or any(is_in(client, network) for network in self.settings.decisions.genuine):
            return None
        why = "somebody else may have sent it under this address, and it is in no network of decisions.genuine"
        return Verdict("forgeable", f"{client} is not blocked: {why}")

    def _why_dry(self, proposal: Proposal) -> Verdict | None:
        """Return that nothing else stands against an action that is only rehearsed."""
        if proposal.action not in self.settings.decisions.dry_run:
            return None
        return Verdict("dry run", f"would {proposal.action} {proposal.target}: {proposal.why}")

    def _why_not_scale(self, proposal: Proposal, target: Target, after: float | None, clock_ms: int) -> Verdict | None:
        """Return which rule forbids a command; None: it is to be."""
        if after is None:
            return Verdict("target", f"the settings do not say how service {proposal.target!r} scales")
        since_ms = clock_ms - target.ordered_ms
        lasting = target.replicas == after and since_ms < 1000 * self.settings.decisions.command_expires_s
        if proposal.current == after or lasting or (proposal.current is None and target.replicas == after):
            return Verdict("no change", f"{after:g} replicas are there or ordered already")
        cooldown_s = self.settings.decisions.cooldown_s
        if target.epoch and since_ms < 1000 * cooldown_s:
            return Verdict(
                "cooldown", f"the last command is {since_ms / 1000:.0f} s old, the next comes after {cooldown_s:g} s"
            )
        return None

    def _order(
        self, proposal: Proposal, target: Target, scaling: Scaling, after: float, clock_ms: int
    ) -> list[Derived]:
        """Return the command, and as a reading what was ordered, for those who learn from readings."""
        before = target.replicas if proposal.current is None else proposal.current
        bounded = "" if after == math.ceil(proposal.wanted) else f"; {proposal.wanted:g} wanted, bounded to {after:g}"
        target.epoch += 1
        target.replicas, target.ordered_ms = after, clock_ms
        target.heard_ms, target.due_ms = clock_ms, Target().due_ms
        at_s = clock_ms / 1000
        expires_at_s = at_s + self.settings.decisions.command_expires_s
        series = scaling.replicas or f"{proposal.target}/replicas"
        return [
            Command(
                id=f"{proposal.target}-{target.epoch}", action="scale", target=proposal.target, before=before,
                after=after, why=proposal.why + bounded, at_s=at_s, expires_at_s=expires_at_s, epoch=target.epoch,
                inverse=("scale", before), rule="scaling", proposal=proposal.origin,
            ),
            Reading(series=series, value=after, at_s=at_s),
        ]  # fmt: skip


def _refusal(proposal: Proposal, target: str, verdict: Verdict, clock_ms: int) -> Refusal:
    return Refusal(
        action=proposal.action, target=target, rule=verdict.rule, why=verdict.why, at_s=clock_ms / 1000,
        wanted=proposal.wanted, service=proposal.service, proposal=proposal.origin,
    )  # fmt: skip
