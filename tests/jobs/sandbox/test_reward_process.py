"""RewardProcess as training uses it."""

from __future__ import annotations

import math
import os
import sys
from types import ModuleType

import numpy as np
import pytest

from jobs.sandbox import RewardProcess
from jobs.sandbox.parameters import parameters_maker
from jobs.sandbox.reward_process import Failed
from sim.objects import Bots, Boxes, TrackObjects
from sim.reference.geometry import Geometry
from sim.reference.objects import Thing, object_parameters
from sim.reference.parameters import plain_parameters
from sim.reward_examples import EXAMPLES
from sim.reward_parameters import REWARD_PARAMETERS
from sim.reward_state import (
    COLUMN,
    OBJECT_COLUMN,
    OBJECT_KINDS,
    REWARD_STATE,
    objects_in,
    reward_columns,
)
from sim.reward_states import sample_reward_states
from sim.track import Direction, Track
from tests.jobs.sandbox.conftest import RunCode, States

HEADING = """
import math

def direction(waypoints, closest):
    (x0, y0), (x1, y1) = waypoints[closest[0]], waypoints[closest[1]]
    return math.degrees(math.atan2(y1 - y0, x1 - x0))

def reward_function(params):
    off = abs(direction(params['waypoints'], params['closest_waypoints']) - params['heading'])
    off = min(off, 360 - off)
    return max(1e-3, 1.0 - off / 30) + params['speed'] ** 2 / 16
"""
HISTORY = """
class Memory:
    def __init__(self):
        self.steering = []
        self.previous = None

    def smoothness(self, angle):
        self.steering = [*self.steering[-9:], angle]
        return sum(abs(a - b) for a, b in zip(self.steering, self.steering[1:]))

memory = Memory()
calls = 0

def reward_function(params):
    global calls
    calls += 1
    smooth = memory.smoothness(params['steering_angle'])
    gained = params['progress'] - (memory.previous or 0)
    memory.previous = params['progress']
    return gained + 1 / (1 + smooth) + calls / 1000
"""
NUMPY = """
import numpy as np
from numpy.linalg import norm

def reward_function(params):
    line = np.asarray(params['waypoints'])
    distances = norm(line - (params['x'], params['y']), axis=1)
    return np.exp(-distances.min()) + np.float32(0.5) * params['all_wheels_on_track']
"""
SHAPELY = """
from shapely.geometry import LineString, Point, Polygon

def reward_function(params):
    ring = Polygon(params['waypoints']).buffer(params['track_width'] / 2)
    here = Point(params['x'], params['y'])
    return LineString(params['waypoints']).distance(here) + float(ring.contains(here))
"""
MODERN = """
from __future__ import annotations
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from statistics import mean
from typing import NamedTuple
import functools, itertools, json, random

class Lane(Enum):
    LEFT = 1
    RIGHT = 2

class Spot(NamedTuple):
    x: float
    y: float

@dataclass
class Car:
    spot: Spot
    speeds: deque[float] = field(default_factory=lambda: deque(maxlen=5))

YEAR = datetime.strptime('2026-01-02', '%Y-%m-%d').year
car = Car(Spot(0, 0))

def reward_function(params: dict) -> float:
    car.speeds.append(params['speed'])
    lane = Lane.LEFT if params['is_left_of_center'] else Lane.RIGHT
    match lane:
        case Lane.LEFT:
            bonus = 0.25
        case _:
            bonus = 0
    return mean(car.speeds) + bonus + len(json.dumps(params['closest_waypoints'])) + YEAR / 1000
"""
CASES = {example.name: example.code for example in EXAMPLES} | {
    "heading": HEADING,
    "history": HISTORY,
    "numpy": NUMPY,
    "shapely": SHAPELY,
    "modern": MODERN,
}


