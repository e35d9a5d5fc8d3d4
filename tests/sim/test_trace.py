"""Drive traces: what a browser replays, read back from their bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from sim.episode import STATUSES
from sim.object_trace import ObjectTrace
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


def objects_of(rows: int = 60) -> ObjectTrace:
    """Two boxes, one of which is placed anew for a second trial, and a bot."""
    random = np.random.default_rng(1)
    poses = np.zeros((rows, 3, 3), np.float32)
    poses[:, 0] = 1.0, 2.0, 45.0
    poses[:, 2] = -1.5, 0.5, 0.0
    poses[rows // 2 :, 2] = 3.0, 1.0, 90.0
    poses[:, 1] = np.column_stack([random.uniform(-3, 19, (rows, 2)), random.uniform(-180, 180, rows)])
    return ObjectTrace(np.array([0, 1, 0], np.uint8), poses)


def test_objects_survive_the_bytes_and_boxes_take_no_rows() -> None:
    plain = drive(rows=60)
    before = DriveTrace(plain.rows, None, objects_of())
    data = before.to_bytes()
    assert len(data) == len(plain.to_bytes()) + 12 + 4 + 60 * 6 + 3 * 12
    after = DriveTrace.from_bytes(data)
    assert after.objects is not None
    assert after.objects.kinds.tolist() == [0, 1, 0]
    assert np.abs(after.objects.poses - objects_of().poses)[:, :, :2].max() <= 0.00051
    assert np.abs(after.objects.poses - objects_of().poses)[:, :, 2].max() <= 0.00501
    assert np.abs(after.rows - before.rows)[:, :2].max() <= 0.00051


def test_a_drive_without_objects_has_the_bytes_that_it_always_had() -> None:
    assert drive().to_bytes() == DriveTrace(drive().rows, None, None).to_bytes()
    assert DriveTrace.from_bytes(drive().to_bytes()).objects is None


def test_the_columns_of_a_bot_lie_where_the_layout_says() -> None:
    """Read without the class, as a browser does."""
    rows, objects = 60, objects_of()
    data = DriveTrace(drive(rows=rows).rows, None, objects).to_bytes()
    _, _, origin_x, _, metres, _ = struct.unpack_from("<4sI4f", data)
    begin = 24 + 14 * rows
    assert struct.unpack_from("<4sII", data, begin) == (b"OBJ1", 3, 3)
    assert list(data[begin + 12 : begin + 16]) == [0, 1, 0, 0]
    x = np.frombuffer(data, "<i2", rows, begin + 16) * metres + origin_x
    assert x == pytest.approx(objects.poses[:, 1, 0], abs=0.001)
    row, index, _, _, heading = struct.unpack_from("<I4h", data, begin + 16 + 6 * rows + 24)
    assert (row, index, heading) == (rows // 2, 2, 9000)


def test_far_objects_make_the_unit_coarser_too() -> None:
    objects = objects_of()
    objects.poses[:, 1, 0] = 80.0
    after = DriveTrace.from_bytes(DriveTrace(drive(rows=60).rows, None, objects).to_bytes())
    assert after.objects is not None
    assert after.objects.poses[:, 1, 0] == pytest.approx(np.full(60, 80.0), abs=0.003)


WITH_OBJECTS = DriveTrace(drive(rows=60).rows, None, objects_of()).to_bytes()
OBJECTS_BEGIN = 24 + 14 * 60


@pytest.mark.parametrize(
    "data",
    [
        WITH_OBJECTS[:-1],
        WITH_OBJECTS + b"x",
        WITH_OBJECTS[:OBJECTS_BEGIN] + b"OBJ2" + WITH_OBJECTS[OBJECTS_BEGIN + 4 :],
        WITH_OBJECTS[: OBJECTS_BEGIN + 4] + b"\xff\xff\xff\xff" + WITH_OBJECTS[OBJECTS_BEGIN + 8 :],
        WITH_OBJECTS[: OBJECTS_BEGIN + 12] + b"\x09\x01\x00" + WITH_OBJECTS[OBJECTS_BEGIN + 15 :],
        WITH_OBJECTS[:-8] + struct.pack("<h", 3) + WITH_OBJECTS[-6:],
        WITH_OBJECTS[:-12] + struct.pack("<I", 60) + WITH_OBJECTS[-8:],
    ],
)
def test_objects_of_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(TraceError):
        DriveTrace.from_bytes(data)
