"""Many cars on one track, stepped by the native core."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.dynamics import CarDynamics, named
from sim.episode import STEP_S, EpisodeRules
from sim.native import _core
from sim.reward_state import objects_in, reward_columns
from sim.track import Track

# What only some worlds have is loaded with the first of them: a world of cars alone starts sooner.
if TYPE_CHECKING:
    from sim.camera import Camera
    from sim.objects import Others, TrackObjects
    from sim.randomisation import Randomisation
    from sim.sector_lidar import Sectors

__all__ = ["BEAM_COUNT", "FEATURES", "FEATURE_COUNT", "LOOK_AHEAD_M", "STEP_S", "World", "native_track"]

LOOK_AHEAD_M: tuple[float, ...] = tuple(_core.LOOK_AHEAD_M)
"""Distances along the centre line, from the car's own projection, of the points in the features."""

FEATURES: tuple[str, ...] = (
    "offset",  # of the front point from the centre line, left positive, in half widths; within +-3
    "heading_error_sin",  # of the car's yaw against the centre line's direction
    "heading_error_cos",
    "forward_speed",  # m/s / 4
    "sideways_speed",  # m/s, left positive
    "yaw_rate",  # rad/s / 4
    "hinge_angle",  # of the front wheels as they are now, rad * 2
    "last_steering",  # last command, rad * 2
    "last_speed",  # last command, m/s / 4
    "left_width_m",  # from the centre line to the border
    "right_width_m",
    *(f"ahead_{axis}_{distance:g}m" for distance in LOOK_AHEAD_M for axis in "xy"),
    "half_width_1m",  # half the track's width 1.0 m and 2.2 m ahead
    "half_width_2.2m",
)
"""Columns of `World.features`. `ahead_x` and `ahead_y` are where the centre line is at that distance, in the car's
frame at its front point (x ahead, y left), divided by the distance."""

FEATURE_COUNT: int = _core.FEATURE_COUNT
BEAM_COUNT: int = _core.BEAM_COUNT
MOST_CARS, MOST_THREADS = 1_000_000, 256
_START_CODE = {"fixed": 0, "advance": 1, "random": 2}


def native_track(track: Track) -> _core.Track:
    """The core's form of a track. ValueError where it is no track."""
    return _core.Track(track.centre, track.inner, track.outer, track.closed)


def checked_seed(seed: int) -> int:
    """The seed itself; ValueError where it is no unsigned number of 64 bits, TypeError where it is no whole number."""
    seed = int(operator.index(seed))
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}; it must be 0 to 2**64 - 1")
    return seed


def check_count(name: str, count: int, most: int) -> None:
    """TypeError where it is no whole number, ValueError where it is not 1 to `most`."""
    try:
        whole = operator.index(count)
    except TypeError:
        raise TypeError(f"{name} is {count!r}; it must be a whole number") from None
    if not 1 <= whole <= most:
        raise ValueError(f"{name} is {whole}; it must be 1 to {most}")


