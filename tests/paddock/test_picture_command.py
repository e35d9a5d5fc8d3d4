"""`paddock picture`: tracks and drives as files that hold what was asked for, and one line where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from paddock.cli import paddock
from sim.track_library import TrackLibrary
from tests.sim.models import write_model
from tests.sim.test_track_checks import ring

NAME = "paddock-oval"


def drawn(*arguments: str) -> str:
    done = CliRunner().invoke(paddock, ["picture", *arguments])
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.output


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(paddock, ["picture", *arguments])
    assert done.exit_code != 0
    return f"{done.exception} {done.output}"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model") / "model", TrackLibrary().get(NAME)))


@pytest.mark.parametrize(
    ("view", "size", "mode"),
    [
        ("top", (640, 422), "RGB"),
        ("camera", (640, 480), "L"),
        ("stereo", (640, 240), "L"),
        ("camera-40x30", (640, 480), "L"),
    ],
)
def test_a_track_is_drawn_from_above_and_through_each_camera(
    tmp_path: Path, view: str, size: tuple[int, int], mode: str
) -> None:
    out = tmp_path / "picture.png"
    drawn(NAME, "--view", view, "--out", str(out))
    with Image.open(out) as image:
        assert image.size == size
        assert image.mode == mode
        assert len(set(np.asarray(image.convert("L")).ravel().tolist())) > 3


def test_the_two_lenses_of_the_stereo_camera_see_from_two_places(tmp_path: Path) -> None:
    out = tmp_path / "picture.png"
    drawn(NAME, "--view", "stereo", "--size", "320", "--out", str(out))
    with Image.open(out) as image:
        left, right = np.hsplit(np.asarray(image), 2)
    assert not np.array_equal(left, right)
    assert np.array_equal(left[:30], right[:30])  # the sky


def test_a_place_in_the_lap_a_look_and_a_route_file_are_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "ring.npy", ring())
    files = []
    for number, options in enumerate(([], ["--at", "0.3"], ["--look", "arena"], ["--direction", "clockwise"])):
        files.append(tmp_path / f"{number}.png")
        drawn(str(tmp_path / "ring.npy"), "--view", "camera", *options, "--out", str(files[-1]))
    pictures = [file.read_bytes() for file in files]
    assert pictures[0] != pictures[2] != pictures[3]
    assert pictures[0] != pictures[3]


def test_a_drive_becomes_a_gif_that_lasts_as_long(tmp_path: Path, model: str) -> None:
    out = tmp_path / "drive.gif"
    said = drawn(model, "--track", NAME, "--every", "5", "--size", "200", "--out", str(out))
    with Image.open(out) as image:
        lasting = 0
        for frame in range(image.n_frames):
            image.seek(frame)
            lasting += image.info["duration"]
    assert image.n_frames > 20
    assert lasting / 1000 == pytest.approx(float(said.split()[1]), abs=0.7)
    assert "100 % of 1 laps" in said


def test_a_long_drive_says_that_it_takes_a_while(tmp_path: Path, model: str) -> None:
    short = drawn(model, "--track", NAME, "--every", "9", "--size", "100", "--out", str(tmp_path / "short.gif"))
    long = drawn(model, "--track", NAME, "--every", "1", "--size", "100", "--out", str(tmp_path / "long.gif"))
    assert "Drawing" not in short
    assert "Drawing" in long
    assert "frames" in long


def test_a_drive_among_boxes_is_seen_through_the_camera(tmp_path: Path, model: str) -> None:
    options = ("--track", NAME, "--view", "camera", "--seconds", "2", "--size", "160", "--every", "10")
    drawn(model, *options, "--out", str(tmp_path / "empty.gif"))
    drawn(model, *options, "--boxes", "0.15,1", "--out", str(tmp_path / "boxes.gif"))
    assert (tmp_path / "empty.gif").read_bytes() != (tmp_path / "boxes.gif").read_bytes()


def test_a_drive_s_way_and_one_moment_of_it_are_pngs(tmp_path: Path, model: str) -> None:
    whole, half = tmp_path / "whole.png", tmp_path / "half.png"
    drawn(model, "--track", NAME, "--out", str(whole))
    drawn(model, "--track", NAME, "--at", "0.5", "--out", str(half))
    ways = []
    for file in (whole, half):
        with Image.open(file) as image:
            pixels = np.asarray(image).astype(int)
        ways.append(int(((pixels[:, :, 0] > 200) & (pixels[:, :, 1] < 130)).sum()))
    assert ways[0] > 1.5 * ways[1] > 500


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((NAME, "--out", "x.jpg"), "end it in .png or .gif"),
        ((NAME, "--out", "x.gif"), "a GIF is a drive"),
        (("padock-oval", "--out", "x.png"), "did you mean paddock-oval"),
        ((NAME, "--view", "camera", "--look", "moon", "--out", "x.png"), "moon"),
        (("nowhere.npy", "--out", "x.png"), "No such file"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(arguments: tuple[str, ...], word: str) -> None:
    assert word in refused(*arguments)


def test_a_model_needs_a_track(model: str) -> None:
    assert "--track" in refused(model, "--out", "x.gif")
