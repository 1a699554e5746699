"""The one way in which a format says that it cannot use a record."""

from __future__ import annotations


class Refused(ValueError):
    """A record cannot be translated; the text says to a person what was expected and what came."""
