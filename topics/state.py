"""State: the pages of every shard, the changelog of the one table."""

from __future__ import annotations

from topics import Topic

STATE = Topic("state", (), key="capability/partition/page", compact=True)
