"""The layout of every bank's saved pages, by version: what is saved must not change while the version stays.

`python -m tests.recorded.layouts` writes the file anew, and refuses where a layout changed under the same version.
Raise the bank's `version` then; pages of the old one are learned again, or migrated where it names an exact migration.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detectors.bank import Bank
from detectors.joint import JOINT
from detectors.joint_book import SavedBook
from detectors.ledger import Ledger
from detectors.patterns import SavedPatterns
from detectors.patterns_series import SERIES
from detectors.patterns_services import SERVICE
from detectors.rows import RowBank, SavedRows
from detectors.security.habits import Usual
from streams.bus import capabilities

FILE = Path(__file__).with_name("layouts.json")
BESIDE: dict[str, tuple[Any, ...]] = {
    "anomaly": (SavedBook, JOINT, SavedPatterns, SERIES, SERVICE),
    "security": (Usual,),
}
"""What banks save beside their rows: structs, and the dtypes of what is bytes in them."""


def layout_of(bank: type[Bank]) -> str:
    """Return the name of a bank's layout: twelve digits of the hash of its rows' or its entries' fields and types."""
    parts: list[Any] = []
    if issubclass(bank, RowBank):
        parts = [bank.dtype, SavedRows]
    if issubclass(bank, Ledger):
        parts = [bank.entry]
    assert parts, f"how {bank.__name__} saves its pages is not known here"
    plain = [_plain(part) for part in (*parts, *BESIDE.get(bank.capability, ()))]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _plain(part: Any) -> Any:
    return str(part.descr) if isinstance(part, np.dtype) else _without_words(msgspec.json.schema(part))


def _without_words(schema: Any) -> Any:
    """Leave out what only tells people about a type."""
    if isinstance(schema, dict):
        return {name: _without_words(one) for name, one in schema.items() if name not in ("description", "title")}
    return [_without_words(one) for one in schema] if isinstance(schema, list | tuple) else schema


def layouts() -> dict[str, dict[str, Any]]:
    """Return version and layout of every bank."""
    banks = {capability.name: capability.bank for capability in capabilities()}
    return {name: {"version": bank.version, "layout": layout_of(bank)} for name, bank in banks.items()}


def recorded() -> dict[str, dict[str, Any]]:
    """Return what was recorded last."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found


def changed() -> list[str]:
    """Return the capabilities whose layout changed while their version stayed."""
    before, now = recorded(), layouts()
    return [
        name
        for name, one in now.items()
        if name in before and one["version"] == before[name]["version"] and one["layout"] != before[name]["layout"]
    ]


def main() -> None:
    """Write the file, where no version is to be raised first."""
    if names := changed():
        raise SystemExit(f"what {', '.join(names)} saves has another layout under the same version: raise it first")
    FILE.write_text(json.dumps(layouts(), indent=2) + "\n")


if __name__ == "__main__":
    main()
