"""Tracks as files: the real route files (.npy), Paddock's JSON, and TUM's racetrack CSV. docs/tracks.md shows each."""

from __future__ import annotations

import io
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from sim.track import Points, Track, TrackError
from sim.track_checks import CLOSING_M, MAXIMUM_ROWS, clean, without_duplicates
from sim.track_csv import numbers_of_csv

MAXIMUM_FILE_BYTES = 5_000_000
JSON_FORMAT = "paddock-track"
JSON_VERSION = 1
FULL_SIZE_WIDTH_M = 2.5
"""A CSV with a wider median road is taken to be of a real circuit, and is made 1:18 like the car."""
CAR_SCALE = 1.0 / 18.0


def read_track(path: Path, name: str | None = None, scale: float | None = None) -> Track:
    """Read a track by its suffix: .npy, .json or .csv. TrackError says what is wrong with the file.

    `scale` multiplies every length. Left out, a full-size CSV becomes 1:18 and everything else stays to the last bit.
    """
    path = Path(path)
    readers = {".npy": read_npy, ".json": read_json, ".csv": read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TrackError(f"{path.name} is no track file: use .npy (route file), .json (Paddock) or .csv (TUM)")
    return reader(path, name or "", scale)


def read_npy(source: Path | bytes, name: str = "", scale: float | None = None) -> Track:
    """Read a route file as the real simulator has it: float64 (N, 6), centre, inner and outer border x, y in metres.

    A loop ends with a row equal to its first. Pickled contents are refused unread. `name` defaults to the file's stem.
    """
    data, name = _bytes_of(source, name)
    return clean(name, _scaled(_rows_of_npy(data, name), scale))


def read_json(source: Path | bytes, name: str = "", scale: float | None = None) -> Track:
    """Read a track in Paddock's own JSON, as `write_json` writes it. `name` overrides the one in the file."""
    data, stem = _bytes_of(source, name)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TrackError(f"{stem} is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != JSON_FORMAT:
        raise TrackError(f'{stem} is no Paddock track: its "format" must be "{JSON_FORMAT}"')
    if found.get("version") != JSON_VERSION:
        raise TrackError(
            f"{stem} has track version {found.get('version')!r}; this Paddock reads version {JSON_VERSION}"
        )
    lines = [_line_of_json(found, key, stem) for key in ("centre", "inner", "outer")]
    if len({len(line) for line in lines}) != 1:
        raise TrackError(f"{stem}: centre, inner and outer need equally many points")
    texts = {key: _text_of_json(found, key, stem) for key in ("title", "description", "difficulty")}
    return clean(name or _text_of_json(found, "name", stem) or stem, _scaled(np.hstack(lines), scale), **texts)


def read_csv(source: Path | bytes, name: str = "", scale: float | None = None) -> Track:
    """Read TUM's racetrack CSV: x_m, y_m, w_tr_right_m, w_tr_left_m per row, as TUMFTM/racetrack-database has them, or
    any that `sim.track_csv` understands.

    Borders lie at right angles to the centre line. A loop may have its closing row or not: ends no further apart than
    three usual steps are joined. `scale` multiplies every length; left out, a full-size circuit (median road wider
    than 2.5 m) becomes 1:18 like the car, and anything else stays as it is.
    """
    data, name = _bytes_of(source, name)
    table = numbers_of_csv(data, name)
    if scale is None:
        wide = float(np.median(table[:, 2] + table[:, 3])) > FULL_SIZE_WIDTH_M
        scale = CAR_SCALE if wide else 1.0
    table = without_duplicates(_scaled(table, scale))
    steps = np.hypot(*np.diff(table[:, :2], axis=0).T)
    gap = math.hypot(*(table[0, :2] - table[-1, :2]))
    closed = bool(len(table) > 2 and gap <= 3.0 * np.median(steps))
    if closed and gap <= CLOSING_M:
        table = table[:-1]
    centre, right, left = table[:, :2], table[:, 2:3], table[:, 3:4]
    normal = _left_normals(centre, closed)
    rows = np.hstack([centre, centre + normal * left, centre - normal * right])
    return clean(name, np.vstack([rows, rows[:1]]) if closed else rows)


def write_json(track: Track, path: Path) -> Path:
    """Write a track in Paddock's JSON: whole or not at all, and `read_json` gives the same bits back."""
    record = {
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        "name": track.name,
        "title": track.title,
        "description": track.description,
        "difficulty": track.difficulty,
        "centre": track.centre.tolist(),
        "inner": track.inner.tolist(),
        "outer": track.outer.tolist(),
    }
    fields = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in record.items()]
    _write_whole(Path(path), ("{\n" + ",\n".join(fields) + "\n}\n").encode())
    return Path(path)


def _scaled(rows: Points, scale: float | None) -> Points:
    if scale is None or scale == 1.0:
        return rows
    if not 0.0 < scale < math.inf:
        raise TrackError(f"the scale is {scale}; it must be a number above 0, such as 0.0556 for 1:18")
    return rows * scale


def _bytes_of(source: Path | bytes, name: str) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        data = source
    else:
        source = Path(source)
        name = name or source.stem
        try:
            with source.open("rb") as file:
                data = file.read(MAXIMUM_FILE_BYTES + 1)
        except OSError as error:
            raise TrackError(f"cannot read {source}: {error.strerror or error}") from None
    if len(data) > MAXIMUM_FILE_BYTES:
        raise TrackError(f"track {name} is larger than {MAXIMUM_FILE_BYTES // 1_000_000} MB; a track needs far less")
    return data, name


def _rows_of_npy(data: bytes, name: str) -> Points:
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(file)
    except Exception:  # NumPy parses the header as Python text, which fails in many ways
        raise TrackError(f"track {name} is no .npy file of NumPy's format 1 or 2") from None
    if dtype.hasobject or dtype.kind != "f" or dtype.itemsize not in (4, 8):
        raise TrackError(f"track {name} holds values of type {dtype}; save it as float64, without pickle")
    if len(shape) != 2 or shape[1] != 6 or not 0 <= shape[0] <= MAXIMUM_ROWS:
        raise TrackError(f"track {name} has the shape {shape}; it needs N rows of 6 numbers, N at most {MAXIMUM_ROWS}")
    body = data[file.tell() :]
    if len(body) != shape[0] * 6 * dtype.itemsize:
        raise TrackError(f"track {name} is cut short or too long: {len(body)} bytes for {shape[0]} rows; copy it again")
    values = np.frombuffer(body, dtype=dtype).astype(np.float64)
    return values.reshape(shape, order="F" if fortran else "C")


def _line_of_json(found: dict[str, Any], key: str, name: str) -> Points:
    value = found.get(key)
    pairs = isinstance(value, list) and all(
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in point)
        for point in value
    )
    if not pairs or not value:
        raise TrackError(f'{name}: "{key}" must be a list of [x, y] in metres')
    try:
        return np.array(value, dtype=np.float64)
    except OverflowError:
        raise TrackError(f'{name}: "{key}" has a number that is too large') from None


def _text_of_json(found: dict[str, Any], key: str, name: str) -> str:
    value = found.get(key, "")
    if not isinstance(value, str):
        raise TrackError(f'{name}: "{key}" must be text')
    return value


def _left_normals(centre: Points, closed: bool) -> Points:
    tangent = np.roll(centre, -1, axis=0) - np.roll(centre, 1, axis=0) if closed else np.gradient(centre, axis=0)
    size = np.hypot(*tangent.T)[:, None]
    unit = np.divide(tangent, size, out=np.zeros_like(tangent), where=size > 0)
    return np.column_stack([-unit[:, 1], unit[:, 0]])


def _write_whole(path: Path, data: bytes) -> None:
    import tempfile  # who only reads tracks starts sooner without it

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
