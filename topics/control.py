"""Control records: the passing of time, settings and people's feedback, in the log of whatever they concern."""

from __future__ import annotations

from typing import Literal

import msgspec

from topics.settings import Settings

EVERYBODY = "*"


class Tick(msgspec.Struct, frozen=True, gc=False, tag_field="control", tag="tick"):
    """Time passed in a partition that was silent; when, is the record's append time."""


class SettingsChange(msgspec.Struct, frozen=True, gc=False, tag_field="control", tag="settings"):
    """From the next record on, these settings are in force; equal versions mean equal settings."""

    version: str
    settings: Settings


class Feedback(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="control", tag="feedback"):
    """What a person says about a conclusion.

    verdict        "false alarm", "confirmed", "expected", or "lift" (end this client's block; with "*": every block)
    subject        the series, service, client or incident it is about; author: who says it
    until_s        of "expected": until when, by the log's clock
    kind           the kind of anomaly ("level", "missing", …); all of the series where it is empty
    """

    verdict: Literal["false alarm", "confirmed", "expected", "lift"]
    subject: str
    author: str = ""
    until_s: float | None = None
    kind: str = ""


Control = Tick | SettingsChange | Feedback
decode_control = msgspec.json.Decoder(Control).decode
