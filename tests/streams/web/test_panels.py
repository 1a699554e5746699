"""Rows for people: the urgent first, plain data only, and a way from each to its records."""

import json

from streams.web import charts, panels
from streams.web.model import FORECAST, beside
from tests.streams.web import story
from topics.metrics import Reading

NOW_S = 1_800_000_000.0


def test_firing_alerts_come_first_and_the_worst_of_them_on_top() -> None:
    rows = panels.alert_rows(story.told(NOW_S))
    shown = [(row["state"], row["severity"]) for row in rows]
    assert shown[:3] == [("firing", "critical"), ("firing", "warning"), ("firing", "info")]
    assert {state for state, _ in shown[3:]} == {"resolved"}


def test_evidence_names_its_record_and_the_series_to_chart() -> None:
    piece = panels.alert_rows(story.told(NOW_S))[0]["evidence"][0]
    assert piece["place"] == {"topic": "metrics", "partition": 1, "offset": 6401, "capability": "anomaly"}
    assert piece["series"] == "shop/latency_p95_s"


def test_a_refusal_says_which_rule_and_what_was_wanted() -> None:
    rows = {row["badge"]: row for row in panels.refusal_rows(story.told(NOW_S))}
    assert rows["allow-list"]["title"] == "block 10.0.0.7 for 240 s"
    assert rows["cooldown"]["why"] == "the last command for shop was 12 s ago, the cooldown is 30 s"


def test_a_block_says_how_long_and_that_its_end_was_asked_for() -> None:
    view = story.told(NOW_S)
    view.ask_lift("127.0.0.66", NOW_S)
    rows = {row["client"]: row for row in panels.block_rows(view)}
    assert rows["127.0.0.66"]["until_s"] == NOW_S + 130
    assert (rows["127.0.0.66"]["asked_s"], rows["127.0.0.68"]["asked_s"]) == (NOW_S, None)


def test_the_headline_counts_what_fires_and_adds_up_the_lag() -> None:
    head = panels.headline(story.told(NOW_S))
    assert (head["critical"], head["warning"], head["info"], head["blocked"]) == (1, 1, 1, 3)
    assert (head["workers"], head["lag"], head["readings_per_s"]) == (2, 44, 96.4)


def test_no_word_of_a_record_becomes_the_name_of_a_property() -> None:
    # A name that starts with a colon is code to the browser's side of the page, so only our own names are names.
    view = story.told(NOW_S)
    view.take(story.heard("metrics", Reading(series=":shop/:x", value=1.0, at_s=NOW_S), NOW_S, 1))
    rows = [
        *panels.alert_rows(view),
        *panels.block_rows(view),
        *panels.command_rows(view),
        *panels.refusal_rows(view),
        *panels.threat_rows(view),
        panels.worker_rows(view),
        panels.headline(view),
        charts.chart(view, ":shop/:x", 300, dark=False),
    ]

    def names(value: object) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(names, value))
        return set(value).union(*map(names, value.values())) if isinstance(value, dict) else set()

    assert all(name.replace("_", "").isalnum() for name in names(json.loads(json.dumps(rows))))


def line(options: charts.Options, name: str) -> list[list[float | None]]:
    return next(one["data"] for one in options["series"] if one["name"] == name)


def test_a_chart_shows_readings_anomalies_and_the_band_they_were_judged_by() -> None:
    options = charts.chart(story.told(NOW_S), "shop/latency_p95_s", 900, dark=False)
    assert len(line(options, "anomaly")) == 13
    first = line(options, "expected band")[:3]
    assert [value for _, value in first] == [0.14, 0.24, None]
    assert charts.legend(options) == ["measured", "expected", "anomaly", "event"]
    assert 0 < len(line(options, "measured")) <= charts.POINTS_SHOWN + 2


def test_a_chart_goes_on_as_far_as_its_forecast() -> None:
    view = story.told(NOW_S)
    for ending, value in zip(FORECAST, (250.0, 200.0, 300.0), strict=True):
        ahead = Reading(series=beside("shop/requests_per_s", ending), value=value, at_s=NOW_S + 40)
        view.take(story.heard("metrics", ahead, NOW_S, 0))
    options = charts.chart(view, "shop/requests_per_s", 300, dark=True)
    assert options["xAxis"]["max"] - options["xAxis"]["min"] == 340_000
    assert line(options, "forecast")[-1] == [(NOW_S + 40) * 1000, 250.0]
    assert line(options, "band")[-1] == [(NOW_S + 40) * 1000, 100.0]


def test_an_unknown_series_gives_an_empty_chart() -> None:
    options = charts.chart(story.told(NOW_S), "no/such", 300, dark=False)
    assert not any(one["data"] for one in options["series"])


def test_thinning_keeps_every_extreme() -> None:
    points = [(float(second), float(second % 97 == 13)) for second in range(2000)]
    thinned = charts.thin(points, 450)
    assert len(thinned) <= 450
    assert thinned == sorted(thinned)
    assert sum(value for _, value in thinned) == sum(value for _, value in points)
