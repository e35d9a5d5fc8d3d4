"""Long lists in parts: a database takes a limited number of values in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
MOST_AT_ONCE = 1000


def slices(items: Sequence[Item], most: int = MOST_AT_ONCE) -> Iterator[Sequence[Item]]:
    """The items in order, at most `most` at a time."""
    for first in range(0, len(items), most):
        yield items[first : first + most]
