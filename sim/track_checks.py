"""From raw rows to a Track: what is cleaned on import, and what is refused because it is no track."""

from __future__ import annotations

import numpy as np

from sim.track import Points, Track, TrackError, check_name, signed_area

DUPLICATE_M = 1e-9
"""Rows whose centre moves no further than this are one row (59 of the 127 public route files have some)."""
CLOSING_M = 1e-6
"""Ends of the centre line no further apart than this are one point."""
MAXIMUM_ROWS = 20_000
MINIMUM_LENGTH_M, MAXIMUM_LENGTH_M = 2.0, 1000.0
MINIMUM_WIDTH_M, MAXIMUM_WIDTH_M = 0.2, 10.0
MAXIMUM_COORDINATE_M = 10_000.0


def clean(
    name: str,
    rows: Points,
    *,
    title: str = "",
    description: str = "",
    difficulty: str = "",
) -> Track:
    """Make a Track of rows (N, 6): centre x, y, inner x, y, outer x, y in metres, the layout of the real route files.

    Of rows that repeat one centre point the last stays, a loop's last row is made equal to its first, and the borders
    change places where they were named the wrong way round.
    TrackError says in one line why something is no track.
    """
    check_name(name)
    rows = _numbers(name, rows)
    closed = _is_loop(rows)
    rows = without_duplicates(rows)
    if closed:
        rows[-1] = rows[0]
    minimum = 4 if closed else 2
    if len(rows) < minimum:
        raise TrackError(
            f"track {name} has {len(rows)} different rows; a track needs at least {minimum}, better one every 0.1 m"
        )
    track = Track(
        name, title or name, rows[:, 0:2], rows[:, 2:4], rows[:, 4:6], closed, description[:1000], difficulty[:64]
    )
    track = _with_borders_named(track)
    _check_size(track)
    _check_crossings(track)
    return track


def _numbers(name: str, rows: Points) -> Points:
    if rows.ndim != 2 or rows.shape[1] != 6:
        shape = " x ".join(str(n) for n in rows.shape) or "none"
        raise TrackError(
            f"track {name} has the shape {shape}; it needs N rows of 6 numbers: centre, inner, outer x and y"
        )
    if not 2 <= len(rows) <= MAXIMUM_ROWS:
        raise TrackError(f"track {name} has {len(rows)} rows; between 2 and {MAXIMUM_ROWS} are possible")
    if not np.isfinite(rows).all():
        row = _first_bad(~np.isfinite(rows))
        raise TrackError(f"track {name} has a value that is no finite number in row {row}; mend or leave out the row")
    if (np.abs(rows) > MAXIMUM_COORDINATE_M).any():
        row = _first_bad(np.abs(rows) > MAXIMUM_COORDINATE_M)
        raise TrackError(f"track {name}: row {row} lies more than {MAXIMUM_COORDINATE_M:g} m away; use metres")
    return np.array(rows, dtype=np.float64)


def _first_bad(bad: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    return int(np.argmax(bad.any(axis=1)))


def without_duplicates(rows: Points) -> Points:
    """Rows (N, k) that begin with x and y, without those whose place the next row has too."""
    moved = np.hypot(*np.diff(rows[:, :2], axis=0).T) > DUPLICATE_M
    kept: Points = rows[np.concatenate([moved, [True]])]
    return kept


def _is_loop(rows: Points) -> bool:
    # The borders of one public file end a millimetre beside their start while its centre line closes exactly.
    ends = np.hypot(*(rows[0] - rows[-1]).reshape(3, 2).T)
    return bool(ends[0] <= CLOSING_M and ends.max() <= MINIMUM_WIDTH_M / 2)


def _with_borders_named(track: Track) -> Track:
    if track.closed:
        swapped = abs(signed_area(track.inner)) > abs(signed_area(track.outer))
    else:
        swapped = not track.counter_clockwise
    if not swapped:
        return track
    names = track.name, track.title
    return Track(*names, track.centre, track.outer, track.inner, track.closed, track.description, track.difficulty)


def _check_size(track: Track) -> None:
    name, length = track.name, track.length_m
    if not MINIMUM_LENGTH_M <= length <= MAXIMUM_LENGTH_M:
        raise TrackError(
            f"track {name} is {length:.4g} m long; between {MINIMUM_LENGTH_M:g} and {MAXIMUM_LENGTH_M:g} m are "
            "possible: scale it to the size of the car (--scale)"
        )
    widths = np.hypot(*(track.outer - track.inner).T)
    row = int(np.argmin(widths))
    if widths[row] < MINIMUM_WIDTH_M:
        raise TrackError(
            f"track {name} is {widths[row]:.3g} m wide at row {row}; the car needs at least {MINIMUM_WIDTH_M:g} m: "
            "move the borders apart there"
        )
    row = int(np.argmax(widths))
    if widths[row] > MAXIMUM_WIDTH_M:
        raise TrackError(
            f"track {name} is {widths[row]:.4g} m wide at row {row}; at most {MAXIMUM_WIDTH_M:g} m are possible: "
            "scale it to the size of the car (--scale)"
        )


def _check_crossings(track: Track) -> None:
    # Slow to import, and only new tracks need it.
    from shapely import LinearRing, LineString, Polygon  # type: ignore[import-untyped]

    kind = LinearRing if track.closed else LineString
    lines = {"centre line": kind(track.centre), "inner border": kind(track.inner), "outer border": kind(track.outer)}
    for what, line in lines.items():
        if not line.is_simple:
            raise TrackError(f"the {what} of track {track.name} crosses itself; draw it without loops")
    inner, outer = lines["inner border"], lines["outer border"]
    if inner.intersects(outer):
        raise TrackError(f"the borders of track {track.name} cross each other; keep them apart everywhere")
    if track.closed and not Polygon(outer).contains(inner):
        raise TrackError(f"the inner border of track {track.name} does not lie inside the outer one; check the columns")
    for what, border in (("inner", inner), ("outer", outer)):
        if lines["centre line"].intersects(border):
            raise TrackError(f"the centre line of track {track.name} crosses its {what} border; keep it between them")
