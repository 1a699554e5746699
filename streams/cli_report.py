"""The commands that tell what was going on: report threats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from streams.cli_options import waiting, with_settings
from streams.cli_words import examples, moment

if TYPE_CHECKING:
    from streams.settings import Loaded


@click.group(epilog=examples("luminar report threats --since 24h"))
def report() -> None:
    """Tell what was going on."""


@report.command(
    epilog=examples("luminar report threats --since 24h", "luminar report threats --since 2026-11-21T10:00 --json")
)
@click.option("--since", metavar="TIME", default="24h", show_default=True,
              help="From when on: so long ago (90s, 15m, 24h, 7d), or a time as of `replay`.")  # fmt: skip
@click.option("--top", default=20, show_default=True, type=click.IntRange(1), help="How many clients to list.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with every client.")
@with_settings
def threats(loaded: Loaded, since: str, top: int, as_json: bool) -> None:
    """Tell who was hostile, and what was done about it.

    Threats by family, client and service, whose blocks began and were lifted, and who would have been blocked if blocks
    were not rehearsed only. What is counted is what the topics still hold of that time, each conclusion once.
    """
    from streams.report import run

    waiting(run(loaded.process, ago(since), top, as_json))


def ago(text: str) -> Any:
    """Return a place in the log as people write it, where a time alone is one ago.

    >>> ago("1970-01-02"), ago("beginning")
    (86400.0, 'beginning')
    """
    return moment(f"-{text}" if re.fullmatch(r"\d+(?:\.\d+)?[smhd]", text, re.ASCII) else text)