def plain_rewards(code: str, states: States, track: Track) -> list[float]:
    module = ModuleType("reward_function")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "reward_function", module)
        exec(compile(code, "plain", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - our own cases
    waypoints = [(x, y) for x, y in track.centre.tolist()]
    function = module.__dict__["reward_function"]
    return [float(function(plain_parameters(row, REWARD_STATE, waypoints))) for row in states.tolist()]


@pytest.mark.parametrize("name", CASES)
def test_rewards_equal_those_of_a_plain_call(name: str, run_code: RunCode, states: States, track: Track) -> None:
    assert run_code(CASES[name]).tolist() == plain_rewards(CASES[name], states, track)


def test_scipy_is_there_where_it_is_asked_for(run_code: RunCode) -> None:
    code = "from scipy.spatial import distance\ndef reward_function(params):\n"
    code += "    return distance.euclidean((params['x'], params['y']), (params['x'] + 3, params['y'] - 4))\n"
    assert run_code(code, rows=3, deadline_s=10).tolist() == pytest.approx([5.0] * 3)


def test_params_have_the_documented_keys_and_types(states: States, track: Track) -> None:
    made = parameters_maker(REWARD_STATE, states, [(x, y) for x, y in track.centre.tolist()])(0)
    assert set(made) == {parameter.name for parameter in REWARD_PARAMETERS}
    for parameter in REWARD_PARAMETERS:
        value = made[parameter.name]
        plain = {"bool": bool, "float": float}.get(parameter.type)
        assert type(value) is (plain or list), parameter.name
        if parameter.type == "[int, int]":
            assert [type(entry) for entry in value] == [int, int], parameter.name
    assert all(type(point) is tuple and len(point) == 2 for point in made["waypoints"])


@pytest.mark.parametrize("objects", [Boxes(3), Bots(2, speed_mps=0.5)], ids=["boxes", "bots"])
def test_params_about_objects_are_those_of_the_reference(objects: TrackObjects, track: Track) -> None:
    """Through the sandbox and back: the function returns one number for each key, whose value is checked outside."""
    states = sample_reward_states(track, Direction.COUNTERCLOCKWISE, 100, 3, objects)
    geometry = Geometry.of(track)
    told = 0
    make = parameters_maker(reward_columns(objects.count), states, [])
    for index, state in enumerate(states):
        made = make(index)
        kinds = [OBJECT_KINDS[int(row[OBJECT_COLUMN["kind"]])] for row in objects_in(state)]
        things = [
            Thing(kind, (*location, float(row[OBJECT_COLUMN["yaw"]])), speed)  # type: ignore[arg-type]
            for kind, location, row, speed in zip(
                kinds, made["objects_location"], objects_in(state), made["objects_speed"], strict=True
            )
        ]
        heading = math.radians(made["heading"])
        base = (made["x"] - 0.14 * math.cos(heading), made["y"] - 0.14 * math.sin(heading), heading)
        for key, value in object_parameters(geometry, base, things).items():
            near = key in ("objects_distance", "objects_distance_from_center")
            assert made[key] == (pytest.approx(value, abs=1e-6) if near else value), key
        told += len(made["objects_distance"])
    assert told == 100 * objects.count
    keys = sorted(key for key in made if key.startswith(("object", "closest_objects")))
    code = (
        f"KEYS = {keys!r}\n"
        "def reward_function(params):\n"
        "    x, y = params['objects_location'][params['closest_objects'][1]]\n"
        "    assert all(type(b) is bool for b in params['objects_left_of_center'])\n"
        "    assert all(len(params[k]) == len(params['objects_speed']) for k in KEYS if k.startswith('objects_'))\n"
        "    return x + 10 * y + 100 * sum(params['objects_heading'])\n"
    )
    with RewardProcess(code) as process:
        process.start(track, 1, objects.count)
        rewards = process.rewards(states, np.zeros(len(states), dtype=np.int32))
        expected = []
        for state in states:
            params = process.parameters(state)
            x, y = params["objects_location"][params["closest_objects"][1]]
            expected.append(x + 10 * y + 100 * sum(params["objects_heading"]))
        assert rewards.tolist() == expected


def test_params_carry_the_states_of_their_row(run_code: RunCode, states: States) -> None:
    for column in ("x", "heading", "progress", "steps", "is_offtrack", "sim_time"):
        rewards = run_code(f"def reward_function(params):\n    return params[{column!r}]\n")
        assert rewards.tolist() == states[:, COLUMN[column]].tolist()


def test_what_a_function_does_to_params_never_reaches_the_next_call(run_code: RunCode) -> None:
    code = """
def reward_function(params):
    seen = len(params['waypoints']) + len(params['objects_distance']) + len(params['closest_objects']) + len(params)
    params['waypoints'].clear()
    params['objects_distance'].append(1)
    params['closest_objects'].append(1)
    params['mine'] = 1
    return seen
"""
    assert len(set(run_code(code).tolist())) == 1


def test_module_globals_belong_to_one_car(track: Track, states: States) -> None:
    code = "count = 0\ndef reward_function(params):\n    global count\n    count += 1\n    return count\n"
    cars = np.array([0, 1, 1, 2, 1, 0], dtype=np.int32)
    with RewardProcess(code) as process:
        process.start(track, 3)
        assert process.rewards(states[:6], cars).tolist() == [1, 1, 2, 1, 3, 2]
        assert process.rewards(states[:6], cars).tolist() == [3, 4, 5, 2, 6, 4]


def test_a_rollout_longer_than_one_exchange_comes_back_in_order(track: Track, states: States) -> None:
    many = np.tile(states, (46, 1))
    with RewardProcess("def reward_function(params):\n    return params['x'] + params['y']\n") as process:
        process.start(track, 1)
        rewards = process.rewards(many, np.zeros(len(many), dtype=np.int32))
        none = process.rewards(states[:0], np.zeros(0, dtype=np.int32))
    assert rewards.tolist() == (many[:, COLUMN["x"]] + many[:, COLUMN["y"]]).tolist()
    assert none.shape == (0,)


def test_random_numbers_follow_the_seed(track: Track, states: States) -> None:
    code = "import random\nimport numpy as np\n"
    code += "def reward_function(params):\n    return random.random() + np.random.rand()\n"
    drawn = []
    for seed in (1, 1, 2):
        with RewardProcess(code, seed=seed) as process:
            process.start(track, 1)
            drawn.append(process.rewards(states[:5], np.zeros(5, dtype=np.int32)).tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_one_failing_call_among_many_is_told_with_line_and_parameters(run_code: RunCode, states: States) -> None:
    x = float(states[150, COLUMN["x"]])
    code = (
        f"def reward_function(params):\n    if params['x'] == {x!r}:\n        return params['sped']\n    return 1.0\n"
    )
    with pytest.raises(Failed) as failed:
        run_code(code)
    assert (failed.value.kind, failed.value.line) == ("runtime", 3)
    assert failed.value.message == "KeyError: 'sped' (in 1 of 200 calls)"
    assert failed.value.parameters is not None
    assert failed.value.parameters["x"] == x


def test_a_failure_leaves_the_sandbox_able_to_go_on(track: Track, states: States) -> None:
    code = "n = 0\ndef reward_function(params):\n    global n\n    n += 1\n    return 1 / (n - 1)\n"
    with RewardProcess(code) as process:
        process.start(track, 1)
        with pytest.raises(Failed, match="ZeroDivisionError"):
            process.rewards(states[:2], np.zeros(2, dtype=np.int32))
        assert process.rewards(states[:1], np.zeros(1, dtype=np.int32)).tolist() == [0.5]


@pytest.mark.parametrize(
    ("code", "kind", "line", "text"),
    [
        ("def reward_function(params):\n    return (1\n", "syntax", 2, "was never closed"),
        ("def reward_function(params)\n    return 1\n", "syntax", 1, "expected ':'"),
        ("x = '\0'\n", "syntax", None, "null bytes"),
        ("x = " + "(" * 5000 + ")" * 5000, "syntax", None, ""),
        ("x = 1\ud800", "syntax", None, ""),
        ("", "signature", None, "no function `reward_function(params)`"),
        ("reward_function = 3\n", "signature", None, "is not a function"),
        ("x = 1\ndef reward_function(a, b):\n    return 1\n", "signature", 2, "reward_function(a, b) must take one"),
        ("def reward_function():\n    return 1\n", "signature", 1, "must take one argument"),
        ("def reward_function(params, *, speed):\n    return 1\n", "signature", 1, "must take one argument"),
        ("import math\nimport os\n", "import", 2, "`import os` is not available here; allowed: "),
        ("from .lib import x\n", "import", 1, "`import .lib` is not available here"),
        ("import numpy.f2py\n", "import", 1, "`import numpy.f2py` is not available here"),
        ("from math import nothing\n", "import", 1, "cannot import name 'nothing'"),
        ("x = 1 / 0\n", "runtime", 1, "ZeroDivisionError: division by zero"),
        ("open('/etc/passwd')\n", "runtime", 1, "files cannot be opened here"),
    ],
)
def test_code_that_does_not_load_is_told_where(
    code: str, kind: str, line: int | None, text: str, run_code: RunCode
) -> None:
    with pytest.raises(Failed) as failed:
        run_code(code)
    assert failed.value.kind == kind
    assert text in failed.value.message
    if line is not None:
        assert failed.value.line == line


@pytest.mark.parametrize(
    "definition",
    [
        "def reward_function(params, bonus=2.0):\n    return bonus",
        "def reward_function(*args):\n    return 2.0",
        "reward_function = lambda params: 2.0",
        "class Reward:\n    def __call__(self, params):\n        return 2.0\nreward_function = Reward()",
        "def reward_function(params):\n    return True + 1",
    ],
)
def test_every_callable_of_one_argument_will_do(definition: str, run_code: RunCode) -> None:
    assert run_code(definition + "\n", rows=2).tolist() == [2.0, 2.0]


def test_a_main_block_does_not_run(run_code: RunCode) -> None:
    code = "def reward_function(params):\n    return 1.0\nif __name__ == '__main__':\n    1 / 0\n"
    assert run_code(code, rows=1).tolist() == [1.0]


def test_prints_and_warnings_can_be_read(track: Track, states: States) -> None:
    code = "import numpy as np\nprint('loaded')\ndef reward_function(params):\n"
    code += "    print('speed', params['steps'])\n    np.float64(1) / np.float64(0)\n    return 1\n"
    with RewardProcess(code) as process:
        process.start(track, 1)
        assert process.log == "loaded\n"
        process.rewards(states[:1], np.zeros(1, dtype=np.int32))
        assert process.log.startswith(f"speed {states[0, COLUMN['steps']]}\n")
        assert "RuntimeWarning: divide by zero" in process.log


def test_only_named_layers_can_be_done_without() -> None:
    with pytest.raises(ValueError, match="no sandbox may do without seccomp"):
        RewardProcess("", accept_missing=frozenset({"seccomp", "landlock"}))


def test_code_without_end_is_refused_before_it_is_sent(run_code: RunCode) -> None:
    with pytest.raises(Failed, match="longer than 256 KB"):
        run_code("#" * 300_000)


def test_it_wants_to_be_started(states: States) -> None:
    with pytest.raises(RuntimeError, match="start the reward process"):
        RewardProcess("").rewards(states, np.zeros(len(states), dtype=np.int32))


def test_rewards_are_finite(run_code: RunCode) -> None:
    assert all(math.isfinite(reward) for reward in run_code(HEADING))


def test_the_process_has_an_id_for_as_long_as_it_lives(track: Track) -> None:
    process = RewardProcess("def reward_function(params):\n    return 1.0\n")
    with process:
        process.start(track, 1)
        assert os.path.exists(f"/proc/{process.pid}")
    with pytest.raises(RuntimeError, match="not started"):
        _ = process.pid
