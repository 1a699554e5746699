"""What status makes of a group, of lags and of saved pages: no Kafka."""

import logging

import msgspec
import pytest

from streams.bus import capabilities
from streams.engine import pages
from streams.group import Group, Member
from streams.status import Lag, Status
from streams.status_state import State, take_table
from tests.fakes import fold_into, shard_of
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.settings import Scaling, Service, Settings

ANOMALY = next(c for c in capabilities() if c.name == "anomaly")


def table(partition: int = 0) -> dict[bytes, bytes]:
    """Return what a worker saves of 30 series of 10 services."""
    shard = shard_of(ANOMALY.bank, METRICS, partition=partition)
    log: list[tuple[int, object]] = [(0, SettingsChange("v7", Settings()))]
    log += [(i * 100, Reading(series=f"s{i % 10}/m{i % 30}", value=1.0, at_s=i / 10)) for i in range(90)]
    fold_into(shard, METRICS, log)
    return dict(shard.snapshot(float("inf"))[0])


def test_of_a_shard_its_pages_rows_and_positions_are_counted() -> None:
    state = State()
    take_table(state, table(), (ANOMALY,), 0)
    (saved,) = state.shards
    filled = [key for key in table() if key.rsplit(b"/", 1)[-1].isdigit() and b"settings" not in key]
    assert (saved.capability, saved.partition, saved.rows, saved.pages) == ("anomaly", 0, 30, len(filled))
    assert (saved.lowest, saved.highest, saved.settings, saved.stale) == (91, 91, "v7", 0)
    assert saved.size_bytes == state.size_bytes == sum(map(len, table().values()))


def test_the_lowest_and_the_highest_page_are_told_apart() -> None:
    shard = shard_of(ANOMALY.bank, METRICS)
    log = [(i, Reading(series=f"s{i}/m", value=1.0, at_s=1.0)) for i in range(20)]
    fold_into(shard, METRICS, log)
    saved = dict(shard.snapshot(float("inf"))[0])
    fold_into(shard, METRICS, [(50, Reading(series=f"s{i}/m", value=2.0, at_s=2.0)) for i in range(20)], start=20)
    saved |= dict(shard.snapshot(1)[0])
    state = State()
    take_table(state, saved, (ANOMALY,), 0)
    assert (state.shards[0].lowest, state.shards[0].highest) == (20, 40)


@pytest.mark.parametrize(("version", "stale", "newer"), [(0, 1, 0), (99, 0, 1)])
def test_pages_of_another_version_are_told_and_looking_at_them_logs_nothing(
    version: int, stale: int, newer: int, caplog: pytest.LogCaptureFixture
) -> None:
    saved = table()
    key = next(key for key in saved if key.rsplit(b"/", 1)[-1].isdigit() and b"settings" not in key)
    page = pages.decode_page(saved[key])
    saved[key] = pages.encode(msgspec.structs.replace(page, version=version))
    state = State()
    with caplog.at_level(logging.DEBUG):
        take_table(state, saved, (ANOMALY,), 0)
    assert (state.shards[0].stale, state.shards[0].newer, caplog.records) == (stale, newer, [])
    assert state.shards[0].rows < 30
    told = "\n".join(Status(Group("g"), [Lag("m", 0, 0, 1, 1)], state).lines())
    assert ("1 pages cannot be taken over: workers of this version learn them again" in told) == bool(stale)
    assert ("1 pages are of a newer version: workers of this one leave them" in told) == bool(newer)


def test_state_of_a_capability_that_is_not_here_is_named() -> None:
    state = State()
    take_table(state, {b"oracle/0/3": b"?", b"oracle/0/pages": b"?"}, (ANOMALY,), 0)
    assert (state.shards, dict(state.unknown), state.size_bytes) == ([], {"oracle": 2}, 2)
    assert "oracle (2 records)" in "\n".join(Status(Group("g"), [Lag("m", 0, 0, 1, 1)], state).lines())


@pytest.mark.parametrize(
    ("committed", "lag"), [(None, 90), (5, 90), (10, 90), (40, 60), (100, 0), (120, 0)]
)  # fmt: skip
def test_lag_is_what_the_log_still_has_and_the_group_has_not_saved(committed: int | None, lag: int) -> None:
    assert Lag("metrics", 0, 10, 100, committed).records == lag


def test_a_status_is_told_in_lines_and_as_data() -> None:
    state = State()
    take_table(state, table(), (ANOMALY,), 0)
    members = (Member("luminar-1", "127.0.0.1", {"metrics": (0, 1, 3)}), Member("luminar-2", "127.0.0.1", {}))
    lags = [Lag("metrics", 0, 0, 100, 91), Lag("metrics", 1, 0, 10, None)]
    status = Status(Group("luminar", "Stable", members), lags, state)
    lines = status.lines()
    assert lines[:7] == [
        "group luminar: Stable, 2 members",
        "  luminar-1 from 127.0.0.1: metrics 0-1, 3",
        "  luminar-2 from 127.0.0.1: nothing",
        "",
        "topic    partitions  records  lag",
        "metrics           2      110   19",
        "",
    ]
    assert lines[7].split() == "capability partition pages rows bytes lowest highest settings".split()  # noqa: SIM905
    assert lines[8].split()[0:2] == ["anomaly", "0"]
    assert lines[-1] == "settings: none put last; in force: v7 in 1 shards"
    plain = msgspec.json.decode(msgspec.json.encode(status.as_plain()))
    assert (plain["lag"], plain["rows"], plain["settings_in_force"]) == ({"metrics": 19}, 30, {"v7": 1})


def test_without_members_or_topics_there_is_a_remedy_at_the_end() -> None:
    status = Status(
        Group("luminar"), problems=["group luminar has no members: nobody works; `luminar worker` starts one"]
    )
    assert status.lines() == ["group luminar: Dead, 0 members", "! " + status.problems[0]]


def test_what_a_service_would_have_been_provided_with_is_told_beside_what_it_was() -> None:
    scaling = next(c for c in capabilities() if c.name == "scaling")
    its = Settings(services={"shop": Service(scaling=Scaling(load="shop/load", capacity=1.0, maximum=20))})
    shard, log = shard_of(scaling.bank, METRICS), list[tuple[int, object]]()
    log.append((0, SettingsChange("v7", its)))
    for second in range(100):
        for name, value in (("load", 10.0), ("replicas", 5.0)):
            log.append((1000 * second + 500, Reading(series=f"shop/{name}", value=value, at_s=float(second))))
    fold_into(shard, METRICS, log)
    state = State()
    take_table(state, dict(shard.snapshot(float("inf"))[0]), (scaling,), 0)
    status = Status(Group("g"), [Lag("m", 0, 0, 1, 1)], state)
    assert status.as_plain()["scaling"]["shop"]["short"] == 0.5
    heads, row = (line for line in status.lines() if line.startswith(("service", "shop")))
    assert row.split() == ["shop", "50.0%", "0.0%", "0.0%", "0.0%", "0.0%", "20.0%"]
    assert "had it reacted: short" in heads
