"""What a car's camera sees: held to a reference that casts rays, and to the geometry of a pinhole."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.camera import Camera, Standing, Still, still
from sim.episode import STEP_S, EpisodeRules
from sim.looks import LOOKS, REINVENT, Look
from sim.native import _core
from sim.objects import Bots, Boxes
from sim.randomisation import SIM_TO_REAL, Randomisation
from sim.reference.camera import picture
from sim.sensors import FRONT_FACING_CAMERA, PADDOCK_CAMERA_40X30, STEREO_CAMERAS
from sim.track import Direction, Track
from sim.track_files import read_npy
from sim.world import World
from tests.sim.ovals import hairpin, oval, points_near, wave

FOCAL = 80 / math.tan(1.13 / 2)
HORIZON = 60 - FOCAL * math.tan(math.radians(15))
RULES = EpisodeRules(start="random")


def strip(length_m: float = 60.0, half_width_m: float = 0.4) -> Track:
    """A straight, open road along x."""
    x = np.arange(0.0, length_m + 0.1, 0.5)
    line = np.column_stack([x, np.zeros_like(x)])
    aside = np.array([0.0, half_width_m])
    return Track("strip", "Strip", line, line + aside, line - aside, closed=False)


def beside_box(pose: NDArray[np.float64]) -> list[Standing]:
    """A box ahead and a bot that hides a part of it."""
    x, y, yaw = pose
    box = Standing(x + 1.0 * math.cos(yaw), y + 1.0 * math.sin(yaw), 0.3)
    return [box, Standing(x + 0.7 * math.cos(yaw + 0.4), y + 0.7 * math.sin(yaw + 0.4), 1.3, 0.16, 0.1, 0.15, "bot")]


def hold_together(track: Track, camera: Camera, pose: NDArray[np.float64], standing: list[Standing]) -> None:
    drawn = Still(track, camera).picture((pose[0], pose[1], pose[2]), standing)
    away = np.abs(drawn - picture(track, camera, (pose[0], pose[1], pose[2]), standing, rays=4))
    assert away.mean() < 0.3
    assert np.quantile(away, 0.99) < 10.0
    assert np.quantile(away, 0.9995) < 40.0
    assert away.max() < 80.0


@pytest.mark.parametrize("make", [oval, wave, hairpin])
def test_it_draws_what_rays_meet(make: object) -> None:
    track = make()  # type: ignore[operator]
    for k, pose in enumerate(points_near(track, 3, seed=4)):
        hold_together(track, Camera(look="night" if k == 1 else "reinvent"), pose, beside_box(pose))


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_every_look_is_what_rays_meet(look: str) -> None:
    hold_together(oval(), Camera(look=look), np.array([1.0, -1.6, 0.3]), [Standing(2.2, -1.4, 0.4)])


@pytest.mark.parametrize("length_m", [0.01, 0.015])
def test_very_short_dashes_are_what_many_rays_meet(length_m: float) -> None:
    """A metre of them has more corners than are drawn at once."""
    camera = Camera(look=replace(REINVENT, dash_length_m=length_m, dash_gap_m=0.01))
    for pose in points_near(oval(), 3, seed=2):
        place = (pose[0], pose[1], pose[2])
        away = np.abs(still(oval(), place, look=camera.look) - picture(oval(), camera, place, rays=12))
        assert away.mean() < 0.3
        assert np.quantile(away, 0.99) < 10.0


@pytest.mark.parametrize("pose", [(9.0, 4.0, -2.4), (-6.0, 0.0, 0.1), (2.0, -6.0, 1.5)])
def test_walls_hide_the_field_from_outside(pose: tuple[float, float, float]) -> None:
    hold_together(oval(), Camera(look="arena"), np.array(pose), [Standing(2.0, -1.5, 0.3)])


@pytest.mark.slow
def test_real_tracks_are_what_many_rays_meet(deepracer_data: Path) -> None:
    """Far lines are thinner than the distance between four rays of a pixel: twelve come nearer to what is drawn."""
    for file in sorted((deepracer_data / "tracks").glob("*.npy"))[::12]:
        track = read_npy(file).driven(Direction.COUNTERCLOCKWISE)
        for x, y, yaw in points_near(track, 2, seed=9):
            away = np.abs(still(track, (x, y, yaw)) - picture(track, Camera(), (x, y, yaw), rays=12))
            assert away.mean() < 0.25, file.stem
            assert np.quantile(away, 0.99) < 7.0, file.stem
            assert away.max() < 30.0, file.stem


def column_of_edge(row: NDArray[np.uint8], dark: float, light: float) -> float:
    """How much of the row is dark before it is wholly light."""
    first = int(np.flatnonzero(row == light)[0])
    return float(((light - row[:first].astype(float)) / (light - dark)).sum())


@pytest.mark.parametrize("offset_m", [-0.3, 0.0, 0.2])
def test_a_border_lies_where_a_pinhole_puts_it(offset_m: float) -> None:
    seen = still(strip(), (5.0, offset_m, 0.0))
    pitch = math.radians(15)
    for row in (60, 75, 90):
        below = (row + 0.5 - 60) / FOCAL
        ahead = 0.13 * (math.cos(pitch) - below * math.sin(pitch)) / (math.sin(pitch) + below * math.cos(pitch))
        depth = ahead * math.cos(pitch) + 0.13 * math.sin(pitch)
        wanted = 80 - FOCAL * (0.4 - offset_m) / depth
        if wanted > 1.0:
            assert column_of_edge(seen[row], REINVENT.field, REINVENT.line) == pytest.approx(wanted, abs=0.05), row


def test_the_horizon_lies_where_the_pitch_puts_it() -> None:
    away_from_the_road = still(strip(), (-5.0, 0.0, math.pi))
    sky, field = REINVENT.sky_horizon, REINVENT.field
    assert (away_from_the_road[: int(HORIZON)] == sky).all()
    assert (away_from_the_road[int(HORIZON) + 1 :] == field).all()
    share = (away_from_the_road[int(HORIZON), 0] - field) / (sky - field)
    assert share == pytest.approx(HORIZON - int(HORIZON), abs=0.02)


def test_turning_the_car_and_the_track_together_changes_nothing() -> None:
    track = oval()
    turn = np.array([[math.cos(2.0), -math.sin(2.0)], [math.sin(2.0), math.cos(2.0)]])
    lines = (points @ turn.T + np.array([40.0, -25.0]) for points in (track.centre, track.inner, track.outer))
    turned = Track("turned", "Turned", *lines, closed=True)
    for pose in points_near(track, 20, seed=2):
        spot = turn @ pose[:2] + np.array([40.0, -25.0])
        one = still(track, (pose[0], pose[1], pose[2])).astype(int)
        other = still(turned, (spot[0], spot[1], pose[2] + 2.0)).astype(int)
        assert np.abs(one - other).max() <= 2


def test_the_small_picture_is_the_large_one_pooled() -> None:
    track = oval()
    for pose in points_near(track, 20, seed=3):
        place = (pose[0], pose[1], pose[2])
        middle = still(track, place, size=(80, 60)).astype(float)
        small = still(track, place, kind=PADDOCK_CAMERA_40X30.name).astype(float)
        pooled = middle.reshape(30, 2, 40, 2).mean(axis=(1, 3))
        assert np.abs(small - pooled).mean() < 0.3
        assert np.abs(small - pooled).max() < 14.0  # far dashes that melt into one strip


def test_a_finer_picture_averaged_down_is_the_same() -> None:
    track = oval()
    for pose in points_near(track, 6, seed=5):
        place = (pose[0], pose[1], pose[2])
        fine = still(track, place, size=(640, 480)).astype(float).reshape(120, 4, 160, 4).mean(axis=(1, 3))
        assert np.abs(fine - still(track, place)).max() < 14.0


def test_the_nearer_box_hides_the_farther_whichever_is_told_first() -> None:
    track, pose = strip(), (5.0, 0.0, 0.0)
    near, far = Standing(6.0, 0.0, 0.0), Standing(7.0, 0.25, 0.0, kind="bot")
    alone = still(track, pose, standing=[near])
    for order in ([near, far], [far, near]):
        both = still(track, pose, standing=order)
        hidden = alone == int(REINVENT.box * 0.62 + 0.5)
        assert hidden.sum() > 500
        assert (both[hidden] == alone[hidden]).all()
        assert (both != alone).any()


def test_a_box_stands_on_the_road_where_it_is() -> None:
    empty = still(strip(), (5.0, 0.0, 0.0))
    boxed = still(strip(), (5.0, 0.0, 0.0), standing=[Standing(6.345, 0.0, 0.0, 0.2, 0.15, 0.1)])
    rows, columns = np.nonzero(boxed != empty)
    pitch = math.radians(15)
    depth = 1.0 * math.cos(pitch) + 0.13 * math.sin(pitch)  # its rear face is 1 m ahead of the lens
    foot = 60 + FOCAL * (0.13 * math.cos(pitch) - 1.0 * math.sin(pitch)) / depth
    assert rows.max() == pytest.approx(foot, abs=1.0)
    assert columns.min() == pytest.approx(80 - FOCAL * 0.15 / depth, abs=1.5)
    assert columns.max() + 1 == pytest.approx(80 + FOCAL * 0.15 / depth, abs=1.5)


def test_two_eyes_see_a_face_apart_by_what_geometry_says() -> None:
    world = World(strip(), 1, seed=0, camera=Camera(STEREO_CAMERAS.name))
    assert world.camera.shape == (1, 120, 160, 2)
    world.place(np.array([[5.0, 0.0, 0.0]]))
    pitch = math.radians(15)
    row = 45
    below = (row + 0.5 - 60) / FOCAL
    ahead = 0.13 * (math.cos(pitch) - below * math.sin(pitch)) / (math.sin(pitch) + below * math.cos(pitch))
    disparity = FOCAL * 0.06 / (ahead * math.cos(pitch) + 0.13 * math.sin(pitch))
    left, right = world.camera[0, row, :, 0], world.camera[0, row, :, 1]
    found = column_of_edge(left, 130, 231) - column_of_edge(right, 130, 231)
    assert disparity > 8
    assert found == pytest.approx(disparity, abs=0.1)


def test_the_world_writes_pictures_in_place() -> None:
    world = World(oval(), 3, seed=0, rules=EpisodeRules(start="advance"), camera=Camera())
    pictures = world.camera
    assert pictures.shape == (3, 120, 160, 1)
    before = pictures.copy()
    for car in range(3):
        x, y, yaw = world.pose[car]
        assert np.array_equal(pictures[car, :, :, 0], still(oval(), (x, y, yaw)))
    for _ in range(8):
        world.step(np.tile([10.0, 2.0], (3, 1)))
    assert (pictures != before).any(axis=(1, 2, 3)).all()
    x, y, yaw = world.pose[1]
    assert np.array_equal(pictures[1, :, :, 0], still(oval(), (x, y, yaw)))
    world.reset()
    assert pictures is world.camera
    assert (pictures != before).any()


def test_boxes_and_bots_of_the_world_are_drawn() -> None:
    for objects in (Boxes(4, minimum_gap_m=1.0), Bots(3, minimum_gap_m=1.0)):
        world = World(oval(), 16, seed=1, rules=RULES, camera=Camera(), objects=objects)
        world.step(np.tile([0.0, 1.0], (16, 1)))
        kind = "box" if isinstance(objects, Boxes) else "bot"
        for car in range(16):
            x, y, yaw = world.pose[car]
            solids = [
                Standing(sx, sy, turned, length / 2, width / 2, height, kind)
                for _, sx, sy, turned, length, width, height in world._core.solids(car)
            ]
            assert len(solids) == objects.count
            assert np.array_equal(world.camera[car, :, :, 0], still(oval(), (x, y, yaw), standing=solids))


def test_cars_that_share_a_track_see_each_other() -> None:
    alone = World(oval(), 2, seed=1, camera=Camera())
    together = World(oval(), 2, seed=1, camera=Camera(), others="seen")
    for world in (alone, together):
        world.place(np.array([[0.5, -1.5, 0.0], [1.5, -1.4, 0.0]]))
    assert (alone.camera[0] != together.camera[0]).any()
    assert np.array_equal(alone.camera[1], together.camera[1])


def test_without_a_camera_there_are_no_pictures() -> None:
    assert World(oval(), 2, seed=0).camera.size == 0


def test_looks_differ_and_any_greys_can_be_given() -> None:
    seen = {name: still(oval(), (0.0, -1.5, 0.0), look=name).tobytes() for name in LOOKS}
    assert len(set(seen.values())) == len(LOOKS) >= 5
    own = still(oval(), (0.0, -1.5, 0.0), look=Look("Own", road=7.0))
    assert (own == 7).sum() > 3000


def drive(world: World, steps: int) -> bytes:
    random = np.random.default_rng(3)
    rows = [world.camera.tobytes()]
    for _ in range(steps):
        world.step(np.ascontiguousarray(random.uniform([-20.0, 0.5], [20.0, 2.0], (8, 2))[: world.cars]))
        rows.append(world.camera.tobytes())
    return b"".join(rows)


def world_of(cars: int = 8, *, seed: int = 5, threads: int = 1, sensor: str = FRONT_FACING_CAMERA.name) -> World:
    camera = Camera(sensor, look="arena")
    return World(oval(), cars, seed=seed, rules=RULES, camera=camera, randomisation=SIM_TO_REAL, threads=threads)


@pytest.mark.parametrize("sensor", [FRONT_FACING_CAMERA.name, PADDOCK_CAMERA_40X30.name, STEREO_CAMERAS.name])
def test_pictures_are_the_same_bits_with_any_number_of_threads(sensor: str) -> None:
    first = drive(world_of(sensor=sensor), 12)
    assert first == drive(world_of(sensor=sensor, threads=3), 12)
    assert first != drive(world_of(sensor=sensor, seed=6), 12)


def test_a_car_sees_the_same_alone_and_in_a_crowd() -> None:
    crowd, few = world_of(8), world_of(3)
    random = np.random.default_rng(3)
    for _ in range(10):
        actions = random.uniform([-20.0, 0.5], [20.0, 2.0], (8, 2))
        crowd.step(actions)
        few.step(np.ascontiguousarray(actions[:3]))
        assert np.array_equal(crowd.camera[:3], few.camera)


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from sim.native import _core
from tests.sim.test_camera import bits
assert not _core.HAS_AVX2
print(bits())
"""


