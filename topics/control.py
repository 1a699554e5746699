"""Control records: the passing of time, settings, people's feedback and lessons, in the log of what they concern."""

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


class Lesson(msgspec.Struct, frozen=True, gc=False, tag_field="control", tag="lesson"):
    """From the next record on, this is what a capability has learned of what is normal: all of it, in its own form."""

    capability: str
    content: bytes


Control = Tick | SettingsChange | Feedback | Lesson
decode_control = msgspec.json.Decoder(Control).decode
