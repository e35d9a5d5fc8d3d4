"""Driving in the core: the same bits as one step at a time in Python, recorded where it is asked for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.action_space import ActionSpace, ContinuousActionSpace, DiscreteActionSpace
from sim.car import Car
from sim.drive_rows import drive_until_done
from sim.driver import camera_of, rollout_of, shown
from sim.episode import STATUSES, EpisodeRules
from sim.layers import Convolution, Numbers, Picture, Tower
from sim.network_layout import layout_of
from sim.policy import Policy
from sim.reference.driver import Driver
from sim.rollout import Drawing, Rollout, Shown
from sim.sensors import (
    LIDAR,
    PADDOCK_CAMERA,
    PADDOCK_CAMERA_40X30,
    SHALLOW_CNN,
    STEREO_CAMERAS,
    TRACK_FEATURES,
    Network,
    Sensor,
)
from sim.world import FEATURE_COUNT, World
from tests.sim.networks import Weights
from tests.sim.ovals import oval

CONTINUOUS = ContinuousActionSpace(-25.0, 30.0, 0.5, 2.0)
DISCRETE = DiscreteActionSpace.default()
PARTS = ("features", "lidar", "reward_states", "pose", "status", "done", "lap", "lap_steps", "lap_resets")


def policy_of(inputs: int, space: ActionSpace, seed: int = 0) -> Policy:
    weights = Weights(seed)
    return Policy(
        [Tower(Numbers(inputs), [weights.dense(inputs, 20, "tanh"), weights.dense(20, space.size, "linear")])]
    )


def world_of(cars: int, sensors: tuple[Sensor, ...] = (TRACK_FEATURES,), *, auto_reset: bool = True) -> World:
    lidar = LIDAR in sensors
    rules = EpisodeRules(start="advance", auto_reset=auto_reset, maximum_steps=200)
    return World(oval(), cars, seed=3, rules=rules, lidar=lidar, lidar_noise_m=0.01 if lidar else 0.0)


@pytest.mark.parametrize("stack", [1, 3])
@pytest.mark.parametrize("space", [CONTINUOUS, DISCRETE], ids=["continuous", "discrete"])
@pytest.mark.parametrize(
    "sensors", [(TRACK_FEATURES,), (LIDAR,), (LIDAR, TRACK_FEATURES)], ids=["vector", "lidar", "both"]
)
def test_it_drives_to_the_bit_as_one_step_after_the_other(
    sensors: tuple[Sensor, ...], space: ActionSpace, stack: int
) -> None:
    car = Car(sensors, "PADDOCK_SMALL", space)
    slow_world, world = world_of(5, sensors), world_of(5, sensors)
    inputs = stack * sum(part.width for part in shown(world, car)[0])
    policy = policy_of(inputs, space)
    driver = Driver(policy, car, slow_world, stack)
    steps, wanted = 150, []
    commands, chosen = np.empty((steps, 5, 2)), np.empty((steps, 5), np.int64)
    seen = np.empty((steps, 5, inputs), np.float32)
    after = [
        (getattr(world, name), np.empty((steps, *getattr(world, name).shape), getattr(world, name).dtype))
        for name in PARTS
    ]
    rollout = rollout_of(policy, car, world, stack)
    for begin, end in ((0, 1), (1, 70), (70, steps)):
        driven = rollout.drive(
            end - begin,
            observations=[seen[begin:end]],
            commands=commands[begin:end],
            actions=chosen[begin:end] if space is DISCRETE else None,
            after=[(array, to[begin:end]) for array, to in after],
        )
        assert driven.steps == end - begin
    for step in range(steps):
        driver_chosen, driver_commands = driver.choose()
        assert np.array_equal(commands[step], driver_commands), step
        if space is DISCRETE:
            assert np.array_equal(chosen[step], driver_chosen)
        slow_world.step(driver_commands)
        wanted.append(slow_world.done.copy())
        for name, (_, to) in zip(PARTS, after, strict=True):
            assert np.array_equal(to[step], getattr(slow_world, name)), (name, step)
    assert np.any(wanted), "cars must have ended and begun anew"
    outputs = policy.forward(seen[7])
    assert np.array_equal(commands[7], space.commands(outputs if space is CONTINUOUS else outputs.argmax(1)))


def digest(cars: int = 9, threads: int = 1, keep: int | None = None) -> str:
    """Of a drawn drive: what was drawn, with which probability, and where it led the first `keep` cars."""
    world = world_of(cars)
    steps = 80
    rollout = Rollout(
        world,
        policy_of(FEATURE_COUNT, CONTINUOUS),
        CONTINUOUS,
        shown(world, Car((TRACK_FEATURES,), "PADDOCK_SMALL", CONTINUOUS)),
        drawing=Drawing(seed=4, epsilon=0.1, spread=(0.4, 0.2)),
        threads=threads,
    )
    actions = np.empty((steps, cars, 2), np.float32)
    chances = np.empty((steps, cars), np.float32)
    poses = np.empty((steps, cars, 3))
    rollout.drive(steps, actions=actions, log_probabilities=chances, after=[(world.pose, poses)])
    found = hashlib.sha256()
    for array in (actions, chances, poses):
        found.update(np.ascontiguousarray(array[:, :keep]).tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_bit(threads: int) -> None:
    assert digest(threads=threads) == digest()


def test_a_car_does_not_notice_how_many_others_there_are() -> None:
    assert digest(cars=9, keep=4) == digest(cars=4)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from sim.native import _core
from tests.sim.test_rollout import digest
assert not _core.HAS_AVX2
print(digest())
"""


