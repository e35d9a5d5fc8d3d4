"""What is cleaned on import, and what is refused as no track, each with its reason in one line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim.track import Points, TrackError
from sim.track_checks import clean


def ring(count: int = 40, radius: float = 2.0, half_width: float = 0.5) -> Points:
    """Rows of a round track, counterclockwise, the last equal to the first."""
    angle = np.linspace(0.0, 2.0 * np.pi, count + 1)
    out = np.column_stack([np.cos(angle), np.sin(angle)])
    out[-1] = out[0]
    return np.hstack([out * radius, out * (radius - half_width), out * (radius + half_width)])


def test_it_drops_repeated_rows_and_keeps_the_last() -> None:
    rows = ring()
    repeated = np.vstack([rows[:11], rows[10:], rows[-1:]])
    repeated[11, 2:] *= 1.001  # the later of two rows with one centre stays
    track = clean("ring", repeated)
    assert len(track.centre) == 41
    assert (track.inner[10] == repeated[11, 2:4]).all()
    assert (track.centre[-1] == track.centre[0]).all()


def test_a_loop_is_closed_exactly_where_its_borders_miss_by_a_millimetre() -> None:
    rows = ring()
    rows[-1, 2:] += 0.001
    track = clean("ring", rows)
    assert track.closed
    assert (track.inner[-1] == track.inner[0]).all()
    assert (track.outer[-1] == track.outer[0]).all()


def test_without_its_last_row_a_ring_is_open() -> None:
    assert not clean("ring", ring()[:-1]).closed


def test_it_names_the_borders_by_where_they_are() -> None:
    rows = ring()
    swapped = rows[:, [0, 1, 4, 5, 2, 3]]
    assert (clean("ring", swapped).inner == rows[:, 2:4]).all()
    open_rows = swapped[:20]  # driven counterclockwise, the ring's inner border is on the left
    assert (clean("arc", open_rows).inner == rows[:20, 2:4]).all()


def cross_borders(rows: Points) -> Points:
    rows[10:14, 2:4] = rows[10:14, 4:6] * 1.1
    return rows


def cross_itself(rows: Points) -> Points:
    rows[[5, 9], 4:6] = rows[[9, 5], 4:6]
    return rows


def figure_of_eight(rows: Points) -> Points:
    angle = np.linspace(0.0, 2.0 * np.pi, len(rows))
    centre = np.column_stack([3.0 * np.sin(angle), 3.0 * np.sin(2.0 * angle)])
    centre[-1] = centre[0]
    aside = np.array([0.0, 0.4])
    return np.hstack([centre, centre + aside, centre - aside])


def with_value(value: float) -> Callable[[Points], Points]:
    def put(rows: Points) -> Points:
        rows[7, 3] = value
        return rows

    return put


def no_width(rows: Points) -> Points:
    rows[4, 4:6] = rows[4, 2:4]
    return rows


def centre_outside(rows: Points) -> Points:
    rows[10:14, 0:2] *= 1.5
    return rows


REFUSED: dict[str, tuple[Callable[[Points], Points], str]] = {
    "five columns": (lambda rows: rows[:, :5], "shape 41 x 5"),
    "one dimension": (lambda rows: rows.ravel(), "shape 246"),
    "three dimensions": (lambda rows: rows[None], "shape 1 x 41 x 6"),
    "no rows": (lambda rows: rows[:0], "0 rows"),
    "too few points": (lambda rows: rows[[0, 20, 0]], "3 different rows"),
    "one point again and again": (lambda rows: np.repeat(rows[:1], 9, axis=0), "1 different rows"),
    "too many points": (lambda rows: np.repeat(rows, 500, axis=0), "20500 rows"),
    "not a number": (with_value(float("nan")), "no finite number in row 7"),
    "infinite": (with_value(float("inf")), "no finite number in row 7"),
    "in another town": (with_value(1e7), "row 7 lies more than 10000 m away"),
    "no width": (no_width, "0 m wide at row 4"),
    "millimetres taken for metres": (lambda rows: rows * 1000.0, "m long"),
    "too small": (lambda rows: rows / 100.0, "m long"),
    "very wide": (lambda rows: rows * 12.0, "12 m wide"),
    "borders that cross": (cross_borders, "cross each other"),
    "a border that crosses itself": (cross_itself, "outer border of track ring crosses itself"),
    "an eight": (figure_of_eight, "centre line of track ring crosses itself"),
    "a centre line outside": (centre_outside, "centre line of track ring crosses its outer border"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses_what_is_no_track(what: str) -> None:
    spoil, reason = REFUSED[what]
    with pytest.raises(TrackError, match=reason) as refused:
        clean("ring", spoil(ring()))
    assert "\n" not in str(refused.value)
