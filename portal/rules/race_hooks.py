"""Web hooks of a race: its organizers say where its events are posted; each is signed with that address's secret.

Events are written in the transaction of what they tell of: a result in that of the worker that finishes it, what the
clock brings (open, frozen, closed) in a round of maintenance. Nothing is told that the public does not see yet.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, or_, select

from portal.rules import alert_receivers, audit, deliveries, publishing, races, standings
from portal.rules.broken import Code, RuleBroken
from portal.rules.ranking import rank
from portal.tables import Evaluation, JobState, Race, RaceFreeze, RaceHook, Racer, Submission, WebhookDelivery

MOST = 5
SHOWN = 10
OPEN, RANKED, LEAD, FROZEN, CLOSED = (f"race.{verb}" for verb in ("open", "ranked", "lead", "frozen", "closed"))


def of(session: Session, race: Race) -> list[RaceHook]:
    """The addresses that events go to."""
    query = select(RaceHook).where(RaceHook.race_id == race.id, col(RaceHook.removed_at).is_(None))
    return list(session.exec(query.order_by(col(RaceHook.id))))


def log_of(session: Session, hook: RaceHook) -> list[WebhookDelivery]:
    """The newest deliveries to an address, with what became of them."""
    query = select(WebhookDelivery).where(WebhookDelivery.race_hook_id == hook.id)
    return list(session.exec(query.order_by(col(WebhookDelivery.id).desc()).limit(SHOWN)))


def add(session: Session, race: Race, url: str, *, by: Racer, now: datetime) -> RaceHook:
    """Adds an address with a secret of its own. What the clock has brought already is not told after the fact.

    Raises RuleBroken: forbidden, invalid (no http or https address, or enough of them).
    """
    race = races.hold_own(session, race, by)
    url = url.strip()
    if not url:
        raise RuleBroken(Code.INVALID, "Give a whole address that begins with https:// or http://.", "webhook_url")
    alert_receivers.check_url(url)
    if len(of(session, race)) >= MOST:
        raise RuleBroken(Code.INVALID, f"A race has {MOST} web hooks at most. Remove one first.", "webhook_url")
    freeze = publishing.freeze_of(session, race)
    hook = RaceHook(
        race_id=race.id or 0,
        url=url,
        secret=secrets.token_hex(24),
        created_at=now,
        opened_at=now if race.opens_at <= now else None,
        closed_at=now if race.closes_at <= now else None,
        frozen_at=now if publishing.is_frozen(freeze, now) else None,
    )
    session.add(hook)
    session.flush()
    audit.record(session, "race.web-hook.add", races.subject(race), by=by, now=now, after={"url": url})
    return hook


def remove(session: Session, race: Race, public_id: str, *, by: Racer, now: datetime) -> bool:
    """Ends an address: what waits for it is given up. False: it was removed before. Raises RuleBroken."""
    race = races.hold_own(session, race, by)
    mine = (RaceHook.race_id == race.id, RaceHook.public_id == public_id)
    hook = session.exec(select(RaceHook).where(*mine)).first()
    if hook is None:
        raise RuleBroken(Code.MISSING, "There is no such web hook.")
    if hook.removed_at is not None:
        return False
    hook.removed_at = now
    session.add(hook)
    session.flush()
    audit.record(session, "race.web-hook.remove", races.subject(race), by=by, now=now, after={"url": hook.url})
    return True


def result_came(session: Session, evaluation: Evaluation, *, now: datetime) -> int:
    """Tells that a submission was ranked, and that the lead has changed by it; returns how many deliveries.

    Nothing while the standings are frozen, for a re-run, and where nobody listens.
    """
    submission = session.exec(select(Submission).where(Submission.evaluation_id == evaluation.id)).first()
    race = session.get(Race, evaluation.race_id) if evaluation.race_id else None
    if submission is None or race is None or evaluation.state != JobState.COMPLETED:
        return 0
    hooks = of(session, race)
    if not hooks or not publishing.is_published(session, evaluation):
        return 0
    board = standings.for_race(session, race)
    row = next((row for row in board.rows if row.racer.id == submission.racer_id), None)
    if row is None:
        return 0
    ranked = {
        "racer": row.racer.alias,
        "submission": submission.public_id,
        "place": row.standing.place,
        "counts": row.standing.submission == submission.public_id,
        "result_ms": row.standing.result_ms,
        "total_ms": evaluation.total_ms,
        "best_lap_ms": evaluation.best_lap_ms,
    }
    told = _tell(session, race, hooks, RANKED, ranked, now)
    before = _leader_without(session, race, submission)
    leader = board.rows[0].racer
    if leader.id != before:
        earlier = session.get(Racer, before) if before is not None else None
        lead = {
            "racer": leader.alias,
            "result_ms": board.rows[0].standing.result_ms,
            "before": earlier.alias if earlier else None,
        }
        told += _tell(session, race, hooks, LEAD, lead, now)
    return told


def _leader_without(session: Session, race: Race, submission: Submission) -> int | None:
    """Who led before this submission had its result; None where nobody did."""
    entries = standings.entries_of(session, race, whole=False)
    older = [entry for entry in entries if entry.submission != submission.public_id]
    rows = rank(older, ranking=race.ranking, minimum_laps=race.minimum_laps, counts=race.counts)
    return int(str(rows[0].racer)) if rows else None


def by_clock(session: Session, *, now: datetime) -> int:
    """Tells of races that have opened, frozen or closed since the last round, once; returns how many deliveries."""
    untold = or_(
        col(RaceHook.opened_at).is_(None) & (col(Race.opens_at) <= now),
        col(RaceHook.closed_at).is_(None) & (col(Race.closes_at) <= now),
        col(RaceHook.frozen_at).is_(None) & (col(RaceFreeze.freezes_at) <= now) & col(RaceFreeze.ended_at).is_(None),
    )
    query = (
        select(RaceHook, Race)
        .join(Race, col(Race.id) == col(RaceHook.race_id))
        .join(RaceFreeze, col(RaceFreeze.race_id) == col(Race.id), isouter=True)
        .where(col(RaceHook.removed_at).is_(None), col(Race.deleted_at).is_(None), untold)
    )
    told = 0
    for hook, race in session.exec(query.order_by(col(RaceHook.id)).with_for_update(of=RaceHook)).all():
        freeze = publishing.freeze_of(session, race)
        if hook.opened_at is None and race.opens_at <= now:
            hook.opened_at = now
            told += _tell(session, race, [hook], OPEN, {"closes_at": race.closes_at.isoformat()}, now)
        if hook.frozen_at is None and publishing.is_frozen(freeze, now) and race.closes_at > now:
            hook.frozen_at = now
            told += _tell(session, race, [hook], FROZEN, {"closes_at": race.closes_at.isoformat()}, now)
        if hook.closed_at is None and race.closes_at <= now:
            hook.closed_at = hook.frozen_at = now
            told += _tell(session, race, [hook], CLOSED, _standings(session, race), now)
        session.add(hook)
    session.flush()
    return told


def _standings(session: Session, race: Race) -> dict[str, Any]:
    """The first ten as the public sees them."""
    rows = standings.for_race(session, race).rows[:10]
    first = [
        {"place": row.standing.place, "racer": row.racer.alias, "result_ms": row.standing.result_ms} for row in rows
    ]
    return {"standings": first}


def _tell(session: Session, race: Race, hooks: list[RaceHook], event: str, facts: dict[str, Any], now: datetime) -> int:
    body = {"race": race.public_id, "name": race.name} | facts
    for hook in hooks:
        deliveries.webhook(session, hook.url, event, body, now=now).race_hook_id = hook.id
    session.flush()
    return len(hooks)
