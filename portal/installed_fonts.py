"""Fonts that are installed on the server: for letters that no font of Paddock's own has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import uharfbuzz

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
KINDS = (".ttf", ".otf", ".ttc")
PLAIN = ("sans", "-regular")
"""What a file's name has of a font that is good to read: the more of it, the sooner it is taken."""
ODD = ("mono", "condensed", "narrow", "italic", "oblique", "light", "thin", "serif", "math", "emoji", "black")


@dataclass(frozen=True, slots=True)
class Outline:
    """A text as one shape: the commands of its curves in units of the font's height, and how wide it is."""

    moves: tuple[tuple[str, tuple[float, ...]], ...]
    width: float


class InstalledFont:
    """One font of a file. Broken files have no letters."""

    def __init__(self, path: Path) -> None:
        try:
            self.face = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path)))
            self.letters = frozenset(self.face.unicodes)
        except (OSError, uharfbuzz.HarfBuzzError, RuntimeError):
            self.letters = frozenset()

    def outline(self, text: str) -> Outline:
        """The text shaped: letters joined, marks in their places, right to left where its script is."""
        buffer = uharfbuzz.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        font = uharfbuzz.Font(self.face)
        uharfbuzz.shape(font, buffer)
        size = self.face.upem
        moves: list[tuple[str, tuple[float, ...]]] = []
        across = 0.0
        for glyph, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            pen = _Pen(moves, across + position.x_offset, position.y_offset, size)
            font.draw_glyph_with_pen(glyph.codepoint, pen)
            across += position.x_advance
        return Outline(tuple(moves), across / size)


class _Pen:
    """Writes a glyph's curves down where it stands; quadratic ones as the cubic ones that PDF knows."""

    def __init__(self, moves: list[tuple[str, tuple[float, ...]]], left: float, bottom: float, size: float) -> None:
        self.moves, self.left, self.bottom, self.size = moves, left, bottom, size
        self.at = (0.0, 0.0)

    def moveTo(self, to: tuple[float, float]) -> None:
        self._write("moveTo", to)

    def lineTo(self, to: tuple[float, float]) -> None:
        self._write("lineTo", to)

    def curveTo(self, *points: tuple[float, float]) -> None:
        self._write("curveTo", *points)

    def qCurveTo(self, control: tuple[float, float], to: tuple[float, float]) -> None:
        (x, y), (cx, cy), (tx, ty) = self.at, control, to
        first = (x + 2 / 3 * (cx - x), y + 2 / 3 * (cy - y))
        second = (tx + 2 / 3 * (cx - tx), ty + 2 / 3 * (cy - ty))
        self._write("curveTo", first, second, to)

    def closePath(self) -> None:
        self.moves.append(("close", ()))

    def endPath(self) -> None:
        """An open contour: nothing of it is filled anyway."""

    def _write(self, verb: str, *points: tuple[float, float]) -> None:
        self.at = points[-1]
        placed = (
            (self.left + x) / self.size if axis == 0 else (self.bottom + y) / self.size
            for x, y in points
            for axis in (0, 1)
        )
        self.moves.append((verb, tuple(placed)))


def font_with(text: str, *, bold: bool) -> InstalledFont | None:
    """The best installed font that has every letter of the text; None where there is none."""
    wanted = {ord(letter) for letter in text}
    for path in _files(bold):
        font = _opened(path)
        if wanted <= font.letters:
            return font
    return None


@cache
def _opened(path: Path) -> InstalledFont:
    return InstalledFont(path)


@cache
def _files(bold: bool) -> tuple[Path, ...]:
    """Every font file, the ones that are best to read first; the same order on the same machine."""

    def rank(path: Path) -> tuple[int, int, str]:
        name = path.name.lower()
        odd = sum(word in name for word in ODD) - sum(word in name for word in PLAIN)
        return abs(("bold" in name) - bold), odd, str(path)

    return tuple(sorted(_found(), key=rank))


def _found() -> Iterator[Path]:
    for folder in FOLDERS:
        for place, _folders, names in os.walk(Path(folder).expanduser()):
            yield from (Path(place) / name for name in names if name.lower().endswith(KINDS))
