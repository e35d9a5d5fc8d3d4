"""Two transactions at once: the second begins when the first has done everything but commit.

A rule that checks and then writes shows here whether it holds what it checked. Where it does not, the second sees the
state before the first, finds everything in order, and writes too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from portal.database import write_session
from portal.rules.broken import RuleBroken

LOOK_S = 0.15
"""How long the first waits for the second: until it is done or is held up."""
PATIENCE_S = 20.0

Step = Callable[[Session], Any]


def overlap(engine: Engine, first: Step, second: Step) -> tuple[Any, Any]:
    """What either gave back: its result, or the RuleBroken that refused it. Any other error is raised."""
    found: list[Any] = []

    def follow() -> None:
        try:
            found.append(attempt(engine, second))
        except Exception as error:  # raised again in the thread of the test
            found.append(error)

    thread = threading.Thread(target=follow, daemon=True)
    try:
        with write_session(engine) as session:
            before = first(session)
            session.flush()
            thread.start()
            thread.join(LOOK_S)
    except RuleBroken as refusal:
        raise AssertionError(f"the first was refused: {refusal.message}") from refusal
    thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the second waits for ever"
    after = found[0]
    if isinstance(after, Exception) and not isinstance(after, RuleBroken):
        raise after
    return before, after


def attempt(engine: Engine, step: Step) -> Any:
    """The result of one transaction, or the RuleBroken that refused it."""
    try:
        with write_session(engine) as session:
            return step(session)
    except RuleBroken as refusal:
        return refusal
