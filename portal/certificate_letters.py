"""The letters of a certificate: each part of a line in a font that has it, whatever it is written in.

Latin letters come with Paddock and are embedded. Other letters are drawn as shapes from a font that is installed on the
server; where none has them, Chinese, Japanese, Korean, Greek and Cyrillic ones are left to the fonts that readers of
PDF bring. What no font has is drawn as an empty box.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import FILL_NON_ZERO, Canvas

from portal import installed_fonts
from portal.installed_fonts import Outline

LATIN, LATIN_BOLD = "Vera", "VeraBd"
READERS = (("euc_jp", "HeiseiKakuGo-W5"), ("gb2312", "STSong-Light"), ("euc_kr", "HYGothic-Medium"))
"""Fonts that readers of PDF bring, by what they can write; the first one writes Greek and Cyrillic, too."""
RIGHT_TO_LEFT = ("R", "AL")


@dataclass(frozen=True, slots=True)
class Written:
    """A part of a line as text in a font."""

    text: str
    font: str

    @property
    def width(self) -> float:
        """In units of the letters' height."""
        return float(pdfmetrics.stringWidth(self.text, self.font, 1))

    def draw(self, canvas: Canvas, left: float, bottom: float, size: float) -> None:
        canvas.setFont(self.font, size)
        canvas.drawString(left, bottom, self.text)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A part of a line as a shape."""

    outline: Outline

    @property
    def width(self) -> float:
        return self.outline.width

    def draw(self, canvas: Canvas, left: float, bottom: float, size: float) -> None:
        path = canvas.beginPath()
        for verb, numbers in self.outline.moves:
            at = [number * size + (bottom if index % 2 else left) for index, number in enumerate(numbers)]
            getattr(path, verb)(*at)
        canvas.drawPath(path, stroke=0, fill=1, fillMode=FILL_NON_ZERO)


Piece = Written | Shaped


def pieces(text: str, *, bold: bool) -> list[Piece]:
    """A line as parts from left to right; one that begins right to left is read from its right end."""
    _register()
    latin = LATIN_BOLD if bold else LATIN
    letters = pdfmetrics.getFont(latin).face.charToGlyph
    found: list[Piece] = []
    for is_foreign, part in _parts(text, letters):
        found += _foreign(part, latin, bold=bold) if is_foreign else [Written(part, latin)]
    return found[::-1] if _begins_right_to_left(text) else found


def _parts(text: str, letters: dict[int, object]) -> Iterator[tuple[bool, str]]:
    """Stretches of letters that the Latin font has, or has not; spaces within a stretch belong to it."""

    def kind(letter: str) -> str:
        return "space" if letter.isspace() else "latin" if ord(letter) in letters else "foreign"

    found: list[tuple[str, str]] = []
    for name, group in groupby(text, key=kind):
        part = "".join(group)
        if len(found) > 1 and found[-1][0] == "space" and found[-2][0] == name:
            space, before = found.pop(), found.pop()
            part = before[1] + space[1] + part
        found.append((name, part))
    return ((name == "foreign", part) for name, part in found)


def _foreign(part: str, latin: str, *, bold: bool) -> list[Piece]:
    """Letters that the Latin font has not: together in one font, or else each in the first that has it."""
    together = _drawn(part, bold=bold)
    if together is not None:
        return [together]
    return [_drawn(letter, bold=bold) or Written(letter, latin) for letter in part]


def _drawn(part: str, *, bold: bool) -> Piece | None:
    font = installed_fonts.font_with(part, bold=bold)
    if font is not None:
        return Shaped(font.outline(part))
    for encoding, name in READERS:
        try:
            part.encode(encoding)
        except UnicodeEncodeError:
            continue
        return Written(part, name)
    return None


def _begins_right_to_left(text: str) -> bool:
    """By the first letter that has a direction."""
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((found for found in strong if found in ("L", *RIGHT_TO_LEFT)), "L") in RIGHT_TO_LEFT


def _register() -> None:
    known = pdfmetrics.getRegisteredFontNames()
    for name, file in ((LATIN, "Vera.ttf"), (LATIN_BOLD, "VeraBd.ttf")):
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, file))
    for _encoding, name in READERS:
        if name not in known:
            pdfmetrics.registerFont(UnicodeCIDFont(name))
