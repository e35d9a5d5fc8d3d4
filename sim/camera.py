"""The camera of a car: which picture it gives, where it sits, what the world looks like to it.

A pixel is the mean grey over its whole area, edges included: what a picture of any finer resolution, averaged down,
comes to. So the real camera's 640 x 480 become our 160 x 120, and an 80 x 60 picture pooled 2 x 2 our 40 x 30, without
drawing more pixels than are kept.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from math import radians
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.looks import Look, look_named
from sim.native import _core
from sim.randomisation import PLAIN, Randomisation
from sim.sensors import FRONT_FACING_CAMERA, PADDOCK_CAMERA_40X30, SENSORS, STEREO_CAMERAS, SensorKind
from sim.track import Track

Picture = NDArray[np.uint8]


class Standing(NamedTuple):
    """Something upright on the road, for a still picture: its middle, half its length and width, its height."""

    x: float
    y: float
    yaw: float
    half_length_m: float = 0.2
    half_width_m: float = 0.15
    height_m: float = 0.25
    kind: str = "box"


_KIND_CODE = {"box": 0, "bot": 1, "car": 2}


@dataclass(frozen=True)
class Camera:
    """One of the camera sensors, mounted as on the real car. ValueError says what cannot be.

    `sensor` is a name in `sim.sensors.SENSORS`. `look` is a name in `sim.looks.LOOKS` or a Look. The place of the lens
    is measured from the car's base; the two of STEREO_CAMERAS are `apart_m` from each other.
    """

    sensor: str = FRONT_FACING_CAMERA.name
    look: str | Look = "reinvent"
    forward_m: float = 0.145
    side_m: float = 0.0
    height_m: float = 0.130
    pitch_deg: float = 15.0
    yaw_deg: float = 0.0
    field_of_view_rad: float = 1.13
    apart_m: float = 0.06

    def __post_init__(self) -> None:
        known = [sensor.name for sensor in SENSORS.values() if sensor.kind is SensorKind.CAMERA]
        if self.sensor not in known:
            raise ValueError(f"there is no camera {self.sensor!r}; known are {', '.join(known)}")
        if isinstance(self.look, str):
            look_named(self.look)
        elif not isinstance(self.look, Look):
            raise TypeError(f"look is {self.look!r}; it must be a name or a Look")
        limits = {
            "forward_m": (-1.0, 1.0),
            "side_m": (-1.0, 1.0),
            "height_m": (0.05, 10.0),
            "pitch_deg": (0.0, 60.0),
            "yaw_deg": (-180.0, 180.0),
            "field_of_view_rad": (0.3, 2.5),
            "apart_m": (0.0, 1.0),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {low:g} to {high:g}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its picture."""
        height, width, channels = SENSORS[self.sensor].shape
        return height, width, channels

    def drawn(self) -> Look:
        """The look that it sees."""
        return look_named(self.look) if isinstance(self.look, str) else self.look

    def settings(
        self, randomisation: Randomisation = PLAIN, size: tuple[int, int] | None = None, eyes: int | None = None
    ) -> dict[str, Any]:
        """What the native core takes; `size` is width and height, if not the sensor's own."""
        height, width, channels = self.shape
        look = self.drawn()
        place = (self.forward_m, self.side_m, self.height_m)
        return {
            "width": width if size is None else size[0],
            "height": height if size is None else size[1],
            "eyes": channels if eyes is None else eyes,
            "apart_m": self.apart_m,
            "mount": [*place, radians(self.pitch_deg), radians(self.yaw_deg), self.field_of_view_rad],
            "marking": look.marking(),
            "palette": look.palette(),
            "spread": randomisation.camera_spread(),
        }


class Still:
    """Takes pictures on a track: as a car's camera would see it, of any size, or from anywhere above the ground.

    `size` is width and height in whole pixels, 8 x 8 to 1920 x 1440. ValueError or TypeError says what cannot be.
    Made once per track and camera; a picture then costs microseconds.
    """

    def __init__(self, track: Track, camera: Camera | None = None, *, size: tuple[int, int] | None = None) -> None:
        self.camera = Camera() if camera is None else camera
        height, width, _ = self.camera.shape
        self.size = (width, height) if size is None else (operator.index(size[0]), operator.index(size[1]))
        native = _core.Track(track.centre, track.inner, track.outer, track.closed)
        self._core = _core.StillCamera(native, self.camera.settings(size=self.size, eyes=1))

    def picture(self, pose: tuple[float, float, float], standing: Sequence[Standing] = ()) -> Picture:
        """What is seen from a car whose base is at `pose` (x, y, yaw in rad): uint8 (height, width)."""
        rows = np.array([(*solid[:6], _KIND_CODE[solid.kind]) for solid in standing], np.float64).reshape(-1, 7)
        width, height = self.size
        out = np.empty((height, width), np.uint8)
        x, y, yaw = pose
        self._core.draw(float(x), float(y), float(yaw), rows, out)
        return out


def still(
    track: Track,
    pose: tuple[float, float, float],
    *,
    look: str | Look = "reinvent",
    kind: str = FRONT_FACING_CAMERA.name,
    size: tuple[int, int] | None = None,
    standing: Sequence[Standing] = (),
) -> Picture:
    """One picture, uint8 (height, width), from a car whose base is at `pose` (x, y, yaw in rad).

    `kind` names a camera sensor; of STEREO_CAMERAS it is the middle between the two. `size` is width and height, if
    another than the sensor's. ValueError says what cannot be.
    """
    return Still(track, Camera(kind, look), size=size).picture(pose, standing)


__all__ = [
    "FRONT_FACING_CAMERA",
    "PADDOCK_CAMERA_40X30",
    "STEREO_CAMERAS",
    "Camera",
    "Picture",
    "Standing",
    "Still",
    "still",
]
