"""Reading along: the records of any topic, one line each, for people."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from heapq import nlargest
from typing import Any

import msgspec

from detectors.spoken import band_of, clock_of, spoken
from streams.client import read
from streams.connection import Say
from streams.reader import Message, bounds
from streams.settings import Process
from topics import Record, Topic
from topics.accounts import Use
from topics.alerts import Alert
from topics.blocklist import BLOCKLIST, Block
from topics.catalogue import CONTROLLED
from topics.commands import Command
from topics.compositions import Composition
from topics.connections import Connection
from topics.control import Lesson, SettingsChange, Tick, decode_control
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import Reading
from topics.proposals import Proposal, Refusal
from topics.requests import Request
from topics.settings import SettingsRecord
from topics.signals import Anomaly, Threat
from topics.state import STATE

SHOWN_CHARACTERS = 300
TICKS_BETWEEN = 5_000


def plain(text: str) -> str:
    r"""Return a text that cannot move a terminal's cursor: attackers write paths and names.

    >>> plain("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    shown = "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text)
    return shown if len(shown) <= SHOWN_CHARACTERS else shown[: SHOWN_CHARACTERS - 1] + "…"


def text_of(content: bytes | None) -> str:
    """Return bytes as a person can read them."""
    return "" if content is None else plain(content[: 4 * SHOWN_CHARACTERS].decode("utf-8", "backslashreplace"))


def clock(at_s: float) -> str:
    """Return a moment as date and time in UTC.

    >>> clock(0.25)
    '1970-01-01 00:00:00.250'
    """
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return f"{at_s!r} s"


def line_of(topic: Topic | None, message: Message, control: bool = False) -> str | None:
    """Return the line of a record; None for a control record that is not to be shown.

    topic          the declaration, where it is one of ours; control: whether ticks and the like are shown
    """
    what = _what(topic, message, control)
    if what is None:
        return None
    return f"{clock(message.time_ms / 1000)} {message.topic}[{message.partition}]@{message.offset} {what}"


def _what(topic: Topic | None, message: Message, control: bool) -> str | None:
    value = message.value
    if topic is DEAD_LETTERS:
        return _dead_letter(message)
    if topic is STATE:
        size = "forgotten" if value is None else f"{len(value)} bytes"
        return f"{text_of(message.key)}: {size}"
    if value is None:
        why = dict(message.headers).get("why")
        lifted = "lifted" if topic is BLOCKLIST else "tombstone"
        return f"{lifted} {text_of(message.key)}" + (f": {text_of(why)}" if why else "")
    if topic is not None and topic.records:
        try:
            return plain(SAY[type(record := topic.decoder().decode(value))](record))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass_on = _control(value)
            if pass_on is not None:
                return pass_on if control else None
    return f"{text_of(message.key)} {text_of(value)}".strip()