class World:
    """`cars` cars on one track as it is driven, each alone on it or, with `others`, all on it together.

    The arrays are views of the core's memory, written in place by `reset` and `step`; copy what must outlive the next
    call. `features` float32 (n, FEATURE_COUNT); `lidar` float32 (n, 64) metres from right to left, zeros unless asked
    for; `camera` uint8 (n, height, width, channels), empty unless there is one; `reward_states` float64 (n,
    len(reward_columns(k))) for the k objects that each car is told of; `objects` float64 (n, k, len(OBJECT_STATE)), a
    view of them; `pose` float64 (n, 3) x, y, yaw (rad) of the base; `status` uint8 (n,) index into STATUSES; `done`
    bool (n,); `lap` int32 (n,) laps completed in the episode; `lap_steps` and `lap_resets` int32 (n,) of the lap
    completed in this very step, else 0 (a lap has at least one step); `box_resets` int32 (n,) how often in a row the
    car was put back at one box; `clipped` bool (n,) where this step's action was out of range, `clipped_steps` int32
    (n,) how often in the episode.

    After construction and `reset` every car is on its `prepare` row: standing, steps 1, reward 0. Where `done` is set
    the arrays still hold the last row of the episode, its observation included; the next `step` ignores that car's
    action and gives the `prepare` row of its next episode (Gymnasium's NEXT_STEP), or `park` without auto_reset.

    `objects` are boxes or bots. Each car has its own, placed anew with each episode from the seed, the car and the
    episode. With `others` "seen" or "solid" the cars share the track and its objects, which then are placed anew when
    all cars are reset at once: each sees the others by camera and LIDAR, and "solid" ones run into each other. From a
    fixed start they begin 0.75 m apart, backwards from it in alternating lanes. A car that has ended its drive and
    does not begin anew leaves the road. Without `lidar_walls` beams end at objects alone, as in the real simulator,
    whose tracks have no walls. With `sectors` the beams are made into zeros and ones, `sectors` float32 (n, their
    width), and beams are as long as these need; `lidar_input` is what a LIDAR's network sees, sectors or beams.
    """

    def __init__(
        self,
        track: Track,
        cars: int,
        *,
        seed: int,
        rules: EpisodeRules | None = None,
        preset: str | CarDynamics = "deepracer",
        lidar: bool = False,
        lidar_clip_m: float = 1.0,
        lidar_noise_m: float = 0.0,
        lidar_walls: bool = True,
        sectors: Sectors | None = None,
        objects: TrackObjects | None = None,
        others: Others = "absent",
        camera: Camera | None = None,
        randomisation: Randomisation | None = None,
        is_reversed: bool = False,
        threads: int = 1,
    ) -> None:
        rules = EpisodeRules() if rules is None else rules
        seed = checked_seed(seed)
        check_count("cars", cars, MOST_CARS)
        check_count("threads", threads, MOST_THREADS)
        _check_kind("track", track, Track)
        _check_kind("rules", rules, EpisodeRules)
        _check_extras(camera, sectors, randomisation)
        if not isinstance(lidar_walls, bool | np.bool_):
            raise TypeError(f"lidar_walls is {lidar_walls!r}; it must be True or False")
        if not 0.15 <= lidar_clip_m <= 12.0:
            raise ValueError(f"lidar_clip_m is {lidar_clip_m}; it must be 0.15 to 12")
        if not 0.0 <= lidar_noise_m <= 1.0:
            raise ValueError(f"lidar_noise_m is {lidar_noise_m}; it must be 0 to 1")
        if sectors is not None:
            lidar, lidar_clip_m = True, max(lidar_clip_m, sectors.clip_m)
        self.track = track
        self.cars = cars
        self.rules = rules
        self.dynamics = preset if isinstance(preset, CarDynamics) else named(preset)
        self._core = _core.make_world(
            track=native_track(track),
            cars=cars,
            seed=seed,
            laps=rules.laps,
            continuous=rules.continuous,
            maximum_resets=rules.maximum_resets,
            pause_steps=rules.pause_steps,
            maximum_steps=rules.maximum_steps,
            start=_START_CODE[rules.start],
            start_offset=rules.start_offset,
            auto_reset=rules.auto_reset,
            parameters=self.dynamics.to_list(),
            lidar=lidar,
            lidar_clip_m=lidar_clip_m,
            lidar_noise_m=lidar_noise_m,
            lidar_walls=bool(lidar_walls),
            sector_count=sectors.count if sectors else 0,
            sector_steps=sectors.steps if sectors else 0,
            sector_clip_m=sectors.clip_m if sectors else 1.0,
            camera=_camera_settings(camera, randomisation),
            grip_spread=randomisation.grip if randomisation else 0.0,
            delay_spread_s=randomisation.action_delay_s if randomisation else 0.0,
            is_reversed=is_reversed,
            threads=threads,
            objects=_objects_settings(objects, others, cars),
            crash_steps=rules.crash_steps,
            reset_at_previous=rules.reset_at == "previous",
            mercy_after=rules.mercy_after,
        )
        self.features: NDArray[np.float32] = self._core.features
        self.lidar: NDArray[np.float32] = self._core.lidar if lidar else np.zeros((cars, BEAM_COUNT), np.float32)
        self.sectors: NDArray[np.float32] = self._core.sectors if sectors else np.zeros((cars, 0), np.float32)
        self.lidar_input = self.sectors if sectors else self.lidar
        self.camera: NDArray[np.uint8] = self._core.camera
        self.reward_states: NDArray[np.float64] = self._core.reward_states
        self.objects: NDArray[np.float64] = objects_in(self.reward_states)
        self.reward_columns = reward_columns(self.objects.shape[1])
        self.pose: NDArray[np.float64] = self._core.pose
        self.status: NDArray[np.uint8] = self._core.status
        self.done: NDArray[np.bool_] = self._core.done.view(np.bool_)
        self.lap: NDArray[np.int32] = self._core.lap
        self.lap_steps: NDArray[np.int32] = self._core.lap_steps
        self.lap_resets: NDArray[np.int32] = self._core.lap_resets
        self.box_resets: NDArray[np.int32] = self._core.box_resets
        self.clipped: NDArray[np.bool_] = self._core.clipped.view(np.bool_)
        self.clipped_steps: NDArray[np.int32] = self._core.clipped_steps

    @property
    def core(self) -> _core.World:
        """The native world, for what steps it without Python."""
        return self._core

    def reset(
        self,
        mask: NDArray[np.bool_] | None = None,
        start: NDArray[np.float64] | None = None,
        seed: int | NDArray[np.uint64] | None = None,
    ) -> None:
        """Begin a new episode for the cars in `mask` (all without one), at `start` (n,) fractions of the lap if given.

        With one `seed` these cars do what they would do in a new world of that seed. With `seed` uint64 (n,) each does
        what the only car of a new world of its seed would. Without, their random numbers go on.
        ValueError or TypeError for arrays of another size or kind.
        """
        alone = isinstance(seed, np.ndarray)
        if isinstance(seed, int):
            seed = np.full(self.cars, checked_seed(seed), np.uint64)
        self._core.reset(mask, start, seed, alone)

    def step(self, actions: NDArray[np.float64]) -> None:
        """Drive every car 1/15 s. `actions` float64 (n, 2), C-contiguous: steering in degrees, left positive, and speed
        in m/s; clipped to +-30 and 0.1..4, which `clipped` reports. NaN ends that car's episode with the status
        `error`.

        TypeError for another kind of array, ValueError for another number of rows. Holds no interpreter lock.
        """
        self._core.step(actions)

    def place(self, poses: NDArray[np.float64]) -> None:
        """Put the cars at `poses` (n, 3) x, y, yaw (rad) of the base, standing, within their running episodes."""
        self._core.place(poses)


