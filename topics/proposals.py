"""Proposals: actions that somebody wants; and those that were refused."""

from __future__ import annotations

from typing import Literal

from topics import Derived, Origin, Topic

BLOCKLIST_KEY = "blocklist"


class Proposal(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An action that a capability wants; only `decisions` may turn it into a command or a block.

    action         "scale": `wanted` replicas of the service `target`; "block": client `target` for `wanted` seconds
    current        how it is now, in the unit of `wanted`, where it is known
    why            one sentence; effect: what is expected of it
    at_s           when it was concluded; expires_at_s: after which nobody should act on it
    service        which service it is about; family: of a block, the threat's
    led_by         the conclusions that led to it
    forgeable      what led to a block may have been sent by somebody else under the client's address, since nobody had
                   to receive an answer for it
    """

    action: Literal["scale", "block"]
    target: str
    wanted: float
    why: str
    at_s: float
    expires_at_s: float
    current: float | None = None
    effect: str = ""
    service: str = ""
    family: str = ""
    led_by: tuple[Origin, ...] = ()
    forgeable: bool = False

    def key(self) -> str:
        """Return the target; blocks share one key, since a limit over many clients needs one place that counts."""
        return BLOCKLIST_KEY if self.action == "block" else self.target

    def subject(self) -> str:
        """Return action, target and family; of a flood, the service, too: one client may flood two at one moment."""
        service = f" {self.service}" if self.family == "flood" else ""
        return f"{self.action} {self.target} {self.family}{service}"


class Refusal(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A proposal that was not carried out.

    rule           which rule refused it: "allow-list", "cooldown", "dry run", "expired", "forgeable" (it may
                   have been somebody else, and `decisions.genuine` does not say otherwise), "kill switch", "limit",
                   "no change", "spared" (a person lifted this block), "target" (nothing to be scaled or blocked)
    why            that rule in one sentence with its figures
    """

    action: str
    target: str
    rule: str
    why: str
    at_s: float
    wanted: float | None = None
    service: str = ""
    proposal: Origin | None = None

    def key(self) -> str:
        """Return the target."""
        return self.target

    def subject(self) -> str:
        """Return action, target and rule."""
        return f"{self.action} {self.target} {self.rule}"


PROPOSALS = Topic("proposals", (Proposal,), key="target", keep_days=30)
REFUSALS = Topic("refusals", (Refusal,), key="target", keep_days=30)
