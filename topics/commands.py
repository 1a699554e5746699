"""Commands: actions decided, for machines to carry out."""

from __future__ import annotations

from topics import Derived, Origin, Topic


class Command(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a machine shall do now.

    id             stable: a machine that has carried it out drops its repetitions
    epoch          grows by one for each command of a target: a machine drops what is older than what it obeyed last
    before, after  the state to leave and the state to reach ("replicas" of a service for "scale")
    inverse        the command that would undo it, as (action, state to reach)
    expires_at_s   after which nobody obeys it
    """

    id: str
    action: str
    target: str
    before: float | None
    after: float
    why: str
    at_s: float
    expires_at_s: float
    epoch: int
    inverse: tuple[str, float | None] = ("", None)
    rule: str = ""
    proposal: Origin | None = None

    def key(self) -> str:
        """Return the target."""
        return self.target

    def subject(self) -> str:
        """Return action and target."""
        return f"{self.action} {self.target}"


COMMANDS = Topic("commands", (Command,), key="target", keep_days=30, compact=True)
