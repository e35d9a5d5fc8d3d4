"""What a racer may call a car or a model."""

from __future__ import annotations

import unicodedata

from portal.rules.broken import Code, RuleBroken

LONGEST_NAME = 64


def checked(name: str) -> str:
    """The name with single spaces. Raises RuleBroken (invalid, field `name`) for an empty, long or unprintable one.

    Control and formatting characters are refused: they make two names look alike or turn the text around.
    """
    clean = " ".join(name.split())
    if not clean:
        raise RuleBroken(Code.INVALID, "Please give it a name.", "name")
    if len(clean) > LONGEST_NAME:
        raise RuleBroken(Code.INVALID, f"A name has at most {LONGEST_NAME} characters; this has {len(clean)}.", "name")
    if any(unicodedata.category(character).startswith("C") for character in clean):
        raise RuleBroken(Code.INVALID, "A name may not hold invisible characters.", "name")
    return clean


def is_taken(name: str, taken: set[str]) -> bool:
    """True where one of the names differs in case only, or not at all."""
    return name.casefold() in {other.casefold() for other in taken}


def free(name: str, taken: set[str], noun: str) -> str:
    """The checked name. Raises RuleBroken (invalid, field `name`) where another of the racer's things has it."""
    clean = checked(name)
    if is_taken(clean, taken):
        raise RuleBroken(Code.INVALID, f"You have a {noun} called {clean} already. Choose another name.", "name")
    return clean


def copied(name: str, taken: set[str]) -> str:
    """A free name for a copy: "Bolt 2" of "Bolt", "Bolt 3" where that is taken."""
    stem, _, number = name.rpartition(" ")
    base, first = (stem, int(number) + 1) if stem and number.isdecimal() and len(number) < 4 else (name, 2)
    numbers = range(first, first + len(taken) + 2)
    lower = {other.casefold() for other in taken}
    candidates = (f"{base[: LONGEST_NAME - 5]} {count}" for count in numbers)
    return next(candidate for candidate in candidates if candidate.casefold() not in lower)
