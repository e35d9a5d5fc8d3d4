"""One training: claimed, run in the simulator with the racer's code in the sandbox, reported, settled once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from sqlmodel import Session, select

from jobs import announce, artefacts, workplace
from jobs.claiming import Claimed, claim
from jobs.failures import WeightsGone, explain
from jobs.lease import LeaseKeeper, leave_at_once
from jobs.sandbox import RewardProcess
from jobs.workplace import Workplace
from portal import clock, live
from portal.database import read_session, write_session
from portal.rules import queueing, trainings
from portal.tables import JobKind, JobState, RewardFunction, TrainingIteration, TrainingRun
from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.model_folder import ModelFolder
from sim.reward_state import RewardFailed, RewardSource
from sim.track import Direction
from sim.training_scene import scene_of

if TYPE_CHECKING:
    from sim.learning.reports import IterationReport, TrainingConfig, TrainingResult

Trainer = Callable[..., "TrainingResult"]
MEASURED = (
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
"""What of an IterationReport is stored, under the same names."""

log = structlog.get_logger(__name__)


def run(job_id: int) -> None:
    """The entrance for the queue."""
    execute(workplace.current(), job_id)


def execute(place: Workplace, job_id: int, trainer: Trainer | None = None) -> None:
    """Claims a training and runs it to its end. Whatever goes wrong, the row says so and the time is settled once."""
    train = trainer or _trainer()  # before the claim: nobody pays for loading it
    claimed = claim(place, JobKind.TRAINING, job_id)
    if claimed is None:
        return
    try:
        _Attempt(place, claimed).run(train)
    finally:
        announce.state(place, JobKind.TRAINING, job_id)


def _trainer() -> Trainer:
    from sim.learning.training import train  # torch is loaded by workers only

    return train


class _Attempt:
    """One attempt at one training by its owner."""

    def __init__(self, place: Workplace, claimed: Claimed) -> None:
        assert isinstance(claimed.job, TrainingRun)  # noqa: S101  claimed as a training
        self.place, self.run_row, self.token = place, claimed.job, claimed.token
        self.job_id = claimed.job.id or 0
        self.iterations = claimed.job.iterations
        """How many were done, in earlier attempts too: before the first there is nothing worth keeping."""
        self.best_drive: list[list[float]] = []
        self.keeper = LeaseKeeper(
            place, JobKind.TRAINING, self.job_id, claimed.token, claimed.left_ms, abandon=self._abandon
        )

    def run(self, trainer: Trainer) -> None:
        """Trains, and ends the job the way it went."""
        folder, resume = artefacts.open_attempt(self.place.settings.runs_path, self.run_row)
        with self.keeper:
            try:
                config, parent = self._configuration(), self._parent()
                with self._reward_source(config.reward_code, config.seed) as source:
                    result = trainer(
                        config,
                        reward=source,
                        out=folder,
                        on_iteration=self.report,
                        should_stop=lambda: self.keeper.must_stop,
                        resume=resume,
                        parent=parent,
                        device=self.place.settings.device,
                    )
            except RewardFailed as failed:
                call = {"failed_call": {"parameters": failed.parameters, "log": failed.log}}
                self._finish(
                    folder,
                    JobState.FAILED,
                    message=failed.message,
                    line=failed.line,
                    because="reward_failed",
                    results=call,
                )
            except Exception as error:
                log.exception("a training failed", training=self.run_row.public_id)
                self._finish(folder, JobState.FAILED, message=explain(error))
            else:
                self._end(folder, result)

    def _configuration(self) -> TrainingConfig:
        from sim.learning.reports import TrainingConfig

        asked = self.run_row.configuration
        with read_session(self.place.engine) as session:
            code = session.get_one(RewardFunction, self.run_row.reward_function_id).code
        return TrainingConfig(
            track=self.place.tracks.get(asked["track"]),
            direction=Direction(asked["direction"]),
            car=Car.from_metadata(asked["car"]),
            hyperparameters=Hyperparameters.from_dict(asked["hyperparameters"]),
            reward_code=code,
            seed=self.run_row.seed,
            limit_ms=self.run_row.limit_ms,
            **scene_of(asked),
        )

    def _parent(self) -> ModelFolder | None:
        """The model that a clone's training begins with. WeightsGone where its files are gone meanwhile."""
        asked = self.run_row.configuration.get("parent")
        if asked is None:
            return None
        with read_session(self.place.engine) as session:
            query = select(TrainingRun.artefact).where(TrainingRun.public_id == asked["training"])
            artefact = session.exec(query).first()
        if artefact is None:
            raise WeightsGone(
                f"The weights of {asked['model']}, of which this is a clone, are gone. "
                "Train again: it then begins from the start."
            )
        return ModelFolder.read(self.place.settings.runs_path / artefact)

    def _reward_source(self, code: str, seed: int) -> AbstractContextManager[RewardSource]:
        return RewardProcess(code, seed=seed, accept_missing=workplace.accepted_missing(self.place.settings))

    def report(self, report: IterationReport) -> None:
        """Stores an iteration and shows it to those who watch; an attempt that lost its job writes nothing."""
        if self.keeper.lost:
            return
        measured = {name: _finite(getattr(report, name)) for name in MEASURED}
        with write_session(self.place.engine) as session:
            row = TrainingIteration(training_run_id=self.job_id, **measured)
            if not trainings.record_iteration(session, self.token, row):
                self.keeper.lost = True
                return
        self.iterations = report.iteration
        drive = [[_finite(value) for value in point] for point in report.drive]
        if report.best:
            self.best_drive = drive
        channel = f"training:{self.run_row.public_id}"
        live.publish(self.place.redis, channel, "iteration", {**measured, "drive": drive})

    def _end(self, folder: Path, result: TrainingResult) -> None:
        if result.ended_because == "stopped" and not self.keeper.spent and not self.keeper.stop_requested:
            if not self.keeper.lost:
                self._give_back()
            return
        stopped = result.ended_because == "stopped" and not self.keeper.spent
        results = {
            "iterations": result.iterations,
            "episodes": result.episodes,
            "steps": result.steps,
            "best_iteration": result.best_iteration,
            "best_lap_ms": result.best_lap_ms,
            "completion_percent": result.evaluation_completion,
            "fingerprint": result.fingerprint,
        }
        because = "time" if self.keeper.spent and result.ended_because == "stopped" else result.ended_because
        self._finish(folder, JobState.STOPPED if stopped else JobState.COMPLETED, because=because, results=results)

    def _finish(
        self,
        folder: Path,
        state: JobState,
        *,
        message: str = "",
        line: int | None = None,
        because: str = "",
        results: dict[str, Any] | None = None,
    ) -> None:
        """Publishes what was saved, then ends the job and settles its time in one transaction."""
        if self.keeper.lost:
            return
        values = {**(results or {}), "ended_because": because}
        artefact = None
        if self.iterations and artefacts.has_weights(folder):
            if self.best_drive:
                self._keep_drive(folder)
            values["size_bytes"] = artefacts.size_bytes(folder)
            artefact = artefacts.publish(self.place.settings.runs_path, folder)
        with write_session(self.place.engine) as session:
            self._finish_row(session, state, message, line, artefact, values)

    def _keep_drive(self, folder: Path) -> None:
        """Beside the model, for its page; a disk that is full keeps the model without it."""
        try:
            artefacts.write(folder / trainings.BEST_DRIVE, json.dumps(self.best_drive).encode())
        except OSError as error:
            log.warning("a drive could not be kept", training=self.run_row.public_id, error=str(error))

    def _finish_row(
        self,
        session: Session,
        state: JobState,
        message: str,
        line: int | None,
        artefact: str | None,
        values: dict[str, Any],
    ) -> None:
        queueing.finish(
            session,
            JobKind.TRAINING,
            self.job_id,
            self.token,
            state=state,
            now=clock.now(),
            message=message,
            message_line=line,
            artefact=artefact,
            results=values,
        )

    def _give_back(self) -> None:
        """The worker is to stop: another goes on from the checkpoint, and the attempt does not count."""
        with write_session(self.place.engine) as session:
            message = "The worker was restarted; the training goes on from its last checkpoint."
            queueing.requeue(session, JobKind.TRAINING, self.job_id, self.token, now=clock.now(), message=message)

    def _abandon(self) -> None:
        """The same in the middle of an iteration, which is lost: the supervisor's patience ends."""
        self._give_back()
        leave_at_once()


def _finite(value: Any) -> Any:
    """A number for JSON and the graph: not-a-number and the infinities become 0."""
    return 0.0 if isinstance(value, float) and not math.isfinite(value) else value
