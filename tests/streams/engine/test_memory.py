"""What is freed is kept."""

import platform
import resource

import numpy as np
import pytest

from streams.engine.memory import keep_freed


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_of_a_chunk_is_not_cleared_anew_for_the_next() -> None:
    """Three pieces of 8 MiB are 6,144 pages; a page that has to be mapped again is a fault."""
    assert keep_freed()
    for _ in range(3):
        take_and_free()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        take_and_free()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 6144


def take_and_free() -> None:
    pieces = [np.ones(8 << 20, np.uint8) for _ in range(3)]
    assert len(pieces) == 3
