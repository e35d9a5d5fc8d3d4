"""Moving pictures: frames that are drawn when they are asked for, and the GIF that takes them one after another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

Pixels = NDArray[np.uint8]
OnFrame = Callable[[int], None]

MOST_COLOURS = 96
"""Of a GIF's palette; few enough that frames stay small, enough for grey pictures."""
LOOKED_AT = 16
"""Frames that a GIF's palette is taken from."""
LONGEST_WAIT = 65_535
"""Hundredths of a second that one frame of a GIF can stand."""


class Film(Sequence[Pixels]):
    """Frames by number, each drawn when it is asked for: a long drive needs no more memory than a short one."""

    def __init__(self, rows: Iterable[int], draw: Callable[[int], Pixels]) -> None:
        self.rows = list(rows)
        self.draw = draw

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, number: int) -> Pixels: ...
    @overload
    def __getitem__(self, number: slice) -> Film: ...
    def __getitem__(self, number: int | slice) -> Pixels | Film:
        return Film(self.rows[number], self.draw) if isinstance(number, slice) else self.draw(self.rows[number])


def write_gif(
    path: Path, frames: Iterable[Pixels], frames_per_second: float, *, on_frame: OnFrame | None = None
) -> Path:
    """Write frames of one size, (height, width) grey or (height, width, 3) colours, that play for ever.

    A GIF counts hundredths of a second: the frames' ends are rounded to them, so that the whole lasts as long as it
    should. Of a Sequence, such as a Film, only a few frames are held at a time; other iterables are held as a whole.
    `on_frame` is told how many are written. The file is there when it is whole. ValueError where there is no frame.
    """
    shown = frames if isinstance(frames, Sequence) else list(frames)
    if not shown:
        raise ValueError("there is no frame to write")
    ends = np.round(np.arange(1, len(shown) + 1) * 100.0 / frames_per_second).astype(int).tolist()
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, shown, ends, on_frame)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def evenly(count: int, every: int) -> Iterator[int]:
    """Rows 0, every, 2 every ... and always the last one."""
    yield from range(0, count - 1, every)
    if count:
        yield count - 1


def image_of(pixels: Pixels) -> Image.Image:
    """Of (height, width) grey or (height, width, 3) colours. ValueError for what is no picture."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3)):
        raise ValueError(f"a picture is uint8 (height, width) or (height, width, 3), not {pixels.dtype} {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(pixels))


def _write(file: BinaryIO, frames: Sequence[Pixels], ends: list[int], on_frame: OnFrame | None) -> None:
    """Each frame as the rectangle that differs from the one before; where none does, that one stands longer."""
    palette = _palette(frames)
    last = frames[0]
    waiting = _indexed(last, palette), (0, 0)
    file.writelines(GifImagePlugin.getheader(waiting[0].copy(), info={"loop": 0})[0])
    begun, end = 0, ends[0]
    for number in range(1, len(frames)):
        frame = frames[number]
        place = _changed(last, frame)
        if place is not None and ends[number] > end:
            file.writelines(_standing(*waiting, end - begun))
            left, top, right, bottom = place
            waiting = _indexed(frame[top:bottom, left:right], palette), (left, top)
            last, begun = frame, end
        end = ends[number]
        if on_frame is not None:
            on_frame(number + 1)
    file.writelines(_standing(*waiting, end - begun))
    file.write(b";")


def _standing(image: Image.Image, offset: tuple[int, int], hundredths: int) -> list[bytes]:
    """A frame and how long it stands."""
    return GifImagePlugin.getdata(image, offset, duration=10 * min(hundredths, LONGEST_WAIT))


def _changed(before: Pixels, after: Pixels) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what differs. ValueError for frames of two sizes."""
    if before.shape != after.shape:
        raise ValueError(f"a frame of {after.shape} follows one of {before.shape}; they must have one size")
    wide = before.shape[1]
    differs = (before != after).reshape(len(before), -1)
    rows = np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(differs[top:bottom].any(axis=0).reshape(wide, -1).any(axis=1))
    return int(columns[0]), top, int(columns[-1]) + 1, bottom


def _palette(frames: Sequence[Pixels]) -> Image.Image | None:
    """One palette for all frames, so that nothing flickers: of some that are spread over the whole; none for greys."""
    some = [image_of(frames[i]) for i in evenly(len(frames), -(-len(frames) // LOOKED_AT))]
    if all(image.mode == "L" for image in some):
        return None
    wide, high = some[0].size
    together = Image.new("RGB", (wide, high * len(some)))
    for k, image in enumerate(some):
        together.paste(image, (0, k * high))
    return together.quantize(MOST_COLOURS, dither=Image.Dither.NONE)


_GREY_NUMBER = np.round(np.arange(256) * (MOST_COLOURS - 1) / 255.0).astype(np.uint8)
_GREYS = np.round(np.arange(MOST_COLOURS) * 255.0 / (MOST_COLOURS - 1)).astype(np.uint8).repeat(3).tolist()


def _indexed(pixels: Pixels, palette: Image.Image | None) -> Image.Image:
    """In the palette's colours, or in even greys."""
    image = image_of(pixels)
    if palette is not None:
        return image.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE)
    numbers = Image.fromarray(_GREY_NUMBER[np.asarray(image)])
    numbers.putpalette(_GREYS)
    return numbers
