"""What an environment can show of the world: each kind of observation, what it costs the world, and its space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from sim.camera import Camera
from sim.dynamics import CarDynamics
from sim.looks import Look
from sim.sector_lidar import Sectors
from sim.sensors import FRONT_FACING_CAMERA, PADDOCK_CAMERA_40X30, STEREO_CAMERAS
from sim.world import BEAM_COUNT, FEATURES, World

Numbers = NDArray[Any]
SensorChoice = str | Camera | Sectors
"""A name of OBSERVATIONS, a camera mounted otherwise or in another look, or sectors of other numbers."""

NEAREST_M = 0.15
"""Least distance that the LIDAR tells."""
FARTHEST_ASIDE = 40.0
"""Most that `ahead_x` and `ahead_y` can be: a road of 10 m, the front point at its edge, looking 0.3 m ahead."""
FASTEST_TURN = 20.0
"""Most of `yaw_rate` (rad/s / 4) per gain of the speed: wheels at the tread's speed cannot spin the car faster."""


@dataclass(frozen=True)
class ObservationKind:
    """One kind: `world` are the settings that the World needs for it, `space` one car's space, `read` the world's own
    array of it, one row a car, written in place by every step; `camera` the camera where it is a picture."""

    space: Callable[[CarDynamics], gym.spaces.Box]
    read: Callable[[World], Numbers]
    world: Mapping[str, Any] = field(default_factory=dict)
    camera: Camera | None = None


def features_space(dynamics: CarDynamics) -> gym.spaces.Box:
    """Box of `FEATURES`. Its bounds are what the columns can reach on any track that can be imported."""
    gain = max(1.0, dynamics.speed_gain)
    most = {
        "offset": 3.0,
        "heading_error_sin": 1.0,
        "heading_error_cos": 1.0,
        "forward_speed": 2.0 * gain,
        "sideways_speed": 8.0 * gain,
        "yaw_rate": FASTEST_TURN * gain,
        "hinge_angle": 1.6,
        "last_steering": 1.05,
        "last_speed": 1.0,
    }
    high = np.array([most.get(name, 10.0 if "width" in name else FARTHEST_ASIDE) for name in FEATURES], np.float32)
    low = np.array([0.0 if "width" in name or name == "last_speed" else -1.0 for name in FEATURES], np.float32) * high
    return gym.spaces.Box(low, high, dtype=np.float32)


def lidar_kind(clip_m: float = 1.0) -> ObservationKind:
    """64 distances in metres, cut to 1 m as the real network's input is, or to another reach."""
    return ObservationKind(
        lambda dynamics: gym.spaces.Box(NEAREST_M, clip_m, (BEAM_COUNT,), np.float32),
        lambda world: world.lidar,
        {"lidar": True},
    )


def camera_kind(camera: Camera) -> ObservationKind:
    """Pictures of one of the camera sensors: uint8 (height, width, channels)."""
    return ObservationKind(
        lambda dynamics: gym.spaces.Box(0, 255, camera.shape, np.uint8), lambda world: world.camera, camera=camera
    )


def sectors_kind(sectors: Sectors) -> ObservationKind:
    """A sector LIDAR's zeros and ones."""
    return ObservationKind(
        lambda dynamics: gym.spaces.Box(0.0, 1.0, (sectors.width,), np.float32),
        lambda world: world.sectors,
        {"sectors": sectors},
    )


OBSERVATIONS: dict[str, ObservationKind] = {
    "features": ObservationKind(features_space, lambda world: world.features),
    "lidar": lidar_kind(),
    "sector-lidar": sectors_kind(Sectors()),
    "discretized-sector-lidar": sectors_kind(Sectors(8, 8, 2.0)),
    "camera": camera_kind(Camera(FRONT_FACING_CAMERA.name)),
    "camera-40x30": camera_kind(Camera(PADDOCK_CAMERA_40X30.name)),
    "stereo": camera_kind(Camera(STEREO_CAMERAS.name)),
}
"""By the name that environments take as `sensor`."""


def observation_of(
    sensor: SensorChoice, *, look: str | Look | None = None, lidar_clip_m: float = 1.0
) -> ObservationKind:
    """The kind that a choice means; ValueError names the known ones. A `look` goes before the camera's own.

    ValueError or TypeError for a look that is none, whether anything sees it or not.
    """
    if look is not None:
        Camera(look=look)
    if isinstance(sensor, Sectors):
        return sectors_kind(sensor)
    if isinstance(sensor, Camera):
        return camera_kind(sensor if look is None else replace(sensor, look=look))
    if not isinstance(sensor, str) or sensor not in OBSERVATIONS:
        known = " or ".join(OBSERVATIONS)
        raise ValueError(f"sensor is {sensor!r}; it must be {known}, or a Camera or Sectors")
    kind = OBSERVATIONS[sensor]
    if sensor == "lidar":
        return lidar_kind(lidar_clip_m)
    return kind if kind.camera is None else observation_of(kind.camera, look=look)
