"""Feeds the native core broken tracks, sizes, buffers and numbers, and lets the sanitizers watch.

    PYTHONPATH=. python tests/sim/fuzz_core.py --core MODULE --seed 0 --seconds 20
    PYTHONPATH=. python tests/sim/fuzz_core.py --core MODULE --only 4711

Each case is made from its own number and nothing else. Before a case begins its number goes to standard output, so that
the last line names the one that killed the process; `--only` runs it again. What the core refuses with an exception is
right; what it lets pass must leave finite numbers behind.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REFUSALS = (ValueError, TypeError, OverflowError, IndexError, RuntimeError)
ODD = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-320, 1e-9, -1.0, 1.0, 29.999, 1e5, -1e5, 1e9, 1e18, 1e300, -1e300)
KINDS = (np.float64, np.float32, np.int8, np.uint8, np.int64, np.uint64, np.bool_, np.complex128, object)
Random = np.random.Generator


def case(number: int) -> str:
    """Run one case; its kind, and whether it was refused. AssertionError where the core said something impossible."""
    random = np.random.default_rng(number)
    kinds = list(CASES)
    name = kinds[int(random.integers(len(kinds)))]
    try:
        CASES[name](random)
    except REFUSALS as refusal:
        return f"{name}: refused, {type(refusal).__name__}"
    return f"{name}: done"


def attempt(call: Callable[..., Any], *arguments: object) -> None:
    """Call it; that it refuses does not end the case, in which more calls come."""
    with contextlib.suppress(*REFUSALS):
        call(*arguments)


def odd(random: Random) -> float:
    """A number that code seldom expects."""
    return float(ODD[int(random.integers(len(ODD)))])


def numbers(random: Random, shape: tuple[int, ...], size: float = 3.0, share: float = 0.1) -> NDArray[np.float64]:
    """Normal numbers, a share of them odd."""
    found = random.normal(0.0, size, shape)
    spoilt = random.random(shape) < share
    found[spoilt] = random.choice(ODD, int(spoilt.sum()))
    return found


def anything(random: Random, shape: tuple[int, ...]) -> Any:
    """An array that may have another shape, kind or layout than is wanted, or is none at all."""
    what = int(random.integers(10))
    if what == 0:
        return [None, "fast", 7, [[0.0, 1.0]], {}][int(random.integers(5))]
    if what == 1:
        shape = tuple(int(n) for n in random.integers(0, 7, random.integers(0, 4)))
    array = numbers(random, shape)
    if what == 2:
        with np.errstate(all="ignore"):
            return array.astype(KINDS[int(random.integers(len(KINDS)))])
    if what == 3 and array.ndim:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if what == 4:
        return np.asfortranarray(array)
    if what == 5:
        array.flags.writeable = False
    return array


def lines(random: Random) -> tuple[list[NDArray[np.float64]], bool]:
    """Centre, inner and outer border of something like a track, whole or spoilt, and whether it closes."""
    count = int(random.integers(0, 60))
    radius, half = 10.0 ** random.uniform(-1, 2), 10.0 ** random.uniform(-2, 1)
    angle = np.linspace(0.0, random.choice([1.0, 3.0, 2.0 * np.pi]), count)
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    wobble = 1.0 + 0.2 * np.sin(3.0 * angle)[:, None] * random.random()
    found = [ray * radius * wobble, ray * (radius * wobble - half), ray * (radius * wobble + half)]
    spoil = int(random.integers(12))
    chosen = found[int(random.integers(3))]
    if count and spoil == 0:
        chosen[random.integers(count)] = [odd(random), odd(random)]
    elif count and spoil == 1:
        chosen[:] = chosen[0]
    elif count > 3 and spoil == 2:
        chosen[count // 2 :] = chosen[: count - count // 2]
    elif spoil == 3:
        chosen *= random.choice([0.0, 1e-12, 1e4, 1e9, 1e160, -1.0])
    elif spoil == 4:
        found = [line * random.choice([1e-9, 1e-3, 1e3, 1e6]) for line in found]
    elif spoil == 5:
        found = [line + random.choice([1e3, 1e6, 1e15]) for line in found]
    elif spoil == 6:
        found[int(random.integers(3))] = numbers(random, (int(random.integers(0, 60)), 2))
    elif spoil == 7:
        found = [numbers(random, (count, 2), 2.0, 0.02) for _ in range(3)]
    elif spoil == 8:
        random.shuffle(chosen)
    return found, bool(random.random() < 0.6)


def track(random: Random) -> Any:
    """A track that the core accepts; a refusal otherwise."""
    from sim.native import _core

    (centre, inner, outer), closed = lines(random)
    return _core.Track(*(np.ascontiguousarray(line) for line in (centre, inner, outer)), closed)


def whole_track(random: Random) -> Any:
    """A good one, to hurt what comes after it."""
    from tests.sim.ovals import hairpin, oval, wave

    return (hairpin, oval, wave)[int(random.integers(3))]()


class _Recorded(Exception):
    """Carries what a World was about to tell the core."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        self.settings = settings


