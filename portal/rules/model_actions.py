"""One thing done to several models: to each by the rule for one, and a report of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from portal.rules import model_deletion, models
from portal.rules.broken import RuleBroken
from portal.tables import Model, Racer


@dataclass(slots=True)
class Outcome:
    """Which models were changed, for which it was so already, and which could not be changed and why."""

    changed: list[Model] = field(default_factory=list)
    same: list[Model] = field(default_factory=list)
    refused: list[tuple[Model, str]] = field(default_factory=list)


def delete(session: Session, chosen: Sequence[Model], *, by: Racer, now: datetime, reason: str = "") -> Outcome:
    """Deletes each so that it can be brought back."""
    return _each(chosen, lambda model: model_deletion.delete(session, model, by=by, now=now, reason=reason))


def restore(session: Session, chosen: Sequence[Model], *, by: Racer, now: datetime, reason: str = "") -> Outcome:
    """Brings each deleted one back."""
    return _each(chosen, lambda model: models.bring_back(session, model, by=by, now=now, reason=reason))


def delete_for_good(
    session: Session, chosen: Sequence[Model], *, by: Racer, now: datetime, reason: str = ""
) -> Outcome:
    """Deletes each for good, deleted before or not."""

    def change(model: Model) -> bool:
        model_deletion.delete(session, model, by=by, now=now, reason=reason)
        return model_deletion.for_good(session, model, by=by, now=now, reason=reason)

    return _each(chosen, change)


def _each(chosen: Sequence[Model], change: Callable[[Model], bool]) -> Outcome:
    """One refusal does not hold up the others; what is done first is done in the order of the rows."""
    outcome = Outcome()
    for model in sorted(chosen, key=lambda model: model.id or 0):
        try:
            (outcome.changed if change(model) else outcome.same).append(model)
        except RuleBroken as refusal:
            outcome.refused.append((model, refusal.message))
    return outcome