def _check_kind(name: str, given: object, kind: type) -> None:
    if given is not None and not isinstance(given, kind):
        raise TypeError(f"{name} is {given!r}; it must be a {kind.__name__}")


def _check_extras(camera: Camera | None, sectors: Sectors | None, randomisation: Randomisation | None) -> None:
    if camera is not None:
        from sim.camera import Camera

        _check_kind("camera", camera, Camera)
    if sectors is not None:
        from sim.sector_lidar import Sectors

        _check_kind("sectors", sectors, Sectors)
    if randomisation is not None:
        from sim.randomisation import Randomisation

        _check_kind("randomisation", randomisation, Randomisation)


def _camera_settings(camera: Camera | None, randomisation: Randomisation | None) -> dict[str, Any] | None:
    """What the core is told of the camera."""
    if camera is None:
        return None
    return camera.settings() if randomisation is None else camera.settings(randomisation)


def _objects_settings(objects: TrackObjects | None, others: Others, cars: int) -> dict[str, Any] | None:
    """What the core is told of the objects and the other cars; ValueError or TypeError says what cannot be."""
    if objects is None and others == "absent":
        return None
    from sim.objects import MOST_COMPANY, OTHERS, core_settings

    if others not in OTHERS:
        raise ValueError(f"others is {others!r}; it must be absent, seen or solid")
    if others != "absent" and cars > MOST_COMPANY:
        raise ValueError(f"{cars} cars share the track; it must be at most {MOST_COMPANY}")
    return core_settings(objects, others)
