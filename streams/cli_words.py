"""What the commands share: how errors are said, how examples are shown, how a time is written."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from streams.settings import SettingsRefused

WIDTH = 110
UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

OVER = {"LUMINAR_BROKER": "--broker", "LUMINAR_PREFIX": "--prefix"}
"""Options that lie over the settings, and the variables they stand for."""

# Errors that tell a person what to do. They are looked up among what has been imported: what was not, was not raised.
SPEAKING = (
    ("streams.settings_tree", "SettingsRefused"),
    ("streams.admin", "TopicsRefused"),
    ("streams.connection", "TopicMissing"),
    ("streams.broker_jars", "BrokerFailed"),
    ("streams.demo.processes", "DemoFailed"),
    ("streams.feedback", "FeedbackRefused"),
    ("streams.warm", "WarmRefused"),
    ("streams.ingest.refused", "Refused"),
    ("aiokafka.errors", "KafkaError"),
)


def say(text: str) -> None:
    """Say something beside the output, in one line."""
    click.echo(f"luminar: {text}", err=True)


def speaking_errors() -> tuple[type[BaseException], ...]:
    """Return the errors that are meant for people."""
    found = [getattr(sys.modules[module], name) for module, name in SPEAKING if module in sys.modules]
    return (ConnectionError, FileNotFoundError, PermissionError, IsADirectoryError, *found)


class LuminarGroup(click.Group):
    """The commands, in the order in which they are needed; an error for a person is said as one, with exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their declaration."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has had enough, and nothing more may be written to it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            ctx.exit(130)
        except speaking_errors() as error:
            for line in (str(error) or type(error).__name__).splitlines():
                say(line)
            ctx.exit(2)


def as_options(refused: SettingsRefused, told: Iterable[str]) -> SettingsRefused:
    """Return an error about settings in which those that options told are called by the option's name."""
    names = {f"environment variable {name}": OVER[name] for name in told}
    return type(refused)([replace(one, where=names.get(one.where, one.where)) for one in refused.problems])


def examples(*lines: str) -> str:
    r"""Return examples as the end of a help text.

    >>> examples("luminar demo")
    '\x08\nExamples:\n  luminar demo'
    """
    # The mark tells click to leave the lines as they are.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def moment(text: str) -> Literal["beginning", "now"] | float:
    """Return a place in the log as people write it: a word, seconds since 1970, a time ago or ahead, an ISO 8601 time.

    >>> moment("1970-01-02"), moment("12.5"), moment("now")
    (86400.0, 12.5, 'now')
    """
    if text == "beginning":
        return "beginning"
    if text == "now":
        return "now"
    if away := re.fullmatch(r"([+-]\d+(?:\.\d+)?)([smhd])", text, re.ASCII):
        return time.time() + float(away[1]) * UNIT_S[away[2]]
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return float(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"expected beginning, now, a time like 2026-11-21T10:00, seconds since 1970, or a time ago like -15m; "
            f"found {text!r}"
        ) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def tree(group: click.Group) -> str:
    """Return the help of a group and of everything below it."""
    return "\n\n".join(_helps(group, "luminar", None))


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    # As when it is called: click keeps a command's help option as it was first asked for.
    called = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    with click.Context(command, info_name=name, parent=parent, **called) as context:
        yield command.get_help(context).rstrip()
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                yield from _helps(command.commands[child], child, context)
