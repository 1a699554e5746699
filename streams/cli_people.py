"""The commands by which people tell Luminar what they know: lift and feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from streams.cli_options import author_here, waiting, with_settings
from streams.cli_words import examples, moment

if TYPE_CHECKING:
    from streams.settings import Loaded


@click.command(
    epilog=examples(
        "luminar lift 192.0.2.7", "luminar lift 2001:db8:0:1::/64 --author ann", "luminar lift --all --author ann"
    )
)
@click.argument("client", required=False)
@click.option("--all", "everybody", is_flag=True, help="End every block there is.")
@click.option("--author", default=None, help="Who says so; the user who is logged in, if not told.")
@with_settings
def lift(loaded: Loaded, client: str | None, everybody: bool, author: str | None) -> None:
    """End a client's block, or all of them.

    CLIENT is an IP address, an IPv6 /64 network or an API key. The wish stands in the log; a worker carries it out.
    Whose block is lifted is not blocked again for `decisions.spare_s`; `decisions.enabled` switches blocking off.
    """
    from streams.cli_data import lift as work

    if everybody == (client is not None):
        raise click.UsageError("expected a CLIENT, or --all, and not both")
    waiting(work(loaded.process, client, author or author_here()))


@click.command(
    epilog=examples(
        "luminar feedback false-alarm shop-1763700000000",
        "luminar feedback confirmed checkout/latency_s",
        "luminar feedback expected checkout --until +2h",
    )
)
@click.argument("verdict", type=click.Choice(["false-alarm", "confirmed", "expected"]))
@click.argument("subject")
@click.option("--until", metavar="TIME", help="With expected: until when; +2h, or a time as of `replay`.")
@click.option("--author", default=None, help="Who says so; the user who is logged in, if not told.")
@with_settings
def feedback(loaded: Loaded, verdict: str, subject: str, until: str | None, author: str | None) -> None:
    """Say what an alert really was.

    SUBJECT is an alert's id or a series; with `expected`, a service, too. It stands in the log of whom it concerns, so
    that models learn from it, and learn the same when the log is folded again.

    false-alarm: the alert ends, and an excursion as large as the last one of its series is usual from now on.
    confirmed: the thresholds that it raised go back; it does not count among the alarms that were promised.
    expected: the alert ends, and alarms are held back until then; what is not over by then is said then.
    """
    from streams.cli_data import feedback as work

    until_s = None if until is None else moment(until)
    if (verdict == "expected") != isinstance(until_s, float):
        raise click.UsageError("--until TIME goes with `expected`, and `expected` with --until TIME, like +2h")
    assert not isinstance(until_s, str)
    waiting(work(loaded.process, verdict, subject, author or author_here(), until_s))
