"""The worker follows what the settings topic says last, whoever wrote to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import streams.worker
from streams.engine.host import Host
from streams.reader import Message
from streams.settings import load
from topics.settings import Settings, SettingsRecord


def test_a_topic_has_one_agent_for_all_that_read_it() -> None:
    """What an agent costs for a chunk is as much as a small chunk's fold."""
    app = streams.worker.build(load(env={}))
    read = {capability.topic.name for capability in app.host.capabilities}
    assert len(read) < len(app.host.capabilities)
    assert set(app.agents) == read
    for capability in app.host.capabilities:
        assert capability.help in str(app.agents[capability.topic.name].help)


def test_settings_that_were_replaced_are_told_nobody_and_broken_ones_end_no_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log of the settings holds old ones until it is compacted; and whoever may write to it may write anything."""
    said: list[Any] = []
    values = [
        msgspec.json.encode(SettingsRecord(version=name, settings=Settings())) for name in ("old", "new", "newest")
    ]
    log = [Message("settings", 0, i, 0, None, value) for i, value in enumerate([values[0], values[1], b"{", values[2]])]

    async def read_settings(process: Any, topic: Any, *, since: Any = None, until: Any) -> AsyncIterator[Message]:
        for message in log[since[0] if since else 0 : until[0] if until else None]:
            said.append(host.desired.version if host.desired else None)
            yield message

    async def bounds_of(process: Any, topic: Any) -> dict[int, tuple[int, int]]:
        return {0: (0, 2)}

    host = Host(load(env={}).process, ())
    monkeypatch.setattr(streams.worker, "read", read_settings)
    monkeypatch.setattr(streams.worker, "bounds", bounds_of)
    asyncio.run(streams.worker.follow_settings(host, host.process))
    assert said == [None, None, "new", "new"]
    assert host.desired is not None
    assert host.desired.version == "newest"
