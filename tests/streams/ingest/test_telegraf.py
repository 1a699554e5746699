"""Telegraf's JSON becomes readings."""

import json

import pytest

from tests.streams.ingest.border import outcome, parse
from topics.metrics import Reading

CPU = {"name": "cpu", "tags": {"host": "web-1", "cpu": "cpu0"}, "fields": {"usage_idle": 98.5}, "timestamp": 1458229140}


def metric(**other: object) -> str:
    return json.dumps(CPU | other)


def series(value: str, service: str = "default") -> list[str]:
    return [record.series for record in parse("telegraf", value, service) if isinstance(record, Reading)]


def test_every_numeric_field_is_a_reading() -> None:
    fields = {"idle": 98.5, "count": 3, "up": True, "down": False, "state": "ok", "none": None, "list": [1]}
    found = parse("telegraf", metric(fields=fields))
    assert [(r.series, r.value, r.at_s) for r in found if isinstance(r, Reading)] == [
        ("web-1/cpu_idle{cpu=cpu0}", 98.5, 1458229140.0),
        ("web-1/cpu_count{cpu=cpu0}", 3.0, 1458229140.0),
        ("web-1/cpu_up{cpu=cpu0}", 1.0, 1458229140.0),
        ("web-1/cpu_down{cpu=cpu0}", 0.0, 1458229140.0),
    ]


def test_a_batch_is_all_its_metrics() -> None:
    assert series(json.dumps({"metrics": [CPU, CPU | {"name": "mem"}]})) == [
        "web-1/cpu_usage_idle{cpu=cpu0}",
        "web-1/mem_usage_idle{cpu=cpu0}",
    ]


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"service": "shop", "host": "web-1", "zone": "b"}, "shop/cpu_usage_idle{host=web-1,zone=b}"),
        ({"host": "web-1"}, "web-1/cpu_usage_idle"),
        ({}, "fleet/cpu_usage_idle"),
        (None, "fleet/cpu_usage_idle"),
        ({"path": "/var", "empty": ""}, "fleet/cpu_usage_idle{path=/var}"),
        ({"host": "a/b", "odd,one": "{x=1}"}, "a_b/cpu_usage_idle{odd_one=_x_1_}"),
        ({"b": 1, "a": 2}, "fleet/cpu_usage_idle{a=2,b=1}"),
    ],
)
def test_a_series_is_named_by_service_metric_and_labels(tags: dict[str, object], name: str) -> None:
    assert series(metric(tags=tags), "fleet") == [name]


@pytest.mark.parametrize("times", [1, 1_000, 1_000_000, 1_000_000_000])
def test_the_unit_of_a_time_is_told_by_its_size(times: int) -> None:
    (found,) = parse("telegraf", metric(timestamp=1458229140 * times))
    assert found.at_s == 1458229140.0


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"fields": {"a": "x"}}, "expected a numeric field in 'cpu', found 1 fields, none of them numeric"),
        ({"fields": {}}, "expected a numeric field in 'cpu', found 0 fields, none of them numeric"),
        ({"fields": 7}, "expected fields to be an object, found 7"),
        ({"tags": [1]}, "expected tags to be an object, found a list"),
        ({"name": None}, "expected name to be a text, found None"),
        ({"timestamp": None}, "expected timestamp to be a number, found None"),
        ({"timestamp": "soon"}, "expected timestamp to be a number, found 'soon'"),
        ({"timestamp": -5}, "at_s must be seconds since 1970, got -5.0"),
        ({"fields": {"a": 1e31}}, "value must be finite and at most 1e+30 in size, got 1e+31"),
        ({"metrics": {}}, "expected metrics to be a list, found an object"),
        ({"metrics": []}, "expected at least one metric, found none"),
        ({"metrics": [3]}, "expected a metric to be an object, found 3"),
    ],
)
def test_what_is_wrong_is_said(other: dict[str, object], reason: str) -> None:
    assert outcome("telegraf", metric(**other).encode()) == reason
