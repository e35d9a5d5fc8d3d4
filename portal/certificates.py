"""Certificates as PDF: one page for each racer, A4 across."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import segno
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from portal import certificate_letters

PAGE = landscape(A4)
INK, MUTED, BRAND, GOLD = (HexColor(code) for code in ("#12191c", "#4a565c", "#0f766e", "#f5c518"))
WIDEST = PAGE[0] - 60 * mm


@dataclass(frozen=True, slots=True)
class Certificate:
    """The lines of one page; everything is said in the reader's language already."""

    heading: str
    racer: str
    placed: str
    race: str
    facts: str
    signed: str
    address: str
    """Where the standings are; also as a code to scan."""
    is_winner: bool


def write(title: str, pages: Sequence[Certificate]) -> bytes:
    """A PDF with a page for each certificate."""
    sink = io.BytesIO()
    canvas = Canvas(sink, pagesize=PAGE, invariant=True)
    canvas.setTitle(title)
    canvas.setCreator("Paddock")
    for page in pages:
        _draw(canvas, page)
        canvas.showPage()
    canvas.save()
    return sink.getvalue()


def _draw(canvas: Canvas, page: Certificate) -> None:
    wide, high = PAGE
    canvas.setStrokeColor(GOLD if page.is_winner else BRAND)
    canvas.setLineWidth(3)
    canvas.roundRect(12 * mm, 12 * mm, wide - 24 * mm, high - 24 * mm, 6 * mm)
    canvas.setLineWidth(0.75)
    canvas.roundRect(15 * mm, 15 * mm, wide - 30 * mm, high - 30 * mm, 4 * mm)
    _flag(canvas, wide / 2 - 24 * mm, high - 42 * mm)
    _centred(canvas, page.heading, high - 60 * mm, 20, MUTED)
    _centred(canvas, page.racer, high - 84 * mm, 46, INK, bold=True)
    _centred(canvas, page.placed, high - 104 * mm, 26, BRAND, bold=True)
    _centred(canvas, page.race, high - 119 * mm, 22, INK)
    _centred(canvas, page.facts, high - 135 * mm, 14, MUTED)
    _centred(canvas, page.signed, 36 * mm, 12, MUTED)
    _centred(canvas, page.address, 28 * mm, 9, MUTED)
    _code(canvas, page.address, wide - 48 * mm, 22 * mm, 24 * mm)


def _flag(canvas: Canvas, left: float, bottom: float) -> None:
    """Two rows of a chequered flag."""
    size = 6 * mm
    for row in range(2):
        for column in range(8):
            canvas.setFillColor(INK if (row + column) % 2 else HexColor("#ffffff"))
            canvas.rect(left + column * size, bottom + row * size, size, size, stroke=0, fill=1)


def _code(canvas: Canvas, address: str, left: float, bottom: float, size: float) -> None:
    rows = list(segno.make(address, error="m").matrix)
    step = size / len(rows)
    canvas.setFillColor(INK)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                canvas.rect(left + x * step, bottom + size - (y + 1) * step, step, step, stroke=0, fill=1)


def _centred(canvas: Canvas, text: str, bottom: float, size: float, colour: HexColor, *, bold: bool = False) -> None:
    """A line in the middle, smaller where it would be too wide."""
    pieces = certificate_letters.pieces(text, bold=bold)
    size *= min(1.0, WIDEST / max(sum(piece.width for piece in pieces) * size, 1.0))
    canvas.setFillColor(colour)
    left = PAGE[0] / 2 - sum(piece.width for piece in pieces) * size / 2
    for piece in pieces:
        piece.draw(canvas, left, bottom, size)
        left += piece.width * size
