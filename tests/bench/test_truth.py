"""`paddock bench fidelity` and `params` on logs of other shapes: a log of our own must come out without any error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from paddock.cli import paddock
from sim.dynamics import DEEPRACER
from sim.episode import EpisodeRules
from sim.trace import SimTrace
from sim.track import Direction
from sim.track_library import TrackLibrary
from sim.world import FEATURES, World

NAME = "paddock-oval"
AIM = FEATURES.index("ahead_y_0.6m")
Lines = list[str]


def recorded(rules: EpisodeRules, steps: int, gain: float, direction: Direction = Direction.COUNTERCLOCKWISE) -> str:
    """A SimTrace of one of our cars that steers after the centre line, in continuous actions."""
    track = TrackLibrary().get(NAME).driven(direction)
    world = World(track, 1, seed=3, rules=rules)
    log = SimTrace(track)
    random = np.random.default_rng(8)
    episode, action = 0, np.array([[0.0, 1.0]])
    for _ in range(steps):
        text = f"[{action[0, 0]} {action[0, 1]}]"
        done = bool(world.done[0])
        log.add(episode, world.reward_states[0], text, 1.0, done, int(world.status[0]))
        if done and not rules.auto_reset:
            break
        episode += done or int(world.lap_steps[0] > 0)
        action[0, 0] = np.clip(gain * world.features[0, AIM] + random.normal(0, 8), -30, 30)
        action[0, 1] = random.uniform(0.8, 2.5)
        world.step(action)
    return log.to_csv()


TRAINING = recorded(EpisodeRules(start="advance"), 900, 25.0)
RACE = recorded(EpisodeRules.racing(laps=2, off_track_penalty_s=1.0), 3000, 40.0)


def bench(name: str, log: Path, *options: str, track: str = NAME) -> dict[str, Any]:
    """The rows of one benchmark by name."""
    result = CliRunner().invoke(paddock, ["bench", name, "--log", str(log), "--track", track, *options, "--json"])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)["rows"]}


def refused(name: str, log: Path, *options: str, track: str = NAME) -> str:
    result = CliRunner().invoke(paddock, ["bench", name, "--log", str(log), "--track", track, *options])
    assert result.exit_code != 0
    return str(result.exception) + result.output


@pytest.fixture(autouse=True)
def without_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes a second for each command, and is not what is tested here."""
    monkeypatch.setattr("bench.calibration.calibrate", dict)


def wrong_shares(rows: dict[str, Any]) -> dict[str, Any]:
    return {name: row for name, row in rows.items() if row["unit"] == "%" and row["value"] != 100.0}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "0-iteration.csv") -> Path:
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_a_training_of_our_own_is_reproduced_to_the_last_row(written: Callable[..., Path]) -> None:
    path = written(TRAINING)
    rows = bench("params", path)
    assert wrong_shares(rows) == {}
    assert rows["ending off_track: episodes"]["of"] > 2
    picture = path.with_name("growth.svg")
    fidelity = bench("fidelity", path, "--picture", str(picture))
    assert picture.read_text().count("<polyline") == 4
    assert fidelity["after 1 s: median"]["value"] < 1e-4
    assert fidelity["after 1 s: 90th percentile"]["of"] > 2


def test_a_fit_finds_the_car_that_drove(written: Callable[..., Path]) -> None:
    """From the start at a car of half its grip."""
    rows = bench("fit", written(TRAINING), "--car", "low-grip")
    for name in ("front_grip_mps2", "steering_gain", "steering_lag_s", "speed_gain"):
        assert rows[name]["value"] == pytest.approx(getattr(DEEPRACER, name), rel=0.1), name
    held_out = rows[f"{NAME}, held-out episodes, after 1 s: median"]
    assert held_out["value"] < 0.02 < held_out["beside_value"]
    assert held_out["of"] > 2


def test_a_race_with_resets_and_laps_is_reproduced(written: Callable[..., Path]) -> None:
    assert "pause" in RACE
    rows = bench("params", written(RACE))
    assert wrong_shares(rows) == {}
    assert rows["ending off_track: episodes"]["count"] >= 1


def test_a_drive_the_other_way_round_is_recognised(written: Callable[..., Path]) -> None:
    rows = bench("params", written(recorded(EpisodeRules(), 300, 25.0, Direction.CLOCKWISE)))
    assert wrong_shares(rows) == {}
    assert "against" in rows["rows"]["beside"]


def changed(text: str, change: Callable[[list[str], dict[str, str]], list[str]]) -> str:
    """Each row given as its cells by name, with the header's names; the first call makes the header."""
    header, *lines = text.splitlines()
    names = header.split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines]
    return (
        "\n".join(
            [",".join(change(names, dict(zip(names, names, strict=True))))] + [",".join(change(names, r)) for r in rows]
        )
        + "\n"
    )


def test_other_columns_in_another_order_are_read(written: Callable[..., Path]) -> None:
    """Later simulators append columns; older ones had no pause_duration; tools rename some."""

    def later(names: list[str], row: dict[str, str]) -> list[str]:
        head = row["episode"] == "episode"
        more = ["obstacle_crash_counter", "wall_clock"] if head else ["0", "12.5"]
        return [row[name] for name in reversed(names)] + more

    def older(names: list[str], row: dict[str, str]) -> list[str]:
        other = {"X": "x", "Y": "y", "steer": "steering_angle", "throttle": "speed", "all_wheels_on_track": "on_track"}
        if row["episode"] == "episode":
            return [other.get(name, name) for name in names[:-1]]
        first = row["steps"] == "1.0"
        return [("in_progress" if first and name == "episode_status" else row[name]) for name in names[:-1]]

    for change in (later, older):
        path = written(changed(TRAINING, change))
        assert wrong_shares(bench("params", path)) == {}
        assert bench("fidelity", path)["after 1 s: median"]["value"] < 1e-4