def test_another_process_without_avx2_finds_the_same_bits() -> None:
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PADDOCK_WITHOUT_AVX2": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, root], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == digest(), done.stderr


def pictures_policy(stack: int, channels: int) -> Policy:
    weights = Weights(2)
    kernel: Convolution = weights.convolution(stack * channels, 4, (3, 3), 2, "valid", "relu")
    towers = [
        Tower(Picture(6, 8, stack * channels), [kernel, weights.dense(2 * 3 * 4, 6, "tanh")]),
        Tower(Numbers(2 * stack), [weights.dense(2 * stack, 3, "linear")]),
    ]
    return Policy(towers, [weights.dense(9, DISCRETE.size)])


@pytest.mark.parametrize("channels", [1, 2])
def test_frames_of_pictures_lie_in_the_channels_oldest_first(channels: int) -> None:
    """The pictures are ours here, and change between drives; the numbers are the world's."""
    world, random = world_of(3, auto_reset=False), np.random.default_rng(0)
    policy = pictures_policy(3, channels)
    camera = np.zeros((3, 6, 8, channels), np.uint8)
    rollout = Rollout(
        world, policy, DISCRETE, [[Shown(camera, 0, 48 * channels)], [Shown(world.features, 3, 2)]], stack_size=3
    )
    frames: list[NDArray[np.uint8]] = []
    numbers: list[NDArray[np.float32]] = []
    for _ in range(5):
        camera[:] = random.integers(0, 256, camera.shape)
        frames.append(camera.copy())
        numbers.append(world.features[:, 3:5].copy())
        seen = [np.empty((1, 3, 6, 8, 3 * channels), np.uint8), np.empty((1, 3, 6), np.float32)]
        outputs = np.empty((1, 3, DISCRETE.size), np.float32)
        rollout.drive(1, observations=seen, outputs=outputs)
        stacked = [frames[0]] * 3 + frames[1:]
        assert np.array_equal(seen[0][0], np.concatenate(stacked[-3:], axis=-1))
        assert np.array_equal(seen[1][0], np.concatenate(([numbers[0]] * 3 + numbers[1:])[-3:], axis=-1))
        assert np.array_equal(outputs[0], policy.forward([array[0] for array in seen]))


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize(
    ("sensors", "network"),
    [
        ((PADDOCK_CAMERA_40X30,), PADDOCK_CAMERA),
        ((PADDOCK_CAMERA_40X30, LIDAR, TRACK_FEATURES), PADDOCK_CAMERA),
        ((STEREO_CAMERAS,), SHALLOW_CNN),
    ],
    ids=["camera", "camera, LIDAR and vector", "stereo"],
)
def test_cars_drive_by_what_their_cameras_see(sensors: tuple[Sensor, ...], network: Network, stack: int) -> None:
    car = Car(sensors, network.name, DISCRETE)
    layout, random = layout_of(car, stack), np.random.default_rng(6)
    arrays = {
        name: (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        for name, shape in layout.arrays().items()
    }
    policy = layout.policy(arrays)
    rules = EpisodeRules(start="advance", maximum_steps=9)
    world = World(oval(), 3, seed=0, rules=rules, camera=camera_of(car), lidar=LIDAR in sensors)
    rollout = rollout_of(policy, car, world, stack, threads=2)
    sources = [part.array for (part,) in shown(world, car)]
    frames = [np.empty((12, *array.shape), array.dtype) for array in sources]
    outputs, status = np.empty((12, 3, DISCRETE.size), np.float32), np.empty((12, 3), np.uint8)
    before = [*zip(sources, frames, strict=True), (world.status, status)]
    rollout.drive(12, outputs=outputs, before=before)
    assert frames[0][0, 0].std() > 10, "there is something to see"
    for step in range(12):
        older = [max(0, step - age) for age in range(stack - 1, -1, -1)]
        if STATUSES[status[step, 0]] == "prepare":
            older = [step] * stack
        seen = [np.concatenate([array[row] for row in older], axis=-1) for array in frames]
        assert np.array_equal(outputs[step], policy.forward(seen)), step


def drawing_rollout(space: ActionSpace, cars: int, drawing: Drawing) -> tuple[Rollout, World]:
    world = World(oval(), cars, seed=0, rules=EpisodeRules())
    car = Car((TRACK_FEATURES,), "PADDOCK_SMALL", space)
    return Rollout(world, policy_of(FEATURE_COUNT, space, 5), space, shown(world, car), drawing=drawing), world


def test_discrete_actions_are_drawn_as_often_as_the_policy_says() -> None:
    """All cars stand alike at the start, so one step draws 20,000 times from one distribution."""
    rollout, _ = drawing_rollout(DISCRETE, 20_000, Drawing(seed=1, epsilon=0.2))
    actions, outputs = np.empty((1, 20_000), np.int64), np.empty((1, 20_000, 10), np.float32)
    chances = np.empty((1, 20_000), np.float32)
    rollout.drive(1, actions=actions, outputs=outputs, log_probabilities=chances)
    shares = np.exp(outputs[0, 0].astype(np.float64))
    shares = 0.8 * shares / shares.sum() + 0.02
    found = np.bincount(actions[0], minlength=10) / 20_000
    assert np.abs(found - shares).max() < 4 * np.sqrt(0.25 / 20_000)
    assert np.allclose(chances[0], np.log(shares)[actions[0]], atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_continuous_actions_are_drawn_as_often_as_the_policy_says(epsilon: float) -> None:
    spread = (0.5, 0.1)
    rollout, _ = drawing_rollout(CONTINUOUS, 20_000, Drawing(seed=1, epsilon=epsilon, spread=spread))
    actions, outputs = np.empty((1, 20_000, 2), np.float32), np.empty((1, 20_000, 2), np.float32)
    chances, commands = np.empty((1, 20_000), np.float32), np.empty((1, 20_000, 2))
    rollout.drive(1, actions=actions, outputs=outputs, log_probabilities=chances, commands=commands)
    mean = outputs[0, 0].astype(np.float64)
    wanted = (1 - epsilon) * mean
    assert np.abs(actions[0].mean(0) - wanted).max() < 0.03
    variance = (1 - epsilon) * (np.square(spread) + mean**2) + epsilon / 3 - wanted**2
    assert np.allclose(actions[0].var(0), variance, rtol=0.06)
    scaled = (actions[0] - mean) / spread
    normal = np.exp(-0.5 * (scaled**2).sum(1)) / (2 * np.pi * spread[0] * spread[1])
    assert np.allclose(chances[0], np.log((1 - epsilon) * normal + epsilon / 4), atol=1e-4)
    assert np.array_equal(commands[0], CONTINUOUS.commands(actions[0]))


def test_the_same_seed_draws_the_same_and_another_others() -> None:
    drawn = []
    for seed in (1, 1, 2):
        rollout, _ = drawing_rollout(DISCRETE, 50, Drawing(seed=seed))
        actions = np.empty((20, 50), np.int64)
        rollout.drive(20, actions=actions)
        drawn.append(actions)
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert len({tuple(column) for column in drawn[0].T.tolist()}) > 40, "each car draws for itself"


def test_epsilon_and_spread_may_change_between_drives() -> None:
    rollout, _ = drawing_rollout(CONTINUOUS, 500, Drawing(seed=1, spread=(0.5, 0.5)))
    wide, narrow = np.empty((1, 500, 2), np.float32), np.empty((1, 500, 2), np.float32)
    rollout.drive(1, actions=wide)
    rollout.draw_with(0.0, (0.01, 0.01))
    rollout.drive(1, actions=narrow)
    assert wide.std() > 10 * narrow.std(axis=1).max()
    with pytest.raises(ValueError, match="epsilon"):
        rollout.draw_with(1.5, (0.1, 0.1))
    with pytest.raises(ValueError, match="spread"):
        rollout.draw_with(0.5, (float("nan"), 0.1))


def test_a_learned_policy_takes_the_place_of_the_one_before() -> None:
    rollout, _ = drawing_rollout(DISCRETE, 3, Drawing(seed=1))
    other = policy_of(FEATURE_COUNT, DISCRETE, 77)
    rollout.drive_with(other)
    seen, outputs = np.empty((1, 3, FEATURE_COUNT), np.float32), np.empty((1, 3, 10), np.float32)
    rollout.drive(1, observations=[seen], outputs=outputs)
    assert np.array_equal(outputs[0], other.forward(seen[0]))
    with pytest.raises(ValueError, match="other inputs or outputs"):
        rollout.drive_with(policy_of(FEATURE_COUNT + 1, DISCRETE))


def test_cars_that_are_done_begin_at_the_next_start_at_once() -> None:
    world = world_of(4, auto_reset=False)
    car = Car((TRACK_FEATURES,), "PADDOCK_SMALL", CONTINUOUS)
    rollout = rollout_of(policy_of(FEATURE_COUNT, CONTINUOUS), car, world)
    starts = (np.arange(40) * 0.07) % 1.0
    before, after = np.empty((400, 4), np.uint8), np.empty((400, 4), np.uint8)
    done, along = np.empty((400, 4), np.bool_), np.empty((400, *world.reward_states.shape))
    driven = rollout.drive(
        400,
        before=[(world.status, before), (world.reward_states, along)],
        after=[(world.status, after), (world.done, done)],
        starts=starts,
    )
    assert driven.episodes == driven.starts == done[: driven.steps].sum() > 4
    used = 0
    for step in range(driven.steps - 1):
        for number in np.flatnonzero(done[step]):
            assert STATUSES[before[step + 1, number]] == "prepare"
            at = along[step + 1, number, 17] / world.reward_states[0, 15]
            assert abs((at - starts[used] + 0.5) % 1.0 - 0.5) < 0.01, "the front point is a little ahead"
            used += 1
    assert not (after[: driven.steps] == STATUSES.index("park")).any()


def test_a_drive_ends_where_starts_run_out() -> None:
    world = world_of(4, auto_reset=False)
    car = Car((TRACK_FEATURES,), "PADDOCK_SMALL", CONTINUOUS)
    rollout = rollout_of(policy_of(FEATURE_COUNT, CONTINUOUS), car, world)
    driven = rollout.drive(10_000, starts=np.zeros(6))
    assert driven.starts in (3, 4, 5, 6)
    assert rollout.drive(5, starts=np.zeros(3)).steps == 0
    with pytest.raises(ValueError, match="fraction of the lap"):
        rollout.drive(5, starts=np.array([0.0, 1.5, 0.0, 0.0]))


def test_a_drive_ends_once_enough_episodes_ended() -> None:
    car = Car((TRACK_FEATURES,), "PADDOCK_SMALL", CONTINUOUS)
    for least_steps in (0, 1000):
        world = world_of(4)
        done = np.empty((5000, 4), np.bool_)
        rollout = rollout_of(policy_of(FEATURE_COUNT, CONTINUOUS), car, world)
        driven = rollout.drive(5000, after=[(world.done, done)], episodes=3, least_steps=least_steps)
        assert driven.episodes == done[: driven.steps].sum() >= 3
        enough = np.flatnonzero(done[: driven.steps].sum(1).cumsum() >= 3)[0] + 1
        assert driven.steps == max(enough, least_steps // 4)


@pytest.mark.parametrize(("stack", "threads"), [(1, 1), (1, 3), (2, 1), (2, 4)])
def test_rows_until_all_are_done_are_those_of_each_car(stack: int, threads: int) -> None:
    """Cars that are done are not asked any more; the others do not notice."""
    world, slow = world_of(6, auto_reset=False), world_of(6, auto_reset=False)
    car = Car((TRACK_FEATURES,), "PADDOCK_SMALL", DISCRETE)
    policy = policy_of(stack * FEATURE_COUNT, DISCRETE)
    driven = drive_until_done(rollout_of(policy, car, world, stack, threads=threads))
    driver, states = Driver(policy, car, slow, stack), [[state.copy()] for state in slow.reward_states]
    going = np.ones(6, np.bool_)
    while going.any():
        slow.step(driver.choose()[1])
        for number in np.flatnonzero(going):
            states[number].append(slow.reward_states[number].copy())
        going &= ~slow.done
    assert len({len(rows.states) for rows in driven}) > 1, "they end at different times"
    for rows, wanted in zip(driven, states, strict=True):
        assert np.array_equal(rows.states, wanted)
        assert len(rows.status) == len(rows.laps) == len(rows.commands) == len(wanted)
        assert rows.chosen is not None
        assert np.array_equal(rows.commands, DISCRETE.table()[rows.chosen])
    with pytest.raises(ValueError, match="prepare"):
        drive_until_done(rollout_of(policy, car, world, stack))


def test_nothing_is_recorded_of_a_car_that_is_done_before_the_others() -> None:
    world = world_of(6, auto_reset=False)
    rollout = rollout_of(policy_of(FEATURE_COUNT, DISCRETE), Car((TRACK_FEATURES,), "PADDOCK_SMALL", DISCRETE), world)
    steps = world.rules.maximum_steps
    done, actions = np.empty((steps, 6), world.done.dtype), np.full((steps, 6), -1, np.int64)
    outputs, seen = np.zeros((steps, 6, DISCRETE.size), np.float32), np.zeros((steps, 6, FEATURE_COUNT), np.float32)
    driven = rollout.drive(
        steps,
        actions=actions,
        outputs=outputs,
        observations=[seen],
        after=[(world.done, done)],
        all_done=True,
    )
    before = np.concatenate([np.zeros((1, 6), np.bool_), done[: driven.steps - 1]])
    assert before.any()
    assert np.array_equal(actions[: driven.steps] == -1, before)
    assert np.array_equal(~outputs[: driven.steps].any(-1), before)
    assert np.array_equal(~seen[: driven.steps].any(-1), before)


def test_a_policy_that_gives_no_number_ends_its_cars_not_the_process() -> None:
    world = world_of(3, auto_reset=False)
    broken = np.full((3, FEATURE_COUNT), np.nan, np.float32)
    rollout = Rollout(world, policy_of(FEATURE_COUNT, CONTINUOUS), CONTINUOUS, [[Shown(broken, 0, FEATURE_COUNT)]])
    rollout.drive(1)
    assert [STATUSES[code] for code in world.status] == ["error"] * 3


def test_several_python_threads_may_drive_at_once() -> None:
    wanted, found = digest(), []
    workers = [threading.Thread(target=lambda: found.append(digest(threads=2))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [wanted] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"shown": []},
        {"shown": [[]]},
        {"shown": [[Shown(np.zeros((4, FEATURE_COUNT), np.float32), 0, FEATURE_COUNT)]]},
        {"shown": [[Shown(np.zeros((3, FEATURE_COUNT)), 0, FEATURE_COUNT)]]},
        {"shown": [[Shown(np.zeros((3, FEATURE_COUNT), np.float32), 1, FEATURE_COUNT)]]},
        {"shown": [[Shown(np.zeros((3, FEATURE_COUNT), np.float32), 2**63, 2**63)]]},
        {"shown": [[Shown(np.zeros((3, FEATURE_COUNT), np.float32), 0, FEATURE_COUNT - 1)]]},
        {"shown": [[Shown(np.zeros((3, 2 * FEATURE_COUNT), np.float32)[:, ::2], 0, FEATURE_COUNT)]]},
        {"stack_size": 0},
        {"stack_size": 2},
        {"stack_size": 2**40},
        {"threads": 0},
        {"threads": 100_000},
        {"action_space": DISCRETE},
        {"drawing": Drawing(seed=1, epsilon=-0.1)},
        {"drawing": Drawing(seed=1, epsilon=float("nan"))},
        {"drawing": Drawing(seed=1, spread=(-1.0, 0.1))},
        {"drawing": Drawing(seed=-1)},
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, Any]) -> None:
    world = world_of(3)
    right = {"action_space": CONTINUOUS, "shown": [[Shown(world.features, 0, FEATURE_COUNT)]], **change}
    with pytest.raises((TypeError, ValueError)):
        Rollout(world, policy_of(FEATURE_COUNT, CONTINUOUS), **right)


@pytest.mark.parametrize(
    "arrays",
    [
        {"commands": np.empty((4, 3, 2))},
        {"commands": np.empty((5, 4, 2))},
        {"commands": np.empty((5, 3, 2), np.float32)},
        {"commands": np.empty((5, 3, 4))[:, :, ::2]},
        {"commands": np.empty((3, 5, 2))},
        {"actions": np.empty((5, 3), np.int64)},
        {"outputs": np.empty((5, 3, 3), np.float32)},
        {"log_probabilities": np.empty((5, 3))},
        {"observations": []},
        {"observations": [np.empty((5, 3, FEATURE_COUNT))]},
        {"observations": [np.empty((5, 3, FEATURE_COUNT + 1), np.float32)]},
        {"after": [(np.zeros(3), np.empty((5, 4)))]},
        {"after": [(np.zeros(3), np.empty((5, 3), np.float32))]},
        {"before": [(np.zeros(6)[::2], np.empty((5, 3)))]},
        {"before": [(np.zeros(3),)]},
        {"starts": np.zeros((3, 3))},
        {"starts": np.zeros(9, np.float32)},
        {"episodes": -1},
    ],
)
def test_arrays_that_cannot_take_what_is_recorded_are_refused(arrays: dict[str, Any]) -> None:
    world = world_of(3)
    rollout = Rollout(world, policy_of(FEATURE_COUNT, CONTINUOUS), CONTINUOUS, [[Shown(world.features, 0, 27)]])
    before = world.reward_states.copy()
    with pytest.raises((TypeError, ValueError)):
        rollout.drive(5, **arrays)
    assert np.array_equal(world.reward_states, before), "nothing was driven"


def test_what_cannot_be_written_is_not_recorded_into() -> None:
    world = world_of(3)
    rollout = Rollout(world, policy_of(FEATURE_COUNT, CONTINUOUS), CONTINUOUS, [[Shown(world.features, 0, 27)]])
    commands = np.zeros((5, 3, 2))
    commands.flags.writeable = False
    with pytest.raises((TypeError, ValueError)):
        rollout.drive(5, commands=commands)