def _control(value: bytes) -> str | None:
    try:
        said = decode_control(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(said, Tick):
        return "(tick)"
    if isinstance(said, SettingsChange):
        return f"(settings {said.version} from here on)"
    if isinstance(said, Lesson):
        return plain(f"({said.capability} has learned, {len(said.content)} bytes, from here on)")
    author = f" by {said.author}" if said.author else ""
    return plain(f"({said.verdict}: {said.subject}{author})")


def _dead_letter(message: Message) -> str:
    headers = {name: text_of(content) for name, content in message.headers}
    where = f"{headers.get('topic', '?')}[{headers.get('partition', '?')}]@{headers.get('offset', '?')}"
    value = text_of(message.value) if message.value else "no value" if message.value is None else "empty"
    return f"{where} refused at {headers.get('stage', '?')}: {headers.get('reason', '?')}; it was: {value}"


def _reading(record: Reading) -> str:
    kind = "" if record.kind == "gauge" else f" ({record.kind})"
    return f"{record.series} = {record.value:.9g}{kind}"


def _request(record: Request) -> str:
    took = f" in {record.duration_s:.3g} s" if record.duration_s else ""
    return f"{record.service}: {record.client} {record.method} {record.path} → {record.status}{took}"


def _connection(record: Connection) -> str:
    return f"{record.service}: {record.client} → {record.target} {record.port}/{record.protocol}: {record.outcome}"


def _use(record: Use) -> str:
    what = "failed login" if record.failed else record.path
    return f"{record.account}: {what} from {record.client} at {record.service}"


def _composition(record: Composition) -> str:
    heaviest = [
        f"{max(mix.heavy, key=lambda name: (mix.heavy[name], name))} ({max(mix.heavy.values())})"
        for mix in (record.clients, record.routes, record.agents)
        if mix.heavy
    ]
    return f"{record.service}: {record.requests} requests from {clock(record.at_s)} on; {', '.join(heaviest)}".rstrip(
        "; "
    )


def _anomaly(record: Anomaly) -> str:
    value = "nothing" if record.value is None else f"{record.value:.9g}"
    band = view = ""
    if record.value is not None and record.lower is not None and record.upper is not None:
        value, lower, upper = spoken(record.value, record.lower, record.upper)
        band = f", expected {band_of(lower, upper)}"
    if record.view:
        view = f"; view: {record.view}"
    calm = "calm again, " if record.calm else ""
    since = "" if record.since_s is None else f"; since {clock_of(record.since_s, record.at_s)}"
    text = f"; {record.text}" if record.text else ""
    return f"{calm}{record.kind} {record.series}: {value}{band}, score {record.score:.2f}{since}{view}{text}"


def _threat(record: Threat) -> str:
    found = f"; in {record.field}: {record.excerpt}" if record.field else ""
    return f"{record.family} by {record.who} on {record.service} ({record.rule}): {record.text}{found}"


def _alert(record: Alert) -> str:
    return f"{record.state} {record.severity} {record.service}: {record.title} ({record.signals} signals, {record.id})"


def _proposal(record: Proposal) -> str:
    now = "" if record.current is None else f" (now {record.current:g})"
    return f"{record.action} {record.target} to {record.wanted:g}{now}: {record.why}"


def _refusal(record: Refusal) -> str:
    return f"not carried out: {record.action} {record.target}, {record.rule}: {record.why}"


def _command(record: Command) -> str:
    before = "" if record.before is None else f"{record.before:g} → "
    return f"{record.action} {record.target} {before}{record.after:g}: {record.why} (epoch {record.epoch})"


def _block(record: Block) -> str:
    return f"blocked {record.client} until {clock(record.until_s)} ({record.family}): {record.why}"


def _settings(record: SettingsRecord) -> str:
    return f"settings {record.version}" + (f" by {record.author}" if record.author else "")


SAY: dict[type[Record], Callable[[Any], str]] = {
    Reading: _reading,
    Request: _request,
    Connection: _connection,
    Composition: _composition,
    Use: _use,
    Anomaly: _anomaly,
    Threat: _threat,
    Alert: _alert,
    Proposal: _proposal,
    Refusal: _refusal,
    Command: _command,
    Block: _block,
    SettingsRecord: _settings,
}


def json_of(message: Message) -> str:
    """Return a record as one JSON object: where it stands, its key, headers and value (a text, where it is no JSON)."""
    return json.dumps(
        {
            "topic": message.topic,
            "partition": message.partition,
            "offset": message.offset,
            "time_ms": message.time_ms,
            "key": _jsonable(message.key),
            "headers": {name: _jsonable(content) for name, content in message.headers},
            "value": _value(message.value),
        }
    )


def _jsonable(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "backslashreplace")


def _value(content: bytes | None) -> Any:
    if content is None:
        return None
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _jsonable(content)


async def tail(
    process: Process,
    topic: Topic | str,
    *,
    last: int | None,
    follow: bool,
    say: Say,
    is_shown: Callable[[Message], bool] = lambda message: True,
) -> AsyncGenerator[Message, None]:
    """Yield the last so many records of a topic by append time, all of them if None, and what comes after them.

    is_shown       which records count as one of the last
    """
    ends = {partition: end for partition, (_, end) in (await bounds(process, topic, say)).items()}
    if last is None:
        async for message in read(process, topic, until=None if follow else ends, say=say):
            yield message
        return
    # Where nothing is said for long, ticks stand between the records.
    back = last + (TICKS_BETWEEN if topic in CONTROLLED else 0)
    begins = {partition: max(0, end - back) for partition, end in ends.items()}
    found = [one async for one in read(process, topic, since=begins, until=ends, say=say) if is_shown(one)]
    newest = nlargest(last, found, key=lambda message: (message.time_ms, message.partition, message.offset))
    for message in reversed(newest):
        yield message
    if follow:
        async for message in read(process, topic, since=ends, until=None, say=say):
            yield message
