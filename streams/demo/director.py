"""From the command to the exit code: the folder, the clock, Ctrl-C, and what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from streams.admin import TopicsRefused
from streams.broker import BrokerFailed
from streams.demo import lines
from streams.demo.processes import DemoFailed
from streams.demo.show import Show
from streams.demo.verdict import Verdict, verdict_of

# Why a demo may not work here: the message says what to do. All else is a mistake of ours and shows where it was made.
REASONS = (BrokerFailed, DemoFailed, TopicsRefused)


def run(once: bool, as_json: bool, limit_s: float, page_port: int | None, data: Path | None) -> int:
    """Play the demo and return its exit code.

    once           play the first act, then say what was seen: 0 if that is everything, 1 if something was missing
    as_json        say it as one JSON object; the story goes to stderr then
    limit_s        of `once`: give up after so many seconds
    page_port      where the page listens; None: its usual port, or a free one; 0: a free one
    data           folder that keeps Kafka's records and the logs; None: a temporary one, removed at the end
    """
    story = sys.stderr if as_json else sys.stdout
    # While Kafka makes its topics, clients ask again and again; their lines about each try are no part of the story.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    def tell(line: str) -> None:
        print(f"{lines.clock(show.elapsed_s())} {line}", file=story, flush=True)

    with _folder(data) as folder:
        show = Show(folder, tell, page_port)
        try:
            problem = asyncio.run(_play(show, once, limit_s))
        except (KeyboardInterrupt, asyncio.CancelledError):
            tell("stopped; nothing is left running")
            return 130 if once else 0
    if not once:
        print(problem, file=sys.stderr, flush=True)
        return 1
    verdict = verdict_of(show, problem)
    _say(verdict, as_json)
    return 0 if verdict.ok else 1


async def _play(show: Show, once: bool, limit_s: float) -> str:
    """Play; return why it could not come to its end, if so."""
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT, too: a shell's background jobs are born deaf to it
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    try:
        async with asyncio.timeout(limit_s if once else None):
            await show.play(once)
    except TimeoutError:
        return f"the limit of {limit_s:g} s is over"
    except (*REASONS, ExceptionGroup) as error:
        first = _first_of(error)
        if not isinstance(first, REASONS):
            raise
        return str(first)
    return ""


def _first_of(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _say(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps(verdict).decode(), flush=True)
        return
    for event, at_s in verdict.events.items():
        print(f"  {lines.clock(at_s)} {event.replace('_', ' ')}")
    for missing in verdict.missing:
        print(f"  missing: {missing}")
    counts = verdict.requests
    print(f"  {counts['asked']} requests, {counts['counted']} counted; {verdict.conclusions['taken']} conclusions")
    print("all was seen" if verdict.ok else "not all was seen", flush=True)


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data
    else:
        # Kafka's last files may be on their way out still.
        with tempfile.TemporaryDirectory(prefix="luminar-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
