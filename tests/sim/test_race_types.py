"""Races and trainings among boxes and bots, from the evaluation to its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.episode import STATUSES, EpisodeRules
from sim.evaluation import EvaluationResult, evaluate
from sim.metrics import evaluation_metrics
from sim.objects import Bots, Boxes, TrackObjects
from sim.reward_state import OBJECT_KINDS
from sim.trace import CRASH_COUNTER, SIMTRACE_HEADER, DriveTrace
from sim.track import Direction
from tests.sim.centre_line import CentreLine, configuration
from tests.sim.models import write_model
from tests.sim.ovals import oval

RACE = EpisodeRules.racing(laps=1, off_track_penalty_s=2.0, collision_penalty_s=5.0, mercy_after=3)
IN_THE_WAY = Boxes(places=((0.3, 1), (0.7, -1)))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """It steers along the centre line and knows nothing of boxes; mercy alone brings it past those of a narrow road."""
    return write_model(tmp_path / "model", oval())


def race(
    model: Path,
    objects: TrackObjects | None,
    rules: EpisodeRules = RACE,
    seed: int = 0,
    direction: Direction = Direction.COUNTERCLOCKWISE,
) -> EvaluationResult:
    track = oval(half_width_m=0.3)
    return evaluate(model, track, direction=direction, rules=rules, seed=seed, objects=objects)


@pytest.mark.parametrize("direction", list(Direction))
def test_crashes_cost_a_race_their_penalty_and_are_counted(model: Path, direction: Direction) -> None:
    free, blocked = race(model, None, direction=direction), race(model, IN_THE_WAY, direction=direction)
    lap = blocked.laps[0]
    assert free.laps[0].crash_count == 0
    assert lap.complete
    assert lap.crash_count == blocked.outcomes[0].counts["crash_count"] > 0
    pauses = np.count_nonzero(blocked.trace.column("status") == STATUSES.index("pause"))
    assert pauses == 75 * lap.crash_count + 30 * lap.off_track_count
    assert lap.time_ms > free.laps[0].time_ms + 5000
    assert lap.resets == lap.crash_count + lap.off_track_count


def test_the_metrics_file_counts_crashes(model: Path) -> None:
    result = race(model, IN_THE_WAY)
    rows = json.loads(evaluation_metrics(result.outcomes))["metrics"]
    assert [row["crash_count"] for row in rows] == [lap.crash_count for lap in result.laps]
    assert rows[0]["crash_count"] > 0


def test_a_trial_that_may_not_be_put_back_ends_with_its_crash(model: Path) -> None:
    rules = EpisodeRules.racing(laps=2, continuous=False, maximum_resets=0)
    result = race(model, IN_THE_WAY, rules)
    assert [outcome.status for outcome in result.outcomes] == [STATUSES.index("crashed")] * 2
    assert [lap.crash_count for lap in result.laps] == [1, 1]


def test_the_log_counts_resets_at_the_same_box_in_a_column_of_its_own(model: Path) -> None:
    lines = race(model, IN_THE_WAY).trace.to_simtrace_csv().splitlines()
    assert lines[0] == SIMTRACE_HEADER + CRASH_COUNTER
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    crashed = [index for index, row in enumerate(rows) if row["episode_status"] == "crashed"]
    assert crashed
    assert rows[crashed[0]]["obstacle_crash_counter"] == "1"
    assert rows[crashed[0] - 1]["obstacle_crash_counter"] == "0"
    assert race(model, None).trace.to_simtrace_csv().splitlines()[0] == SIMTRACE_HEADER


def test_the_trace_holds_where_everything_was(model: Path) -> None:
    for objects, kind in ((IN_THE_WAY, "box"), (Bots(2, speed_mps=1.0), "bot")):
        result = race(model, objects)
        read = DriveTrace.from_bytes(result.trace.to_bytes())
        assert read.objects is not None
        assert [OBJECT_KINDS[code] for code in read.objects.kinds] == [kind, kind]
        assert read.objects.poses.shape == (result.steps, 2, 3)
        moved = np.hypot(*np.diff(read.objects.poses[:, 0, :2], axis=0).T).sum()
        assert (moved > 1.0) == (kind == "bot")
    assert race(model, None).trace.objects is None


def test_trials_meet_boxes_of_their_own_and_the_trace_knows_both(model: Path) -> None:
    rules = EpisodeRules.racing(laps=2, continuous=False)
    result = race(model, Boxes(2), rules, seed=3)
    objects = DriveTrace.from_bytes(result.trace.to_bytes()).objects
    assert objects is not None
    places = {tuple(row) for row in objects.poses[:, 0, :2].tolist()}
    assert len(places) == 2


def test_the_same_seed_gives_the_same_race_and_objects_are_part_of_the_fingerprint(model: Path) -> None:
    drawn = Boxes(2)
    first, again = race(model, drawn, seed=5), race(model, drawn, seed=5)
    assert first.fingerprint == again.fingerprint
    assert first.trace.to_bytes() == again.trace.to_bytes()
    others = [race(model, objects).fingerprint for objects in (None, drawn, Boxes(3), Bots(1), Bots(1, speed_mps=0.3))]
    assert len({first.fingerprint, *others}) == 6


def test_a_track_too_short_for_the_objects_is_refused(model: Path) -> None:
    with pytest.raises(ValueError, match="too short"):
        race(model, Boxes(20))


def test_a_training_among_boxes_tells_its_reward_function_of_them(tmp_path: Path) -> None:
    from sim.learning.training import train

    class Counting(CentreLine):
        """Keeps the widths of what it was shown."""

        def start(self, track, cars, objects=0):  # type: ignore[no-untyped-def]
            self.objects = objects
            super().start(track, cars, objects)

        def rewards(self, states, cars):  # type: ignore[no-untyped-def]
            self.columns = states.shape[1]
            return super().rewards(states, cars)

    from dataclasses import replace

    from sim.model_folder import ModelError, read_about
    from sim.reward_state import reward_columns

    config = replace(configuration(), objects=Boxes(2))
    reward = Counting()
    result = train(config, reward=reward, out=tmp_path / "model", maximum_iterations=2)
    assert result.iterations == 2
    assert (reward.objects, reward.columns) == (2, len(reward_columns(2)))
    assert read_about(tmp_path / "model")["race"]["race_type"] == "object-avoidance"
    log = next((tmp_path / "model").rglob("*-iteration.csv")).read_text()
    assert log.splitlines()[0].endswith(CRASH_COUNTER)
    train(config, reward=Counting(), out=tmp_path / "model", maximum_iterations=3, resume=True)
    with pytest.raises(ModelError, match="race"):
        train(configuration(), reward=CentreLine(), out=tmp_path / "model", maximum_iterations=4, resume=True)
