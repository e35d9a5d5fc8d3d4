"""Racing a model: laps, trials, penalties, and the same result every time."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.episode import STATUSES, EpisodeRules, pauses_s
from sim.evaluation import EvaluationResult, evaluate
from sim.metrics import evaluation_metrics
from sim.model_folder import ModelError
from sim.trace import SIMTRACE_HEADER, TRACE_COLUMNS, DriveTrace
from sim.track import Direction, Track
from sim.track_library import TrackLibrary
from tests.sim.centre_line import LIDAR_CAR
from tests.sim.models import STEERING_CAR, shaken, steering_arrays, write_model
from tests.sim.ovals import oval

RACE = EpisodeRules.racing(laps=3)
COUNTERCLOCKWISE = Direction.COUNTERCLOCKWISE


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", oval())


def race(model: Path, track: Track | None = None, rules: EpisodeRules = RACE, seed: int = 0) -> EvaluationResult:
    return evaluate(model, track or oval(), direction=COUNTERCLOCKWISE, rules=rules, seed=seed)


def test_three_flying_laps_are_timed_one_after_another(model: Path) -> None:
    result = race(model)
    assert [(lap.number, lap.complete, lap.resets) for lap in result.laps] == [(1, True, 0), (2, True, 0), (3, True, 0)]
    assert result.completion_percent == 100.0
    assert result.steps == sum(lap.steps for lap in result.laps)
    assert result.laps[0].time_ms == round(result.laps[0].steps * 1000 / 15)
    assert result.best_lap_ms == min(lap.time_ms for lap in result.laps)
    assert result.laps[1].time_ms <= result.laps[0].time_ms, "the first lap starts from standing"
    assert abs(result.total_ms - round(result.steps * 1000 / 15)) <= 2


def test_trials_start_anew_and_are_alike(model: Path) -> None:
    result = race(model, rules=EpisodeRules.racing(laps=2, continuous=False))
    assert [lap.complete for lap in result.laps] == [True, True]
    assert result.laps[0].time_ms == result.laps[1].time_ms == race(model).laps[0].time_ms
    assert set(result.trace.column("lap").tolist()) == {0.0, 1.0}


def test_leaving_the_track_costs_the_penalty_inside_the_lap(tmp_path: Path) -> None:
    """Full speed straight on: every bend throws the car out, and each time the clock runs on for the penalty."""
    wild = write_model(tmp_path / "wild", oval(), arrays=steering_arrays(gain=0.45, speed=3.0))
    cheap = race(wild, rules=EpisodeRules.racing(laps=1, off_track_penalty_s=1.0))
    dear = race(wild, rules=EpisodeRules.racing(laps=1, off_track_penalty_s=5.0))
    assert cheap.laps[0].resets == cheap.laps[0].off_track_count > 0
    pauses = [list(result.trace.column("status")).count(STATUSES.index("pause")) for result in (cheap, dear)]
    assert pauses == [cheap.laps[0].resets * 15, dear.laps[0].resets * 75]
    assert dear.laps[0].time_ms > cheap.laps[0].time_ms


def test_the_log_counts_the_penalty_down(tmp_path: Path) -> None:
    """As SimApp's: all of it in the row that left the track, what is left in those of the pause, then nothing."""
    wild = write_model(tmp_path / "wild", oval(), arrays=steering_arrays(gain=0.45, speed=3.0))
    result = race(wild, rules=EpisodeRules.racing(laps=1, off_track_penalty_s=0.3))
    rows = list(csv.DictReader(result.trace.to_simtrace_csv().splitlines()))
    off = [index for index, row in enumerate(rows) if row["episode_status"] == "off_track"]
    for index in off:
        waits = [float(row["pause_duration"]) for row in rows[index : index + 7]]
        assert waits == pytest.approx([0.3, 0.3 - 1 / 15, 0.3 - 2 / 15, 0.1, 0.3 - 4 / 15, 0.0, 0.0], abs=1e-6)
    assert len(off) == result.laps[0].resets > 0
    assert sum(float(row["pause_duration"]) > 0.0 for row in rows) == 5 * len(off)
    assert [rows[0][name] for name in ("steer", "throttle")] == [rows[1][name] for name in ("steer", "throttle")]


def test_an_ending_behind_which_nothing_comes_has_no_pause() -> None:
    rules = EpisodeRules.racing(off_track_penalty_s=0.1, collision_penalty_s=5.0)
    names = ["prepare", "crashed", "pause", "time_up"]
    assert pauses_s([STATUSES.index(name) for name in names], rules) == pytest.approx([0.0, 5.0, 74 / 15, 73 / 15])
    names = ["reversed", "pause", "pause", "immobilized", "pause", "off_track"]
    assert pauses_s([STATUSES.index(name) for name in names], rules) == pytest.approx([0.1, 0.1 - 1 / 15, 0, 0, 0, 0])


def test_an_unfinished_drive_says_how_far_it_came(tmp_path: Path) -> None:
    lost = write_model(tmp_path / "lost", oval(), arrays=steering_arrays(gain=0.0))
    result = race(lost, rules=EpisodeRules.racing(laps=3, maximum_resets=0))
    assert [(lap.complete, lap.off_track_count) for lap in result.laps] == [(False, 1)]
    assert result.best_lap_ms is None
    assert 0.0 < result.completion_percent < 34.0
    trials = race(lost, rules=EpisodeRules.racing(laps=3, maximum_resets=0, continuous=False))
    assert [lap.complete for lap in trials.laps] == [False] * 3


