"""What a person reads in the terminal: one line for everything that was decided, in plain words."""

from __future__ import annotations

from topics.alerts import Alert
from topics.blocklist import Block
from topics.commands import Command
from topics.proposals import Refusal

WIDEST = 110


def clock(elapsed_s: float) -> str:
    """Return the time since the start as minutes and seconds.

    >>> clock(101.7)
    '01:41'
    """
    minutes, seconds = divmod(int(elapsed_s), 60)
    return f"{minutes:02}:{seconds:02}"


def of_block(client: str, block: Block | None) -> str:
    """Say that a client is blocked; None is a tombstone.

    >>> of_block("127.0.0.66", None)
    'lifted 127.0.0.66: it may ask again'
    """
    if block is None:
        return f"lifted {client}: it may ask again"
    again = f" (time {block.times})" if block.times > 1 else ""
    return _short(f"blocked {client}{again}: {block.why}")


def of_command(command: Command) -> str:
    """Say what a machine was told to do."""
    if command.action != "scale":
        return _short(f"told {command.target} to {command.action}: {command.why}")
    before = "?" if command.before is None else f"{command.before:g}"
    return _short(f"{command.target} scaled {before} → {command.after:g}: {command.why}")


def of_alert(alert: Alert) -> str:
    """Say that an incident fires or is over."""
    if alert.state == "firing":
        return _short(f"alert firing: {alert.title}")
    return _short(f"alert resolved after {alert.at_s - alert.since_s:.0f} s: {alert.title}")


def of_refusal(refusal: Refusal) -> str:
    """Say what was wanted and not done, and which rule was against it."""
    return _short(f"not done ({refusal.rule}): {refusal.action} {refusal.target}: {refusal.why}")


class Once:
    """Keeps the terminal calm: what was told a moment ago is not told again.

    quiet_s        for so long the same thing is not told again
    """

    def __init__(self, quiet_s: float) -> None:
        self.quiet_s = quiet_s
        self._told_s: dict[str, float] = {}

    def may_tell(self, what: str, at_s: float) -> bool:
        """Return whether it is time to tell, and remember that it was."""
        told_s = self._told_s.get(what)
        if told_s is not None and at_s - told_s < self.quiet_s:
            return False
        if len(self._told_s) > 1_000:
            self._told_s.clear()
        self._told_s[what] = at_s
        return True


def _short(line: str) -> str:
    """Return a line that fits: clients choose some of these words, so what cannot be printed is not."""
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
