"""What an organizer and racers may say about a LIVE race."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from portal.forms.parsing import SubmittedForm
from portal.rules.live_races import LONGEST_LIMIT_S, SHORTEST_LIMIT_S, SPEEDS_PERCENT


def _seconds(text: object) -> object:
    digits = str(text).strip()
    seconds = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else 0
    if not SHORTEST_LIMIT_S <= seconds <= LONGEST_LIMIT_S:
        raise ValueError(f"Write {SHORTEST_LIMIT_S} to {LONGEST_LIMIT_S} seconds.")
    return seconds


def _speed(text: object) -> object:
    if str(text) not in {str(percent) for percent in SPEEDS_PERCENT}:
        raise ValueError("Choose one of the speeds.")
    return int(str(text))


class LiveRaceForm(SubmittedForm):
    """How long each car drives."""

    limit_s: Annotated[int, BeforeValidator(_seconds)]


class RunForm(SubmittedForm):
    """Which car."""

    run: str = Field(min_length=1, max_length=64)


class MoveForm(RunForm):
    """Which car, and where to."""

    to: Literal["up", "down", "first"]


class OrderForm(SubmittedForm):
    """The whole queue in its new order."""

    order: list[str] = Field(default_factory=list, max_length=10_000)


class SpeedForm(SubmittedForm):
    """Per cent of the real speed."""

    speed: Annotated[int, BeforeValidator(_speed)]


class SwitchForm(SubmittedForm):
    """On or off."""

    on: Literal["0", "1"]
