"""The rows of a track in a CSV, as TUM's tools and F1TENTH's track lists publish them: with commas, semicolons, tabs or
blanks between, lines ended by either system, a byte-order mark or none, a heading or none."""

from __future__ import annotations

import codecs
import math

import numpy as np

from sim.track import Points, TrackError

COLUMNS = ("x_m", "y_m", "w_tr_right_m", "w_tr_left_m")
"""In this order where there is no heading, as in TUMFTM/racetrack-database and f1tenth_racetracks."""
_ALSO = {
    "x_ref_m": "x_m",
    "y_ref_m": "y_m",
    "width_right_m": "w_tr_right_m",
    "width_left_m": "w_tr_left_m",
}
"""What the trajectory files for TUM's local planner call the same columns."""
WIDTHS = COLUMNS[2:]


def numbers_of_csv(data: bytes, name: str) -> Points:
    """(N, 4) the columns of COLUMNS, row by row. TrackError names the line, and how to mend it."""
    rows: list[list[float]] = []
    order, width, named = [0, 1, 2, 3], 4, False
    for number, line in enumerate(_text(data).splitlines(), start=1):
        where = f"track {name}, line {number}"
        cells = _cells(line)
        if not rows and (found := _order(cells, where)) is not None:
            order, width, named = found, len(cells), True
            continue
        first = number == 1 and not any(cell[:1].isdigit() or cell[:1] in "+-." for cell in cells)
        if first or not line.strip() or line.lstrip().startswith("#"):
            continue
        if len(cells) != width:
            asked = f"the heading names {width} columns" if named else f"{', '.join(COLUMNS)} are needed"
            raise TrackError(f"{where}: {asked}, and {len(cells)} numbers are there")
        rows.append(_row([cells[place] for place in order], where))
    if len(rows) < 2:
        raise TrackError(f"track {name} has {len(rows)} rows; {', '.join(COLUMNS)} are needed in each")
    return np.array(rows, dtype=np.float64)


def _text(data: bytes) -> str:
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig", "replace")


def _cells(line: str) -> list[str]:
    """What stands between the separators, of which a line has one kind; one more at its end counts for nothing."""
    line = line.strip().lstrip("# ").strip()
    separator = next((one for one in ";\t," if one in line), None)
    cells = [cell.strip().strip('"') for cell in line.split(separator)]
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _order(cells: list[str], where: str) -> list[int] | None:
    """Where a heading has the columns; None for a line that is none. TrackError where it has no widths."""
    names = [_ALSO.get(cell.lower(), cell.lower()) for cell in cells]
    if not {"x_m", "y_m"} <= set(names):
        return None
    missing = [column for column in WIDTHS if column not in names]
    if missing:
        raise TrackError(
            f"{where}: the heading has no {' and no '.join(missing)}; a racing line has no widths: import the file of "
            "the track's centre line"
        )
    return [names.index(column) for column in COLUMNS]


def _row(cells: list[str], where: str) -> list[float]:
    row = []
    for cell in cells:
        try:
            row.append(float(cell))
        except ValueError:
            if "," in cell:
                raise TrackError(f"{where}: {cell[:20]!r} has a comma; write numbers with a point: 1.5") from None
            raise TrackError(
                f"{where}: {cell[:20]!r} is no number; {', '.join(COLUMNS)} are needed, with commas, semicolons or "
                "tabs between"
            ) from None
    if not all(map(math.isfinite, row)):
        raise TrackError(f"{where}: a value is no finite number; mend or leave out the line")
    if min(row[2:]) < 0.0:
        raise TrackError(f"{where}: a width is less than zero; both are measured outwards from the centre line")
    return row