def bits() -> str:
    parts = [drive(world_of(), 6), drive(world_of(sensor=PADDOCK_CAMERA_40X30.name), 6)]
    parts += [
        still(wave(), tuple(pose), standing=beside_box(pose)).tobytes() for pose in points_near(wave(), 20, seed=1)
    ]
    for k, size in enumerate([(8, 8), (40, 30), (333, 77), (1920, 1440)]):
        for high_m in (0.1, 1.0, 6.0):
            turned = {"pitch_deg": 15.0 + 12 * k, "yaw_deg": 9.0 * k, "field_of_view_rad": 1.6}
            camera = Camera(look="arena", height_m=high_m, **turned)
            still_camera = Still(hairpin(), camera, size=size)
            parts += [still_camera.picture(tuple(pose)).tobytes() for pose in points_near(hairpin(), 4, seed=k)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_pictures_are_the_same_bits_without_avx2() -> None:
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PADDOCK_WITHOUT_AVX2": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, root], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == bits(), done.stderr


def test_randomness_is_drawn_for_every_episode_and_car() -> None:
    world = World(strip(), 4, seed=1, camera=Camera(), randomisation=Randomisation(light=40.0, camera_pitch_deg=3.0))
    first = world.camera.copy()
    assert len({picture.tobytes() for picture in first}) == 4
    world.reset()
    assert all(not np.array_equal(a, b) for a, b in zip(first, world.camera, strict=True))
    again = World(strip(), 4, seed=1, camera=Camera(), randomisation=Randomisation(light=40.0, camera_pitch_deg=3.0))
    assert np.array_equal(first, again.camera)


def test_randomness_of_the_camera_leaves_starts_and_lidar_alone() -> None:
    plain = World(oval(), 4, seed=9, rules=RULES, lidar=True, lidar_noise_m=0.02)
    chance = World(
        oval(), 4, seed=9, rules=RULES, lidar=True, lidar_noise_m=0.02, camera=Camera(), randomisation=SIM_TO_REAL
    )
    assert np.array_equal(plain.pose, chance.pose)
    assert np.array_equal(plain.lidar, chance.lidar)


def test_noise_is_new_in_every_picture_and_as_strong_as_said() -> None:
    clean = World(strip(), 2, seed=1, camera=Camera()).camera.astype(int)
    world = World(strip(), 2, seed=1, camera=Camera(), randomisation=Randomisation(noise=5.0))
    first = world.camera.astype(int)
    noise = (first - clean)[:, 30:, :, 0]
    assert noise.std() == pytest.approx(5.0, rel=0.03)
    assert abs(noise.mean()) < 0.1
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05
    world.place(world.pose.copy())
    assert abs(np.corrcoef((first - clean).ravel(), (world.camera - clean).ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("setting", "grey"), [({"light": 60.0}, "road"), ({"contrast": 0.5}, "road"), ({"colour": 30.0}, "field")]
)
def test_greys_move_within_what_is_allowed(setting: dict[str, float], grey: str) -> None:
    world = World(
        strip(), 200, seed=2, camera=Camera(PADDOCK_CAMERA_40X30.name), randomisation=Randomisation(**setting)
    )
    was = getattr(REINVENT, grey)
    most = {"light": 60.0, "contrast": 0.5 * abs(was - 127.5), "colour": 30.0}[next(iter(setting))]
    spot = {"road": (29, 8), "field": (8, 1)}[grey]
    values = world.camera[:, spot[0], spot[1], 0].astype(float)
    kept = np.clip([was - most, was + most], 0, 255)
    assert values.min() >= kept[0] - 1
    assert values.max() <= kept[1] + 1
    assert values.std() > 0.4 * (kept[1] - kept[0]) / 2


def test_an_old_picture_shows_where_the_car_was() -> None:
    late = Randomisation(picture_age_s=2 / 15)
    world = World(oval(), 30, seed=3, camera=Camera(), randomisation=late)
    poses = [world.pose.copy()]
    assert np.array_equal(world.camera[0, :, :, 0], still(oval(), tuple(world.pose[0])))
    for _ in range(6):
        world.step(np.tile([0.0, 2.0], (30, 1)))
        poses.append(world.pose.copy())
    places = np.linspace(0.0, 1.0, 41)[:, None] * (poses[-3] - poses[-1])[0] + poses[-1][0]
    candidates = np.array([still(oval(), tuple(place)) for place in places]).astype(int)
    ages = [int(np.abs(candidates - seen[:, :, 0]).mean(axis=(1, 2)).argmin()) for seen in world.camera]
    assert min(ages) < 8
    assert max(ages) > 32
    assert len(set(ages)) > 10


def test_grip_and_delay_differ_between_cars_and_episodes_as_a_replay_drives_them() -> None:
    world = World(oval(), 40, seed=4, randomisation=Randomisation(grip=0.5, action_delay_s=0.08))
    actions = np.tile([25.0, 3.0], (40, 1))
    for _ in range(6):
        world.step(actions)
    assert len({tuple(pose) for pose in world.pose}) == 40
    plain = World(oval(), 40, seed=4)
    for _ in range(6):
        plain.step(actions)
    assert len({tuple(pose) for pose in plain.pose}) == 1
    away = np.hypot(*(world.pose - plain.pose)[:, :2].T)
    assert 0.05 < away.max() < 0.6
    again = World(oval(), 40, seed=4, randomisation=Randomisation(grip=0.5, action_delay_s=0.08), threads=3)
    for _ in range(6):
        again.step(actions)
    assert np.array_equal(world.pose, again.pose)


def test_less_grip_turns_wider_and_a_later_command_starts_later() -> None:
    actions = np.tile([0.0, 4.0], (200, 1))
    start = World(oval(), 1, seed=0).pose[0]
    grip = World(oval(), 200, seed=1, randomisation=Randomisation(grip=0.5))
    late = World(oval(), 200, seed=1, randomisation=Randomisation(action_delay_s=0.08))
    for world in (grip, late):
        for _ in range(5):
            world.step(actions)
    for world, slowest, fastest in ((grip, 0.5, 1.5), (late, 1.0, 1.0)):
        moved = np.hypot(*(world.pose[:, :2] - start[:2]).T)
        paths = []
        for share, delay in ((slowest, 0.08 if world is late else 0.0), (fastest, 0.0)):
            car = replace(
                world.dynamics,
                front_grip_mps2=share * world.dynamics.front_grip_mps2,
                rear_grip_mps2=share * world.dynamics.rear_grip_mps2,
                command_delay_s=world.dynamics.command_delay_s + delay,
            )
            out = np.empty((5, 6))
            _core.replay(car.to_list(), start.tolist(), 0.0, actions[:5], np.full(5, STEP_S), out)
            paths.append(math.hypot(*(out[-1, :2] - start[:2])))
        low, high = paths
        assert low <= moved.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < moved.max() <= high


def test_memory_of_many_cameras_is_small() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np\n"
        "from sim.camera import Camera\nfrom sim.world import World\nfrom sim.randomisation import SIM_TO_REAL\n"
        "from tests.sim.ovals import oval\n"
        "world = World(oval(), 256, seed=0, camera=Camera('STEREO_CAMERAS'), randomisation=SIM_TO_REAL)\n"
        "world.step(np.tile([0.0, 1.0], (256, 1)))\n"
        # of this program alone: getrusage keeps the peak of the process that it was forked from
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(int(peak.split()[1]) // 1024)\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", script, root], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 300


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Camera("LIDAR"), "there is no camera 'LIDAR'"),
        (lambda: Camera(look="mars"), "there is no look 'mars'"),
        (lambda: Camera(height_m=0.0), "height_m is 0.0"),
        (lambda: Camera(pitch_deg=float("nan")), "pitch_deg is nan"),
        (lambda: Look("x", road=300.0), "road is 300.0"),
        (lambda: Look("x", dash_length_m=0.005, dash_gap_m=0.001), "a dash and its gap"),
        (lambda: Randomisation(noise=-1.0), "noise is -1.0"),
        (lambda: Randomisation(picture_age_s=1.0), "picture_age_s is 1.0; it must be 0 to 0.1333"),
        (
            lambda: World(oval(), 1, seed=0, randomisation=Randomisation(action_delay_s=0.1)),
            "a command's delay can be two steps at most",
        ),
        (lambda: Randomisation(grip=1.0), "grip is 1.0"),
        (lambda: still(oval(), (0.0, 0.0, float("nan"))), "a pose holds no number"),
        (lambda: still(oval(), (0.0, 0.0, 0.0), size=(2, 2)), "a picture is 8 x 8 to 1920 x 1440"),
        (lambda: still(oval(), (0.0, 0.0, 0.0), standing=[Standing(math.inf, 0, 0)]), "a solid holds a number"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_the_core_refuses_a_picture_of_another_size() -> None:
    track = oval()
    camera = _core.StillCamera(_core.Track(track.centre, track.inner, track.outer, True), Camera().settings(eyes=1))
    with pytest.raises(ValueError, match="another size"):
        camera.draw(0.0, 0.0, 0.0, np.empty((0, 7)), np.empty((60, 80), np.uint8))