def settings(random: Random) -> dict[str, Any]:
    """What the core is told of some good world, so that a part of it can be spoilt."""
    from sim.camera import PADDOCK_CAMERA_40X30, STEREO_CAMERAS, Camera
    from sim.episode import EpisodeRules
    from sim.native import _core
    from sim.objects import OTHERS, Bots, Boxes
    from sim.randomisation import PLAIN, SIM_TO_REAL
    from sim.world import World

    cameras = (Camera(), Camera(look="arena"), Camera(STEREO_CAMERAS.name), Camera(PADDOCK_CAMERA_40X30.name))

    def record(**given: Any) -> Any:
        raise _Recorded(given)

    rules = EpisodeRules(
        laps=int(random.integers(1, 4)),
        continuous=bool(random.random() < 0.5),
        maximum_resets=int(random.integers(0, 5)),
        off_track_penalty_s=float(random.choice([0.0, 0.2])),
        maximum_steps=int(random.integers(2, 60)),
        start=["fixed", "advance", "random"][int(random.integers(3))],  # type: ignore[arg-type]
        start_offset=float(random.random()),
        auto_reset=bool(random.random() < 0.7),
    )
    objects = [None, Boxes(int(random.integers(1, 4)), minimum_gap_m=0.5), Bots(int(random.integers(1, 4)))]
    chosen: dict[str, Any] = {
        "rules": rules,
        "lidar": bool(random.random() < 0.5),
        "lidar_noise_m": float(random.choice([0.0, 0.01])),
        "lidar_walls": bool(random.random() < 0.7),
        "objects": objects[int(random.integers(3))] if random.random() < 0.5 else None,
        "others": OTHERS[int(random.integers(3))] if random.random() < 0.3 else "absent",
        "camera": cameras[int(random.integers(len(cameras)))] if random.random() < 0.3 else None,
        "randomisation": SIM_TO_REAL if random.random() < 0.5 else PLAIN,
        "threads": int(random.integers(1, 4)),
    }
    made, _core.make_world = _core.make_world, record
    try:
        World(whole_track(random), int(random.integers(1, 20)), seed=int(random.integers(2**63)), **chosen)
    except _Recorded as recorded:
        return recorded.settings
    finally:
        _core.make_world = made
    raise AssertionError("a world was made without asking the core")


def world(random: Random, told: dict[str, Any] | None = None) -> Any:
    """A world that the core accepts, of a track of any kind."""
    from sim.native import _core

    told = settings(random) if told is None else told
    if random.random() < 0.3:
        told["track"] = track(random)
    return _core.make_world(**told)


def spoilt(random: Random, value: Any) -> Any:
    """Another value of the same kind, or of none."""
    if random.random() < 0.05:
        return [None, "fast", -1, 1e300, [], {}][int(random.integers(6))]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(random.choice([-(2**63), -(2**31), -1, 0, 1, 2, 255, 257, 2**31 - 1, 2**31, 2**62]))
    if isinstance(value, float):
        return odd(random)
    if isinstance(value, dict) and value:
        key = list(value)[int(random.integers(len(value)))]
        return {**value, key: spoilt(random, value[key])}
    if isinstance(value, list) and value:
        place = int(random.integers(len(value)))
        return [*value[:place], spoilt(random, value[place]), *value[place + 1 :]]
    if isinstance(value, tuple) and value:
        return tuple(spoilt(random, list(value)))
    return value


def look(made: Any) -> None:
    """Touch every number, and find it finite."""
    for name in ("features", "reward_states", "pose", "lidar"):
        array = np.asarray(getattr(made, name))
        assert np.isfinite(array).all(), f"{name} holds {array[~np.isfinite(array)][0]}"


