"""Submissions: entering a model in a race, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, not_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import Select

from portal.rules import (
    budgets,
    evaluations,
    freezing,
    ledger,
    live_stage,
    publishing,
    queue_estimates,
    queueing,
    race_cars,
    race_days,
    races,
    sponsorship,
    trainings,
)
from portal.rules.broken import Code, RuleBroken
from portal.rules.races import RaceState
from portal.rules.ranking import LapTime, longest_run_of_laps
from portal.tables import Evaluation, JobKind, JobState, Lap, Model, Race, Racer, Submission

UNCOUNTED = (JobState.FAILED, JobState.REFUSED, JobState.STOPPED)
"""States in which a submission does not count against the maximum: the racer got no result from it."""
MOST_AT_ONCE = 2
"""Submissions of one racer to one race that may wait or drive, so that nobody fills the queue for all others."""


LIVE = "This is a LIVE race: put your car into its queue on the broadcast page."
UNSEEN = "Its result comes when the broadcast has shown it. A car that is cleared before its end does not count."


@dataclass(frozen=True, slots=True)
class Entered:
    """A submission with what happened to it."""

    submission: Submission
    evaluation: Evaluation
    model: Model
    laps: list[Lap]
    place: int
    """In the queue; 0 when it is not queued."""
    outcome: str
    """Why it is not ranked; empty where it waits, drives or is ranked."""
    is_unseen: bool = False
    """A run of a LIVE race that the broadcast has not shown to its end yet."""

    @property
    def state(self) -> JobState:
        return JobState(self.evaluation.state)

    @property
    def is_ranked(self) -> bool:
        return self.state is JobState.COMPLETED and not self.outcome and not self.is_unseen


def enter(session: Session, race: Race, model: Model, *, by: Racer, now: datetime) -> Submission:
    """Enters the racer's model in a race; the weights that it has now drive, whatever is trained later.

    The evaluation is charged to the race, so a paused racer may enter. The race's seed drives it: the same weights
    give the same laps to the step. Raises RuleBroken: missing (race or model), forbidden (sponsorship has ended),
    conflict (not open now, the maximum is reached, too many wait or drive, or the model is not ready).
    """
    budgets.hold(session)
    race = _fresh(session, race, by)
    _check_open(race, now)
    if live_stage.of(session, race) is not None:
        raise RuleBroken(Code.CONFLICT, LIVE)
    model = trainings.own_model(session, model, by)
    reason = why_not(session, race, model)
    if reason:
        raise RuleBroken(Code.CONFLICT, reason, "model")
    ledger.hold(session, ledger.account_of(session, by))  # who counts the racer's submissions counts alone
    busy = _why_enough(session, race, by, now) or _why_busy(session, race, by)
    if busy:
        raise RuleBroken(Code.CONFLICT, busy)
    return drive(session, race, model, by=by, rules=episode_rules(race), now=now)


def drive(session: Session, race: Race, model: Model, *, by: Racer, rules: dict[str, Any], now: datetime) -> Submission:
    """Asks for a drive in the race by its seed, and writes it down as a submission. Raises what a request raises."""
    evaluation = evaluations.request(
        session,
        model,
        by=by,
        track=race.track,
        direction=race.direction,
        rules=rules,
        now=now,
        seed=race.seed,
        race=race,
        objects=race.objects,
    )
    submission = Submission(
        race_id=evaluation.race_id or 0,
        racer_id=evaluation.racer_id,
        model_id=evaluation.model_id,
        evaluation_id=evaluation.id or 0,
        created_at=now,
    )
    session.add(submission)
    session.flush()
    return submission


def _fresh(session: Session, race: Race, by: Racer) -> Race:
    """The race as it is inside this transaction, where the racer may see it; it is not edited until the end of it.

    Others may enter at the same time, and results may come in.
    """
    fresh = session.get(Race, race.id, populate_existing=True, with_for_update={"read": True, "key_share": True})
    if fresh is None:
        raise RuleBroken(Code.MISSING, "There is no such race. It may have been deleted.")
    return races.get_visible(session, by, fresh.public_id)


def _check_open(race: Race, now: datetime) -> None:
    where = races.state(race, now)
    if where is RaceState.UPCOMING:
        raise RuleBroken(Code.CONFLICT, "This race has not opened yet. Come back when it has.")
    if where is RaceState.CLOSED:
        raise RuleBroken(Code.CONFLICT, "This race is closed. Its results stand.")


def episode_rules(race: Race) -> dict[str, Any]:
    """The race's rules as fields of `sim.episode.EpisodeRules`: one flying run over all laps."""
    return {
        "laps": race.laps,
        "continuous": True,
        "maximum_resets": race.maximum_resets,
        "off_track_penalty_s": race.off_track_penalty_ms / 1000,
        "collision_penalty_s": race.collision_penalty_ms / 1000,
    }


