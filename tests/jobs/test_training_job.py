"""The life of one training on a worker, in this process."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlmodel import select

from jobs import lease, training
from jobs.sandbox.sandbox_process import SandboxUnavailable
from jobs.workplace import Workplace
from portal import clock, live
from portal.database import read_session, write_session
from portal.rules import ledger, queueing, trainings
from portal.tables import JobKind, JobState, Racer, TrainingRun
from sim.learning.reports import TrainingConfig
from sim.model_folder import ModelFolder
from sim.track_library import TrackLibrary
from tests.jobs.fake_training import CountingTrainer
from tests.jobs.paddock_yard import MINUTE_MS, check_ledger, make_model, make_sponsored, make_trained
from tests.sim.models import write_model


@pytest.fixture
def run_id(workplace: Workplace) -> int:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        return trainings.request(session, make_model(session, racer), by=racer, now=clock.now(), seed=3).id or 0


def stored(workplace: Workplace, run_id: int) -> TrainingRun:
    with read_session(workplace.engine) as session:
        check_ledger(session)
        return session.get_one(TrainingRun, run_id)


def events(redis: Redis, run: TrainingRun) -> list[dict[str, Any]]:
    entries = redis.xrange(f"{live.PREFIX}training:{run.public_id}")
    return [json.loads(fields[b"body"]) for _, fields in entries]


def test_it_trains_reports_publishes_and_settles_once(workplace: Workplace, redis: Redis, run_id: int) -> None:
    training.execute(workplace, run_id, CountingTrainer(3))
    run = stored(workplace, run_id)
    assert (run.state, run.iterations, run.best_lap_ms, run.ended_because) == (JobState.COMPLETED, 3, 9000, "target")
    assert run.artefact is not None
    folder = workplace.settings.runs_path / run.artefact
    assert (folder / "model/last.safetensors").read_text() == "3"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert json.loads((folder / trainings.BEST_DRIVE).read_text()) == [[0.0, 1.0, 90.0, 2.0]]
    assert run.size_bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    told = events(redis, run)
    assert [event["event"] for event in told] == ["state", *["iteration"] * 3, "state"]
    assert [event["data"].get("state") for event in (told[0], told[-1])] == ["running", "completed"]
    assert told[1]["data"]["drive"] == [[0.0, 1.0, 90.0, 2.0]]
    with read_session(workplace.engine) as session:
        rows = trainings.iterations(session, run)
        assert [row.iteration for row in rows] == [1, 2, 3]
        raced = [(row.race_completion, row.race_ms, row.race_resets) for row in rows]
    assert raced == [(None, None, None), (60.0, None, 4), (100.0, 31_000, 1)]
    assert [(one["data"]["race_ms"], one["data"]["race_resets"]) for one in told[2:4]] == [(None, 4), (31_000, 1)]


def test_it_gets_the_configuration_that_was_requested(workplace: Workplace, run_id: int) -> None:
    asked: list[TrainingConfig] = []

    def trainer(config: TrainingConfig, **others: Any) -> object:
        asked.append(config)
        return CountingTrainer()(config, **others)

    training.execute(workplace, run_id, trainer)
    config = asked[0]
    assert (config.track.name, config.seed, config.limit_ms) == ("paddock-oval", 3, 10 * MINUTE_MS)
    assert "reward_function" in config.reward_code
    assert (config.look, config.randomisation) == ("reinvent", "off")
    assert (config.starts, config.best_by) == ("advance", "laps")


def test_what_else_was_requested_reaches_the_training(workplace: Workplace, run_id: int) -> None:
    scene = {"look": "night", "randomisation": "sim-to-real", "starts": "hard-places", "best_by": "race"}
    with write_session(workplace.engine) as session:
        run = session.get_one(TrainingRun, run_id)
        run.configuration = {**run.configuration, **scene}
    asked: list[TrainingConfig] = []

    def trainer(config: TrainingConfig, **others: Any) -> object:
        asked.append(config)
        return CountingTrainer()(config, **others)

    training.execute(workplace, run_id, trainer)
    assert {name: getattr(asked[0], name) for name in scene} == scene


@pytest.fixture
def clone_id(workplace: Workplace) -> int:
    """A training of a clone; its parent's weights are on the disk."""
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        parent = make_trained(session, racer, "parent", "training-1/1-a")
        write_model(workplace.settings.runs_path / "training-1/1-a", TrackLibrary().get("paddock-oval"))
        child = make_model(session, racer, "child", limit_ms=MINUTE_MS)
        child.cloned_from_id = parent.id
        return trainings.request(session, child, by=racer, now=clock.now(), seed=3).id or 0


def test_a_clones_training_begins_with_its_parents_weights(workplace: Workplace, clone_id: int) -> None:
    trainer = CountingTrainer(1)
    training.execute(workplace, clone_id, trainer)
    assert stored(workplace, clone_id).state == JobState.COMPLETED
    assert trainer.parent is not None
    assert trainer.parent.weights == ModelFolder.read(workplace.settings.runs_path / "training-1/1-a").weights


def test_a_clone_whose_parents_weights_went_meanwhile_says_so_and_costs_nothing(
    workplace: Workplace, clone_id: int
) -> None:
    with write_session(workplace.engine) as session:
        parent = session.exec(select(TrainingRun).where(TrainingRun.artefact == "training-1/1-a")).one()
        parent.artefact = None
    training.execute(workplace, clone_id, CountingTrainer(1))
    run = stored(workplace, clone_id)
    assert run.state == JobState.FAILED
    assert run.message == (
        "The weights of parent, of which this is a clone, are gone. Train again: it then begins from the start."
    )
    assert run.artefact is None


