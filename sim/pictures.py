"""Stills as PNG and drives as GIF, of any array of pixels: top views, or what a camera saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sim.trace import STEPS_PER_SECOND, DriveTrace

FRONT_POINT_M = 0.14
"""A trace holds places of the car's front; a picture draws it about its base."""
MOST_COLOURS = 96
"""Of a GIF's palette; few enough that frames stay small, enough for grey pictures."""

LOOKED_AT = 16
"""Frames that a GIF's palette is taken from."""


def write_png(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write (height, width) grey or (height, width, 3) colours."""
    _image(pixels).save(path, format="PNG", optimize=True)
    return path


def write_gif(path: Path, frames: Iterable[NDArray[np.uint8]], frames_per_second: float) -> Path:
    """Write frames of one size that play for ever. A GIF counts hundredths of a second: the frames' ends are rounded to
    them, so that the whole lasts as long as it should. ValueError where there is no frame."""
    images = [_image(frame) for frame in frames]
    if not images:
        raise ValueError("there is no frame to write")
    palette = _palette(images)
    reduced = [image.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    ends = np.round(np.arange(len(images) + 1) * 100.0 / frames_per_second).astype(int)
    lasting = [int(wait) * 10 for wait in np.diff(ends)]
    reduced[0].save(
        path, format="GIF", save_all=True, append_images=reduced[1:], duration=lasting, loop=0, optimize=False
    )
    return path


def poses_of(trace: DriveTrace) -> NDArray[np.float64]:
    """(n, 3) x, y, yaw (rad) of the car's base, row by row."""
    yaw = np.radians(trace.column("heading_deg").astype(np.float64))
    x = trace.column("x") - FRONT_POINT_M * np.cos(yaw)
    y = trace.column("y") - FRONT_POINT_M * np.sin(yaw)
    return np.column_stack([x, y, yaw])


def trail_of(trace: DriveTrace) -> NDArray[np.float64]:
    """(n, 3) x, y of the car's base and how fast it went there, m/s, for a top view's trail."""
    poses = poses_of(trace)
    moved = np.hypot(*np.diff(poses[:, :2], axis=0, prepend=poses[:1, :2]).T)
    return np.column_stack([poses[:, :2], moved * STEPS_PER_SECOND])


def evenly(count: int, every: int) -> Iterator[int]:
    """Rows 0, every, 2 every ... and always the last one."""
    yield from range(0, count - 1, every)
    if count:
        yield count - 1


def _palette(images: list[Image.Image]) -> Image.Image:
    """One palette for all frames, so that nothing flickers: of some that are spread over the whole drive."""
    some = [images[i].convert("RGB") for i in evenly(len(images), -(-len(images) // LOOKED_AT))]
    wide, high = some[0].size
    together = Image.new("RGB", (wide, high * len(some)))
    for k, image in enumerate(some):
        together.paste(image, (0, k * high))
    return together.quantize(MOST_COLOURS, dither=Image.Dither.NONE)


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3)):
        raise ValueError(f"a picture is uint8 (height, width) or (height, width, 3), not {pixels.dtype} {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(pixels))
