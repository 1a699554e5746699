"""Warming: when the worker joins the group, no kernel is left to be compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc
from itertools import product
import msgspec
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from numba.core.registry import CPUDispatcher
from detectors.names import Names
from detectors.rows import RowBank
from streams.bus import capabilities
from streams.engine.chunks import split
from streams.engine.columns import Decoder
from streams.kernels import compile_all
from tests.fakes import fold_into, shard_of, value_of
from tests.test_scenarios import STORIES, read

def compiled():
    return {
        (kernel.py_func.__qualname__, str(signature)) for kernel in gc.get_objects()
        if isinstance(kernel, CPUDispatcher) for signature in kernel.signatures
    }

def batch(log, base, codec):
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, 0, 0, 1 << 24)
    for i, (time_ms, entry) in enumerate(log):
        builder.append(i, time_ms, None, value_of(entry), [])
    return base.to_bytes(8, "big") + bytes(builder.build())[8:]

def with_origin(i, raw):
    fields = msgspec.json.decode(raw) if (raw or b"").startswith(b"{") else None
    if not isinstance(fields, dict) or "control" in fields or fields.get("origin"):
        return raw
    origin = {"capability": "ingest", "topic": "t", "partition": 1, "offset": i, "subject": (1, "it")}
    return msgspec.json.encode(fields | {"origin": origin})

def fold_fetched(capability, settings, log, codec, size):
    shard, decoder = shard_of(capability.bank, capability.topic, settings), Decoder(capability.topic)
    batches = [batch(log[at : at + size], at, codec) for at in range(0, len(log), size)]
    for fetched in (batches[:1], batches[1:]):
        chunk = split(capability.topic.name, 0, b"".join(fetched), shard.next)
        shard.fold(decoder.columns(chunk), 0, len(chunk), chunk.next)

compile_all(capabilities())
before = compiled()
for story in STORIES:
    capability, settings, log = read(story)
    for room in (4096, 1):
        shard = shard_of(capability.bank, capability.topic, settings)
        if isinstance(shard.bank, RowBank):
            shard.bank.rows_per_page = min(room, shard.bank.rows_per_page)
        fold_into(shard, capability.topic, log)
        shard_of(capability.bank, capability.topic, settings).load(dict(shard.snapshot(float("inf"))[0]))
    derived = [(time_ms, with_origin(i, value_of(entry))) for i, (time_ms, entry) in enumerate(log)]
    for told, codec, size in product((log, derived), range(5), (1, 7, len(log))):
        fold_fetched(capability, settings, told, codec, size)
Names().add_many([b"%d" % k for k in range(5000)], range(5000))
assert {"judge_rows", "find_rows"} < {name for name, _ in before}
assert compiled() == before, [name for name, _ in compiled() - before]
"""


def test_no_kernel_is_compiled_once_the_worker_is_warm() -> None:
    """Whatever a fetch holds: of any codec, in one batch or in many, with origins or without.

    Told in a process of its own: what other tests have compiled would hide what warming leaves out. A signature counts
    whether it is compiled or loaded, so what is on disk hides nothing.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
