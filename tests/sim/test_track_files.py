"""Tracks as files: real route files, Paddock's JSON and TUM's CSV, whole and broken."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from sim.track import Points, TrackError
from sim.track_files import read_csv, read_json, read_npy, read_track, write_json
from tests.sim.test_track_checks import ring


def npy(rows: Points, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, rows, **options)
    return file.getvalue()


def test_a_route_file_is_read_to_the_last_bit(tmp_path: Path) -> None:
    rows = ring()
    np.save(tmp_path / "my-ring.npy", rows)
    track = read_track(tmp_path / "my-ring.npy")
    assert track.name == track.title == "my-ring"
    assert (np.hstack([track.centre, track.inner, track.outer]) == rows).all()
    assert read_track(tmp_path / "my-ring.npy", name="other").name == "other"


@pytest.mark.parametrize("form", ["f8", ">f8", "f4", "fortran"])
def test_a_route_file_may_have_any_layout_of_floats(form: str) -> None:
    rows = ring()
    data = npy(np.asfortranarray(rows) if form == "fortran" else rows.astype(form))
    assert read_npy(data, "ring").centre == pytest.approx(rows[:, :2], abs=1e-6)


def test_json_gives_the_same_bits_back(tmp_path: Path) -> None:
    track = read_npy(npy(ring() / 3.0 + 0.1), "third")
    path = write_json(track, tmp_path / "third.json")
    again = read_json(path)
    assert again.fingerprint == track.fingerprint
    assert (again.name, again.title, again.closed) == (track.name, track.title, True)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    track = read_npy(npy(ring()), "ring")
    path = write_json(track, tmp_path / "ring.json")
    before = path.read_bytes()

    def fail(self: Path, target: Path) -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_json(track, path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["ring.json"]


def test_a_racetrack_csv_has_its_borders_at_right_angles() -> None:
    rows = ring(60)[:-1, :2]
    lines = ["# x_m,y_m,w_tr_right_m,w_tr_left_m", *(f"{x:.9f},{y:.9f},0.5,0.3" for x, y in rows)]
    track = read_csv("\n".join(lines).encode(), "round")
    assert track.closed
    assert np.hypot(*track.inner.T) == pytest.approx(1.7)  # left of a counterclockwise ring is inside
    assert np.hypot(*track.outer.T) == pytest.approx(2.5)


def test_a_clockwise_racetrack_csv_has_its_inner_border_on_the_right() -> None:
    rows = ring(60)[::-1][:-1, :2]
    track = read_csv("\n".join(f"{x},{y},0.5,0.3" for x, y in rows).encode(), "round")
    assert np.hypot(*track.inner.T) == pytest.approx(1.5)


def test_a_full_size_circuit_becomes_as_small_as_the_car() -> None:
    rows = ring(60)[:-1, :2] * 360.0  # a radius of 720 m, a road of 12 m
    data = "\n".join(f"{x},{y},6,6" for x, y in rows).encode()
    assert read_csv(data, "real").length_m == pytest.approx(2 * np.pi * 40.0, rel=1e-3)
    assert read_csv(data, "real").width_m == pytest.approx(12 / 18, rel=1e-3)
    assert read_csv(data, "real", scale=0.1).width_m == pytest.approx(1.2, rel=1e-3)


def test_a_racetrack_csv_may_repeat_its_start_and_other_points() -> None:
    rows = [f"{x:.9f},{y:.9f},0.5,0.3" for x, y in ring(60)[:-1, :2]]
    plain = read_csv("\n".join(rows).encode(), "round")
    again = read_csv("\n".join([*rows[:9], rows[8], rows[8], *rows[9:], rows[0]]).encode(), "round")
    assert again.closed
    assert again.fingerprint == plain.fingerprint


def test_a_heading_in_another_order_is_followed() -> None:
    rows = ring(60)[:-1, :2]
    plain = read_csv("\n".join(f"{x},{y},0.5,0.3" for x, y in rows).encode(), "round")
    lines = ["# w_tr_left_m,x_m,y_m,w_tr_right_m", *(f"0.3,{x},{y},0.5" for x, y in rows)]
    assert read_csv("\n".join(lines).encode(), "round").fingerprint == plain.fingerprint


def test_every_kind_of_file_may_be_scaled(tmp_path: Path) -> None:
    np.save(tmp_path / "ring.npy", ring() * 18.0)
    small = read_track(tmp_path / "ring.npy", scale=1.0 / 18.0)
    assert small.length_m == pytest.approx(read_npy(npy(ring()), "ring").length_m)
    write_json(small, tmp_path / "small.json")
    assert read_track(tmp_path / "small.json", name="big", scale=2.0).width_m == pytest.approx(2.0)
    assert read_track(tmp_path / "small.json", scale=1.0).fingerprint == small.fingerprint
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(TrackError, match="the scale is"):
            read_track(tmp_path / "ring.npy", scale=scale)


@pytest.mark.parametrize("heading", ["", "\ufeff", "x_m,y_m,w_tr_right_m,w_tr_left_m\n", "\ufeff# x_m\n"])
def test_a_racetrack_csv_may_have_a_heading(heading: str) -> None:
    data = heading + "\n".join(f"{x},0,0.5,0.5" for x in range(10))
    assert len(read_csv(data.encode(), "drag").centre) == 10


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("between", [",", ", ", ";", "; ", "\t", "  "])
@pytest.mark.parametrize("heading", [(), ("# x_m", "y_m", "w_tr_right_m", "w_tr_left_m")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_tum_and_f1tenth_publish_is_the_same_track(
    encoding: str, heading: tuple[str, ...], between: str, end: str
) -> None:
    rows = [f"{x:.7f},{y:.7f},0.5,0.3" for x, y in ring(60)[:-1, :2].tolist()]
    plain = read_csv("\n".join(rows).encode(), "round")
    lines = [between.join(row.split(",")) for row in rows]
    text = end.join([between.join(heading), *lines] if heading else lines) + end
    assert read_csv(text.encode(encoding), "round").fingerprint == plain.fingerprint


def test_the_columns_are_found_among_others_by_either_of_their_names() -> None:
    rows = ring(60)[:-1, :2].tolist()
    plain = read_csv("\n".join(f"{x},{y},0.5,0.3" for x, y in rows).encode(), "round")
    planner = ["# 5c1f", "# x_ref_m; y_ref_m; width_right_m; width_left_m; alpha_m; vx_racetraj_mps"]
    planner += [f"{x}; {y}; 0.5; 0.3; 0.01; 7.5" for x, y in rows]
    numbered = ["id,W_TR_LEFT_M,W_TR_RIGHT_M,X_M,Y_M,"]
    numbered += [f'"{number}",0.3,0.5,{x},{y},' for number, (x, y) in enumerate(rows)]
    for lines in (planner, numbered):
        assert read_csv("\n".join(lines).encode(), "round").fingerprint == plain.fingerprint


def test_an_open_racetrack_csv_stays_open() -> None:
    data = "\n".join(f"{x},0,0.5,0.5" for x in range(10)).encode()
    track = read_csv(data, "drag")
    assert not track.closed
    assert track.length_m == pytest.approx(9.0)


def archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, rows=ring())
    return file.getvalue()


BROKEN_NPY = {
    "empty": (b"", "no .npy file"),
    "text": (b"hello" * 100, "no .npy file"),
    "a pickle": (pickle.dumps(ring()), "no .npy file"),
    "an archive": (archive(), "no .npy file"),
    "pickled objects": (npy(np.array([[{}] * 6] * 5, dtype=object), allow_pickle=True), "without pickle"),
    "whole numbers": (npy(np.ones((20, 6), dtype=int)), "int64"),
    "complex numbers": (npy(np.ones((20, 6), dtype=complex)), "complex128"),
    "cut short": (npy(ring())[:-8], "cut short"),
    "too long": (npy(ring()) + b"x", "too long"),
    "a header that is a lie": (npy(ring()).replace(b"(41, 6), }  ", b"(9999, 6), }"), "9999 rows"),
    "a header that is code": (npy(ring()).replace(b"False", b"__im_"), "no .npy file"),
    "five columns": (npy(ring()[:, :5]), "41, 5"),
    "no numbers": (npy(np.full((20, 6), np.nan)), "finite"),
}


@pytest.mark.parametrize("what", BROKEN_NPY)
def test_it_refuses_a_broken_route_file(what: str) -> None:
    data, reason = BROKEN_NPY[what]
    with pytest.raises(TrackError, match=reason) as refused:
        read_npy(data, "ring")
    assert "\n" not in str(refused.value)


def as_json(**changes: object) -> bytes:
    rows = ring().tolist()
    fields = {
        "format": "paddock-track",
        "version": 1,
        "name": "ring",
        "centre": [row[:2] for row in rows],
        "inner": [row[2:4] for row in rows],
        "outer": [row[4:] for row in rows],
    }
    return json.dumps({**fields, **changes}).encode()


BROKEN_JSON = {
    "no JSON": (b"{", "no JSON"),
    "no text": (b"\xff\xfe\x00", "no JSON"),
    "very deep": (b"[" * 200_000, "no JSON"),
    "a list": (b"[]", "no Paddock track"),
    "another format": (as_json(format="gpx"), "no Paddock track"),
    "a later version": (as_json(version=2), "version 2"),
    "no points": (as_json(inner=None), '"inner" must be a list'),
    "points of three": (as_json(inner=[[1, 2, 3]] * 41), '"inner" must be a list'),
    "text for numbers": (as_json(outer=[["1", "2"]] * 41), '"outer" must be a list'),
    "a huge number": (as_json(outer=[[10**400, 0]] * 41), "too large"),
    "unequal lines": (as_json(outer=[[1, 2]] * 40), "equally many"),
    "a name with a way up": (as_json(name="../../x"), "no track name"),
    "a title that is no text": (as_json(title=5), '"title" must be text'),
    "not a number": (as_json(centre=[[float("nan"), 0.0]] * 41), "finite"),
}


@pytest.mark.parametrize("what", BROKEN_JSON)
def test_it_refuses_broken_json(what: str) -> None:
    data, reason = BROKEN_JSON[what]
    with pytest.raises(TrackError, match=reason):
        read_json(data)


BROKEN_CSV = {
    "empty": (b"", "0 rows"),
    "words": (b"x,y,r,l\n1,2,3,4\nfoo\n", "line 3"),
    "a slip in the first row": (b"1,2,x,4\n2,2,1,1\n3,2,1,1\n", "line 1"),
    "three columns": (b"1,2,3\n", "line 1"),
    "not a number": (b"0,0,1,1\n1,nan,1,1\n2,0,1,1\n", "finite"),
    "a racing line": (b"# x_m,y_m\n0,0\n1,0\n", "line 1: the heading has no w_tr_right_m and no w_tr_left_m"),
    "an F1TENTH racing line": (
        b"# 8a6b\n# s_m; x_m; y_m; psi_rad; kappa_radpm; vx_mps; ax_mps2\n0.0; 0.0; 0.0; 1.0; 0.0; 8.0; 0.0\n",
        "line 2: .* a racing line has no widths: import the file of the track's centre line",
    ),
    "fewer numbers than the heading names": (b"x_m;y_m;w_tr_right_m;w_tr_left_m\n0;0;1;1\n1;0;1\n", "line 3: .* 4 col"),
    "commas in numbers": (b"0;0;1;1\n1;0;0,5;1\n", "line 2: '0,5' has a comma; write numbers with a point"),
    "words after a heading": (b"# x_m;y_m;w_tr_right_m;w_tr_left_m\n0;zero;1;1\n", "line 2: 'zero' is no number"),
    "a width below zero": (b"0,0,1,1\n1,0,1,-1\n2,0,1,1\n", "line 2: a width is less than zero"),
    "as large as a town": (b"0,0,9,9\n900000,0,9,9\n1800000,0,9,9\n", "10000 m away; use metres"),
    "longer than a kilometre": (b"0,0,1,1\n600,0,1,1\n1200,0,1,1\n", "m long.*--scale"),
    "one side without width": (b"0,0,1,0\n1,0,1,0\n2,0,1,0\n3,0,1,0\n4,0,1,0\n", "crosses its inner border"),
    "a bend tighter than its road": (
        b"0,0,1,1\n2,0,1,1\n4,0,1,1\n4.2,0.1,1,1\n4.2,0.5,1,1\n4,0.6,1,1\n2,0.6,1,1\n0.1,3.6,1,1\n",
        "border of track drag crosses itself",
    ),
    "no width": (b"0,0,0,0\n2,0,0,0\n4,0,0,0\n", "0 m wide"),
}


@pytest.mark.parametrize("what", BROKEN_CSV)
def test_it_refuses_a_broken_csv(what: str) -> None:
    data, reason = BROKEN_CSV[what]
    with pytest.raises(TrackError, match=reason):
        read_csv(data, "drag")


def test_it_says_which_files_it_reads(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match=r"use \.npy"):
        read_track(tmp_path / "track.gpx")
    with pytest.raises(TrackError, match="No such file"):
        read_track(tmp_path / "gone.npy")


def test_it_refuses_a_huge_file_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "huge.npy"
    with path.open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(TrackError, match="larger than 5 MB"):
        read_track(path)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_or_refused_and_nothing_else(seed: int) -> None:
    random = np.random.default_rng(seed)
    whole = [(read_npy, npy(ring(20))), (read_json, as_json()), (read_csv, b"0,0,1,1\n1,0,1,1\n2,0.5,1,1\n" * 3)]
    refused = 0
    for reader, data in whole * 60:
        damaged = np.frombuffer(data, dtype=np.uint8).copy()
        places = random.integers(0, min(len(damaged), 300), size=random.integers(1, 6))
        damaged[places] = random.integers(0, 256, size=len(places))
        try:
            track = reader(damaged.tobytes()[: random.integers(1, len(damaged) + 1)], "ring")
        except TrackError:
            refused += 1
        else:
            assert np.isfinite(track.outer).all()
    assert refused > 100
