"""Versions of a model's reward function: kept, compared, never changed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from portal.rules.broken import Code, RuleBroken
from portal.rules.trainings import own_model
from portal.tables import Model, Racer, RewardFunction

LARGEST_CODE_BYTES = 64 * 1024
CONTEXT_LINES = 3
MOST_PAIRS = 100_000
"""Pairs of lines that a comparison looks at. The search is quadratic and worse, and holds every other request up."""


Step = tuple[str, int, int, int, int]
"""As `difflib` has it: what happens, and from where to where in the older and the newer lines."""


class DiffLine(NamedTuple):
    """One line of a comparison: `kind` is same, added, removed or gap; numbers are of the older and newer version."""

    kind: str
    older: int | None
    newer: int | None
    text: str


def checked_code(code: str) -> str:
    """The code with Unix line ends and one at its end. Raises RuleBroken (invalid, field `code`) where it cannot be.

    Whether it works is for the sandbox to say; this only refuses what can be no reward function.
    """
    clean = code.replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"
    if not clean.strip():
        raise RuleBroken(Code.INVALID, "Please write a reward function, or take one of the examples.", "code")
    if len(clean.encode()) > LARGEST_CODE_BYTES:
        raise RuleBroken(Code.INVALID, f"A reward function has at most {LARGEST_CODE_BYTES // 1024} KiB.", "code")
    if "\0" in clean:
        raise RuleBroken(Code.INVALID, "A reward function may not hold NUL characters.", "code")
    return clean


def first(session: Session, model: Model, *, code: str, now: datetime) -> RewardFunction:
    """Version 1 of a new model's reward function."""
    return _add(session, model, 1, checked_code(code), now)


def save(session: Session, model: Model, *, code: str, by: Racer, now: datetime) -> RewardFunction:
    """A new version of the racer's own model's function; the current one where nothing changed.

    A training in progress goes on with the version that it began with.
    """
    model = own_model(session, model, by)
    clean = checked_code(code)
    newest = current(session, model)
    if newest.code == clean:
        return newest
    return _add(session, model, newest.version + 1, clean, now)


def _add(session: Session, model: Model, version: int, code: str, now: datetime) -> RewardFunction:
    row = RewardFunction(model_id=model.id or 0, version=version, code=code, created_at=now)
    session.add(row)
    session.flush()
    return row


def current(session: Session, model: Model) -> RewardFunction:
    """The newest version, which the next training uses."""
    return versions(session, model)[0]


def versions(session: Session, model: Model) -> list[RewardFunction]:
    """All versions, newest first."""
    query = select(RewardFunction).where(RewardFunction.model_id == model.id)
    return list(session.exec(query.order_by(col(RewardFunction.version).desc())))


def get(session: Session, model: Model, version: int) -> RewardFunction:
    """One version. Raises RuleBroken (missing)."""
    for row in versions(session, model):
        if row.version == version:
            return row
    raise RuleBroken(Code.MISSING, f"This model has no version {version} of its reward function.")


def of_run(session: Session, reward_function_id: int) -> RewardFunction:
    """The version that a training began with."""
    return session.get_one(RewardFunction, reward_function_id)


def compare(older: str, newer: str) -> list[DiffLine]:
    """What changed from one text to another, with a few equal lines around each change; empty where nothing did.

    Where too much changed to be searched for what stayed, all of it counts as changed.
    """
    before, after = older.splitlines(), newer.splitlines()
    start, groups = _changes(before, after)
    lines: list[DiffLine] = []
    for group in groups:
        if lines or start + group[0][1] > 0:
            lines.append(DiffLine("gap", None, None, ""))
        for tag, *places in group:
            lines.extend(_lines(before, after, tag, *(place + start for place in places)))
    return lines


def _changes(before: list[str], after: list[str]) -> tuple[int, list[list[Step]]]:
    """Steps in groups, and the line from which both count: what is equal at both ends needs no search."""
    shorter = min(len(before), len(after))
    head = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if before[-1 - at] != after[-1 - at]), rest)
    start, spare = max(0, head - CONTEXT_LINES), max(0, tail - CONTEXT_LINES)
    a, b = before[start : len(before) - spare], after[start : len(after) - spare]
    if len(a) * len(b) <= MOST_PAIRS:
        return start, list(difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(CONTEXT_LINES))
    same, below = head - start, tail - spare
    a_end, b_end = len(a) - below, len(b) - below
    steps = [
        ("equal", 0, same, 0, same),
        ("replace", same, a_end, same, b_end),
        ("equal", a_end, len(a), b_end, len(b)),
    ]
    return start, [steps] if a != b else []


def _lines(before: list[str], after: list[str], tag: str, a: int, a_end: int, b: int, b_end: int) -> Iterator[DiffLine]:
    if tag == "equal":
        for offset, text in enumerate(before[a:a_end]):
            yield DiffLine("same", a + offset + 1, b + offset + 1, text)
        return
    for offset, text in enumerate(before[a:a_end]):
        yield DiffLine("removed", a + offset + 1, None, text)
    for offset, text in enumerate(after[b:b_end]):
        yield DiffLine("added", None, b + offset + 1, text)
