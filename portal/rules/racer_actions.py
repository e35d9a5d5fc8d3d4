"""One thing done to several racers: each action by its rule for many, under one name, so that it can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from portal.rules import limits, model_clearing, quotas, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.rules.outcome import Outcome
from portal.rules.quotas import Quotas
from portal.tables import Racer

SWITCHED_OFF = "Multi-user mode is switched off, so nobody is sponsored now. Enable it on the setup page first."


class Action(StrEnum):
    """What an administrator does to racers; the word is the last part of the address."""

    QUOTA = "quota"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    SPONSOR = "sponsor"
    DELETE_MODELS = "delete-models"


def do(
    session: Session,
    action: Action,
    people: Sequence[Racer],
    *,
    by: Racer,
    now: datetime,
    batch: str,
    reason: str = "",
    wanted: Quotas | None = None,
) -> Outcome:
    """Does it to each of them; idempotent. `wanted` is for QUOTA. Raises RuleBroken as the action's rule does."""
    require_on(session)
    if action is Action.QUOTA:
        return quotas.set_all(session, people, wanted or Quotas(), by=by, now=now, reason=reason, batch=batch)
    if action is Action.DELETE_MODELS:
        return model_clearing.delete_all(session, people, by=by, now=now, reason=reason, batch=batch)
    return sponsorship.change_all(session, people, action.value, by=by, now=now, reason=reason, batch=batch)


def require_on(session: Session) -> None:
    """Raises RuleBroken (conflict) while multi-user mode is off: nobody is sponsored then."""
    if not limits.current(session).multi_user_enabled:
        raise RuleBroken(Code.CONFLICT, SWITCHED_OFF)
