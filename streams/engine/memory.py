"""Memory: what a chunk leaves is kept for the next one."""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MAP_THRESHOLD = -1, -3
KEPT_BYTES, LARGEST_KEPT_BYTES = 128 << 20, 32 << 20


def keep_freed() -> bool:
    """Let the allocator keep up to 128 MiB of what is freed; return whether it can be told so (glibc's can).

    A chunk is some megabytes. By itself glibc gives such a piece back to the kernel, and every chunk's pages are
    cleared and mapped anew: that took longer than all that is done to the records in them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(TRIM_THRESHOLD, KEPT_BYTES) and mallopt(MAP_THRESHOLD, LARGEST_KEPT_BYTES))
