"""Warming: when the worker joins the group, no kernel is left to be compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc
from numba.core.registry import CPUDispatcher
from detectors.names import Names
from detectors.rows import RowBank
from streams.bus import capabilities
from streams.kernels import compile_all
from tests.fakes import fold_into, shard_of
from tests.test_scenarios import STORIES, read

def compiled():
    return {
        (kernel.py_func.__qualname__, str(signature)) for kernel in gc.get_objects()
        if isinstance(kernel, CPUDispatcher) for signature in kernel.signatures
    }

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
Names().add_many([b"%d" % k for k in range(5000)], range(5000))
assert {"judge_rows", "find_rows"} < {name for name, _ in before}
assert compiled() == before, [name for name, _ in compiled() - before]
"""


def test_no_kernel_is_compiled_once_the_worker_is_warm() -> None:
    """Told in a process of its own: what other tests have compiled would hide what warming leaves out."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
