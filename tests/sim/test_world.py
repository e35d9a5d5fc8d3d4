"""Episodes in the native core: rows, endings, resets, laps, and what bad input does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.camera import Camera
from sim.episode import STATUS_CODE, STATUSES, EpisodeRules, EpisodeStatus
from sim.native import _core
from sim.objects import Boxes, core_settings
from sim.reference.episode import Episode
from sim.reward_state import COLUMN, REWARD_STATE
from sim.track import Direction
from sim.world import FEATURE_COUNT, FEATURES, World, native_track
from tests.sim.ovals import hairpin, oval, wave

AIM, HINGE = FEATURES.index("ahead_y_1m"), FEATURES.index("hinge_angle")


def driver(world: World, speed_mps: float = 1.0) -> NDArray[np.float64]:
    """Actions that follow the centre line: the hinge is slow, so it is told more than it should do."""
    wished = np.clip(60.0 * world.features[:, AIM].astype(np.float64), -30.0, 30.0)
    steering = wished + 3.0 * (wished - np.degrees(world.features[:, HINGE] / 2.0))
    return np.ascontiguousarray(np.column_stack([np.clip(steering, -30, 30), np.full(world.cars, speed_mps)]))


def statuses(world: World) -> list[EpisodeStatus]:
    return [STATUSES[code] for code in world.status]


def test_the_columns_named_in_python_are_those_of_the_core() -> None:
    assert len(REWARD_STATE) == _core.REWARD_STATE_COUNT
    assert len(FEATURES) == FEATURE_COUNT


def test_an_episode_begins_with_a_prepare_row_at_step_one() -> None:
    world = World(oval(), 2, seed=0)
    assert statuses(world) == [EpisodeStatus.PREPARE] * 2
    assert world.reward_states[:, COLUMN["steps"]].tolist() == [1.0, 1.0]
    assert world.reward_states[0, COLUMN["progress"]] == pytest.approx(100 * 0.14 / world.track.length_m)
    world.step(driver(world))
    assert statuses(world) == [EpisodeStatus.IN_PROGRESS] * 2
    assert world.reward_states[0, COLUMN["steps"]] == 2.0


@pytest.mark.parametrize("make", [oval, wave])
@pytest.mark.parametrize("direction", list(Direction))
def test_a_careful_car_completes_its_lap(make: object, direction: Direction) -> None:
    track = make().driven(direction)  # type: ignore[operator]
    world = World(track, 1, seed=0, rules=EpisodeRules(auto_reset=False))
    for _ in range(800):
        world.step(driver(world, 0.8))
        if world.done[0]:
            break
    assert statuses(world) == [EpisodeStatus.LAP_COMPLETE]
    assert world.reward_states[0, COLUMN["progress"]] == 100.0
    assert world.lap[0] == 1
    assert world.lap_steps[0] == world.reward_states[0, COLUMN["steps"]]


def test_a_car_that_leaves_the_track_ends_its_episode_and_the_next_step_begins_another() -> None:
    world = World(oval(), 1, seed=0, rules=EpisodeRules(start="advance"))
    while not world.done[0]:
        world.step(np.array([[0.0, 2.0]]))
    assert statuses(world) == [EpisodeStatus.OFF_TRACK]
    assert world.reward_states[0, COLUMN["is_offtrack"]] == 1.0
    world.step(np.array([[0.0, 2.0]]))
    assert statuses(world) == [EpisodeStatus.PREPARE]
    assert not world.done[0]
    assert world.reward_states[0, COLUMN["projection_distance"]] == pytest.approx(
        0.05 * world.track.length_m + 0.14, abs=1e-3
    )


def test_without_auto_reset_a_finished_car_is_parked() -> None:
    world = World(oval(), 1, seed=0, rules=EpisodeRules(auto_reset=False, maximum_steps=3))
    for _ in range(2):
        world.step(driver(world))
    assert statuses(world) == [EpisodeStatus.TIME_UP]
    last = world.pose.copy()
    world.step(driver(world))
    assert statuses(world) == [EpisodeStatus.PARK]
    assert world.done[0]
    assert np.array_equal(world.pose, last)


def test_a_race_pauses_for_the_penalty_inside_the_lap() -> None:
    rules = EpisodeRules.racing(laps=1, off_track_penalty_s=2.0)
    world = World(oval(), 1, seed=0, rules=rules)
    rows: list[EpisodeStatus] = []
    while not world.done[0]:
        blind = not rows.count(EpisodeStatus.OFF_TRACK)
        world.step(np.array([[0.0, 2.0]]) if blind else driver(world))
        rows += statuses(world)
        if rows[-1] is EpisodeStatus.OFF_TRACK:
            place = world.reward_states[0, COLUMN["projection_distance"]]
        if rows.count(EpisodeStatus.PAUSE) == 1 and rows[-1] is EpisodeStatus.PAUSE:
            assert world.reward_states[0, COLUMN["projection_distance"]] == pytest.approx(place + 0.14, abs=0.03)
            assert world.reward_states[0, COLUMN["distance_from_center"]] == pytest.approx(0.2, abs=0.03)
    assert rows.count(EpisodeStatus.OFF_TRACK) == 1
    assert rows.count(EpisodeStatus.PAUSE) == 30
    assert rows[-1] is EpisodeStatus.LAP_COMPLETE
    assert world.lap_steps[0] == len(rows) + 1
    assert world.lap_resets[0] == 1


def test_a_continuous_race_counts_each_lap_once_and_its_steps_add_up() -> None:
    world = World(oval(), 1, seed=0, rules=EpisodeRules.racing(laps=3))
    laps: list[int] = []
    while not world.done[0]:
        world.step(driver(world, 1.2))
        if world.lap_steps[0]:
            laps.append(int(world.lap_steps[0]))
    assert len(laps) == 3
    assert world.lap[0] == 3
    assert sum(laps) == world.reward_states[0, COLUMN["steps"]]


def test_resets_run_out() -> None:
    world = World(oval(), 1, seed=0, rules=EpisodeRules.racing(laps=1, maximum_resets=2))
    seen: list[EpisodeStatus] = []
    while not world.done[0]:
        world.step(np.array([[30.0, 3.0]]))
        seen += statuses(world)
    assert seen.count(EpisodeStatus.OFF_TRACK) == 3
    assert seen[-1] is EpisodeStatus.OFF_TRACK


def test_a_car_that_turned_round_is_reversed_after_fifteen_steps_of_falling_progress() -> None:
    track = oval()
    world = World(track, 1, seed=0)
    for _ in range(3):
        world.step(driver(world))
    world.place(np.array([[3.0, -1.5, np.pi]]))
    count = 0
    while not world.done[0]:
        world.step(np.array([[0.0, 0.8]]))
        count += 1
    assert statuses(world) == [EpisodeStatus.REVERSED]
    assert 15 <= count <= 20


def test_a_car_that_stands_is_immobilized() -> None:
    world = World(oval(), 1, seed=0, preset=_glued())
    count = 0
    while not world.done[0]:
        world.step(np.array([[0.0, 1.0]]))
        count += 1
    assert statuses(world) == [EpisodeStatus.IMMOBILIZED]
    assert count == 16


def test_advancing_starts_go_round_robin_by_five_percent() -> None:
    world = World(oval(), 3, seed=0, rules=EpisodeRules(start="advance"))
    length = world.track.length_m
    for episode in range(25):
        found = (world.reward_states[:, COLUMN["projection_distance"]] - 0.14) / length
        wanted = (0.05 * ((np.arange(3) + episode) % 20)) % 1.0
        assert np.allclose((found - wanted + 0.5) % 1.0 - 0.5, 0.0, atol=2e-3)
        world.reset()


def test_random_starts_differ_by_car_and_episode_and_follow_the_seed() -> None:
    rules = EpisodeRules(start="random")
    worlds = [World(oval(), 50, seed=seed, rules=rules) for seed in (1, 1, 2)]
    first, same, other = (w.pose.copy() for w in worlds)
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert len(np.unique(first[:, 0])) == 50
    worlds[0].reset()
    assert not np.array_equal(worlds[0].pose, first)


def test_reset_takes_a_mask_and_starts() -> None:
    world = World(oval(), 3, seed=0)
    for _ in range(10):
        world.step(driver(world))
    moved = world.pose.copy()
    world.reset(np.array([False, True, False]), np.full(3, 0.5))
    assert np.array_equal(world.pose[[0, 2]], moved[[0, 2]])
    assert world.reward_states[1, COLUMN["steps"]] == 1.0
    assert world.reward_states[1, COLUMN["projection_distance"]] == pytest.approx(
        0.5 * world.track.length_m + 0.14, abs=1e-3
    )


def test_actions_are_clipped_as_the_real_simulator_clips_them() -> None:
    world = World(oval(), 3, seed=0)
    world.step(np.array([[99.0, 9.0], [-99.0, 0.0], [np.inf, -np.inf]]))
    told = world.reward_states[:, [COLUMN["steering_angle"], COLUMN["speed"]]]
    assert np.allclose(told, [[30.0, 4.0], [-30.0, 0.1], [30.0, 0.1]])


def test_a_nan_ends_only_that_cars_episode_with_an_error() -> None:
    world = World(oval(), 3, seed=0)
    world.step(np.array([[0.0, 1.0], [np.nan, 1.0], [0.0, np.nan]]))
    assert statuses(world) == [EpisodeStatus.IN_PROGRESS, EpisodeStatus.ERROR, EpisodeStatus.ERROR]
    assert world.done.tolist() == [False, True, True]
    assert np.isfinite(world.reward_states).all()
    world.step(driver(world))
    assert world.status[1] == STATUS_CODE[EpisodeStatus.PREPARE]


@pytest.mark.parametrize(
    "actions",
    [
        np.zeros((3, 2)),
        np.zeros((4, 3)),
        np.zeros(8),
        np.zeros((0, 2)),
        np.zeros((4, 2), np.float32),
        np.zeros((4, 2), np.int64),
        np.zeros((4, 4))[:, ::2],
        np.zeros((2, 4)).T,
        np.zeros((4, 2, 1)),
        [[0.0, 1.0]] * 4,
        None,
        "fast",
    ],
)
def test_wrong_actions_are_refused_and_nothing_moves(actions: object) -> None:
    world = World(oval(), 4, seed=0)
    before = world.reward_states.copy()
    with pytest.raises((TypeError, ValueError)):
        world.step(actions)  # type: ignore[arg-type]
    assert np.array_equal(world.reward_states, before)


def test_odd_buffers_never_crash() -> None:
    random = np.random.default_rng(11)
    world = World(oval(), 5, seed=0, lidar=True)
    kinds = [np.float64, np.float32, np.int8, np.bool_, np.complex128, object]
    for _ in range(400):
        shape = tuple(random.integers(0, 7, random.integers(0, 4)))
        array = np.zeros(shape, kinds[random.integers(len(kinds))])
        for call in (world.step, world.place, world.reset, lambda a: world.reset(None, a)):
            try:
                call(array)
            except (TypeError, ValueError):
                continue
    assert np.isfinite(world.features).all()
    assert np.isfinite(world.lidar).all()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"cars": 0}, "cars"),
        ({"cars": -1}, "cars is -1"),
        ({"threads": -1}, "threads is -1"),
        ({"threads": 0}, "threads"),
        ({"seed": -1}, "seed"),
        ({"preset": "hovercraft"}, "deepracer, ideal, low-grip"),
        ({"lidar_clip_m": 20.0}, "lidar_clip_m"),
    ],
)
def test_impossible_worlds_are_refused_with_the_reason(settings: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        World(oval(), **({"cars": 1, "seed": 0} | settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings", [{"seed": 1.5}, {"seed": "one"}, {"cars": 1.5}, {"objects": 3}, {"camera": "FRONT_FACING_CAMERA"}]
)
def test_settings_of_another_kind_are_refused_in_one_line(settings: dict[str, object]) -> None:
    with pytest.raises(TypeError) as caught:
        World(oval(), **({"cars": 1, "seed": 0} | settings))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [{"laps": 0}, {"laps": 1.5}, {"maximum_steps": 1}, {"start": "sideways"}, {"start_offset": 1.0}],
)
def test_impossible_rules_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        EpisodeRules(**bad)  # type: ignore[arg-type]


def test_a_start_outside_the_lap_is_refused() -> None:
    world = World(oval(), 2, seed=0)
    for start in (1.0, -0.1, np.nan):
        with pytest.raises(ValueError, match="fraction of the lap"):
            world.reset(start=np.array([0.0, start]))


def test_arrays_outlive_their_world() -> None:
    world = World(oval(), 3, seed=0)
    states = world.reward_states
    copy = states.copy()
    del world
    assert np.array_equal(states, copy)


@pytest.mark.parametrize(
    "rules",
    [
        EpisodeRules(auto_reset=False, maximum_steps=120),
        EpisodeRules.racing(laps=2, off_track_penalty_s=1.0, maximum_resets=6, maximum_steps=500),
        EpisodeRules.racing(laps=50, off_track_penalty_s=0.0, maximum_resets=100, maximum_steps=500),
    ],
)
def test_endings_are_those_of_the_reference(rules: EpisodeRules) -> None:
    cars = 40
    world = World(hairpin(), cars, seed=0, rules=rules)
    random = np.random.default_rng(0)
    judges = [Episode(rules, start=0.0) for _ in range(cars)]
    wander = np.zeros(cars)
    for _ in range(510):
        running = [i for i in range(cars) if not judges[i].done]
        for i in running:
            state = world.reward_states[i]
            fraction = state[COLUMN["projection_distance"]] / state[COLUMN["track_length"]]
            front = (state[COLUMN["x"]], state[COLUMN["y"]])
            status = judges[i].row(fraction, not state[COLUMN["is_offtrack"]], front)
            assert status is STATUSES[world.status[i]]
            assert judges[i].done == world.done[i]
            assert judges[i].progress == pytest.approx(state[COLUMN["progress"]], abs=1e-9)
            assert judges[i].lap_steps == world.lap_steps[i]
        wander = 0.9 * wander + random.normal(0.0, 4.0, cars)
        actions = driver(world, 1.0)
        actions[:, 0] += wander * (np.arange(cars) % 4)
        world.step(actions)
    assert all(judge.done for judge in judges)


def _glued() -> object:
    from dataclasses import replace

    from sim.dynamics import DEEPRACER

    return replace(DEEPRACER, speed_gain=0.0)


@pytest.mark.parametrize("whose", ["objects", "camera"])
def test_the_core_names_a_setting_that_is_missing_or_of_the_wrong_kind(
    whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = native_track(oval())
    given = core_settings(Boxes(2), "seen") if whose == "objects" else Camera().settings()
    assert given is not None
    made: dict[str, Any] = {}
    make_world = _core.make_world

    def noted(**settings: Any) -> _core.World:
        made.update(settings)
        return make_world(**settings)

    monkeypatch.setattr(_core, "make_world", noted)
    World(oval(), 2, seed=0)
    monkeypatch.undo()
    for name in given:
        less = {key: value for key, value in given.items() if key != name}
        with pytest.raises(ValueError, match=f"the setting {name} is missing"):
            _core.make_world(**{**made, "track": track, whose: less})
        with pytest.raises(TypeError, match=f"the setting {name} is of the wrong kind"):
            _core.make_world(**{**made, "track": track, whose: {**given, name: "x"}})
    with pytest.raises(TypeError, match="are a dict"):
        _core.make_world(**{**made, "track": track, whose: 3})
    assert _core.make_world(**{**made, "track": track, whose: given}).pose.shape == (2, 3)


def test_a_world_of_cars_alone_loads_nothing_for_cameras_objects_and_imports() -> None:
    code = (
        "import sys; from sim.track_library import TrackLibrary; from sim.world import World\n"
        "World(TrackLibrary().get('paddock-oval'), 1, seed=0)\n"
        "spared = {'sim.camera', 'sim.objects', 'sim.car', 'sim.track_files', 'difflib'}\n"
        "print(*(spared & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
