"""Circuits: lengths, directions and drawings, with values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.track import Direction, Track, TrackError
from sim.track_checks import clean


def square(*, clockwise: bool = False) -> Track:
    """A square loop of 16 m around (0, 0), 1 m wide, starting in the middle of its lower side."""
    corners = np.array([[0, -2], [2, -2], [2, 2], [-2, 2], [-2, -2], [0, -2]], dtype=float)
    rows = np.hstack([corners, corners * 0.75, corners * 1.25])
    return clean("square", rows[::-1] if clockwise else rows)


def lane() -> Track:
    """An open track, 10 m along x, with its inner border 0.5 m to the left."""
    x = np.linspace(0.0, 10.0, 11)
    zero = np.zeros_like(x)
    return clean("lane", np.column_stack([x, zero, x, zero + 0.5, x, zero - 0.5]))


def test_it_measures_length_and_width() -> None:
    track = square()
    assert track.length_m == pytest.approx(16.0)
    assert track.width_m == pytest.approx(2 * 2**0.5 * 0.5)  # at the corners, where five of six rows are
    assert track.bounds == (-2.5, -2.5, 2.5, 2.5)


def test_it_knows_which_way_its_rows_run() -> None:
    assert square().counter_clockwise
    assert not square(clockwise=True).counter_clockwise


@pytest.mark.parametrize("stored_clockwise", [False, True])
def test_it_is_driven_both_ways_from_the_same_start_line(stored_clockwise: bool) -> None:
    stored = square(clockwise=stored_clockwise)
    left, right = stored.driven(Direction.COUNTERCLOCKWISE), stored.driven(Direction.CLOCKWISE)
    assert left.counter_clockwise
    assert not right.counter_clockwise
    assert (left.centre == right.centre[::-1]).all()
    assert left.centre[0].tolist() == right.centre[0].tolist() == [0.0, -2.0]
    assert left.centre[1].tolist() == [2.0, -2.0]
    assert right.centre[1].tolist() == [-2.0, -2.0]
    for track in (left, right):  # the inner border stays the inner one
        assert (track.inner == track.centre * 0.75).all()


def test_an_open_track_is_driven_from_its_other_end() -> None:
    track = lane()
    assert not track.closed
    assert track.driven(Direction.COUNTERCLOCKWISE) is track
    back = track.driven(Direction.CLOCKWISE)
    assert back.centre[0].tolist() == [10.0, 0.0]
    assert back.driven(Direction.COUNTERCLOCKWISE).centre[0].tolist() == [0.0, 0.0]
    assert back.length_m == pytest.approx(10.0)


def test_its_fingerprint_is_of_the_geometry_alone() -> None:
    track = square()
    renamed = Track("other", "Other", track.centre, track.inner, track.outer, track.closed)
    moved = Track("square", "", track.centre, track.inner, track.outer + 1e-9, track.closed)
    assert len(track.fingerprint) == 64
    assert renamed.fingerprint == track.fingerprint
    assert moved.fingerprint != track.fingerprint


def test_its_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        square().centre[0, 0] = 1.0


def test_its_outline_is_rounded_to_the_millimetre() -> None:
    track = square()
    shifted = clean("square", np.hstack([track.centre, track.inner, track.outer]) + 1 / 3)
    outline = shifted.outline()
    assert outline["centre"][0] == [0.333, -1.667]
    assert outline["start"] == [[0.333, -1.167], [0.333, -2.167]]
    assert outline["bounds"] == [-2.167, -2.167, 2.833, 2.833]
    assert len(outline["inner"]) == len(outline["outer"]) == 6


@pytest.mark.parametrize("name", ["", "a b", "../up", "x" * 65, "é", "a\n"])
def test_it_refuses_names_that_make_no_file_and_no_address(name: str) -> None:
    track = square()
    with pytest.raises(TrackError, match="no track name"):
        Track(name, "", track.centre, track.inner, track.outer, True)
