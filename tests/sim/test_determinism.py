"""The same seed gives the same bits: run after run, alone or in a crowd, with one thread or more."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sim import SIMULATOR_VERSION
from sim.episode import STEP_S, EpisodeRules
from sim.native import _core
from sim.world import World
from tests.sim.fixed_drive import PARTS, RECORDED, fingerprints
from tests.sim.ovals import oval

RULES = EpisodeRules(start="random")


def drive(world: World, steps: int, cars: slice = slice(None)) -> list[bytes]:
    """Drive with actions that are the same for car i in any world; the bytes of every array, row by row."""
    random = np.random.default_rng(8)
    rows: list[bytes] = []
    for _ in range(steps):
        actions = random.uniform([-30.0, 0.3], [30.0, 4.0], (32, 2))[cars]
        world.step(np.ascontiguousarray(actions))
        rows.append(b"".join(a.tobytes() for a in (world.features, world.lidar, world.reward_states, world.pose)))
    return rows


def world_of(cars: int, threads: int = 1, seed: int = 5) -> World:
    return World(oval(), cars, seed=seed, rules=RULES, lidar=True, lidar_noise_m=0.01, threads=threads)


def test_this_machine_finds_the_bits_that_are_recorded() -> None:
    """Whatever its compiler, C library, NumPy and processor: the drive of `fixed_drive.py` is everywhere the same."""
    recorded = json.loads(RECORDED.read_text())
    again = "PYTHONPATH=. python tests/sim/fixed_drive.py --record"
    assert recorded["simulator_version"] == SIMULATOR_VERSION, f"the version was raised: record anew by `{again}`"
    found = fingerprints(5, 1)
    differing = [name for name in PARTS if found[name] != recorded["parts"].get(name)]
    assert not differing, (
        f"the bits of {', '.join(differing)} are not those of simulator version {SIMULATOR_VERSION}. Where they shall "
        f"be others, raise SIMULATOR_VERSION in sim/__init__.py and record them anew by `{again}`"
    )


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    first = drive(world_of(32), 60)
    assert first == drive(world_of(32), 60)
    assert first != drive(world_of(32, seed=6), 60)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_change_no_bit(threads: int) -> None:
    assert drive(world_of(32), 60) == drive(world_of(32, threads), 60)


@pytest.mark.parametrize("cars", [1, 7, 8, 9, 31])
def test_a_car_does_not_notice_how_many_others_there_are(cars: int) -> None:
    crowd, few = world_of(32), world_of(cars)
    random = np.random.default_rng(8)
    for _ in range(80):
        actions = random.uniform([-30.0, 0.3], [30.0, 4.0], (32, 2))
        crowd.step(actions)
        few.step(np.ascontiguousarray(actions[:cars]))
        for name in ("features", "lidar", "reward_states", "pose", "status", "done"):
            assert np.array_equal(getattr(crowd, name)[:cars], getattr(few, name)), name


def test_cars_side_by_side_move_to_the_bit_as_one_alone_without_vector_registers() -> None:
    world = World(oval(), 11, seed=0, rules=EpisodeRules(start="advance"))
    start = world.pose.copy()
    actions = np.random.default_rng(1).uniform([-30.0, 0.5], [30.0, 1.5], (11, 12, 2))
    paths = np.empty((12, 11, 3))
    for step in range(12):
        world.step(np.ascontiguousarray(actions[:, step]))
        paths[step] = world.pose
    assert not world.done.any()
    for car in range(11):
        alone = np.empty((12, 6))
        _core.replay(world.dynamics.to_list(), start[car].tolist(), 0.0, actions[car], np.full(12, STEP_S), alone)
        assert np.array_equal(paths[:, car], alone[:, :3])


def test_worlds_in_several_python_threads_do_not_disturb_each_other() -> None:
    wanted = drive(world_of(32), 60)
    found: list[list[bytes]] = []
    workers = [threading.Thread(target=lambda: found.append(drive(world_of(32), 60))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [wanted] * 3


def test_two_python_threads_may_step_the_same_world() -> None:
    world = world_of(32, threads=2)
    actions = np.tile([3.0, 1.0], (32, 1))
    workers = [threading.Thread(target=lambda: [world.step(actions) for _ in range(100)]) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert np.isfinite(world.features).all()


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from sim.native import _core
from tests.sim.test_determinism import drive, world_of
assert not _core.HAS_AVX2
print(hashlib.sha256(b"".join(drive(world_of(32), 60))).hexdigest())
"""


def test_another_process_without_avx2_finds_the_same_bits() -> None:
    """The plain code runs there, where this process ran the other if its processor has it."""
    here = hashlib.sha256(b"".join(drive(world_of(32), 60))).hexdigest()
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PADDOCK_WITHOUT_AVX2": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, root], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == here, done.stderr


@pytest.mark.parametrize(
    ("ours", "wanted", "low", "high", "tolerance"),
    [
        (_core.sin, math.sin, -50.0, 50.0, 4e-16),
        (_core.cos, math.cos, -50.0, 50.0, 4e-16),
        (_core.exp, math.exp, -20.0, 0.0, 4e-16),
        (_core.log, math.log, 1e-6, 1e6, 4e-15),
    ],
)
def test_our_mathematics_is_right(ours: object, wanted: object, low: float, high: float, tolerance: float) -> None:
    for x in np.linspace(low, high, 20001):
        assert abs(ours(float(x)) - wanted(float(x))) <= tolerance, x  # type: ignore[operator]


def test_our_arc_tangent_is_right_all_round() -> None:
    for angle in np.linspace(-math.pi, math.pi, 20001):
        y, x = 3.0 * math.sin(angle), 3.0 * math.cos(angle)
        assert abs(_core.atan2(y, x) - math.atan2(y, x)) <= 5e-16
    for y, x in ((0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 0.0)):
        assert _core.atan2(y, x) == math.atan2(y, x)


def test_random_streams_depend_on_seed_car_and_episode() -> None:
    keys = [(seed, car, episode) for seed in range(8) for car in range(8) for episode in range(8)]
    assert len({_core.random_bits(*key) for key in keys}) == len(keys)


def test_known_bits_stay_known() -> None:
    """Recorded results lean on these; a change of them is a change of SIMULATOR_VERSION."""
    values: list[float] = [_core.sin(1.0), _core.cos(2.0), _core.atan2(1.0, 3.0), _core.exp(-1.5), _core.log(7.0)]
    assert [value.hex() for value in values] == KNOWN
    assert _core.random_bits(1, 2, 3) == KNOWN_BITS


KNOWN = [
    "0x1.aed548f090ceep-1",
    "-0x1.aa22657537205p-2",
    "0x1.4978fa3269ee1p-2",
    "0x1.c8f87724b5c1dp-3",
    "0x1.f2272ae325a56p+0",
]
KNOWN_BITS = 15925659190040627001
