"""Extra: bytes that texts stand in beside a chunk's own."""

from __future__ import annotations

import numpy as np

from detectors.columns import Bytes


class Extra:
    """What the judge decoded, and what absent texts mean."""

    def __init__(self, start: int) -> None:
        self._pieces: list[bytes] = []
        self._end = start

    def put(self, raw: bytes) -> int:
        """Take bytes; return where they will stand."""
        self._pieces.append(raw)
        self._end += len(raw)
        return self._end - len(raw)

    def after(self, buf: Bytes) -> Bytes:
        """Return the bytes behind a chunk's own; read-only as those: to numba a writable array is another type.

        It would compile every kernel once more, at this chunk.
        """
        return np.frombuffer(buf.tobytes() + b"".join(self._pieces), np.uint8) if self._pieces else buf
