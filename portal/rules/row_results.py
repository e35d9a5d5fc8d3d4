"""What came of each row of a list that was typed in or uploaded."""

from __future__ import annotations

from enum import StrEnum


class Result(StrEnum):
    """What came of one row."""

    CREATED = "created"
    RENEWED = "renewed"
    """It was there and was never used: it got a new secret."""
    SKIPPED = "skipped"
    """Nothing was to be done; the reason says why."""
    FAILED = "failed"
    """It cannot be done; the reason says what to change."""
