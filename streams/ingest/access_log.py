"""Access logs in the Common and Combined formats of Apache and nginx, with or without the virtual host in front.

Also as log shippers wrap them: a JSON object with the line in `message` or `log`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from ipaddress import ip_address

from streams.ingest.fields import json_of, object_of, shown, text_of, usable, whole_of
from streams.ingest.refused import Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Attackers write these lines: every part ends at a mark that it cannot hold itself, so matching is linear.
_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_LINE = re.compile(
    rf"([^\[]++)\[([^\]]++)\] {_QUOTED} (\d{{3}}|-) (\d{{1,18}}|-)(?: {_QUOTED} {_QUOTED})?", re.DOTALL | re.ASCII
)
_TIME = re.compile(r"(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request]:
    r"""Return the one request of a line.

    >>> line = b'192.0.2.7 - ann [10/Oct/2026:13:55:36 +0000] "GET /a?b=1 HTTP/1.1" 404 162 "-" "curl/8"'
    >>> request = parse(line, None, Source(topic="t", format="access_log"))[0]
    >>> request.client, request.path, request.status, request.user, request.agent
    ('192.0.2.7', '/a?b=1', 404, 'ann', 'curl/8')
    """
    line, service = (unwrapped(value) if value.lstrip()[:1] == b"{" else text_of(value)), source.service
    return [request_of(line, service)]


def unwrapped(value: bytes) -> str:
    """Return the line that a log shipper's object carries."""
    document = object_of(json_of(value), "a log record")
    line = document.get("message", document.get("log"))
    if not isinstance(line, str):
        raise Refused("expected a log line, or an object with one in `message` or `log`, found an object without")
    return line


def request_of(line: str, service: str) -> Request:
    """Return the request that a line tells of; whatever stands behind the user agent is left alone."""
    line = line.strip()
    if not line:
        raise Refused("expected a line of an access log, found an empty one")
    found = _LINE.match(line)
    if found is None:
        raise Refused(
            'expected a line like: client - user [day/month/year:hour:minute:second zone] "request" status bytes '
            f'"referer" "agent"; found {shown(line)}'
        )
    if "\n" in line:
        raise Refused("expected one line, found several")
    head, time, request, status, size, referer, agent = found.groups()
    host, client, user = _head(head)
    method, path = split_request(unescaped(request))
    return usable(
        Request(
            client=client,
            at_s=local_time_s(time),
            method=method,
            path=path,
            host=host,
            status=0 if status == "-" else int(status),
            bytes_out=0 if size == "-" else whole_of(size, "bytes"),
            agent=_or_none(agent),
            referer=_or_none(referer),
            user="" if user == "-" else user,
            service=service,
        )
    )


def _head(head: str) -> tuple[str, str, str]:
    """Return virtual host, client and user of what stands before the time; a user may have blanks in the name."""
    words = head.split()
    if len(words) >= 4 and not _is_address(words[0]):
        host, words = words[0], words[1:]
    else:
        host = ""
    if len(words) < 3:
        raise Refused(f"expected client, identity and user before the time, found {shown(head)}")
    return host, words[0], " ".join(words[2:])


@lru_cache(4096)
def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def split_request(text: str) -> tuple[str, str]:
    """Return method and path of a request line; of one that is none, no method, and all of it as the path.

    >>> split_request("GET /a b HTTP/1.1"), split_request("GET /"), split_request("hello")
    (('GET', '/a b'), ('GET', '/'), ('', 'hello'))
    """
    method, _, rest = text.partition(" ")
    if not rest or not method.isascii() or not method.isalpha():
        return "", text
    path, _, version = rest.rpartition(" ")
    return (method, path) if path and version.startswith("HTTP/") else (method, rest)


def unescaped(text: str) -> str:
    r"""Return a text as it was sent: servers write what could break their lines as \xNN, \" or \n.

    >>> unescaped(r"/caf\xC3\xA9?q=\x22")
    '/café?q="'
    """
    if "\\" not in text:
        return text
    # A character of its own for every byte, so that those of one letter meet before they are read as UTF-8.
    raw = _ESCAPE.sub(_byte, text.encode("utf-8", "surrogateescape").decode("latin-1"))
    return raw.encode("latin-1").decode("utf-8", "replace")


def _byte(found: re.Match[str]) -> str:
    code, mark = found.groups()
    return chr(int(code, 16)) if code is not None else _ESCAPED.get(mark, mark)


def _or_none(text: str | None) -> str:
    return "" if text is None or text == "-" else unescaped(text)


@lru_cache(4096)
def local_time_s(text: str) -> float:
    """Return seconds since 1970 of a server's local time.

    >>> local_time_s("10/Oct/2026:13:55:36 +0200")
    1791633336.0
    """
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in MONTHS:
        raise Refused(f"expected a time like 10/Oct/2026:13:55:36 +0000, found {shown(text)}")
    day, month, year, hour, minute, second = (
        int(found[1]), MONTHS.index(found[2]) + 1, int(found[3]), int(found[4]), int(found[5]), int(found[6])
    )  # fmt: skip
    east = timedelta(hours=int(found[8]), minutes=int(found[9])) * (1 if found[7] == "+" else -1)
    try:
        # A leap second has no moment of its own.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(east))
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    except (ValueError, OverflowError):
        raise Refused(f"expected a time that there is, found {shown(text)}") from None
