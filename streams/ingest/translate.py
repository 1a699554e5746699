"""Translation: the agent of every source. Records of a foreign topic come, ours go out; there is no state."""

from __future__ import annotations

import logging
import traceback

import msgspec
from faust.types import TP

from streams import meters
from streams.engine.chunks import Chunk
from streams.engine.host import Host
from streams.engine.letters import Letter
from streams.engine.origins import LARGEST_FORWARDED
from streams.engine.transport import give_turn
from streams.ingest import FORMATS, Refused, home_of
from topics import Derived, Origin, Topic
from topics.settings import Source

log = logging.getLogger(__name__)

TURN = 256
"""Records translated without giving the loop a turn."""


async def translate(host: Host, source: Source, chunk: Chunk) -> None:
    """Translate a chunk; what cannot be goes to the dead letters. Said again, a chunk has the same origins."""
    tp = TP(chunk.topic, chunk.partition)
    if chunk.next <= host.stateless.get(tp, 0) or await host.misses_before(tp, chunk.start):
        return
    host.refuse_batches(tp, chunk, host.stateless.get(tp, 0))
    for i in range(len(chunk)):
        try:
            translate_one(host, source, chunk, i)
        except Exception as why:  # noqa: BLE001 a bug of ours at one record must not end one worker after the other
            _isolate(host, source, chunk, i, why)
        if i % TURN == TURN - 1:
            await host.outbox.has_room()
            await give_turn()
    host.stateless[tp] = chunk.next
    meters.records.labels("ingest").inc(len(chunk))


def _isolate(host: Host, source: Source, chunk: Chunk, i: int, why: Exception) -> None:
    """Keep a record at which our own code failed in the dead letters, with the traceback."""
    meters.faults.labels("ingest").inc()
    log.error("ingest failed in %s[%d]@%d", chunk.topic, chunk.partition, int(chunk.offset[i]), exc_info=why)
    reason = "".join(traceback.format_exception(why))[-4000:]
    host.refuse(TP(chunk.topic, chunk.partition), chunk, Letter(i, reason, f"ingest/{source.format}"))


def translate_one(host: Host, source: Source, chunk: Chunk, i: int) -> None:
    """Translate one record, and give each of the results its origin."""
    raw, tp = chunk.value(i), TP(chunk.topic, chunk.partition)
    try:
        if raw is None:
            raise Refused("no value: a tombstone means nothing here")
        records = FORMATS[source.format](raw, chunk.key(i), source)
    except Refused as why:
        host.refuse(tp, chunk, Letter(i, str(why), f"ingest/{source.format}"))
        return
    by_subject: dict[tuple[str, str], tuple[Topic, Derived]] = {}
    for record in records:
        topic = home_of(record)
        by_subject[topic.name, record.subject()] = (topic, record)
    for (_, what), (topic, said) in sorted(by_subject.items()):
        origin = Origin("ingest", chunk.topic, chunk.partition, int(chunk.offset[i]), (1, what))
        ours = msgspec.structs.replace(said, origin=origin)
        # Escapes make a text up to six times as long; what Kafka would refuse must not stop the worker.
        if len(raw) > LARGEST_FORWARDED // 10 and (size := len(msgspec.json.encode(ours))) > LARGEST_FORWARDED:
            reason = f"as a record of ours it has {size} bytes, at most {LARGEST_FORWARDED} are allowed"
            host.refuse(tp, chunk, Letter(i, reason, f"ingest/{source.format}"))
            continue
        host.publish_translated(topic, ours)
