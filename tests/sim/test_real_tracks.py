"""The public route files, all of them: read here where they are at hand, never part of the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.track import Direction
from sim.track_files import read_json, read_npy, write_json

CLOCKWISE = {"Albert", "July_2020", "Monaco", "Monaco_building"}
"""Base files whose rows run clockwise, beside those that say so in their name."""


@pytest.fixture(scope="module")
def files(deepracer_data: Path) -> list[Path]:
    return sorted((deepracer_data / "tracks").glob("*.npy"))


def test_every_real_track_imports(files: list[Path]) -> None:
    tracks = {file.stem: read_npy(file) for file in files}
    assert len(tracks) == 79
    assert [name for name, track in tracks.items() if not track.closed] == ["Straight_track"]
    assert min(track.length_m for track in tracks.values()) > 5.7
    assert max(track.length_m for track in tracks.values()) < 89.3
    assert min(track.width_m for track in tracks.values()) > 0.6
    assert max(track.width_m for track in tracks.values()) < 1.46


def test_cleaning_changes_nothing_but_repeated_rows_and_open_ends(files: list[Path]) -> None:
    repeated = 0
    for file in files:
        raw, track = np.load(file, allow_pickle=False), read_npy(file)
        still = np.hypot(*np.diff(raw[:, :2], axis=0).T) <= 1e-9
        kept = raw[np.append(~still, True)]
        repeated += int(still.any())
        cleaned = np.hstack([track.centre, track.inner, track.outer])
        assert (cleaned[:-1] == kept[:-1]).all(), file.stem
        assert cleaned[-1] == pytest.approx(kept[-1], abs=0.002), file.stem
    assert repeated > 30


def test_their_orientation_is_known(files: list[Path]) -> None:
    for file in files:
        track = read_npy(file)
        clockwise = file.stem in CLOCKWISE or file.stem.endswith("_cw")
        assert track.counter_clockwise != clockwise, file.stem
        for direction in Direction:
            driven = track.driven(direction)
            assert driven.counter_clockwise == (direction is Direction.COUNTERCLOCKWISE)
            assert driven.length_m == pytest.approx(track.length_m)


def test_they_survive_paddocks_own_format(files: list[Path], tmp_path: Path) -> None:
    for file in files[::6]:
        track = read_npy(file)
        assert read_json(write_json(track, tmp_path / f"{file.stem}.json")).fingerprint == track.fingerprint
