"""How Paddock's own circuits are drawn: a polygon with rounded corners, eased, sampled and given its borders.

`python -m sim.circuits` draws every plan of `sim.circuits` into sim/tracks/*.json again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.track import Points, Track, TrackError
from sim.track_checks import clean

SPACING_M = 0.12
FINE_M = 0.01
EASING_M = 0.22
"""Standard deviation of the smoothing along the road: bends open and close over half a metre, as clothoids would."""
PRECISION_DECIMALS = 4


@dataclass(frozen=True)
class Corner:
    """One corner of the polygon: where its two straights would meet, the radius that rounds it, and the road's width.

    All in metres; without a width the plan's own one holds there. Between corners the width changes steadily.
    """

    x: float
    y: float
    radius_m: float
    width_m: float | None = None


@dataclass(frozen=True)
class CircuitPlan:
    """A circuit before it is drawn: its corners counterclockwise, `start` the share of the way from corner 0 to 1."""

    name: str
    title: str
    description: str
    difficulty: str
    width_m: float
    corners: tuple[Corner, ...]
    start: float = 0.5


def draw(plan: CircuitPlan) -> Track:
    """Draw a plan as a closed track with a waypoint about every 0.12 m. TrackError names a corner that has no room."""
    fine, widths = _rounded(plan)
    fine, widths = _eased(fine), _eased(widths[:, None])[:, 0]
    centre, width = _spaced(fine, widths, _start_of(plan))
    half = width[:, None] / 2.0
    left = _left(centre)
    rows: Points = np.hstack([centre, centre + left * half, centre - left * half])
    rows = np.array(np.round(rows, PRECISION_DECIMALS), dtype=np.float64)
    rows = np.vstack([rows, rows[:1]])
    return clean(plan.name, rows, title=plan.title, description=plan.description, difficulty=plan.difficulty)


def curvature(points: Points) -> NDArray[np.float64]:
    """Signed curvature in 1/m at each waypoint of a closed line (N, 2) whose last row repeats the first; (N - 1,)."""
    steps = np.diff(points, axis=0)
    lengths = np.hypot(*steps.T)
    heading = np.arctan2(steps[:, 1], steps[:, 0])
    turn = heading - np.roll(heading, 1)
    turn = (turn + math.pi) % (2.0 * math.pi) - math.pi
    curved: NDArray[np.float64] = 2.0 * turn / (lengths + np.roll(lengths, 1))
    return curved


def _rounded(plan: CircuitPlan) -> tuple[Points, NDArray[np.float64]]:
    """The polygon's corners replaced by arcs, sampled every centimetre, beside the road's width at each point."""
    corners = plan.corners
    arcs = [_Arc.of(corners[i - 1], corners[i], corners[(i + 1) % len(corners)]) for i in range(len(corners))]
    points: list[Points] = []
    widths: list[NDArray[np.float64]] = []
    for i, arc in enumerate(arcs):
        following = arcs[(i + 1) % len(arcs)]
        room = (
            math.hypot(*(_at(corners[(i + 1) % len(corners)]) - _at(corners[i]))) - arc.tangent_m - following.tangent_m
        )
        if room < -1e-9:
            raise TrackError(f"{plan.name}: corners {i} and {(i + 1) % len(corners)} overlap by {-room:.2f} m")
        straight = np.linspace(arc.leaves, following.enters, max(2, round(room / FINE_M)), endpoint=False)
        here = corners[i].width_m or plan.width_m
        there = corners[(i + 1) % len(corners)].width_m or plan.width_m
        bend = arc.points()
        points += [bend, straight]
        widths += [np.full(len(bend), here), np.linspace(here, there, len(straight))]
    return np.concatenate(points), np.concatenate(widths)


@dataclass(frozen=True)
class _Arc:
    enters: Points
    leaves: Points
    centre: Points
    radius_m: float
    turn: float
    tangent_m: float

    @classmethod
    def of(cls, before: Corner, corner: Corner, after: Corner) -> _Arc:
        into, out = _at(corner) - _at(before), _at(after) - _at(corner)
        into, out = into / math.hypot(*into), out / math.hypot(*out)
        turn = math.atan2(into[0] * out[1] - into[1] * out[0], float(into @ out))
        tangent = corner.radius_m * math.tan(abs(turn) / 2.0)
        enters = _at(corner) - into * tangent
        left = np.array([-into[1], into[0]]) * math.copysign(1.0, turn)
        return cls(enters, _at(corner) + out * tangent, enters + left * corner.radius_m, corner.radius_m, turn, tangent)

    def points(self) -> Points:
        count = max(2, round(abs(self.turn) * self.radius_m / FINE_M))
        start = math.atan2(*(self.enters - self.centre)[::-1])
        angles = start + np.linspace(0.0, self.turn, count, endpoint=False)
        return self.centre + self.radius_m * np.column_stack([np.cos(angles), np.sin(angles)])


def _at(corner: Corner) -> Points:
    return np.array([corner.x, corner.y])


def _eased(values: Points) -> Points:
    """Each column of a closed line (M, k), averaged along the road with a Gaussian of EASING_M."""
    reach = round(4.0 * EASING_M / FINE_M)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets * FINE_M / EASING_M) ** 2)
    kernel /= kernel.sum()
    wrapped = np.concatenate([values[-reach:], values, values[:reach]])
    return np.column_stack([np.convolve(column, kernel, mode="valid") for column in wrapped.T])


def _spaced(fine: Points, widths: NDArray[np.float64], start: Points) -> tuple[Points, NDArray[np.float64]]:
    """Evenly spaced points of the closed line from the one nearest `start`, and the width at each."""
    first = int(np.argmin(np.hypot(*(fine - start).T)))
    fine, widths = np.roll(fine, -first, axis=0), np.roll(widths, -first)
    closed, widths = np.vstack([fine, fine[:1]]), np.append(widths, widths[0])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.linspace(0.0, along[-1], max(16, round(along[-1] / SPACING_M)), endpoint=False)
    centre = np.column_stack([np.interp(at, along, closed[:, 0]), np.interp(at, along, closed[:, 1])])
    return centre, np.interp(at, along, widths)


def _start_of(plan: CircuitPlan) -> Points:
    first, second = _at(plan.corners[0]), _at(plan.corners[1])
    return first + plan.start * (second - first)


def _left(centre: Points) -> Points:
    along = np.roll(centre, -1, axis=0) - np.roll(centre, 1, axis=0)
    along /= np.hypot(*along.T)[:, None]
    return np.column_stack([-along[:, 1], along[:, 0]])
