"""What a bank has learned is appended to its log by whoever owns it, once all of the log is folded, and only then."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from streams.bus import Capability
from streams.engine.host import Host
from streams.engine.ticks import append_due
from streams.settings import load
from tests.streams.engine.fragile import FRAGILE, HERE, Fragile, LosingProducer
from topics.control import Lesson, decode_control
from topics.metrics import METRICS


class Learning(Fragile):
    """Has learned something, and says so once."""

    capability = "learning"
    learned: bytes | None = b"what is normal"

    def lesson(self) -> bytes | None:
        """Return it the first time."""
        lesson, self.learned = self.learned, None
        return lesson


LEARNING = Capability("learning", METRICS, Learning, (METRICS,), FRAGILE.verb)


@pytest.mark.parametrize(("is_caught_up", "said"), [(False, []), (True, [Lesson("learning", b"what is normal")])])
async def test_what_was_learned_is_appended_where_all_of_the_log_is_folded(
    is_caught_up: bool, said: list[Lesson]
) -> None:
    host = Host(load(env={"LUMINAR_PARTITIONS": "1"}).process, (FRAGILE, LEARNING))
    producer = LosingProducer(b"never")
    consumer: Any = SimpleNamespace(is_caught_up=lambda tp, offset: is_caught_up)
    app = SimpleNamespace(consumer=consumer, producer=SimpleNamespace(_producer=producer, pages=producer))
    host.attach(app, SimpleNamespace(data=SimpleNamespace(data={})))
    host.load({HERE: (0, 0)})
    for _ in range(2):
        append_due(host, 0.0)
        await host.outbox.settled(host.outbox.ticket())
    assert [decode_control(value or b"") for value in producer.log] == said
    assert all(msgspec.json.encode(one) in producer.log for one in said)