def left(session: Session, race: Race, racer: Racer) -> int:
    """How often the racer may still enter in all. A submission without a result of its own does not count."""
    return max(0, race.maximum_submissions - _counted(session, race, racer))


def left_today(session: Session, race: Race, racer: Racer, *, now: datetime) -> int:
    """How often the racer may still enter before the next day begins in the race's time zone, and in all."""
    in_all = left(session, race, racer)
    if race.maximum_per_day is None:
        return in_all
    return min(
        in_all, max(0, race.maximum_per_day - _counted(session, race, racer, since=race_days.day_begins(race, now)))
    )


def _counted(session: Session, race: Race, racer: Racer, since: datetime | None = None) -> int:
    query = (
        select(func.count())
        .select_from(Submission)
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(Submission.race_id == race.id, Submission.racer_id == racer.id, col(Evaluation.state).not_in(UNCOUNTED))
    )
    if since is not None:
        query = query.where(col(Submission.created_at) >= since)
    return session.exec(query).one()


def _why_enough(session: Session, race: Race, racer: Racer, now: datetime) -> str:
    """Why the racer has entered often enough, in all or today; empty where one more is allowed."""
    if left(session, race, racer) <= 0:
        return f"You have entered {race.maximum_submissions} times, which is the maximum."
    if left_today(session, race, racer, now=now) <= 0:
        return (
            f"You have entered {race.maximum_per_day} times today, which is the maximum of a day. "
            f"The next day begins at midnight in {race.time_zone}."
        )
    return ""


def _why_busy(session: Session, race: Race, racer: Racer) -> str:
    """Why the racer has to wait for own submissions to this race; empty where that is not so."""
    at_work = col(Evaluation.state).in_((JobState.QUEUED, JobState.RUNNING))
    query = (
        select(func.count())
        .select_from(Submission)
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(Submission.race_id == race.id, Submission.racer_id == racer.id, at_work)
    )
    if session.exec(query).one() < MOST_AT_ONCE:
        return ""
    return f"You have {MOST_AT_ONCE} submissions that wait or drive. Enter again when one is done."


def why_closed(session: Session, race: Race, racer: Racer, *, now: datetime) -> str:
    """Why this racer cannot enter any model now; empty where it is open."""
    try:
        _check_open(race, now)
    except RuleBroken as broken:
        return broken.message
    if live_stage.of(session, race) is not None:
        return LIVE
    busy = _why_enough(session, race, racer, now) or _why_busy(session, race, racer)
    reason = busy or sponsorship.race_refusal(session, racer)
    return reason or budgets.refusal(session, None, JobKind.EVALUATION, evaluations.RESERVED_MS, now=now)


def why_not(session: Session, race: Race, model: Model) -> str:
    """Why a model cannot be entered in this race now; empty where it is ready."""
    if model.deleted_at is not None:
        return "This model was deleted."
    if trainings.active(session, model) is not None:
        return "It is in training. Enter it when the training is over, or stop the training."
    if trainings.weights_of(session, model) is None:
        latest = trainings.latest(session, model)
        if latest is not None and latest.state == JobState.FAILED:
            return "Its training failed before there were weights. Mend the reward function and train it again."
        return "It has no weights yet. Train it first."
    return race_cars.why_not(race, model)


def eligible_models(session: Session, race: Race, racer: Racer) -> list[tuple[Model, str | None]]:
    """The racer's models, each with the reason why it cannot be entered; None where it can. Ready ones come first."""
    query = select(Model).where(Model.racer_id == racer.id, col(Model.deleted_at).is_(None))
    models = session.exec(query.order_by(col(Model.id).desc())).all()
    found = [(model, why_not(session, race, model) or None) for model in models]
    return sorted(found, key=lambda pair: pair[1] is not None)


