"""Telegraf's JSON (`data_format = "json"`): one metric, or a batch of them under "metrics"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.ingest.fields import epoch_s, json_of, number_of, object_of, shown, usable
from streams.ingest.refused import Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source

# What a series' name gives a meaning of its own.
_PLAIN = str.maketrans(dict.fromkeys("{}=,\n\r\t\0", "_"))
_PLAIN_SERVICE = _PLAIN | str.maketrans("/", "_")


def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request]:
    """Return a reading for every numeric field; a metric without any is refused.

    The service is the tag `service`, else the tag `host`, else the source's; all other tags are labels, in their order.

    >>> metric = b'{"name": "cpu", "tags": {"host": "web-1", "cpu": "0"}, "fields": {"idle": 9}, "timestamp": 7}'
    >>> [(reading.series, reading.value) for reading in parse(metric, None, Source(topic="t", format="telegraf"))]
    [('web-1/cpu_idle{cpu=0}', 9.0)]
    """
    document = object_of(json_of(value), "a metric")
    metrics = document.get("metrics", [document])
    if not isinstance(metrics, list):
        raise Refused(f"expected metrics to be a list, found {shown(metrics)}")
    found: list[Reading | Request] = [reading for metric in metrics for reading in _readings(metric, source)]
    if not found:
        raise Refused("expected at least one metric, found none")
    return found


def _readings(metric: Any, source: Source) -> Iterator[Reading]:
    metric = object_of(metric, "a metric")
    fields = object_of(metric.get("fields"), "fields")
    tags = object_of(metric.get("tags") or {}, "tags")
    name = metric.get("name")
    if not isinstance(name, str) or not name:
        raise Refused(f"expected name to be a text, found {shown(name)}")
    at_s = epoch_s(number_of(metric.get("timestamp"), "timestamp"))
    start, end = _start(tags, name, source), _labels(tags)
    numeric = 0
    for field, value in fields.items():
        if isinstance(value, int | float):
            numeric += 1
            series = f"{start}_{field.translate(_PLAIN)}{end}"
            yield usable(Reading(series=series, value=float(value), at_s=at_s))
    if not numeric:
        raise Refused(f"expected a numeric field in {shown(name)}, found {len(fields)} fields, none of them numeric")


def _start(tags: dict[str, Any], name: str, source: Source) -> str:
    service = str(tags.get("service") or tags.get("host") or source.service)
    return f"{service.translate(_PLAIN_SERVICE)}/{name.translate(_PLAIN)}"


def _labels(tags: dict[str, Any]) -> str:
    service = "service" if tags.get("service") else "host"
    labels = [
        f"{tag.translate(_PLAIN)}={str(value).translate(_PLAIN)}"
        for tag, value in sorted(tags.items())
        if tag != service and value not in (None, "")
    ]
    return f"{{{','.join(labels)}}}" if labels else ""
