"""The evaluation between updates in both forms, and which policy it keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.learning.reports import IterationReport
from sim.learning.standing import Standing
from sim.learning.training import train
from sim.learning.trial import LEAST_RACE_MPS, RaceDrive, Trial, Trials
from sim.metrics import step_time_ms
from sim.network_layout import trained_layout
from sim.objects import Boxes
from sim.policy import Policy
from sim.track import Direction
from tests.sim.centre_line import CentreLine, configuration
from tests.sim.models import STEERING_CAR, steering_arrays, write_model
from tests.sim.ovals import oval, wave


def driver(**how: float) -> Policy:
    return trained_layout(STEERING_CAR, 1).policy(steering_arrays(**how))


def trials(**of: object) -> Trials:
    return Trials(STEERING_CAR, oval(), seed=3, stack_size=1, **of)  # type: ignore[arg-type]


def test_a_clean_drive_is_the_same_in_both_forms() -> None:
    trial = trials().drive(driver())
    assert trial.completion == 100.0
    assert trial.race == RaceDrive(100.0, trial.steps[0], 0)
    assert trial.best_lap_steps is not None
    assert trial.mean_lap_steps is not None
    assert trial.best_lap_steps <= trial.mean_lap_steps


@pytest.mark.parametrize("objects", [None, Boxes(places=((0.3, 1), (0.7, -1)))], ids=["alone", "boxes"])
def test_the_race_form_is_what_an_evaluation_with_a_race_s_rules_says(objects: Boxes | None, tmp_path: Path) -> None:
    arrays = steering_arrays(gain=0.6, speed=0.9)
    race = trials(objects=objects).drive(driver(gain=0.6, speed=0.9), race=True).race
    assert race is not None
    assert race.resets > 0, "this driver leaves the track"
    folder = write_model(tmp_path, oval(), arrays=arrays)
    longest = round(3 * oval().length_m / LEAST_RACE_MPS * 15)
    rules = EpisodeRules.racing(laps=3, maximum_steps=longest)
    told = evaluate(folder, oval(), direction=Direction.COUNTERCLOCKWISE, rules=rules, seed=3, objects=objects)
    assert race.completion == pytest.approx(told.completion_percent)
    assert race.steps == sum(lap.steps for lap in told.laps)
    assert race.resets == sum(lap.resets for lap in told.laps)
    assert (race.total_steps is not None) == all(lap.complete for lap in told.laps)


def test_a_policy_that_drives_no_lap_is_raced_only_when_it_is_asked_for() -> None:
    lost = driver(gain=0.0, speed=0.9)
    assert trials().drive(lost).race is None
    race = trials().drive(lost, race=True).race
    assert race is not None
    assert race.resets > 3


def test_every_policy_drives_in_the_same_worlds() -> None:
    kept = trials()
    first = kept.drive(driver(), race=True)
    kept.drive(driver(gain=0.0, speed=0.9), race=True)
    assert kept.drive(driver(), race=True) == first == trials().drive(driver(), race=True)


def test_an_open_track_has_one_lap_from_its_line() -> None:
    trial = Trials(STEERING_CAR, wave(), seed=0, stack_size=1).drive(driver(), race=True)
    assert len(trial.shares) == 1
    assert trial.race is not None
    assert trial.race.completion >= trial.completion


def trial(completion: float, laps: tuple[int, ...], race: RaceDrive | None) -> Trial:
    mean = float(np.mean(laps)) if laps else None
    return Trial(completion, min(laps, default=None), mean, [], (), (), (), race)


SAFE = Standing.of(trial(100.0, (120, 121), RaceDrive(100.0, 363, 0)), 1)
STEADY = Standing.of(trial(100.0, (120, 120), RaceDrive(100.0, 361, 0)), 2)
QUICK = Standing.of(trial(90.0, (90, 91), RaceDrive(100.0, 320, 1)), 3)
HALF = Standing.of(trial(95.0, (100,), RaceDrive(60.0, 800, 9)), 4)
NEW = Standing()


def test_the_best_by_laps_is_complete_then_fast_then_steady() -> None:
    order = sorted([QUICK, NEW, STEADY, HALF, SAFE], key=lambda one: one.rank("laps"))
    assert order == [NEW, QUICK, HALF, SAFE, STEADY]


def test_the_best_by_race_is_what_a_race_would_rank_first() -> None:
    order = sorted([QUICK, NEW, STEADY, HALF, SAFE], key=lambda one: one.rank("race"))
    assert order == [NEW, HALF, SAFE, STEADY, QUICK]


def test_a_standing_survives_its_file_and_an_older_one_is_read() -> None:
    assert Standing.from_json(json.loads(json.dumps(QUICK.to_json()))) == QUICK
    old = Standing.from_json({"iteration": 4, "completion": 100.0, "lap_steps": 120})
    assert old.rank("laps") < SAFE.rank("laps")
    assert Standing.from_json(None) == NEW


def test_a_training_tells_both_forms_and_keeps_the_best_by_the_chosen_one(tmp_path: Path) -> None:
    reports: list[IterationReport] = []
    config = replace(configuration(seed=1), best_by="race")
    result = train(config, reward=CentreLine(), out=tmp_path, on_iteration=reports.append, maximum_iterations=12)
    assert all(report.race_completion is not None for report in reports)
    about = json.loads((tmp_path / "paddock.json").read_text())
    assert about["best_by"] == "race"

    def rank(report: IterationReport) -> tuple[float, float]:
        return (report.race_completion or 0.0, -(report.race_ms or 10**9))

    best = max(reports, key=rank)
    kept = next(report for report in reports if report.iteration == result.best_iteration)
    assert rank(kept) == rank(best)
    assert step_time_ms(about["best"]["race_steps"]) == best.race_ms


def test_a_folder_that_chose_by_laps_does_not_go_on_choosing_by_the_race(tmp_path: Path) -> None:
    from sim.model_folder import ModelError

    train(configuration(), reward=CentreLine(), out=tmp_path, maximum_iterations=1)
    with pytest.raises(ModelError, match="another best_by"):
        train(replace(configuration(), best_by="race"), reward=CentreLine(), out=tmp_path, resume=True)
    with pytest.raises(ValueError, match="'luck' cannot be; choose from laps, race"):
        replace(configuration(), best_by="luck")
