"""Pictures: tracks from above, PNG and GIF files that read back as what was drawn."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sim.episode import EpisodeRules
from sim.film import LOOKED_AT
from sim.pictures import FRONT_POINT_M, Film, evenly, poses_of, trail_of, write_gif, write_png
from sim.top_view import BORDER, CHOSEN, FAST, GRASS, OTHER, ROAD, TopView
from sim.trace import DriveTrace
from sim.track import Direction
from sim.track_library import TrackLibrary
from sim.world import World
from tests.sim.ovals import oval, wave

NOBODY = np.zeros((0, 3))


def near(picture: NDArray[np.uint8], colour: tuple[int, int, int], within: int = 12) -> NDArray[np.bool_]:
    close: NDArray[np.bool_] = (np.abs(picture.astype(int) - colour) <= within).all(axis=2)
    return close


def test_what_is_road_is_road_and_what_is_grass_is_grass() -> None:
    track = oval()
    view = TopView(track, 500)
    picture = view.frame(NOBODY)
    assert picture.shape == (view.height, view.width, 3)
    assert max(picture.shape) == 500
    beside = track.centre[:-1] + 0.5 * (track.outer[:-1] - track.centre[:-1])
    across = track.outer[:-1] - track.inner[:-1]
    for points, colour in ((beside, ROAD), (beside + 0.6 * across, GRASS), (track.inner[:-1], BORDER)):
        columns, rows = (view.at(points[10:]) / 2.0).astype(int).T
        inside = (rows >= 0) & (rows < view.height) & (columns >= 0) & (columns < view.width)
        assert near(picture[rows[inside], columns[inside]][None], colour, 40).mean() > 0.97


def test_an_open_track_has_grass_behind_its_ends() -> None:
    track = wave()
    view = TopView(track, 400)
    column, row = (view.at(track.centre[-1] + [0.25, 0.25])[0] / 2.0).astype(int)
    assert near(view.frame(NOBODY)[row : row + 1, column : column + 1], GRASS).all()


def test_cars_are_drawn_to_scale_where_they_are_and_one_is_chosen() -> None:
    view = TopView(oval(), 1000)
    poses = np.array([[1.0, -1.5, 0.0], [3.0, -1.5, np.pi / 2]])
    picture = view.frame(poses, chosen=1)
    red = np.argwhere(near(picture, CHOSEN))
    height, width = red.max(0) - red.min(0) + 1
    assert height == pytest.approx(0.3235 * view.per_m, abs=5.0)
    assert width == pytest.approx(0.1961 * view.per_m, abs=5.0)
    assert red.mean(0)[::-1] == pytest.approx(view.at(poses[1:, :2])[0] / 2.0, abs=4.0)
    grey = np.argwhere(near(picture, OTHER, 1))
    assert np.median(grey, axis=0)[::-1] == pytest.approx(view.at(poses[:1, :2])[0] / 2.0, abs=4.0)


@pytest.mark.parametrize("longest", [0, 31, 5000])
def test_a_picture_of_no_size_is_refused(longest: int) -> None:
    with pytest.raises(ValueError, match="32 to 4096 are possible"):
        TopView(oval(), longest)


def test_a_very_long_track_still_has_a_picture() -> None:
    track = oval(straight_m=400.0, spacing_m=1.0)
    assert TopView(track, 640).frame(np.array([[200.0, -1.5, 0.0]])).shape == (32, 640, 3)


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 1), (30, 40, 3)])
def test_a_png_reads_back_as_it_was(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    with Image.open(write_png(tmp_path / "x.png", pixels)) as image:
        assert np.array_equal(np.asarray(image).reshape(shape), pixels)


@pytest.mark.parametrize("pixels", [np.zeros((3, 4)), np.zeros((3, 4, 2), np.uint8), np.zeros(5, np.uint8)])
def test_what_is_no_picture_is_refused(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="a picture is uint8"):
        write_png(tmp_path / "x.png", pixels)


def test_a_gif_lasts_as_long_as_the_drive(tmp_path: Path) -> None:
    frames = [np.full((20, 30), 8 * k, np.uint8) for k in range(15)]
    with Image.open(write_gif(tmp_path / "x.gif", iter(frames), 15.0)) as image:
        assert image.n_frames == 15
        lasting = []
        for k in range(15):
            image.seek(k)
            lasting.append(image.info["duration"])
            assert np.abs(np.asarray(image.convert("L")).astype(int) - 8 * k).max() <= 4
    assert sum(lasting) == 1000
    assert set(lasting) == {60, 70}
    with pytest.raises(ValueError, match="no frame"):
        write_gif(tmp_path / "y.gif", [], 15.0)


def test_a_gif_shows_every_frame_as_it_was_though_only_what_differs_is_written(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frames = [np.zeros((40, 60, 3), np.uint8)]
    for k in range(30):
        frame = frames[-1].copy()
        if k % 5:
            y, x = random.integers(0, 30), random.integers(0, 50)
            frame[y : y + 7, x : x + 9] = [(200, 30, 30), (30, 200, 30), (30, 30, 200)][k % 3]
        frames.append(frame)
    frames[20] = np.full_like(frames[0], 90)
    told: list[int] = []
    written = write_gif(tmp_path / "x.gif", frames, 15.0, on_frame=told.append)
    assert told == list(range(2, 32))
    with Image.open(written) as image:
        shown, lasting = [], []
        for k in range(image.n_frames):
            image.seek(k)
            lasting.append(image.info["duration"])
            shown += [np.asarray(image.convert("RGB")).astype(int)] * round(lasting[-1] * 15 / 1000)
    assert len(lasting) < len(frames)  # one that differs in nothing makes the one before stand longer
    assert sum(lasting) == pytest.approx(1000 * 31 / 15, abs=10)
    assert len(shown) == len(frames)
    for one, frame in zip(shown, frames, strict=True):
        assert np.abs(one - frame).max() <= 8
    assert [path.name for path in tmp_path.iterdir()] == ["x.gif"]


def test_a_gif_that_fails_leaves_the_one_that_was_there(tmp_path: Path) -> None:
    def draw(row: int) -> NDArray[np.uint8]:
        if row == 30:
            raise ValueError("no such row")
        return np.full((20, 20), row, np.uint8)

    (tmp_path / "x.gif").write_bytes(b"an older one")
    with pytest.raises(ValueError, match="no such row"):
        write_gif(tmp_path / "x.gif", Film(range(40), draw), 15.0)
    with pytest.raises(ValueError, match="one size"):
        write_gif(tmp_path / "x.gif", [np.zeros((20, 20), np.uint8), np.zeros((20, 30), np.uint8)], 15.0)
    assert [path.name for path in tmp_path.iterdir()] == ["x.gif"]
    assert (tmp_path / "x.gif").read_bytes() == b"an older one"


def test_a_long_film_is_never_held_as_a_whole(tmp_path: Path) -> None:
    drawn: list[weakref.ref[NDArray[np.uint8]]] = []
    alive: list[int] = []

    def draw(row: int) -> NDArray[np.uint8]:
        frame = np.full((30, 30, 3), row % 256, np.uint8)
        drawn.append(weakref.ref(frame))
        alive.append(sum(reference() is not None for reference in drawn))
        return frame

    write_gif(tmp_path / "x.gif", Film(range(400), draw), 15.0)
    assert 400 <= len(drawn) < 400 + 2 * LOOKED_AT
    assert max(alive) <= LOOKED_AT + 2


def test_a_growing_way_is_drawn_on_and_looks_as_if_it_were_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    track = oval()
    random = np.random.default_rng(3)
    turns = np.linspace(0.0, 5.0, 120)
    trail = np.column_stack([2.0 + 3.0 * np.cos(turns), 1.6 * np.sin(turns), random.uniform(0.5, 2.5, 120)])
    solids = np.array([[5.0, 0.0, 0.3, 0.2, 0.15], [trail[60, 0], trail[60, 1], 1.0, 0.2, 0.15], [90.0, 0, 0, 1, 1]])
    view = TopView(track, 400)
    lines = []
    drawing = ImageDraw.ImageDraw.line
    monkeypatch.setattr(ImageDraw.ImageDraw, "line", lambda *a, **k: (lines.append(1), drawing(*a, **k))[1])
    for row in (*range(0, 120, 3), 119, 10, 11, 64):  # forwards, then again from another place
        given: dict[str, Any] = {"trail": trail[: row + 1], "solids": solids, "fastest_mps": 2.5}
        pose = np.array([[trail[row, 0], trail[row, 1], 0.02 * row]])
        found = view.frame(pose, **given)
        drawn, lines[:] = len(lines), []
        if row and row % 3 == 0 and row != 10:
            assert drawn == 3, row
        assert np.array_equal(found, TopView(track, 400).frame(pose, **given)), row
        lines.clear()
    assert np.array_equal(view.frame(NOBODY), TopView(track, 400).frame(NOBODY))


def test_the_way_s_colour_is_of_its_own_fastest_unless_another_is_said() -> None:
    view = TopView(oval(), 600)
    trail = np.array([[1.0, -1.5, 1.0], [2.0, -1.5, 1.0], [3.0, -1.5, 1.0]])
    own, slow = view.frame(NOBODY, trail=trail), view.frame(NOBODY, trail=trail, fastest_mps=4.0)
    column, row = (view.at(np.array([[1.5, -1.5]]))[0] / 2.0).round().astype(int)
    assert near(own[row : row + 1, column : column + 1], FAST).all()
    assert slow[row, column, 2] > slow[row, column, 0]


def test_a_trace_gives_the_places_that_the_world_had() -> None:
    world = World(TrackLibrary().get("paddock-oval").driven(Direction.CLOCKWISE), 1, seed=0, rules=EpisodeRules())
    rows, poses = [], []
    for _ in range(40):
        state = world.reward_states[0]
        rows.append([state[1], state[2], state[10], 1.0, 0.0, 0.0, 0, 1])
        poses.append(world.pose[0].copy())
        world.step(np.array([[5.0, 1.0]]))
    trace = DriveTrace.from_bytes(DriveTrace(np.array(rows, np.float32)).to_bytes())
    assert poses_of(trace) == pytest.approx(np.array(poses), abs=2e-3)
    trail = trail_of(trace)
    assert trail[0, 2] == 0.0
    assert trail[-1, 2] == pytest.approx(15.0 * np.hypot(*(poses[-1] - poses[-2])[:2]), abs=0.05)
    assert FRONT_POINT_M == 0.14


def test_frames_are_evenly_chosen_and_the_last_is_there() -> None:
    assert list(evenly(10, 4)) == [0, 4, 8, 9]
    assert list(evenly(9, 4)) == [0, 4, 8]
    assert list(evenly(1, 4)) == [0]
    assert list(evenly(0, 4)) == []
