"""What Luminar itself has to do: what comes, and a share of what waits; of partitions that were held all the time."""

from __future__ import annotations

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.workload import DRAINED_S, Progress, is_wanted, work_of
from topics.settings import Scaling, Service, Settings, SettingsRecord

Places = st.integers(0, 10_000)
A, B = TP("metrics", 0), TP("metrics", 1)


@given(end=Places, come=Places, done=Places, seconds=st.floats(0.1, 10))
def test_who_keeps_up_is_asked_for_what_comes_and_who_lags_for_more(
    end: int, come: int, done: int, seconds: float
) -> None:
    following = end + min(done, come)
    work = work_of({A: Progress(end, end)}, {A: Progress(end + come, following)}, seconds)
    assert work.done == min(done, come)
    assert work.asked == come + (end + come - following) * seconds / DRAINED_S


def test_a_partition_that_came_or_went_counts_from_the_next_look_on() -> None:
    assert work_of({A: Progress(5, 0)}, {B: Progress(900, 0)}, 1.0) == (0, 0)


def test_it_is_told_only_where_the_settings_scale_luminar() -> None:
    scaled = Settings(services={"luminar": Service(scaling=Scaling(load="luminar/work"))})
    told = [None, Settings(), Settings(services={"luminar": Service()}), scaled]
    records = [None if one is None else SettingsRecord(version="v", settings=one) for one in told]
    assert [is_wanted(record) for record in records] == [False, False, False, True]
