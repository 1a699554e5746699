"""The blocklist's rules: who may be blocked, for how long, and when a block ends."""

from __future__ import annotations

from typing import Any, NamedTuple

from detectors.decisions_entries import MINUTE_MS, AllowList, Client, Desk, is_one_client
from topics.blocklist import Block, Lift
from topics.proposals import BLOCKLIST_KEY, Proposal
from topics.settings import Settings

LATER_MS = 1000
REMEMBER_MS = 86_400_000
REMEMBERED = 2000


class Verdict(NamedTuple):
    """Which rule refuses a proposal, and why in one sentence."""

    rule: str
    why: str


def place_of(client: str) -> str:
    """Return the name of a client's entry; no service's and not the desk's is the same."""
    return f"c:{client}"


def blocked(entries: dict[str, Any]) -> list[str]:
    """Return the clients that are blocked, by name."""
    return sorted(name[2:] for name, entry in entries.items() if isinstance(entry, Client) and entry.until_ms)


def desk_of(entries: dict[str, Any]) -> Desk:
    """Return what belongs to the whole blocklist."""
    desk: Desk = entries.setdefault(BLOCKLIST_KEY, Desk())
    return desk


def until_ms_of(proposal: Proposal, settings: Settings, clock_ms: int) -> int:
    """Return when a proposed block would end: counted from its conclusion, so that one said twice ends once."""
    wanted_ms = 1000 * min(proposal.wanted, settings.security.block_most_s)
    return int(min(1000 * proposal.at_s, clock_ms) + wanted_ms)


def why_not_block(
    client: str, until_ms: int, entries: dict[str, Any], settings: Settings, allowed: AllowList, clock_ms: int
) -> Verdict | None:
    """Return which rule forbids a block; None: it is to be."""
    rules, desk = settings.decisions, desk_of(entries)
    known: Client = entries.get(place_of(client)) or Client()
    covering = allowed.entry_for(client)
    if covering is not None:
        return Verdict("allow-list", f"{client} is never blocked: {covering} is on the allow-list")
    if not is_one_client(client):
        return Verdict("target", f"a block is for an address, an IPv6 /64 or an API key, got {client!r}")
    if clock_ms < known.spared_ms:
        return Verdict(
            "spared", f"a person lifted this block; spared for {(known.spared_ms - clock_ms) / 1000:.0f} s more"
        )
    if until_ms <= clock_ms:
        return Verdict("expired", "the proposed block would be over already")
    if known.until_ms:
        later = until_ms >= known.until_ms + LATER_MS
        return (
            None
            if later
            else Verdict("no change", f"blocked already, for {(known.until_ms - clock_ms) / 1000:.0f} s more")
        )
    if desk.live >= rules.blocks_most:
        return Verdict("limit", f"{desk.live} clients are blocked already, at most {rules.blocks_most} may be")
    desk.recent_ms = [then for then in desk.recent_ms if clock_ms - then <= MINUTE_MS]
    if len(desk.recent_ms) >= rules.blocks_per_minute:
        return Verdict(
            "limit", f"{len(desk.recent_ms)} new blocks within 60 s, at most {rules.blocks_per_minute} may be"
        )
    return None


def block(
    client: str, until_ms: int, proposal: Proposal, entries: dict[str, Any], settings: Settings, clock_ms: int
) -> Block:
    """Block a client, or extend its block."""
    desk, known = desk_of(entries), entries.get(place_of(client))
    if known is None:
        _make_room(entries, settings.decisions.blocks_most + REMEMBERED)
        known = entries[place_of(client)] = Client()
    if not known.until_ms:
        desk.live += 1
        desk.recent_ms.append(clock_ms)
    desk.heard_ms = known.heard_ms = clock_ms
    known.times += 1
    known.until_ms = known.due_ms = until_ms
    return Block(
        client=client, family=proposal.family, until_s=until_ms / 1000, why=proposal.why, at_s=clock_ms / 1000,
        service=proposal.service, times=known.times, proposal=proposal.origin,
    )  # fmt: skip


def lift(client: str, why: str, entries: dict[str, Any], clock_ms: int, spared_ms: int = 0) -> list[Lift]:
    """End a client's block, if there is one; how often it was blocked is remembered for a day."""
    known: Client = entries[place_of(client)]
    lifted = known.until_ms > 0
    known.until_ms, known.spared_ms = 0, spared_ms
    known.heard_ms, known.due_ms = clock_ms, clock_ms + REMEMBER_MS
    if not lifted:
        return []
    desk_of(entries).live -= 1
    return [Lift(client=client, why=why, at_s=clock_ms / 1000)]


def _make_room(entries: dict[str, Any], most: int) -> None:
    """Forget the longest lifted client where too many are remembered; one that is blocked is never forgotten."""
    if len(entries) < most:
        return
    lifted = [name for name, entry in entries.items() if isinstance(entry, Client) and not entry.until_ms]
    if lifted:
        del entries[min(lifted, key=lambda name: (entries[name].heard_ms, name))]