def of_racer(session: Session, race: Race, racer: Racer) -> list[Entered]:
    """The racer's submissions to a race, the newest first; without results that a LIVE race has not shown yet."""
    query = _query().where(Submission.race_id == race.id, Submission.racer_id == racer.id)
    rows = session.exec(query.order_by(col(Submission.id).desc())).all()
    return [_without_unseen(session, _entered(session, race, *row)) for row in rows]


def _without_unseen(session: Session, entered: Entered) -> Entered:
    if entered.state is not JobState.COMPLETED or publishing.is_shown(session, entered.evaluation):
        return entered
    return replace(entered, laps=[], outcome=UNSEEN, is_unseen=True)


def get(session: Session, race: Race, public_id: str) -> Entered:
    """One submission of a race. Raises RuleBroken (missing)."""
    row = session.exec(_query().where(Submission.race_id == race.id, Submission.public_id == public_id)).first()
    if row is None:
        raise RuleBroken(Code.MISSING, "There is no such submission.")
    return _entered(session, race, *row)


def get_visible(session: Session, race: Race, public_id: str, *, viewer: Racer | None) -> Entered:
    """One submission of a race for whom its result is visible, or for its racer who waits for it.

    Of a run that a LIVE race has not shown to its end its racer sees only that it comes. Raises RuleBroken (missing).
    """
    entered = get(session, race, public_id)
    if viewer is not None and viewer.id == entered.submission.racer_id and not races.may_change(race, viewer):
        entered = _without_unseen(session, entered)
    if not entered.is_unseen:
        freezing.require_visible(session, race, entered.evaluation, viewer)
    return entered


def unseen(session: Session, racer: Racer, evaluation_id: str) -> tuple[Race, Submission] | None:
    """The racer's submission with this evaluation, where the broadcast of its LIVE race is still to show it."""
    query = (
        select(Race, Submission)
        .join(Submission, col(Submission.race_id) == col(Race.id))
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .where(
            Evaluation.public_id == evaluation_id,
            Evaluation.state == JobState.COMPLETED,
            Submission.racer_id == racer.id,
            not_(publishing.was_shown()),
        )
    )
    return session.exec(query).first()


def waits(session: Session, entered: Iterable[Entered], *, now: datetime) -> dict[str, int]:
    """About how many milliseconds each that is queued will wait for its result, where that can be told."""
    found = {one.submission.public_id: queue_estimates.wait_ms(session, one.evaluation, now=now) for one in entered}
    return {public_id: wait_ms for public_id, wait_ms in found.items() if wait_ms is not None}


def of_evaluation(session: Session, race: Race, evaluation: Evaluation) -> Entered:
    """The submission that an evaluation of the race belongs to. Raises RuleBroken (missing)."""
    query = _query().where(Submission.race_id == race.id, Submission.evaluation_id == evaluation.id)
    row = session.exec(query).first()
    if row is None:
        raise RuleBroken(Code.MISSING, "There is no such submission.")
    return _entered(session, race, *row)


def racer_of(session: Session, submission: Submission) -> Racer:
    return session.get_one(Racer, submission.racer_id)


def _query() -> Select[Submission, Evaluation, Model]:
    return (
        select(Submission, Evaluation, Model)
        .join(Evaluation, col(Evaluation.id) == col(Submission.evaluation_id))
        .join(Model, col(Model.id) == col(Submission.model_id))
    )


def _entered(session: Session, race: Race, submission: Submission, evaluation: Evaluation, model: Model) -> Entered:
    laps = evaluations.laps(session, evaluation)
    place = queueing.place(session, evaluation)
    return Entered(submission, evaluation, model, laps, place, _outcome(race, submission, evaluation, laps))


def _outcome(race: Race, submission: Submission, evaluation: Evaluation, laps: list[Lap]) -> str:
    state = JobState(evaluation.state)
    if not state.is_over:
        return ""
    if submission.withdrawn_at is not None:
        return "It was withdrawn while it waited: it does not count, and cost nothing."
    if submission.disqualified_at is not None:
        return f"Disqualified by the organizer: {submission.disqualified_for}"
    if state is not JobState.COMPLETED:
        return evaluation.message or "It ended without a result. Enter the model again; this one does not count."
    driven = longest_run_of_laps(LapTime(lap.time_ms, lap.resets, lap.complete) for lap in laps)
    if driven < race.minimum_laps:
        return f"It completed {driven} of the {race.minimum_laps} laps in a row that are required."
    return ""
