"""What a training's page shows, live or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

from portal import clock, drawing, garage_parts, live, scope
from portal.model_pages import ModelPages
from portal.rules import ledger, models, queueing, reward_functions, sponsorship, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import TrainingIteration, TrainingRun

LOOK_BACK_EVENTS = 20
POINT = (
    "iteration",
    "episodes",
    "steps",
    "elapsed_ms",
    "average_reward",
    "training_completion",
    "evaluation_completion",
    "best_lap_ms",
    "race_completion",
    "race_ms",
    "race_resets",
    "best",
)
GRAPH_WIDTH, GRAPH_HEIGHT = 600, 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is."""

    elapsed_ms: int
    place: int
    best: TrainingIteration | None
    last: TrainingIteration | None


@dataclass(frozen=True, slots=True)
class StillGraph:
    """The three lines for a page without a script, as points of SVG polylines."""

    reward: str
    training: str
    evaluation: str


def tab(at: ModelPages, run_id: str | None) -> dict[str, Any]:
    """The training tab of a model: its newest training, or the one that is asked for. RuleBroken (missing) else."""
    session, model = scope.reading(), at.model
    racer = at.owner or scope.me()
    runs = trainings.of_model(session, model)
    run = next((run for run in runs if run.public_id == run_id), None) if run_id else (runs[0] if runs else None)
    if run_id and run is None:
        raise RuleBroken(Code.MISSING, "There is no such training.")
    context: dict[str, Any] = {
        "at": at,
        "model": model,
        "runs": runs,
        "run": run,
        "state": models.state_of(session, model),
        "balance": ledger.balance(session, racer),
        "refusal": sponsorship.refusal(session, racer),
        "minutes": model.training_limit_ms / models.MINUTE_MS,
        "picture": garage_parts.picture_of(model.track, model.direction),
        "track_title": garage_parts.track_title(model.track),
    }
    return context | (_of_run(run) if run else {})


def _of_run(run: TrainingRun) -> dict[str, Any]:
    session = scope.reading()
    iterations = trainings.iterations(session, run)
    return {
        "iterations": iterations,
        "still": still_graph(iterations),
        "progress": progress_of(run, iterations, clock.now()),
        "version": reward_functions.of_run(session, run.reward_function_id).version,
    }


def progress_of(run: TrainingRun, iterations: list[TrainingIteration], now: datetime) -> Progress:
    """How far a training is at a moment."""
    best = next((row for row in iterations if row.iteration == run.best_iteration), None)
    last = iterations[-1] if iterations else None
    return Progress(elapsed_ms(run, now), queueing.place(scope.reading(), run), best, last)


def elapsed_ms(run: TrainingRun, now: datetime) -> int:
    """Time that a training has used: as charged once it is over, by the clock while it runs."""
    if run.is_over or run.started_at is None:
        return run.used_ms
    by_clock = int((now - run.started_at).total_seconds() * 1000)
    return min(run.limit_ms, max(run.used_ms, by_clock))


def points(iterations: list[TrainingIteration]) -> list[dict[str, Any]]:
    """The graph's points as JSON, under the names that live events use too."""
    return [{name: getattr(row, name) for name in POINT} for row in iterations]


def graph_of(run: TrainingRun) -> dict[str, Any]:
    """The graph and a drive as JSON, for the page's script."""
    measured = points(trainings.iterations(scope.reading(), run))
    drive = drive_of(scope.redis(), scope.settings().runs_path, run)
    return {"points": measured, "drive": drive, "over": run.is_over}


def still_graph(iterations: list[TrainingIteration]) -> StillGraph | None:
    """The lines that a page shows before and without its script."""
    if len(iterations) < 2:
        return None
    rewards = [row.average_reward for row in iterations]
    size = (GRAPH_WIDTH, GRAPH_HEIGHT)
    return StillGraph(
        reward=drawing.polyline(rewards, *size, min(0.0, *rewards), max(rewards)),
        training=drawing.polyline([row.training_completion for row in iterations], *size, 0, 100),
        evaluation=drawing.polyline([row.evaluation_completion for row in iterations], *size, 0, 100),
    )


def drive_of(redis: Redis, runs: Path, run: TrainingRun) -> list[list[float]]:
    """A drive to show: the best of a training that is over, the newest of one that runs.

    Rows of [x, y, heading in degrees, m/s]; empty where none is known.
    """
    if run.artefact:
        try:
            kept: list[list[float]] = json.loads((runs / run.artefact / trainings.BEST_DRIVE).read_bytes())
            return kept
        except (OSError, ValueError):
            log.info("no best drive was kept", training=run.public_id)
    return _newest_drive(redis, run)


def _newest_drive(redis: Redis, run: TrainingRun) -> list[list[float]]:
    """What a worker told of last; the queue server remembers it for an hour."""
    try:
        newest: Any = redis.xrevrange(f"{live.PREFIX}training:{run.public_id}", count=LOOK_BACK_EVENTS)
    except RedisError as error:
        log.warning("the queue server is away; no drive to show", error=str(error))
        return []
    for _event_id, fields in newest:
        said = json.loads(fields[b"body"])
        if said["event"] == "iteration" and said["data"].get("drive"):
            drive: list[list[float]] = said["data"]["drive"]
            return drive
    return []
