"""The options that commands share, and what they lead to: the settings of this call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from streams.cli_words import OVER, as_options, moment

if TYPE_CHECKING:
    from streams.settings import Loaded

F = TypeVar("F", bound=Callable[..., Any])


def with_settings(command: F) -> F:
    """Give a command --broker, --settings and --prefix, and hand it the settings that they and the environment make."""

    @click.option(
        "--settings",
        "settings_file",
        metavar="FILE",
        envvar="LUMINAR_SETTINGS",
        type=click.Path(path_type=Path),
        help="A settings file, YAML or TOML; also LUMINAR_SETTINGS.",
    )
    @where_options
    @wraps(command)
    def run(*, broker: str | None, settings_file: Path | None, prefix: str | None, **options: Any) -> Any:
        return command(loaded_from(settings_file, broker, prefix), **options)

    return cast(F, run)


def where_options(command: F) -> F:
    """Give a command --broker and --prefix."""
    prefix = click.option("--prefix", metavar="TEXT", help="Stands before the name of every topic of ours.")
    broker = click.option(
        "--broker", metavar="HOST:PORT[,…]", help="Where Kafka is; 127.0.0.1:9092 if nothing says otherwise."
    )
    return broker(prefix(command))


def ranged(command: F) -> F:
    """Give a command --from, --to and --capability, and hand it the two as places in the log."""

    @click.option(
        "--from", "since", metavar="TIME", default="beginning", show_default=True, help="Where to begin to compare."
    )
    @click.option("--to", "until", metavar="TIME", default="now", show_default=True, help="Where to end.")
    @click.option("--capability", metavar="NAME", help="Only this one, of those that read the topic.")
    @wraps(command)
    def run(*arguments: Any, since: str, until: str, **options: Any) -> Any:
        return command(*arguments, since=moment(since), until=moment(until), **options)

    return cast(F, run)


def loaded_from(file: Path | None, broker: str | None = None, prefix: str | None = None) -> Loaded:
    """Return the settings of a file, under the environment, under what the command line told."""
    from streams.settings import SettingsRefused, load

    told = {name: text for name, text in zip(OVER, (broker, prefix), strict=True) if text is not None}
    try:
        return load(file, {**os.environ, **told})
    except SettingsRefused as refused:
        raise as_options(refused, told) from None


def waiting(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what talks to Kafka; the client's own lines about every try are left out, since we say it once ourselves."""
    import logging

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return asyncio.run(work)


def author_here() -> str:
    """Return who is logged in, where somebody is."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
