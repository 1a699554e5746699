"""The command that learns from the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streams.cli_options import waiting, with_settings
from streams.cli_words import examples, say

if TYPE_CHECKING:
    from streams.settings import Loaded


@click.command(
    epilog=examples("luminar warm", "luminar warm --from 14d", "luminar warm --topic metrics --as-if-always")
)
@click.option(
    "--from", "since", metavar="PLACE", default="earliest", show_default=True,
    help="earliest, a duration like 14d, a time as for `replay`, or an offset like @4711.",
)  # fmt: skip
@click.option(
    "--topic", metavar="NAME",
    help="Only of this one: metrics, requests, connections, compositions, accounts, signals or proposals.",
)  # fmt: skip
@click.option(
    "--as-if-always", is_flag=True, help="Learn all of it under the settings in force now, not those of the log."
)
@click.option("--replace", is_flag=True, help="Write over pages that may know what is not learned now.")
@with_settings
def warm(loaded: Loaded, since: str, topic: str | None, as_if_always: bool, replace: bool) -> None:
    """Learn from the past before the first worker starts.

    Folds what the topics hold and saves what a worker would know, true where the log ends; workers go on from there,
    and judge the first reading. Of the past nothing is said: no alert, no command, no block. To be called while no
    worker runs; if it is cut short, call it again. After settings have changed, --as-if-always gives them a past.
    """
    from streams.warm import Wanted, learn, place

    waiting(learn(loaded.process, Wanted(place(since), topic, as_if_always, replace), say))
