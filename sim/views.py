"""Ways of looking at a drive: the track from above, or what a camera of the car sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.camera import FRONT_FACING_CAMERA, PADDOCK_CAMERA_40X30, Camera, Standing, Still
from sim.object_trace import BOX
from sim.top_view import TopView
from sim.track import Track

if TYPE_CHECKING:
    from sim.object_trace import ObjectTrace

Pixels = NDArray[np.uint8]
ViewName = Literal["top", "camera", "stereo", "camera-40x30"]
VIEWS: tuple[ViewName, ...] = ("top", "camera", "stereo", "camera-40x30")
STEREO_APART_M = 0.06
BOT_SIZE = 0.16176, 0.09805, 0.13
"""Half length, half width and height of a bot, m: those of the car."""


class View(Protocol):
    """Pictures of one car on one track."""

    def picture(
        self,
        pose: NDArray[np.float64],
        standing: list[Standing],
        trail: NDArray[np.float64] | None = None,
        fastest_mps: float | None = None,
    ) -> Pixels:
        """What is seen with the car's base at `pose` (x, y, yaw in rad) among what stands or drives there, and the
        `trail` that it left, coloured from standing to `fastest_mps`."""


class FromAbove:
    """The track with the car in red and the way it came, coloured by its speed."""

    def __init__(self, track: Track, longest_px: int) -> None:
        self.view = TopView(track, longest_px)

    def picture(
        self,
        pose: NDArray[np.float64],
        standing: list[Standing],
        trail: NDArray[np.float64] | None = None,
        fastest_mps: float | None = None,
    ) -> Pixels:
        """(height, width, 3)."""
        solids = np.array([solid[:5] for solid in standing]).reshape(-1, 5)
        return self.view.frame(pose[None], trail=trail, fastest_mps=fastest_mps, solids=solids)


class FromTheCar:
    """One camera of the car, or two beside each other, left and right; `larger` repeats each pixel so many times."""

    def __init__(self, track: Track, cameras: tuple[Camera, ...], larger: int) -> None:
        self.stills = [Still(track, camera) for camera in cameras]
        self.larger = larger

    def picture(
        self,
        pose: NDArray[np.float64],
        standing: list[Standing],
        trail: NDArray[np.float64] | None = None,
        fastest_mps: float | None = None,
    ) -> Pixels:
        """(height, width) grey."""
        x, y, yaw = pose.tolist()
        seen = np.hstack([still.picture((x, y, yaw), standing) for still in self.stills])
        return seen.repeat(self.larger, axis=0).repeat(self.larger, axis=1)


def view_named(name: ViewName, track: Track, *, look: str = "reinvent", longest_px: int = 640) -> View:
    """One of VIEWS of a track as it is driven. Cameras give their own pixels, repeated as often as `longest_px` has
    room for. ValueError names the views, the looks and the sizes that there are."""
    if name == "top":
        return FromAbove(track, longest_px)
    if name not in VIEWS:
        raise ValueError(f"there is no view {name!r}; known are {', '.join(VIEWS)}")
    sensor = PADDOCK_CAMERA_40X30.name if name == "camera-40x30" else FRONT_FACING_CAMERA.name
    aside = (0.5 * STEREO_APART_M, -0.5 * STEREO_APART_M) if name == "stereo" else (0.0,)
    cameras = tuple(Camera(sensor, look, side_m=side_m) for side_m in aside)
    wide = sum(camera.shape[1] for camera in cameras)
    return FromTheCar(track, cameras, max(1, longest_px // wide))


def standing_in(objects: ObjectTrace | None, row: int) -> list[Standing]:
    """The boxes and bots of a drive in one of its rows."""
    if objects is None:
        return []
    found = []
    for kind, (x, y, heading_deg) in zip(objects.kinds.tolist(), objects.poses[row].tolist(), strict=True):
        place = x, y, float(np.radians(heading_deg))
        found.append(Standing(*place) if kind == BOX else Standing(*place, *BOT_SIZE, "bot"))
    return found
