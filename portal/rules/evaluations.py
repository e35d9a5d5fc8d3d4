"""Evaluations: a model's weights drive a track, for the racer or for a race."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from portal.rules import audit, budgets, ledger, model_use, outbox, queueing, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.rules.trainings import SEEDS, own_model, weights_of
from portal.tables import Account, Evaluation, JobKind, Lap, Model, Race, Racer

RESERVED_MS = 60_000
"""An evaluation takes seconds; this much is held for it and at most charged."""


def request(
    session: Session,
    model: Model,
    *,
    by: Racer,
    track: str,
    direction: str,
    rules: dict[str, Any],
    now: datetime,
    seed: int | None = None,
    race: Race | None = None,
    objects: dict[str, Any] | None = None,
) -> Evaluation:
    """Queues an evaluation of the racer's own model. `rules` are fields of `sim.episode.EpisodeRules`, `objects` what
    `sim.objects.objects_json` writes.

    With a race, the race's account pays and a paused racer may; else the racer's account does. Raises RuleBroken:
    missing (not the racer's model), forbidden (not sponsored now), conflict (no weights yet, too many models at work,
    too little quota left, or a budget's hard cap).
    """
    budgets.hold(session)
    model = own_model(session, model, by)
    account = _paying_account(session, model, by, race, now)
    weights = weights_of(session, model)
    if weights is None:
        raise RuleBroken(Code.CONFLICT, "This model has no weights yet. Train it first.")
    evaluation = Evaluation(
        racer_id=model.racer_id,
        model_id=model.id or 0,
        queued_at=now,
        seed=secrets.randbelow(SEEDS) if seed is None else seed,
        training_run_id=weights.id or 0,
        race_id=race.id if race else None,
        track=track,
        direction=direction,
        rules=rules,
        objects=objects or {},
    )
    return _queue(session, evaluation, model, account, race, by=by, now=now)


def repeat(session: Session, evaluation: Evaluation, *, race: Race, by: Racer, now: datetime) -> Evaluation:
    """Queues a race's evaluation once more: the same weights, track, rules, boxes or bots, and seed.

    Whoever asks, the race's account pays. Raises RuleBroken: forbidden (the sponsorship of who asks has ended),
    conflict (a budget's hard cap).
    """
    budgets.hold(session)
    model = session.get_one(Model, evaluation.model_id)
    account = _paying_account(session, model, by, race, now)
    same = ("racer_id", "model_id", "seed", "training_run_id", "race_id", "track", "direction", "rules", "objects")
    again = Evaluation(queued_at=now, **{name: getattr(evaluation, name) for name in same})
    return _queue(session, again, model, account, race, by=by, now=now)


def _queue(
    session: Session,
    evaluation: Evaluation,
    model: Model,
    account: Account,
    race: Race | None,
    *,
    by: Racer,
    now: datetime,
) -> Evaluation:
    session.add(evaluation)
    session.flush()
    ledger.reserve(session, account, JobKind.EVALUATION, evaluation.id or 0, RESERVED_MS, now=now)
    held = {"model": model.public_id, "race": race.public_id if race else None, "held_ms": RESERVED_MS}
    audit.record(session, "evaluation.request", queueing.subject(evaluation), by=by, now=now, after=held)
    outbox.put(session, JobKind.EVALUATION, evaluation.id or 0, evaluation.attempt, now)
    model_use.touch(session, evaluation.model_id, now)
    return evaluation


def _paying_account(session: Session, model: Model, by: Racer, race: Race | None, now: datetime) -> Account:
    reason = sponsorship.race_refusal(session, by) if race else sponsorship.refusal(session, by)
    if reason:
        raise RuleBroken(Code.FORBIDDEN, reason)
    account = ledger.account_of(session, by) if race is None else ledger.race_account(session, race)
    budgets.require(session, account, JobKind.EVALUATION, RESERVED_MS, now=now)
    if race is not None:
        return account
    queueing.admit(session, account, model.racer_id, model.id or 0)
    return account


def refusal(session: Session, racer: Racer, *, now: datetime) -> str:
    """Why this racer may start nothing that costs now, not even an evaluation; empty where they may."""
    account = ledger.account_of(session, racer)
    capped = budgets.refusal(session, account, JobKind.EVALUATION, RESERVED_MS, now=now)
    return sponsorship.refusal(session, racer) or capped


def stop(session: Session, evaluation: Evaluation, *, by: Racer, now: datetime) -> bool:
    """Stops an evaluation of the racer's own. False: over or asked for before. A race's runs to its end."""
    if evaluation.racer_id != by.id and not by.is_admin:
        raise RuleBroken(Code.MISSING, "There is no such evaluation.")
    if evaluation.race_id is not None:
        raise RuleBroken(Code.CONFLICT, "A submission to a race cannot be stopped.")
    return queueing.request_stop(session, JobKind.EVALUATION, evaluation.id or 0, now=now, by=by)


def get_own(session: Session, racer: Racer, public_id: str) -> Evaluation:
    """The racer's evaluation. Raises RuleBroken (missing) for anybody else's."""
    query = select(Evaluation).where(Evaluation.public_id == public_id, Evaluation.racer_id == racer.id)
    evaluation = session.exec(query).first()
    if evaluation is None:
        raise RuleBroken(Code.MISSING, "There is no such evaluation.")
    return evaluation


def laps(session: Session, evaluation: Evaluation) -> list[Lap]:
    """The measured laps, in order."""
    query = select(Lap).where(Lap.evaluation_id == evaluation.id)
    return list(session.exec(query.order_by(col(Lap.number))))


def of_model(session: Session, model: Model) -> list[Evaluation]:
    """The evaluations of a model that its racer asked for, newest first; a race's are on the race's page."""
    query = select(Evaluation).where(Evaluation.model_id == model.id, col(Evaluation.race_id).is_(None))
    return list(session.exec(query.order_by(col(Evaluation.id).desc())))
