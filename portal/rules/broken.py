"""How a rule says no."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """Why a rule refuses; the web shows each as one HTTP status."""

    MISSING = "missing"
    """Not there, or not for these eyes: 404."""
    FORBIDDEN = "forbidden"
    """There, but not allowed: 403."""
    CONFLICT = "conflict"
    """Not now: 409."""
    INVALID = "invalid"
    """A field is wrong: 422."""


class RuleBroken(Exception):
    """A rule refuses. The message is for the person who asked and says the mend; `field` names a form field.

    `ask_for` is the kind of request (`portal.tables.RequestKind`) that would mend it, where there is one.
    """

    def __init__(self, code: Code, message: str, field: str | None = None, *, ask_for: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.ask_for = ask_for
