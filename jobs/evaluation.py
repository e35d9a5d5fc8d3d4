"""One evaluation: claimed, driven, measured, settled once; for a race, its standings move in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from sqlmodel import Session, col, delete

from jobs import announce, artefacts, workplace
from jobs.claiming import Claimed, claim
from jobs.failures import WeightsGone, explain
from jobs.lease import LeaseKeeper
from jobs.workplace import Workplace
from portal import clock, live
from portal.database import read_session, write_session
from portal.rules import queueing, race_hooks, standings
from portal.tables import Evaluation, JobKind, JobState, Lap, TrainingRun
from sim.drive_record import record_json
from sim.episode import EpisodeRules
from sim.metrics import evaluation_metrics
from sim.objects import objects_from_json
from sim.sectors import sectors_of
from sim.track import Direction

if TYPE_CHECKING:
    from sim.evaluation import EvaluationResult

Driver = Callable[..., "EvaluationResult"]
Announcement = tuple[str, int, int]
"""A race's public id and the version of its standings."""

log = structlog.get_logger(__name__)


def run(job_id: int) -> None:
    """The entrance for the queue."""
    execute(workplace.current(), job_id)


def execute(place: Workplace, job_id: int, driver: Driver | None = None) -> None:
    """Claims an evaluation, drives it and stores what was measured. It takes seconds and is not interrupted."""
    claimed = claim(place, JobKind.EVALUATION, job_id)
    if claimed is None:
        return
    try:
        moved = _drive(place, claimed, driver or _driver())
    finally:
        announce.state(place, JobKind.EVALUATION, job_id)
    if moved is not None:
        race, audience, version = moved
        live.publish(place.redis, live.race_channel(race, audience), "standings", {"version": version})


def _driver() -> Driver:
    from sim.evaluation import evaluate

    return evaluate


def _drive(place: Workplace, claimed: Claimed, driver: Driver) -> Announcement | None:
    evaluation, token = claimed.job, claimed.token
    assert isinstance(evaluation, Evaluation)  # noqa: S101  claimed as an evaluation
    keeper = LeaseKeeper(place, JobKind.EVALUATION, evaluation.id or 0, token, claimed.left_ms)
    with keeper:
        try:
            result = _measure(place, evaluation, driver)
            artefact, size_bytes = _write_artefacts(place, evaluation, result)
        except Exception as error:
            log.exception("an evaluation failed", evaluation=evaluation.public_id)
            with write_session(place.engine) as session:
                return _fail(session, evaluation, token, explain(error))
        if keeper.lost:
            return None
        with write_session(place.engine) as session:
            return _finish(session, evaluation, token, result, artefact, size_bytes)


def _measure(place: Workplace, evaluation: Evaluation, driver: Driver) -> EvaluationResult:
    with read_session(place.engine) as session:
        weights = session.get_one(TrainingRun, evaluation.training_run_id).artefact
    if weights is None:
        raise WeightsGone("The weights of this model are gone. Train it again.")
    return driver(
        place.settings.runs_path / weights,
        place.tracks.get(evaluation.track),
        direction=Direction(evaluation.direction),
        rules=replace(EpisodeRules.racing(), **evaluation.rules),
        seed=evaluation.seed,
        objects=objects_from_json(evaluation.objects),
    )


def _write_artefacts(place: Workplace, evaluation: Evaluation, result: EvaluationResult) -> tuple[str, int]:
    """Publishes what was driven; returns the folder's name for the row, and what its files take."""
    runs = place.settings.runs_path
    folder, _ = artefacts.open_attempt(runs, evaluation)
    artefacts.write(folder / "drive.bin", result.trace.to_bytes())
    artefacts.write(folder / "simtrace.csv", result.trace.to_simtrace_csv().encode())
    artefacts.write(folder / "metrics.json", evaluation_metrics(result.outcomes).encode())
    artefacts.write(folder / "result.json", json.dumps(result.to_json(), indent=2).encode())
    if result.made_of:
        record = record_json(result, place.tracks.get(evaluation.track))
        artefacts.write(folder / "record.json", json.dumps(record, indent=2).encode())
    size_bytes = artefacts.size_bytes(folder)
    return artefacts.publish(runs, folder), size_bytes


def _finish(
    session: Session, evaluation: Evaluation, token: str, result: EvaluationResult, artefact: str, size_bytes: int
) -> Announcement | None:
    results = {
        "total_ms": result.total_ms,
        "best_lap_ms": result.best_lap_ms,
        "completion_percent": result.completion_percent,
        "resets": sum(lap.resets for lap in result.laps),
        "fingerprint": result.fingerprint,
        "size_bytes": size_bytes,
    }
    finished = queueing.finish(
        session,
        JobKind.EVALUATION,
        evaluation.id or 0,
        token,
        state=JobState.COMPLETED,
        now=clock.now(),
        artefact=artefact,
        results=results,
    )
    if not isinstance(finished, Evaluation):
        return None
    _store_laps(session, finished, result)
    return _move_standings(session, finished)


def _store_laps(session: Session, evaluation: Evaluation, result: EvaluationResult) -> None:
    session.exec(delete(Lap).where(col(Lap.evaluation_id) == evaluation.id))
    laps = [lap for lap in result.laps if lap.complete or not _is_time_boxed(evaluation)]
    sectors = sectors_of(result.trace, [(lap.time_ms, lap.complete) for lap in laps])
    for lap, (first, second, third) in zip(laps, sectors, strict=True):
        session.add(
            Lap(
                evaluation_id=evaluation.id or 0,
                number=lap.number,
                time_ms=lap.time_ms,
                resets=lap.resets,
                off_tracks=lap.off_track_count,
                crashes=lap.crash_count,
                complete=lap.complete,
                sector_1_ms=first,
                sector_2_ms=second,
                sector_3_ms=third,
            )
        )
    session.flush()


def _is_time_boxed(evaluation: Evaluation) -> bool:
    """True where the drive ends with its time: a lap that the end has cut off is no lap that the car did not finish."""
    return "maximum_steps" in evaluation.rules


def _fail(session: Session, evaluation: Evaluation, token: str, message: str) -> Announcement | None:
    failed = queueing.finish(
        session,
        JobKind.EVALUATION,
        evaluation.id or 0,
        token,
        state=JobState.FAILED,
        now=clock.now(),
        message=message,
    )
    return _move_standings(session, failed) if isinstance(failed, Evaluation) else None


def _move_standings(session: Session, evaluation: Evaluation) -> Announcement | None:
    """Raises the version of the race that the evaluation counts for, so that open pages show the new standings."""
    if evaluation.race_id is None:
        return None
    now = clock.now()
    announcement = standings.record_result(session, evaluation, now)
    race_hooks.result_came(session, evaluation, now=now)
    return announcement
