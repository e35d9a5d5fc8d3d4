"""What a racer is told before training begins."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from jobs.sandbox import RewardCheck, check_reward_function, reward_check
from sim.reward_examples import DEFAULT_EXAMPLE, EXAMPLES
from sim.track import Direction, Track

BACKWARDS = Direction.CLOCKWISE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_example_passes_without_a_warning(example: object, track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_check, "_SLOW_US", math.inf)  # how long a call takes is the machine's matter
    check = check_reward_function(example.code, track, BACKWARDS)  # type: ignore[attr-defined]
    assert check.ok
    assert check.problems == ()
    assert check.warnings == ()
    assert check.calls == 200
    low, mean, high = check.rewards
    assert 0 < low < mean < high
    assert check.microseconds_per_call > 0


def test_samples_show_states_with_the_reward_that_they_got(track: Track) -> None:
    code = "def reward_function(params):\n    return params['speed'] * 2\n"
    check = check_reward_function(code, track, BACKWARDS, states=50)
    assert len(check.samples) == 5
    assert all(sample["reward"] == sample["speed"] * 2 for sample in check.samples)
    assert "waypoints" not in check.samples[0]


def test_the_direction_reaches_the_function(track: Track) -> None:
    code = "def reward_function(params):\n    return params['is_reversed'] * 1.0 + params['waypoints'][1][0]\n"
    rewards = {check_reward_function(code, track, direction).rewards for direction in Direction}
    assert len(rewards) == 2


def test_it_survives_a_trip_through_json(track: Track) -> None:
    code = "def reward_function(params):\n    print('hm')\n    return params['x'] if params['y'] > 0 else None\n"
    check = check_reward_function(code, track, BACKWARDS)
    assert RewardCheck.from_json(json.loads(json.dumps(check.to_json()))) == check


def test_each_distinct_problem_is_told_with_its_line_and_how_often(track: Track) -> None:
    code = """
def reward_function(params):
    if params['is_offtrack']:
        return params['ofset']
    if params['steps'] < 0:
        return 1 / 0
    if params['is_left_of_center']:
        return None
    return 1.0
"""
    check = check_reward_function(code, track, BACKWARDS)
    assert not check.ok
    found = {(problem.line, problem.kind) for problem in check.problems}
    assert found == {(4, "runtime"), (8, "value")}
    assert all("of 200 calls" in problem.message for problem in check.problems)
    assert check.rewards == (1.0, 1.0, 1.0)
    assert check.parameters is not None
    assert check.parameters["is_offtrack"] or check.parameters["is_left_of_center"]


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("def reward_function(params):\n  return 1 +\n", "syntax", 2),
        ("import requests\n", "import", 1),
        ("def reward(params):\n    return 1\n", "signature", None),
        ("def reward_function(params):\n    while True: pass\n", "time", 2),
        ("def reward_function(params):\n    return float('nan')\n", "value", 2),
        ("def reward_function(params):\n    return len([1] * 10**9)\n", "memory", 2),
    ],
)
def test_a_function_that_cannot_train_is_told_why(code: str, kind: str, line: int | None, track: Track) -> None:
    check = check_reward_function(code, track, BACKWARDS)
    assert not check.ok
    assert [problem.kind for problem in check.problems] == [kind]
    assert check.problems[0].line == line


@pytest.mark.parametrize(
    ("expression", "warning"),
    [
        ("0.5", "the reward is 0.5 in every state"),
        ("-1.0 - params['speed']", "no reward is above 0"),
        ("params['speed'] + 0 * sum(range(60_000))", "training will wait for the reward function"),
    ],
)
def test_what_is_allowed_but_unwise_is_a_warning(expression: str, warning: str, track: Track) -> None:
    check = check_reward_function(f"def reward_function(params):\n    return {expression}\n", track, BACKWARDS)
    assert check.ok
    assert any(warning in text for text in check.warnings)


def test_the_default_example_is_the_first(track: Track) -> None:
    assert DEFAULT_EXAMPLE is EXAMPLES[0]
    assert len({example.name for example in EXAMPLES}) == len(EXAMPLES) == 5


def function_of(name: str) -> Callable[[dict[str, object]], float]:
    namespace: dict[str, Any] = {}
    exec(next(example.code for example in EXAMPLES if example.name == name), namespace)  # noqa: S102 - our own text
    return namespace["reward_function"]  # type: ignore[no-any-return]


def test_driving_fast_is_paid_by_the_metre_and_each_episode_for_itself() -> None:
    function = function_of("drive-fast")

    def row(progress: float, steps: float) -> float:
        return function({"progress": progress, "steps": steps, "track_length": 20.0})

    assert row(1.0, 2) == 0.001, "where it was before is not known"
    assert row(2.0, 3) == pytest.approx(0.2)
    assert row(1.5, 4) == 0.001, "on the way back"
    assert row(3.0, 5) == pytest.approx(0.3)
    assert row(80.0, 2) == 0.001, "another episode"
    assert row(80.5, 3) == pytest.approx(0.1)


def test_objects_in_the_own_lane_cost_reward() -> None:
    function = function_of("avoid-objects-and-bots")
    params: dict[str, object] = {
        "all_wheels_on_track": True,
        "distance_from_center": 0.2,
        "track_width": 1.0,
        "x": 0.0,
        "y": 0.0,
        "is_left_of_center": True,
        "closest_objects": [0, 1],
        "objects_location": [(-5.0, 0.0), (0.5, 0.0)],
        "objects_left_of_center": [False, True],
    }
    in_my_lane = function(params)
    in_the_other = function(params | {"objects_left_of_center": [False, False]})
    touching = function(params | {"objects_location": [(-5.0, 0.0), (0.2, 0.0)]})
    assert touching < in_my_lane < in_the_other
