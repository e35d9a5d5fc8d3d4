"""The tracks: public pages with pictures, and the geometry behind them."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from flask.testing import FlaskClient

from portal import drawing
from sim.track import Direction, Track
from sim.track_library import TrackLibrary
from tests.portal.garage_cast import drive, parsed


@pytest.fixture
def track() -> Track:
    return TrackLibrary().get("paddock-oval")


def numbers(path: str) -> np.ndarray:
    found = [float(number) for number in re.findall(r"-?\d+\.\d+", path)]
    return np.array(found).reshape(-1, 2)


def test_everybody_sees_the_gallery_and_each_track(client: FlaskClient) -> None:
    gallery = parsed(client.get("/tracks").text)
    for name in TrackLibrary().names():
        assert f'href="/tracks/{name}"' in gallery
        page = parsed(client.get(f"/tracks/{name}").text)
        assert page.count('<svg class="track-map') == 2


def test_an_unknown_track_is_missing_and_near_names_are_said(client: FlaskClient) -> None:
    answer = client.get("/tracks/paddock-ovall")
    assert answer.status_code == 404
    assert "paddock-oval" in answer.text
    assert client.get("/tracks/paddock-oval/outline?direction=up").status_code == 422


def test_the_outline_is_in_driving_order(client: FlaskClient, track: Track) -> None:
    for direction in Direction:
        outline = client.get(f"/tracks/paddock-oval/outline?direction={direction.value}").json
        assert outline == track.driven(direction).outline()


def test_the_picture_has_its_y_axis_up_and_lies_in_its_view_box(track: Track) -> None:
    picture = drawing.track_picture(track)
    points = numbers(picture.outer)
    assert np.allclose(points, track.driven(Direction.COUNTERCLOCKWISE).outer * [1, -1], atol=0.006)
    x, y, width, height = (float(part) for part in picture.view_box.split())
    assert (points >= [x, y]).all()
    assert (points <= [x + width, y + height]).all()


def test_the_arrow_turns_with_the_direction(track: Track) -> None:
    def tip(direction: Direction) -> np.ndarray:
        corners = numbers(drawing.track_picture(track, direction).arrow)
        return corners[1] - (corners[0] + corners[2]) / 2

    there, back = (tip(direction) for direction in Direction)
    assert float(there @ back) < 0


def test_a_drive_is_drawn_from_slow_to_fast_without_gaps() -> None:
    pieces = drawing.driven_lines(drive())
    assert pieces[0][0] == 0
    assert pieces[-1][0] == drawing.SPEED_CLASSES - 1
    ends = [numbers(line)[[0, -1]] for _, line in pieces]
    for before, after in itertools.pairwise(ends):
        assert np.allclose(before[1], after[0])
