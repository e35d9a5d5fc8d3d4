"""A line picture as SVG, without a library: distances over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 150, 34, 40
COLOURS = ("#1d6fd1", "#1d6fd1", "#b4581a", "#b4581a")
DASHES = ("", "5 4", "", "5 4")
Line = Sequence[tuple[float, float]]


def draw(path: Path, title: str, lines: Mapping[str, Line], highest_m: float) -> None:
    """Write a picture of at most four named lines of (seconds, metres); what is higher than `highest_m` is cut off."""
    longest = max(x for line in lines.values() for x, _ in line)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + wide * x / longest, TOP + high * (1.0 - min(y, highest_m) / highest_m)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="13" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for step in range(5):
        value = highest_m * step / 4
        x, y = at(0.0, value)
        parts.append(f'<path d="M{x:.1f} {y:.1f}h{wide}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{value:g} m</text>')
    for second in range(int(longest) + 1):
        x, y = at(float(second), 0.0)
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle" fill="#444">{second} s</text>')
    for (name, line), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
        inside = [(x, y) for x, y in line if y <= highest_m]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in inside))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        x, y = at(*inside[-1])
        parts.append(f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
