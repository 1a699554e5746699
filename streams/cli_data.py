"""What the commands do that carry records: feed, tail, lift and settings put."""

from __future__ import annotations

from contextlib import aclosing
from typing import BinaryIO, cast

import click

from streams.admin import put_settings as put
from streams.cli_words import say
from streams.client import Publisher
from streams.feed import Fed, Machine, feed_lines, feed_machine, feed_raw, lines_of
from streams.feedback import Verdict, give, let_go
from streams.ingest import FORMATS
from streams.reader import Message
from streams.settings import Loaded, Process
from streams.settings_tree import near
from streams.tail import json_of, line_of
from streams.tail import tail as tail_of
from topics.catalogue import named
from topics.clients import client_of
from topics.control import EVERYBODY
from topics.settings import Source


async def feed(
    process: Process, file: BinaryIO, format_: str, service: str, topic: str | None, machine: bool, every_s: float
) -> int:
    """Publish lines or the machine's telemetry; return the exit code."""
    if format_ not in FORMATS:
        raise click.BadParameter(f"unknown format {format_!r}; {near(format_, list(FORMATS))}")
    fed = Fed("rounds" if machine else "lines")
    async with Publisher(process, say) as publisher:
        try:
            if machine:
                say(f"publishing this machine's telemetry every {every_s:g} s as service {service!r}, until Ctrl-C")
                await feed_machine(publisher, Machine(service), fed, every_s)
            elif topic is not None:
                await feed_raw(publisher, lines_of(file), topic, fed)
            else:
                source = Source(topic="feed", format=format_, service=service)
                await feed_lines(publisher, lines_of(file), source, say, fed)
        finally:
            say(str(fed))
    return 1 if fed.refused else 0


async def tail(
    process: Process, topic: str, follow: bool, from_beginning: bool, lines: int, control: bool, as_json: bool
) -> None:
    """Print the records of a topic."""
    declared = named(topic)

    def is_shown(message: Message) -> bool:
        return line_of(declared, message, control) is not None

    last = None if from_beginning else lines
    found = tail_of(process, declared or topic, last=last, follow=follow, say=say, is_shown=is_shown)
    async with aclosing(found):
        async for message in found:
            line = line_of(declared, message, control)
            if line is not None:
                click.echo(json_of(message) if as_json else line)


async def lift(process: Process, client: str | None, author: str) -> None:
    """Ask for the end of a client's block, or of all, where none is named."""
    async with Publisher(process, say) as publisher:
        await let_go(publisher, client or EVERYBODY, author)
    what = "every block" if client is None else client_of(client)
    click.echo(f"asked to lift {what}; `luminar tail blocklist` shows when it is done")


async def feedback(process: Process, verdict: str, subject: str, author: str, until_s: float | None) -> None:
    """Publish what a person says of an alert, a series or a service."""
    said = await give(process, cast(Verdict, verdict.replace("-", " ")), subject, author, until_s, say)
    word = "a false alarm" if verdict == "false-alarm" else verdict
    for one in dict.fromkeys(wish.feedback.subject for wish in said):
        click.echo(f"told: {one} is {word}")


async def put_settings(loaded: Loaded, author: str) -> None:
    """Put settings in force."""
    record = await put(loaded.process, loaded.settings, author, say)
    click.echo(f"settings {record.version} put; workers take them over within seconds")
