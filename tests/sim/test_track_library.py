"""The library: shipped circuits, imported tracks, and names that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.circuits import CIRCUITS, main
from sim.track import Direction, Track, TrackError
from sim.track_checks import clean
from sim.track_design import CircuitPlan, Corner, curvature, draw
from sim.track_library import SHIPPED, TrackLibrary
from tests.sim.test_track_checks import ring

NAMES = [plan.name for plan in CIRCUITS]


@pytest.fixture
def library(tmp_path: Path) -> TrackLibrary:
    return TrackLibrary(tmp_path / "tracks")


def test_at_least_eight_circuits_ship_from_ten_to_sixty_metres(library: TrackLibrary) -> None:
    lengths = [library.get(name).length_m for name in library.names()]
    assert len(lengths) >= 8
    assert min(lengths) > 10.0
    assert max(lengths) < 60.0
    assert library.names() == sorted(NAMES)
    assert {library.get(name).difficulty for name in NAMES} == {"easy", "medium", "hard"}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_circuit_passes_every_check_of_an_import(name: str) -> None:
    track = TrackLibrary().get(name)
    rows = np.hstack([track.centre, track.inner, track.outer])
    again = clean(name, rows, title=track.title)
    assert again.fingerprint == track.fingerprint
    assert track.closed
    assert track.title
    assert track.description.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_circuit_fits_the_car(name: str) -> None:
    track = TrackLibrary().get(name)
    steps = np.hypot(*np.diff(track.centre, axis=0).T)
    assert steps.min() > 0.1
    assert steps.max() < 0.15
    widths = np.hypot(*(track.outer - track.inner).T)
    assert widths.min() >= 0.6
    assert widths.max() <= 1.25
    bends = curvature(track.centre)
    assert np.abs(bends).max() < 1.1  # the car holds 1.1 to 1.4 1/m at full lock
    assert np.abs(np.diff(bends, append=bends[:1])).max() < 0.4  # bends open and close by and by
    assert np.abs(bends[[0, -1]]).max() < 0.1  # the start line is on a straight


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_circuit_has_room_between_its_roads(name: str) -> None:
    track = TrackLibrary().get(name)
    centre, half = track.centre[:-1], track.width_m / 2.0
    apart = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    along = np.abs(np.arange(len(centre))[:, None] - np.arange(len(centre))[None]) * 0.12
    along = np.minimum(along, track.length_m - along)
    assert apart[along > 3.0].min() > 2.0 * half + 0.3


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_circuit_is_driven_both_ways(name: str) -> None:
    track = TrackLibrary().get(name)
    assert track.counter_clockwise
    assert track.driven(Direction.COUNTERCLOCKWISE) is track
    other = track.driven(Direction.CLOCKWISE)
    assert not other.counter_clockwise
    assert (other.centre[0] == track.centre[0]).all()


def test_the_command_draws_the_shipped_files_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert "paddock-oval: 13.5 m long" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in SHIPPED.glob("*.json"))
    shipped, drawn = TrackLibrary(), TrackLibrary(tmp_path)
    for name in NAMES:
        one, two = shipped.get(name), clean(name, _rows(drawn.get(name)))
        assert _rows(one) == pytest.approx(_rows(two), abs=1.5e-4)  # a rounded digit may differ between machines


def _rows(track: Track) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.hstack([track.centre, track.inner, track.outer])


def test_a_plan_whose_corners_overlap_is_refused() -> None:
    corners = (Corner(0, 0, 2.0), Corner(3, 0, 2.0), Corner(3, 5, 1.0), Corner(0, 5, 1.0))
    with pytest.raises(TrackError, match=r"corners 0 and 1 overlap by 1\.00 m"):
        draw(CircuitPlan("tight", "Tight", "", "hard", 0.6, corners))


def test_an_imported_track_is_found_again(library: TrackLibrary) -> None:
    track = clean("my-ring", ring())
    path = library.add(track)
    assert path.name == "my-ring.json"
    assert "my-ring" in library.names()
    assert library.get("my-ring").fingerprint == track.fingerprint
    assert not library.is_shipped("my-ring")
    assert library.is_shipped("kidney")


def test_a_name_in_use_is_replaced_on_purpose_only(library: TrackLibrary) -> None:
    library.add(clean("my-ring", ring()))
    wider = clean("my-ring", ring(half_width=0.6))
    with pytest.raises(TrackError, match="replace it on purpose"):
        library.add(wider)
    assert library.get("my-ring").width_m == pytest.approx(1.0)
    path = library.add(wider, replace=True)
    os.utime(path, ns=(1, 1))
    assert library.get("my-ring").width_m == pytest.approx(1.2)


@pytest.mark.parametrize("name", ["kidney", "Kidney", "MY-RING"])
def test_shipped_circuits_and_near_names_are_never_replaced(library: TrackLibrary, name: str) -> None:
    library.add(clean("my-ring", ring()))
    with pytest.raises(TrackError, match="choose another name"):
        library.add(clean(name, ring()), replace=True)


def test_an_unknown_name_gets_near_matches(library: TrackLibrary) -> None:
    with pytest.raises(TrackError, match="did you mean paddock-oval"):
        library.get("padock-oval")
    with pytest.raises(TrackError, match="paddock tracks list"):
        library.get("../../etc/passwd")


def test_a_spoiled_imported_file_is_named(library: TrackLibrary, tmp_path: Path) -> None:
    path = library.add(clean("my-ring", ring()))
    path.write_text("{")
    with pytest.raises(TrackError, match="my-ring is no JSON"):
        library.get("my-ring")
    path.rename(path.with_name("your-ring.json"))
    (tmp_path / "tracks" / "your-ring.json").write_bytes((SHIPPED / "kidney.json").read_bytes())
    with pytest.raises(TrackError, match="must agree"):
        library.get("your-ring")


def test_shipped_circuits_open_without_a_geometry_library() -> None:
    code = (
        "import sys; from sim.track_library import TrackLibrary; "
        "TrackLibrary().get('kidney'); sys.exit('shapely' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=SHIPPED.parents[1], check=False).returncode == 0


def test_the_page_on_tracks_lists_every_circuit_with_its_length() -> None:
    page = (SHIPPED.parents[1] / "docs" / "tracks.md").read_text(encoding="utf-8")
    for plan in CIRCUITS:
        track = TrackLibrary().get(plan.name)
        assert f"| `{plan.name}` | {track.length_m:.1f} m |" in page
        assert plan.description in page
