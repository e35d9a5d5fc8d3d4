"""The reference geometry against what the real simulator recorded: every row of two console trainings.

The slow car's log has 44,247 rows in 560 episodes, the fast one's 4,592 rows in 30. What must be reproduced comes from
the files alone: each row's front point and heading, and each episode's start at (episode mod 20) x 5 % of the lap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.recorded_log import RecordedLog, RecordedLogError, read_log
from sim.reference import geometry as reference
from sim.reference.geometry import Geometry
from sim.track import Track
from sim.track_files import read_npy

LOGS = {"console-reinvent-2018": "reinvent_base", "console-baadal-fast": "Baadal_Track"}
TRACES = "sim-trace/training/training-simtrace"
ROWS = {"console-reinvent-2018": (44_247, 560), "console-baadal-fast": (4_592, 30)}


@dataclass(frozen=True, eq=False)
class Compared:
    """One log: which rows agree, and in which episodes the ending does."""

    waypoints: NDArray[np.bool_]
    wheels: NDArray[np.bool_]
    progress_error: NDArray[np.float64]
    endings: NDArray[np.bool_]


@pytest.fixture(scope="module", params=LOGS)
def compared(request: pytest.FixtureRequest, deepracer_data: Path) -> Compared:
    log = read_log(deepracer_data / "logs" / request.param / TRACES)
    assert (len(log), len(list(log.episodes()))) == ROWS[request.param]
    file = deepracer_data / "tracks" / f"{LOGS[request.param]}.npy"
    track = read_npy(file)
    return compare(log, track, np.load(file, allow_pickle=False)[:, :2])


def compare(log: RecordedLog, track: Track, raw_centre: NDArray[np.float64]) -> Compared:
    geometry = Geometry.of(track)
    # Logs count the file's own rows; an import dropped those that repeat one.
    cleaned = [int(np.argmin(np.hypot(*(track.centre - point).T))) for point in raw_centre[:-1]]
    cleaned.append(len(track.centre) - 1)
    waypoints, wheels, error, endings = [], [], [], []
    for episode in log.episodes():
        start = (log.episode[episode.start] % 20) * 0.05
        progress = 0.0
        for row in range(episode.start, episode.stop):
            front = (float(log.x[row]), float(log.y[row]))
            fraction = reference.lap_fraction(geometry, front)
            nearer = reference.nearer_waypoint(geometry, front, reference.closest_waypoints(geometry, fraction))
            waypoints.append(nearer == cleaned[log.closest_waypoint[row]])
            heading = float(log.yaw_deg[row])
            inside = reference.wheels_on_track(geometry, *reference.base_point(front, heading), heading)
            wheels.append(all(inside) == log.all_wheels_on_track[row])
            progress = reference.progress(fraction, start, progress)
            error.append(abs(progress - log.progress[row]))
        endings.append((not any(inside)) == (log.status[episode.stop - 1] == "off_track"))
    return Compared(np.array(waypoints), np.array(wheels), np.array(error), np.array(endings))


def test_every_closest_waypoint_is_the_recorded_one(compared: Compared) -> None:
    assert compared.waypoints.all()


def test_progress_is_the_recorded_one_to_the_last_digits(compared: Compared) -> None:
    assert compared.progress_error.max() < 1e-9


def test_wheels_on_track_agree_in_999_of_1000_rows(compared: Compared) -> None:
    assert compared.wheels.mean() >= 0.9995


def test_every_off_track_ending_is_seen(compared: Compared) -> None:
    assert compared.endings.all()


def test_a_recorded_track_length_is_the_tracks_own(deepracer_data: Path) -> None:
    for folder, name in LOGS.items():
        log = read_log(deepracer_data / "logs" / folder / TRACES / "0-iteration.csv")
        track = read_npy(deepracer_data / "tracks" / f"{name}.npy")
        assert log.track_length_m == pytest.approx(track.length_m, abs=1e-9)


HEADER = (
    "episode,steps,X,Y,yaw,steer,throttle,action,reward,done,all_wheels_on_track,progress,closest_waypoint,track_len,"
    "tstamp,episode_status,pause_duration\n"
)
ROW = "{episode},1.0,3.2,0.68,0.18,20.0,2.0,{action},0.5,False,True,0.79,1,17.7,20.2,prepare,0.0\n"


def test_iterations_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        (tmp_path / f"{number}-iteration.csv").write_text(HEADER + ROW.format(episode=number, action=3))
    log = read_log(tmp_path)
    assert log.episode.tolist() == [0, 2, 10]
    assert [rows.start for rows in log.episodes()] == [0, 1, 2]
    assert log.status == ("prepare",) * 3
    assert log.all_wheels_on_track.all()
    assert not log.done.any()


def test_continuous_actions_are_kept_as_written(tmp_path: Path) -> None:
    (tmp_path / "0-iteration.csv").write_text(HEADER + ROW.format(episode=0, action="[20.0 2.0]"))
    assert read_log(tmp_path).action == ("[20.0 2.0]",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "column"),
        (HEADER, "no rows"),
        (HEADER.replace("yaw", "angle"), "column yaw is missing"),
        (HEADER + ROW.format(episode=0, action=1) + "0,2.0,3.", "line 3"),
        (HEADER + ROW.format(episode="x", action=1), "line 2"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "0-iteration.csv"
    path.write_text(text)
    with pytest.raises(RecordedLogError, match=reason):
        read_log(path)
    with pytest.raises(RecordedLogError, match="gone"):
        read_log(tmp_path / "gone.csv")
