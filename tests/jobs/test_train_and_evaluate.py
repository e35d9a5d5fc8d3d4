"""The real thing: the simulator, the learner and the sandbox on a worker's two entrances."""

from __future__ import annotations

import json
from functools import partial

import pytest

from jobs import evaluation, training
from jobs.sandbox.self_test import sandbox_layers
from jobs.workplace import Workplace
from portal import clock
from portal.database import read_session, write_session
from portal.rules import evaluations, trainings
from portal.tables import Evaluation, JobState, Model, Racer, TrainingRun
from sim.learning.training import train as real_training
from tests.jobs.paddock_yard import check_ledger, make_model, make_sponsored


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    if not sandbox_layers().get("seccomp"):
        pytest.skip("this machine has no reward sandbox")


def train(workplace: Workplace, **model: object) -> TrainingRun:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        run = trainings.request(
            session,
            make_model(session, racer, **model),
            by=racer,
            now=clock.now(),
            seed=3,  # type: ignore[arg-type]
        )
    training.execute(workplace, run.id or 0, partial(real_training, maximum_iterations=2))
    with read_session(workplace.engine) as session:
        check_ledger(session)
        return session.get_one(TrainingRun, run.id)


def test_a_trained_model_drives_the_same_laps_twice(workplace: Workplace) -> None:
    run = train(workplace, limit_ms=100_000)
    assert (run.state, run.ended_because, run.message) == (JobState.COMPLETED, "iterations", "")
    assert run.iterations == 2
    fingerprints = set()
    for _ in range(2):
        with write_session(workplace.engine) as session:
            model, racer = session.get_one(Model, run.model_id), session.get_one(Racer, run.racer_id)
            asked = evaluations.request(
                session,
                model,
                by=racer,
                track="paddock-oval",
                direction="clockwise",
                rules={"laps": 2},
                now=clock.now(),
                seed=4,
            )
        evaluation.execute(workplace, asked.id or 0)
        with read_session(workplace.engine) as session:
            check_ledger(session)
            driven = session.get_one(Evaluation, asked.id)
            assert (driven.state, driven.message) == (JobState.COMPLETED, "")
            fingerprints.add((driven.fingerprint, driven.total_ms))
    assert len(fingerprints) == 1


def test_the_best_drive_is_kept_with_the_model(workplace: Workplace) -> None:
    run = train(workplace, limit_ms=100_000)
    assert run.artefact is not None
    kept = workplace.settings.runs_path / run.artefact / trainings.BEST_DRIVE
    drive = json.loads(kept.read_text())
    assert len(drive) > 1
    assert all(len(row) == 4 for row in drive)


def test_a_reward_function_that_fails_is_told_with_its_line(workplace: Workplace) -> None:
    code = "def reward_function(params):\n    x = params['steps']; print('looking')\n"
    code += "    return params['no_such_key'] if x > 3 else 1.0\n"
    run = train(workplace, limit_ms=60_000, code=code)
    assert (run.state, run.message_line, run.iterations, run.artefact) == (JobState.FAILED, 3, 0, None)
    assert "no_such_key" in run.message
    assert run.used_ms < 60_000
    assert run.failed_call is not None
    assert run.failed_call["parameters"]["steps"] > 3
    assert "waypoints" not in run.failed_call["parameters"]
    assert run.failed_call["log"].startswith("looking\n")


def test_a_reward_function_that_never_returns_is_ended(workplace: Workplace) -> None:
    run = train(workplace, limit_ms=60_000, code="def reward_function(params):\n    while True:\n        pass\n")
    assert run.state == JobState.FAILED
    assert run.message_line in (2, 3)