def test_only_places_and_commands_are_needed(written: Callable[..., Path]) -> None:
    needed = ("episode", "steps", "X", "Y", "yaw", "steer", "throttle")
    path = written(changed(TRAINING, lambda names, row: [row[name] for name in needed]))
    assert bench("fidelity", path)["after 1 s: median"]["value"] < 1e-4
    assert set(bench("params", path)) == {"rows"} | {
        f"{name}: {what}" for name in ("steps", "steering_angle", "speed") for what in ("rows", "whole episodes")
    }
    assert "no column tstamp" in refused("fidelity", path, "--step", "recorded")


def test_a_log_of_ten_rows_a_second_is_replayed_at_its_own_pace(written: Callable[..., Path]) -> None:
    def slower(names: list[str], row: dict[str, str]) -> list[str]:
        if row["tstamp"] != "tstamp":
            row["tstamp"] = str(float(row["tstamp"]) * 1.5 + 1_597_007_664.0)
        return [row[name] for name in names]

    path = written(changed(TRAINING, slower))
    assert bench("fidelity", path)["seconds of a row"]["value"] == pytest.approx(0.1, rel=0.01)
    assert bench("fidelity", path, "--step", str(1 / 15))["after 1 s: median"]["value"] < 1e-4


def test_a_folder_of_iterations_and_of_repeated_numbers_is_one_log(written: Callable[..., Path]) -> None:
    header, *lines = TRAINING.splitlines()
    cut = next(k for k, line in enumerate(lines) if line.startswith("2,")) + 7
    for number, part in ((2, lines[:cut]), (10, lines[cut:])):  # the middle of an episode
        path = written("\n".join([header, *part]) + "\n", f"{number}-iteration.csv")
    whole = bench("params", path.parent)
    assert wrong_shares(whole) == {}
    episodes = whole["progress: whole episodes"]["of"]
    written(TRAINING, "worker-2/0-iteration.csv")
    assert bench("params", path.parent)["progress: whole episodes"]["of"] == 2 * episodes
    # Cut where the training was stopped: the last episode has no ending, the first no beginning.
    part = written("\n".join([header, *lines[20:cut]]) + "\n", "part.csv")
    rows = bench("params", part)
    assert wrong_shares(rows) == {}
    assert rows["not judged: cut short"]["value"] == 1
    assert bench("fidelity", part)["episodes that begin standing"]["value"] == 2


def test_the_simulators_own_log_lines_are_read(written: Callable[..., Path]) -> None:
    lines = ["nothing"] + [f"a SIM_TRACE_LOG:{line},0,3.5".replace(" ", ", ") for line in TRAINING.splitlines()[1:]]
    rows = bench("params", written("\n".join(lines), "robomaker.log"))
    assert wrong_shares(rows) == {}


def test_wrong_numbers_are_seen(written: Callable[..., Path]) -> None:
    def spoiled(names: list[str], row: dict[str, str]) -> list[str]:
        if row["steps"] == "5.0":
            row["progress"], row["all_wheels_on_track"] = str(float(row["progress"]) + 0.1), "False"
            row["closest_waypoint"] = str(int(row["closest_waypoint"]) + 1)
        return [row[name] for name in names]

    rows = bench("params", written(changed(TRAINING, spoiled)))
    for name in ("progress", "closest_waypoint", "all_wheels_on_track"):
        share = rows[f"{name}: rows"]
        episodes = rows[f"{name}: whole episodes"]
        assert share["of"] - share["count"] == episodes["of"], name
        assert episodes["count"] == 0, name


def test_a_repeated_row_of_a_route_file_shifts_the_waypoints(written: Callable[..., Path]) -> None:
    def shifted(names: list[str], row: dict[str, str]) -> list[str]:
        if row["closest_waypoint"].isdigit() and int(row["closest_waypoint"]) >= 7:
            row["closest_waypoint"] = str(int(row["closest_waypoint"]) + 1)
        return [row[name] for name in names]

    rows = bench("params", written(changed(TRAINING, shifted)))
    assert rows["waypoints that the recorded track repeats"]["value"] == 1
    assert rows["closest_waypoint: rows"]["value"] > 99.0


def test_what_cannot_be_compared_is_refused_with_the_mend(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written(TRAINING)
    assert "give --track the one" in refused("params", path, track="speed-ring")
    assert "route file" in refused("params", path, track="no-such-track")
    assert "cannot read" in refused("params", path, track=str(tmp_path / "gone.npy"))
    assert "neither even nor recorded" in refused("fidelity", path, "--step", "fast")
    header, *lines = TRAINING.splitlines()
    assert "begins standing" in refused("fidelity", written("\n".join([header, *lines[5:20]]), "middle.csv"))
    assert "line 4" in refused("params", written("\n".join([header, *lines[:3]])[:-60], "cut.csv"))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "give a CSV file" in refused("params", empty)


def test_real_logs_meet_the_goals(deepracer_data: Path) -> None:
    log = deepracer_data / "logs" / "console-baadal-fast"
    rows = bench("params", log, track=str(deepracer_data / "tracks" / "Baadal_Track.npy"))
    assert [row for row in rows.values() if "beside_value" in row and row["value"] < row["beside_value"]] == []
    assert rows["progress: rows"]["of"] == 4592
