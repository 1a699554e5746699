"""How a machine follows what is decided: commands once, in their order and in time; blocks until they end."""

from __future__ import annotations

from topics.blocklist import Block
from topics.commands import Command


class Orders:
    """The commands of one target: a repeated, superseded or expired one is not obeyed again.

    A target keeps two words of memory, the last id and the last epoch; that is all a machine needs to be safe against
    a log that says things twice.

    >>> orders = Orders("shop")
    >>> more = Command(
    ...     id="a", action="scale", target="shop", before=2, after=4, why="", at_s=0, expires_at_s=9, epoch=1
    ... )
    >>> orders.refuse_or_take(more, at_s=5.0) is None
    True
    >>> orders.refuse_or_take(more, at_s=6.0)
    'repeated'
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._id: str | None = None
        self._epoch = 0

    def refuse_or_take(self, command: Command, at_s: float) -> str | None:
        """Return why a command is not obeyed at `at_s`; None: it is to be obeyed now, and is remembered."""
        if command.target != self.target:
            return f"for {command.target}"
        if command.action != "scale":
            return f"{command.action!r} is unknown here"
        if command.id == self._id:
            return "repeated"
        if command.epoch <= self._epoch:
            return f"superseded: epoch {command.epoch}, {self._epoch} was obeyed"
        # An expired command is not remembered: it changed nothing here.
        if at_s > command.expires_at_s:
            return f"expired {at_s - command.expires_at_s:.0f} s ago"
        self._id, self._epoch = command.id, command.epoch
        return None


class Doors:
    """Which clients are refused now: the blocklist, followed record by record.

    A tombstone opens the door again; so does the end of the block, should the tombstone be late.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = {}

    def follow(self, client: str, block: Block | None) -> None:
        """Take in what the blocklist says of a client; None is a tombstone."""
        if block is None:
            self._blocks.pop(client, None)
        else:
            self._blocks[client] = block

    def shut_for(self, client: str, at_s: float) -> Block | None:
        """Return the block that keeps a client out at `at_s`, if one does."""
        block = self._blocks.get(client)
        return block if block is not None and at_s < block.until_s else None

    def __len__(self) -> int:
        return len(self._blocks)
