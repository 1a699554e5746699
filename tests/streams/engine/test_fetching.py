"""How often a worker asks for more: at once after silence and in bulk, with a rest where little comes often."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer import fetcher as stock
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.logs import Records, batched
from streams.engine import fetching

NODE = 1


def asked(brought: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Ask again and again; each time partitions answer with so many records. Return before which of them it rested."""
    rested: list[bool] = []
    fetcher: Any = fetching.Fetcher.__new__(fetching.Fetcher)
    fetcher._asked_s, fetcher._brought_little, fetcher._records = {}, set(), {}

    async def sleep(rest_s: float) -> None:
        assert rest_s >= 0
        rested[-1] = True

    async def answer(self: Any, assignment: Any, node_id: int, request: Any) -> bool:
        sizes = request
        raws = [fetching.ChunkRecords(None, one_by_one(size), (), 0, False, False) for size in sizes]
        self._records = {i: SimpleNamespace(_partition_records=raw) for i, raw in enumerate(raws)}
        return bool(sizes)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(stock.Fetcher, "_proc_fetch_request", answer)

    async def go() -> None:
        for sizes in brought:
            rested.append(False)
            assert await fetcher._proc_fetch_request(None, NODE, sizes) == bool(sizes)

    asyncio.run(go())
    return rested


def one_by_one(n: int) -> bytes:
    """Return n records as they come in batches of their own."""
    return b"".join(batched(Records.of([(b"shop", b"%d" % i, i)], 1))[0].raw for i in range(n))


def test_little_that_comes_often_is_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked([[1], [10, 12], [9]], monkeypatch) == [False, True, True]


def test_what_comes_after_silence_is_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked([[10], [], [10]], monkeypatch) == [False, True, False]


def test_in_bulk_there_is_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked([[100, 100], [100, 1], [100]], monkeypatch) == [False, False, False]


def test_few_bytes_may_hold_many_records_and_odd_ones_are_no_reason_to_fall_over() -> None:
    (packed,) = batched(Records.of([(b"shop", b"1", i) for i in range(fetching.LITTLE)], 1))
    assert not fetching.is_little(packed.raw)
    assert fetching.is_little(packed.raw[:60])
    assert not fetching.is_little(bytes(1 << 14))


@given(st.floats(0, 10), st.floats(0, 10))
def test_the_rest_grows_with_the_work_and_ends(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert 0 <= fetching.rest_s(less) <= fetching.rest_s(more) <= fetching.LONGEST_REST_S
