"""A folder of recorded requests, small and made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tests.detectors.security.test_payloads import ATTACKS, HARMLESS

PER_MINUTE = 130


def make_requests(folder: Path) -> Path:
    """Write a few collections and an access log with one client that is over its limit; return the folder."""
    folder.mkdir(parents=True)
    hostile = [
        _row(path, "attack", family=family, source="made") for family, paths in ATTACKS.items() for path in paths
    ]
    harmless = [_row(path, "benign", source="made") for path in HARMLESS]
    unclear = _row("/?q=<script>alert(1)</script>", "unclear", source="rules")
    strict = _row("/?q=a'b", "attack", family="sqli", source="rules", pl=4)
    _write(folder / "wcp_attacks.jsonl", hostile)
    _write(folder / "wcp_benign.jsonl", harmless)
    _write(folder / "crs.jsonl", [hostile[0] | {"pl": 1}, unclear, strict])
    _write(folder / "techtext.jsonl", harmless[:4])
    busy = [{"ts": 1e9 + 0.1 * k, "client": "192.0.2.1", "path": "/", "status": 200} for k in range(PER_MINUTE)]
    calm = [{"ts": 1e9 + 7.0 * k, "client": "192.0.2.2", "path": "/a", "status": 200} for k in range(PER_MINUTE)]
    _write(folder / "sessions_access_normal.jsonl", busy + calm)
    return folder


def _row(path: str, label: str, **more: Any) -> dict[str, Any]:
    before, _, query = path.partition("?")
    headers = {"Host": "shop.example", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    return {"label": label, "path": before, "query": query, "headers": headers, **more}


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")