def test_a_lap_ends_by_the_clock_at_last(model: Path) -> None:
    result = race(model, rules=EpisodeRules.racing(laps=3, maximum_steps=400))
    assert result.steps == 400
    assert not result.laps[-1].complete


@pytest.mark.parametrize("car", [STEERING_CAR, LIDAR_CAR], ids=["vector", "lidar"])
def test_two_processes_come_to_the_same_result(tmp_path: Path, car) -> None:  # type: ignore[no-untyped-def]
    track = TrackLibrary().get("paddock-oval")
    random = np.random.default_rng(3)
    arrays = shaken(steering_arrays(car), random, 0.05, kept=1.0)
    folder = write_model(tmp_path / "model", track, car, arrays)
    script = (
        "import json, sys; from pathlib import Path; from sim.evaluation import evaluate;"
        "from sim.episode import EpisodeRules; from sim.track import Direction;"
        "from sim.track_library import TrackLibrary; import hashlib;"
        "r = evaluate(Path(sys.argv[1]), TrackLibrary().get('paddock-oval'), direction=Direction.CLOCKWISE,"
        " rules=EpisodeRules.racing(laps=2), seed=7);"
        "print(json.dumps([r.to_json(), hashlib.sha256(r.trace.to_bytes()).hexdigest(), 'torch' in sys.modules]))"
    )
    command = [sys.executable, "-c", script, str(folder)]
    root = Path(__file__).resolve().parents[2]
    found = [json.loads(subprocess.run(command, cwd=root, check=True, capture_output=True).stdout) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0][2] is False, "evaluation must not need torch"


def test_the_fingerprint_tells_apart_what_could_change_the_result(model: Path, tmp_path: Path) -> None:
    base = race(model).fingerprint
    assert race(model).fingerprint == base
    other_model = write_model(tmp_path / "other", oval(), arrays=steering_arrays(gain=2.1))
    others = [
        race(model, seed=1),
        race(model, track=oval(half_width_m=0.41)),
        race(model, rules=replace(RACE, laps=2)),
        race(model, rules=replace(RACE, off_track_penalty_s=2.0)),
        race(other_model),
        evaluate(model, oval(), direction=Direction.CLOCKWISE, rules=RACE, seed=0),
    ]
    assert len({base, *(result.fingerprint for result in others)}) == 7


def test_noise_of_the_lidar_comes_from_the_seed(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = shaken(steering_arrays(LIDAR_CAR), random, 0.3)
    folder = write_model(tmp_path / "model", oval(), LIDAR_CAR, arrays)
    rules = EpisodeRules.racing(laps=1, maximum_steps=60)
    traces = [race(folder, rules=rules, seed=seed).trace.rows for seed in (1, 1, 2)]
    assert np.array_equal(traces[0], traces[1])
    assert not np.array_equal(traces[0], traces[2])


def test_the_trace_follows_the_drive_row_by_row(model: Path) -> None:
    result = race(model)
    assert result.trace.rows.shape == (result.steps, len(TRACE_COLUMNS))
    assert STATUSES[int(result.trace.column("status")[0])] == "prepare"
    assert STATUSES[int(result.trace.column("status")[-1])] == "lap_complete"
    assert len(result.trace.to_bytes()) < 100_000
    assert DriveTrace.from_bytes(result.trace.to_bytes()).rows.shape == result.trace.rows.shape


def test_the_log_counts_laps_and_is_done_in_its_last_row_only(model: Path) -> None:
    lines = race(model).trace.to_simtrace_csv().splitlines()
    assert lines[0] == SIMTRACE_HEADER
    rows = [line.split(",") for line in lines[1:]]
    assert [row[9] for row in rows].count("True") == 1
    assert rows[-1][9] == "True"
    assert sorted({row[0] for row in rows}) == ["0", "1", "2"]
    assert [float(row[1]) for row in rows] == list(range(1, len(rows) + 1))
    assert rows[5][7].startswith("[")


def test_evaluation_metrics_have_the_consoles_layout(model: Path, deepracer_data: Path) -> None:
    folder = deepracer_data / "logs/console-reinvent-2018/metrics/evaluation"
    theirs = json.loads(sorted(folder.iterdir())[0].read_text())["metrics"]
    ours = json.loads(evaluation_metrics(race(model).outcomes))["metrics"]
    assert ours[0].keys() == theirs[0].keys()
    assert [row["episode_status"] for row in ours] == ["Lap complete"] * 3
    assert all(row["metric_time"] - row["start_time"] == row["elapsed_time_in_milliseconds"] for row in ours)


def test_the_result_prints_as_json(model: Path) -> None:
    shown = json.loads(json.dumps(race(model).to_json()))
    assert shown["completion_percent"] == 100.0
    assert shown["laps"][0]["complete"] is True
    assert "trace" not in shown


def test_a_folder_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        race(tmp_path)
    assert "\n" not in str(caught.value)
