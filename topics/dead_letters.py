"""Dead letters: records that could not be used, as they came, with the reason."""

from __future__ import annotations

from topics import Topic

DEAD_LETTERS = Topic("dead-letters", (), key="original key", keep_days=30)
HEADERS = ("topic", "partition", "offset", "reason", "stage")