def drive(random: Random, made: Any, steps: int) -> None:
    """Step a world with actions of which some are odd; then every number is finite."""
    for _ in range(steps):
        made.step(np.ascontiguousarray(numbers(random, (len(made.pose), 2), 20.0)))
    look(made)


def _tracks(random: Random) -> None:
    made = track(random)
    for _ in range(30):
        x, y = numbers(random, (2,), 10.0, 0.3).tolist()
        made.locate(x, y)
        made.start_pose(float(random.random()))
        made.reset_pose(float(random.random()), x, y)


def _odd_fractions(random: Random) -> None:
    made = track(random)
    made.start_pose(odd(random))
    made.reset_pose(odd(random), odd(random), odd(random))


def _odd_lines(random: Random) -> None:
    from sim.native import _core

    count = int(random.integers(0, 20))
    _core.Track(*(anything(random, (count, 2)) for _ in range(3)), closed=bool(random.random() < 0.5))


def _walls(random: Random) -> None:
    from sim.native import _core

    walls = _core.Walls(track(random), odd(random) if random.random() < 0.3 else float(random.uniform(0.1, 12.0)))
    for _ in range(20):
        x, y, yaw = numbers(random, (3,), 5.0, 0.3).tolist()
        try:
            found = walls.beams(x, y, yaw)
            walls.beams_slowly(x, y, yaw)
        except ValueError:
            continue
        assert np.isfinite(found).all()


def _lanes(random: Random) -> None:
    from sim.native import _core

    lanes = _core.Lanes(track(random))
    for _ in range(10):
        along, share, per_m = numbers(random, (3,), 5.0, 0.3).tolist()
        attempt(lanes.standing, along, bool(random.random() < 0.5))
        attempt(lanes.driving, along, bool(random.random() < 0.5), share, per_m)
        attempt(lanes.left_of_centre, along, share)


def _stills(random: Random) -> None:
    from sim.camera import Camera
    from sim.native import _core

    told = Camera(look=str(random.choice(["arena", "reinvent"]))).settings(size=(64, 48), eyes=1)
    for name in list(told):
        if random.random() < 0.1:
            told[name] = spoilt(random, told[name])
    still = _core.StillCamera(track(random), told)
    for _ in range(4):
        x, y, yaw = numbers(random, (3,), 3.0).tolist()
        solids = [(*numbers(random, (6,), 1.0).tolist(), float(random.integers(-1, 4))) for _ in range(3)]
        standing = np.array(solids[: int(random.integers(0, 4))], np.float64).reshape(-1, 7)
        given = standing if random.random() < 0.9 else anything(random, standing.shape)
        out = np.zeros((48, 64), np.uint8) if random.random() < 0.9 else anything(random, (48, 64))
        try:
            still.draw(x, y, yaw, given, out)
        except REFUSALS:
            continue


def _points(random: Random) -> None:
    """A line that is one point has no direction, and so no side where its marking could lie."""
    from sim.camera import Camera
    from sim.native import _core

    good = whole_track(random)
    lines = [good.centre, good.inner, good.outer]
    chosen = int(random.integers(1, 3))
    middle = lines[chosen].mean(axis=0)
    lines[chosen] = middle + (lines[chosen] - middle) * random.choice([0.0, 1e-11, 1e-8])
    still = _core.StillCamera(_core.Track(*lines, closed=True), Camera().settings(eyes=1))
    x, y = (middle + random.normal(0.0, 1.0, 2)).tolist()
    still.draw(x, y, float(random.uniform(-3.0, 3.0)), np.empty((0, 7)), np.zeros((120, 160), np.uint8))


def _worlds(random: Random) -> None:
    drive(random, world(random), int(random.integers(1, 40)))


def _odd_settings(random: Random) -> None:
    told = settings(random)
    for name in random.choice([name for name in told if name != "track"], 2):
        told[str(name)] = spoilt(random, told[str(name)])
    if isinstance(told["cars"], int) and told["cars"] > 5000:
        told["cars"] = int(random.choice([0, 1_000_001, 2**62]))
    if isinstance(told["threads"], int) and told["threads"] > 8:
        told["threads"] = 9999
    drive(random, world(random, told), 3)


def _odd_cars(random: Random) -> None:
    told = settings(random)
    parameters = list(told["parameters"])
    for _ in range(int(random.integers(1, 3))):
        parameters[int(random.integers(len(parameters)))] = odd(random) * float(random.choice([1.0, 1e-3, 0.1]))
    if random.random() < 0.1:
        parameters = parameters[: int(random.integers(len(parameters)))]
    told["parameters"] = parameters
    drive(random, world(random, told), 20)


