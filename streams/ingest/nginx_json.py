"""Access logs that nginx writes as JSON, under the usual names of its variables.

As log shippers wrap them, too: an object with the JSON, or a line of an access log, in `message` or `log`.
"""

from __future__ import annotations

import re
from typing import Any

from streams.ingest.access_log import local_time_s, request_of, split_request
from streams.ingest.fields import json_of, number_of, object_of, shown, time_of, usable, whole_of
from streams.ingest.forwarded import client_behind
from streams.ingest.refused import Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source

CLIENT = ("remote_addr", "client", "client_ip", "remote_ip")
FORWARDED = ("http_x_forwarded_for", "x_forwarded_for")
TIME = ("msec", "time_iso8601", "time_local", "@timestamp", "timestamp", "time")
METHOD = ("request_method", "method")
PATH = ("request_uri", "path", "uri")
HOST = ("host", "http_host", "server_name")
BYTES_OUT = ("bytes_sent", "body_bytes_sent")
BYTES_IN = ("request_length",)
DURATION = ("request_time",)
AGENT = ("http_user_agent", "user_agent")
REFERER = ("http_referer", "referer")

_HEXADECIMAL = re.compile(rb"\\(\\|x)")


def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request]:
    """Return the one request of an object.

    The client is who connected. X-Forwarded-For is believed from the source's `proxies` only, since any client can
    write one; nginx's own `real_ip` module does the same.

    >>> record = b'{"remote_addr": "192.0.2.7", "msec": "1.5", "request": "GET /a HTTP/1.1", "status": "200"}'
    >>> parse(record, None, Source(topic="t", format="nginx_json"))[0].path
    '/a'
    """
    document = object_of(_json(value), "a log record")
    inner = document.get("message", document.get("log"))
    if isinstance(inner, str) and not any(name in document for name in CLIENT):
        if not inner.lstrip().startswith("{"):
            return [request_of(inner, source.service)]
        document = object_of(_json(inner.encode("utf-8", "surrogatepass")), "a log record")
    return [_request(document, source)]


def _json(value: bytes) -> Any:
    r"""Return a record's JSON; nginx without escape=json writes bytes as \xNN, which JSON does not know."""
    try:
        return json_of(value)
    except Refused:
        if b"\\x" not in value:
            raise
        return json_of(_HEXADECIMAL.sub(lambda found: b"\\\\" if found[1] == b"\\" else b"\\u00", value))


def _request(document: dict[str, Any], source: Source) -> Request:
    client = _text(document, CLIENT)
    if not client:
        raise Refused(f"expected the client in one of {', '.join(CLIENT)}, found none of them")
    client = client_behind(client, _text(document, FORWARDED), source.proxies)
    method, path = split_request(_text(document, ("request",)))
    path = _text(document, PATH) or path
    if not path:
        raise Refused(f"expected the path in one of {', '.join(PATH)}, or `request`, found none of them")
    status = _value(document, ("status",))
    return usable(
        Request(
            client=client,
            at_s=_at_s(document),
            path=path,
            method=_text(document, METHOD) or method or "GET",
            host=_text(document, HOST),
            status=0 if status is None else whole_of(status, "status"),
            duration_s=_number(document, DURATION),
            bytes_in=_whole(document, BYTES_IN),
            bytes_out=_whole(document, BYTES_OUT),
            agent=_text(document, AGENT),
            referer=_text(document, REFERER),
            user=_text(document, ("remote_user",)),
            service=_text(document, ("service",)) or source.service,
            body=_text(document, ("request_body",)),
        )
    )


def _value(document: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of these names that says anything; "-", "" and null say nothing."""
    for name in names:
        value = document.get(name)
        if value is not None and value != "-" and value != "":
            return value
    return None


def _text(document: dict[str, Any], names: tuple[str, ...]) -> str:
    value = _value(document, names)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"expected {' or '.join(names)} to be a text, found {shown(value)}")
    return value


def _number(document: dict[str, Any], names: tuple[str, ...]) -> float:
    value = _value(document, names)
    return 0.0 if value is None else number_of(value, names[0])


def _whole(document: dict[str, Any], names: tuple[str, ...]) -> int:
    value = _value(document, names)
    return 0 if value is None else whole_of(value, names[0])


def _at_s(document: dict[str, Any]) -> float:
    local = document.get("time_local")
    if isinstance(local, str) and _value(document, TIME) == local:
        return local_time_s(local)
    value = _value(document, TIME)
    if value is None:
        raise Refused(f"expected the time in one of {', '.join(TIME)}, found none of them")
    return time_of(value, "the time")
