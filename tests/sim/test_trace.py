"""Drive traces: what a browser replays, read back from their bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from sim.episode import STATUSES
from sim.reward_state import COLUMN, REWARD_STATE
from sim.trace import HEADER, SIMTRACE_HEADER, TRACE_COLUMNS, DriveTrace, SimTrace, TraceError, action_text
from tests.sim.ovals import oval


def drive(rows: int = 500, width_m: float = 20.0) -> DriveTrace:
    random = np.random.default_rng(0)
    columns = {
        "x": random.uniform(-3.0, width_m, rows),
        "y": random.uniform(-width_m, 2.0, rows),
        "heading_deg": random.uniform(-180.0, 180.0, rows),
        "speed": random.uniform(0.1, 4.0, rows),
        "steering": random.uniform(-30.0, 30.0, rows),
        "progress": random.uniform(0.0, 100.0, rows),
        "lap": np.arange(rows) // 200,
        "status": random.integers(0, len(STATUSES), rows),
    }
    return DriveTrace(np.column_stack([columns[name] for name in TRACE_COLUMNS]).astype(np.float32))


def test_a_trace_survives_its_bytes_to_the_unit() -> None:
    before = drive()
    after = DriveTrace.from_bytes(before.to_bytes())
    assert after.rows.dtype == np.float32
    away = np.abs(after.rows - before.rows).max(0)
    assert (away[:2] <= 0.00051).all()
    assert (away[2:6] <= 0.00501).all()
    assert (away[6:] == 0.0).all()


def test_a_large_track_gets_a_coarser_unit_rather_than_an_overflow() -> None:
    before = drive(width_m=90.0)
    data = before.to_bytes()
    assert HEADER.unpack_from(data)[4] == pytest.approx(0.002)
    assert np.abs(DriveTrace.from_bytes(data).rows - before.rows)[:, :2].max() <= 0.00102


def test_the_columns_lie_where_the_layout_says() -> None:
    """Read without the class, as a browser does."""
    trace = drive(rows=7)
    data = trace.to_bytes()
    magic, rows, origin_x, _, metres, rate = struct.unpack_from("<4sI4f", data)
    assert (magic, rows, rate) == (b"PDT1", 7, 15.0)
    x = np.frombuffer(data, "<i2", 7, 24) * metres + origin_x
    assert x == pytest.approx(trace.column("x"), abs=0.001)
    speed = np.frombuffer(data, "<i2", 7, 24 + 3 * 14) * 0.001
    assert speed == pytest.approx(trace.column("speed"), abs=0.001)
    assert np.frombuffer(data, "u1", 7, 24 + 6 * 14 + 7) == pytest.approx(trace.column("status"))


def test_five_minutes_of_driving_fit_into_100_kilobytes() -> None:
    assert len(drive(rows=5 * 60 * 15).to_bytes()) < 100_000


def test_an_empty_trace_is_a_trace() -> None:
    assert DriveTrace.from_bytes(DriveTrace(np.zeros((0, 8), np.float32)).to_bytes()).rows.shape == (0, 8)


@pytest.mark.parametrize(
    "data",
    [b"", b"PDT1", b"PNG0" + bytes(40), drive().to_bytes()[:-1], drive().to_bytes() + b"x", b"PDT1" + b"\xff" * 60],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(TraceError):
        DriveTrace.from_bytes(data)


def test_the_live_map_gets_a_bounded_number_of_points() -> None:
    points = drive(rows=4001).points(400)
    assert 300 < len(points) <= 400
    assert len(points[0]) == 4


def test_a_compact_trace_says_that_it_has_no_log() -> None:
    with pytest.raises(TraceError, match="evaluate the model again"):
        drive().to_simtrace_csv()


def test_a_log_row_reads_as_the_console_wrote_it() -> None:
    track = oval()
    state = np.zeros(len(REWARD_STATE))
    state[COLUMN["steps"]], state[COLUMN["heading"]], state[COLUMN["progress"]] = 4, -12.3456789, 1.5
    state[COLUMN["x"]], state[COLUMN["y"]] = track.centre[3] + 0.01
    state[COLUMN["closest_waypoint_prev"]], state[COLUMN["closest_waypoint_next"]] = 2, 3
    state[COLUMN["steering_angle"]], state[COLUMN["speed"]] = 15.0, 0.8
    state[COLUMN["all_wheels_on_track"]], state[COLUMN["sim_time"]] = 1, 4 / 15
    trace = SimTrace(track)
    trace.add(7, state, action_text(3, 15.0, 0.8), 0.5, False, STATUSES.index("in_progress"))
    header, row, end = trace.to_csv().split("\n")
    assert (header, end) == (SIMTRACE_HEADER, "")
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert found["episode"] == "7"
    assert found["steps"] == "4.0"
    assert found["yaw"] == "-12.345679"
    assert (found["steer"], found["throttle"], found["action"]) == ("15.0", "0.8", "3")
    assert (found["reward"], found["done"], found["all_wheels_on_track"]) == ("0.5", "False", "True")
    assert found["closest_waypoint"] == "3"
    assert (found["tstamp"], found["episode_status"]) == ("0.267", "in_progress")


def test_a_continuous_action_is_written_in_brackets() -> None:
    assert action_text(None, -12.5, 1.25) == "[-12.5000 1.2500]"
