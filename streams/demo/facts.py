"""What has happened so far, and when: what the demo waits for, and what `--once` is judged by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from streams.demo import lines
from streams.demo.fleet import FLEET, member_of
from topics.alerts import Alert
from topics.blocklist import Block
from topics.commands import Command
from topics.metrics import Reading
from topics.proposals import Refusal
from topics.requests import Request
from topics.signals import Anomaly

# The shop's queue, in seconds of work: under pressure from the first on, back to normal below the second.
PRESSED_S = 0.3
NORMAL_S = 0.1
NORMAL_READINGS = 3

WANTED = {
    "client_blocked": "a client that is blocked",
    "client_refused": "a blocked client that gets a 403",
    "client_lifted": "a block that ends",
    "alert_fired": "an alert that fires",
    "alert_resolved": "an alert that fired and is resolved",
    "scale_ordered": "a command that scales the shop up",
    "scale_obeyed": "the shop obeying that command",
    "scale_relieved": "the shop's queue, which was long, back to normal after that",
    "worker_killed": "a worker killed with SIGKILL",
    "worker_back": "conclusions of the worker that took its place",
    **{member.event: member.what for member in FLEET},
}


class Facts:
    """The events of one run, told to a person as they come.

    tell           is handed each line; clock: seconds since the start

    Only the first of its kind is an event; all are told, apart from what was told a moment ago.

    blocked        clients that ever were; refused: those that got a 403 since they were blocked
    firing         alerts by id; resolved: services of alerts that were resolved
    reliefs        how often a command was obeyed and the shop's long queue went away
    """

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.events: dict[str, float] = {}
        self.examples: dict[str, Any] = {}
        self.blocked: set[str] = set()
        self.refused: set[str] = set()
        self.firing: dict[str, Alert] = {}
        self.resolved: set[str] = set()
        self._tell = tell
        self._clock = clock
        self._once = lines.Once(quiet_s=20.0)
        self.reliefs = 0
        self._ordered: Command | None = None
        self._obeyed = False
        self._pressed = False
        self._normal = 0

    def note(self, event: str, example: object = None) -> None:
        """Remember an event, if it is the first of its kind, and the record that shows it."""
        if event not in self.events:
            self.events[event] = round(self._clock(), 2)
            if example is not None:
                self.examples[event] = msgspec.to_builtins(example)

    def missing(self) -> list[str]:
        """Return what has not happened yet, in words."""
        return [words for event, words in WANTED.items() if event not in self.events]

    def take_alert(self, alert: Alert) -> None:
        """Note that an incident fires, is said again, or is resolved."""
        if alert.state == "firing":
            if alert.id not in self.firing:
                self._tell(lines.of_alert(alert))
            self.firing[alert.id] = alert
            self.note("alert_fired", alert)
        elif self.firing.pop(alert.id, None) is not None:
            self._tell(lines.of_alert(alert))
            self.resolved.add(alert.service)
            self.note("alert_resolved", alert)

    def take_anomaly(self, anomaly: Anomaly) -> None:
        """Note that a fault of the fleet is found."""
        member = member_of(anomaly)
        if member is not None:
            if member.event not in self.events:
                self._tell(f"found {member.what}: {member.service}")
            self.note(member.event, anomaly)

    def take_block(self, client: str, block: Block | None) -> None:
        """Note that a client is blocked, or its block lifted."""
        self._tell(lines.of_block(client, block))
        if block is None:
            self.refused.discard(client)
            if client in self.blocked:
                self.note("client_lifted")
        else:
            self.blocked.add(client)
            self.note("client_blocked", block)

    def take_request(self, request: Request) -> None:
        """Note whether a client that is blocked was refused at the door."""
        if request.status == 403 and request.client in self.blocked and request.client not in self.refused:
            self.refused.add(request.client)
            self._tell(f"403 for {request.client}: the shop keeps to the blocklist")
            self.note("client_refused", request)

    def take_refusal(self, refusal: Refusal) -> None:
        """Tell what was wanted and not done."""
        if self._once.may_tell(f"{refusal.rule} {refusal.target}", self._clock()):
            self._tell(lines.of_refusal(refusal))

    def take_command(self, command: Command) -> None:
        """Note what a machine was told to do."""
        self._tell(lines.of_command(command))
        if command.action == "scale" and command.after > (command.before or 0):
            self._ordered, self._obeyed = command, False
            self.note("scale_ordered", command)

    def take_gauge(self, reading: Reading) -> None:
        """Note whether the shop obeyed, and whether that helped."""
        if reading.series == "shop/replicas_ready":
            if self._ordered is not None and reading.value >= self._ordered.after:
                self._obeyed = True
                self.note("scale_obeyed", reading)
        elif reading.series == "shop/queue_s":
            self._normal = self._normal + 1 if reading.value < NORMAL_S else 0
            if reading.value >= PRESSED_S:
                self._pressed = True
            elif self._pressed and self._obeyed and self._normal >= NORMAL_READINGS:
                self._pressed = False
                self.reliefs += 1
                self._tell("the shop has caught up: nobody waits any more")
                self.note("scale_relieved", reading)