def _odd_arrays(random: Random) -> None:
    made = world(random)
    n = len(made.pose)
    for _ in range(8):
        call: Callable[[], Any] = [
            lambda: made.step(anything(random, (n, 2))),
            lambda: made.place(anything(random, (n, 3))),
            lambda: made.reset(anything(random, (n,)), None),
            lambda: made.reset(random.random(n) < 0.5, anything(random, (n,))),
            lambda: made.reset(None, random.random(n), anything(random, (n,)), True),
            lambda: made.reset(None, None, random.integers(0, 2**63, n).astype(np.uint64), random.random() < 0.5),
        ][int(random.integers(6))]
        try:
            call()
        except REFUSALS:
            continue
    look(made)
    drive(random, made, 5)


def _odd_poses(random: Random) -> None:
    made = world(random)
    for _ in range(5):
        try:
            made.place(np.ascontiguousarray(numbers(random, (len(made.pose), 3), 10.0, 0.05)))
        except ValueError:
            continue
        drive(random, made, 3)


def _outliving(random: Random) -> None:
    made = world(random)
    arrays = [made.features, made.pose, made.status, made.clipped]
    del made
    assert sum(float(np.asarray(array, np.float64).sum()) for array in arrays) is not None


def _policies(random: Random) -> None:
    from sim.native import _core

    def size() -> int:
        return int(
            random.choice([0, 1, 2, 3, 8, 17, -1, 2**20, 2**40], p=[0.05, 0.2, 0.2, 0.2, 0.2, 0.05, 0.04, 0.03, 0.03])
        )

    def weights(*shape: int) -> Any:
        kept = tuple(min(abs(n), 300) for n in shape)
        return (
            np.ascontiguousarray(random.normal(size=kept), np.float32)
            if random.random() < 0.9
            else anything(random, kept)
        )

    height, width, channels = (int(n) for n in random.integers(1, 20, 3))
    layers: list[Any] = []
    grid = (height, width, channels)
    for _ in range(int(random.integers(0, 4))):
        what = int(random.integers(3))
        if what == 0:
            filters, kernel = int(random.integers(1, 20)), int(random.integers(1, 6))
            stride = size() if random.random() < 0.2 else int(random.integers(1, 4))
            same = bool(random.random() < 0.5)
            weight = weights(kernel, kernel, grid[2], filters)
            layers.append(("convolution", weight, weights(filters), stride, same, "relu"))
            if stride > 0:
                grid = (
                    max(1, -(-grid[0] // stride) if same else (grid[0] - kernel) // stride + 1),
                    max(1, -(-grid[1] // stride) if same else (grid[1] - kernel) // stride + 1),
                    filters,
                )
        elif what == 1:
            layers.append((str(random.choice(["maximum", "average", "median"])), size(), size()))
        else:
            inputs = grid[0] * grid[1] * grid[2]
            outputs = int(random.integers(1, 20))
            layers.append(
                (
                    "dense",
                    weights(min(inputs, 4000), outputs),
                    weights(outputs),
                    str(random.choice(["tanh", "relu", "wave"])),
                )
            )
            grid = (1, 1, outputs)
    seen = (height, width, channels) if random.random() < 0.8 else (size(), size(), size())
    policy = _core.make_policy([(seen, float(random.choice([0.0, 255.0, -1.0, np.nan])), layers)], [])
    rows = int(random.integers(0, 70))
    bytes_seen = random.integers(0, 256, (rows, height, width, channels)).astype(np.uint8)
    numbers_seen = np.ascontiguousarray(numbers(random, (rows, height * width * channels)), np.float32)
    for given in (bytes_seen, numbers_seen, anything(random, (rows, height * width * channels))):
        out = (
            np.zeros((rows, policy.outputs), np.float32)
            if random.random() < 0.9
            else anything(random, (rows, policy.outputs))
        )
        try:
            policy.forward([given], out, int(random.integers(0, 4)))
        except REFUSALS:
            continue


def _rollouts(random: Random) -> None:
    from sim.action_space import ContinuousActionSpace, DiscreteActionSpace
    from sim.layers import Dense, Numbers, Tower
    from sim.policy import Policy
    from sim.rollout import Drawing, Rollout, Shown
    from sim.world import World

    made = World(whole_track(random), int(random.integers(1, 12)), seed=1)
    space = DiscreteActionSpace.default() if random.random() < 0.5 else ContinuousActionSpace()
    first, width, stack = int(random.integers(-2, 30)), int(random.integers(-1, 30)), int(random.integers(0, 4))
    inputs = max(1, width * max(stack, 1))
    size = 10.0 ** random.uniform(-1, 38)
    with np.errstate(over="ignore"):
        weight = np.clip(random.normal(0.0, size, (space.size, inputs)), -3e38, 3e38).astype(np.float32)
    policy = Policy([Tower(Numbers(inputs), [Dense(weight, np.zeros(space.size, np.float32))])])
    drawing = None
    if random.random() < 0.5:
        drawing = Drawing(int(random.integers(2**62)), abs(odd(random)), (abs(odd(random)), float(random.random())))
    rollout = Rollout(
        made, policy, space, [[Shown(made.features, first, width)]], stack_size=stack, drawing=drawing, threads=2
    )
    steps = int(random.choice([0, 1, 7, 60]))
    room: dict[str, Any] = {
        "outputs": np.zeros((steps, made.cars, space.size), np.float32),
        "commands": np.zeros((steps, made.cars, 2)),
        "log_probabilities": np.zeros((steps, made.cars), np.float32),
        "starts": random.random(int(random.integers(0, 40))),
    }
    given = {name: array if random.random() < 0.8 else anything(random, array.shape) for name, array in room.items()}
    chosen = {name: array for name, array in given.items() if random.random() < 0.5}
    copies = [(made.pose, np.zeros((steps, made.cars, 3)) if random.random() < 0.8 else anything(random, (steps, 3)))]
    rollout.drive(steps, **chosen, before=copies if random.random() < 0.5 else (), all_done=bool(random.random() < 0.3))
    look(made.core)


def _replays(random: Random) -> None:
    from sim.dynamics import DEEPRACER
    from sim.native import _core

    count = int(random.integers(0, 20))
    arrays = [
        np.ascontiguousarray(numbers(random, shape, 1.0)) if random.random() < 0.9 else anything(random, shape)
        for shape in ((count, 2), (count,), (count, 6))
    ]
    pose = numbers(random, (int(random.choice([3, 3, 3, 2, 0])),), 3.0).tolist()
    _core.replay(DEEPRACER.to_list(), pose, float(numbers(random, (1,), 0.5)[0]), *arrays)


def _maths(random: Random) -> None:
    from sim.native import _core

    for name in ("sin", "cos", "exp", "log", "tanh_f"):
        attempt(getattr(_core, name), odd(random))
    attempt(_core.atan2, odd(random), odd(random))
    attempt(_core.progress_after, odd(random), odd(random))


CASES: dict[str, Callable[[Random], None]] = {
    "tracks": _tracks,
    "odd fractions": _odd_fractions,
    "odd lines": _odd_lines,
    "walls": _walls,
    "lanes": _lanes,
    "stills": _stills,
    "points": _points,
    "worlds": _worlds,
    "odd settings": _odd_settings,
    "odd cars": _odd_cars,
    "odd arrays": _odd_arrays,
    "odd poses": _odd_poses,
    "outliving": _outliving,
    "policies": _policies,
    "rollouts": _rollouts,
    "replays": _replays,
    "maths": _maths,
}


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=Path, help="another build of the core than the installed one")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case, in hundred millions")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--every-kind",
        action="store_true",
        help="go on, up to five times as long, until of each kind a case was not refused",
    )
    parser.add_argument("--only", type=int, help="run this case and no other")
    chosen = parser.parse_args()
    if chosen.core:
        from tests.sim.other_core import use

        use(chosen.core)
    number = chosen.seed * 100_000_000 if chosen.only is None else chosen.only
    counts: dict[str, int] = {}
    start = time.monotonic()

    def goes_on() -> bool:
        seconds = time.monotonic() - start
        if chosen.every_kind and not all(f"{name}: done" in counts for name in CASES):
            return seconds < 5 * chosen.seconds
        return seconds < chosen.seconds

    while goes_on():
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        result = case(number)
        counts[result] = counts.get(result, 0) + 1
        number += 1
        if chosen.only is not None:
            break
    for result, count in sorted(counts.items()):
        sys.stderr.write(f"{count:>7} {result}\n")


if __name__ == "__main__":
    _main()