def test_a_reward_function_that_fails_ends_it_with_message_and_line_and_keeps_what_was_saved(
    workplace: Workplace, run_id: int
) -> None:
    trainer = CountingTrainer(5)
    trainer.fails_at = 3
    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert (run.state, run.message, run.message_line) == (JobState.FAILED, "division by zero", 2)
    assert (run.iterations, run.ended_because) == (2, "reward_failed")
    assert run.artefact is not None
    assert run.used_ms < MINUTE_MS
    with read_session(workplace.engine) as session:
        assert ledger.balance(session, session.get_one(Racer, run.racer_id)).used_ms == run.used_ms


def test_a_disk_that_fills_up_ends_it_plainly_and_keeps_what_was_saved(
    workplace: Workplace, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    trainer = CountingTrainer(5)
    trainer.before_save = lambda done: full() if done == 3 else None
    monkeypatch.setattr(Path, "write_bytes", full)
    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert (run.state, run.iterations) == (JobState.FAILED, 2)
    assert run.message == "The disk of this Paddock is full. Tell the administrator; what was saved before is kept."
    assert run.artefact is not None
    files = sorted(path.name for path in (workplace.settings.runs_path / run.artefact).rglob("*") if path.is_file())
    assert files == ["last.safetensors", "last.safetensors.part"]


def test_one_that_fails_at_once_leaves_no_weights(workplace: Workplace, run_id: int) -> None:
    trainer = CountingTrainer(5)
    trainer.fails_at = 1
    training.execute(workplace, run_id, trainer)
    assert stored(workplace, run_id).artefact is None


@pytest.mark.parametrize(
    ("error", "message"),
    [(SandboxUnavailable("no seccomp here; use Linux"), "no seccomp here; use Linux"), (KeyError("x"), "KeyError")],
)
def test_any_other_failure_ends_it_with_a_line_for_the_racer(
    workplace: Workplace, run_id: int, error: Exception, message: str
) -> None:
    def trainer(*_: Any, **__: Any) -> object:
        raise error

    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert run.state == JobState.FAILED
    assert message in run.message


def test_a_track_that_is_gone_is_named(workplace: Workplace) -> None:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        model = make_model(session, racer, track="no-such-track")
        run_id = trainings.request(session, model, by=racer, now=clock.now()).id or 0
    training.execute(workplace, run_id, CountingTrainer())
    assert "no-such-track" in stored(workplace, run_id).message


def test_a_stop_ends_it_with_its_model_saved(
    workplace: Workplace, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LOOK_EVERY_S", 0.02)
    trainer = CountingTrainer(10_000, pause_s=0.01)

    def stop(iteration: int) -> None:
        if iteration == 2:
            with write_session(workplace.engine) as session:
                queueing.request_stop(session, JobKind.TRAINING, run_id, now=clock.now())

    trainer.after_iteration = stop
    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert run.state == JobState.STOPPED
    assert run.ended_because == "stopped"
    assert run.artefact is not None


def test_it_ends_when_its_own_reservation_is_spent_with_its_model_saved(workplace: Workplace) -> None:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        model = make_model(session, racer, limit_ms=300)
        run_id = trainings.request(session, model, by=racer, now=clock.now()).id or 0
    training.execute(workplace, run_id, CountingTrainer(100_000, pause_s=0.01))
    run = stored(workplace, run_id)
    assert (run.state, run.ended_because) == (JobState.COMPLETED, "time")
    assert run.artefact is not None
    with read_session(workplace.engine) as session:
        assert ledger.balance(session, racer).used_ms == 300


def test_a_worker_that_is_to_stop_gives_it_back_and_another_goes_on_from_the_checkpoint(
    workplace: Workplace, run_id: int, tmp_path: Path
) -> None:
    trainer = CountingTrainer(10, pause_s=0.01, starts=tmp_path / "starts")
    trainer.after_iteration = lambda iteration: workplace.stopping.set() if iteration == 4 else None
    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert (run.state, run.attempt, run.iterations) == (JobState.QUEUED, 0, 4)
    assert "restarted" in run.message
    workplace.stopping.clear()
    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert (run.state, run.iterations, run.message) == (JobState.COMPLETED, 10, "")
    assert (tmp_path / "starts").read_text().split() == ["0", "4"]


def test_a_worker_that_lost_its_job_writes_nothing_more(workplace: Workplace, run_id: int) -> None:
    trainer = CountingTrainer(50, pause_s=0.01)

    def take_away(iteration: int) -> None:
        if iteration == 2:
            with write_session(workplace.engine) as session:
                row = queueing.find(session, JobKind.TRAINING, run_id)
                assert row is not None
                row.lease_until = clock.now()
                session.flush()
                queueing.reap(session, JobKind.TRAINING, run_id, now=clock.now())

    trainer.after_iteration = take_away
    training.execute(workplace, run_id, trainer)
    run = stored(workplace, run_id)
    assert (run.state, run.iterations, run.artefact) == (JobState.QUEUED, 2, None)


def test_it_goes_on_without_its_spectators_while_the_queue_server_is_away(workplace: Workplace, run_id: int) -> None:
    away = Redis.from_url("unix:///nowhere/valkey.sock", retry=None)
    training.execute(replace(workplace, redis=away), run_id, CountingTrainer(3))
    assert stored(workplace, run_id).state == JobState.COMPLETED


def test_a_job_that_is_not_queued_is_left_alone(workplace: Workplace, run_id: int, tmp_path: Path) -> None:
    trainer = CountingTrainer(starts=tmp_path / "starts")
    training.execute(workplace, run_id, trainer)
    before = stored(workplace, run_id)
    training.execute(workplace, run_id, trainer)
    training.execute(workplace, 10_000, trainer)
    assert (tmp_path / "starts").read_text() == "0\n"
    assert stored(workplace, run_id) == before
