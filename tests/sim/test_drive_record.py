"""A record says everything that a drive was made of; driving it again is the same, or says where it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.drive_record import DriveRecord, RecordError, record_json, verify
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.objects import Bots, Boxes, TrackObjects
from sim.track import Direction
from tests.sim.models import STEERING_CAR, steering_arrays, write_model
from tests.sim.ovals import hairpin, oval

RULES = EpisodeRules.racing(laps=2, off_track_penalty_s=1.0, maximum_steps=600)


def driven(folder: Path, objects: TrackObjects | None = None) -> dict[str, Any]:
    """The record of a drive, after a trip through a file's text."""
    result = evaluate(
        write_model(folder, oval()), oval(), direction=Direction.CLOCKWISE, rules=RULES, seed=5, objects=objects
    )
    data: dict[str, Any] = json.loads(json.dumps(record_json(result, oval())))
    return data


def read(data: dict[str, Any]) -> DriveRecord:
    return DriveRecord.read(json.dumps(data))


@pytest.mark.parametrize("objects", [None, Boxes(places=((0.3, 1),)), Bots(2, 0.4, (1.0, 2.0), random=True)])
def test_the_same_model_and_track_drive_the_same_to_the_step(tmp_path: Path, objects: TrackObjects | None) -> None:
    data = driven(tmp_path / "model", objects)
    record = read(data)
    assert (record.rules, record.objects, record.seed, record.direction) == (RULES, objects, 5, Direction.CLOCKWISE)
    verdict = verify(record, tmp_path / "model", oval())
    assert verdict.is_same
    assert verdict.result is not None
    assert verdict.result.fingerprint == data["fingerprint"]


def test_a_lap_that_was_changed_is_named_and_so_is_the_changed_record(tmp_path: Path) -> None:
    data = driven(tmp_path / "model")
    data["made_of"]["laps"][1][0] -= 3
    verdict = verify(read(data), tmp_path / "model", oval())
    assert not verdict.is_same
    assert verdict.first_lap == 2
    assert "the record was changed" in verdict.differences[0]
    assert "lap 2 is another one" in verdict.differences[1]


def test_a_record_that_was_changed_with_its_fingerprint_is_found_out_by_driving(tmp_path: Path) -> None:
    """Whoever forges both still cannot make the car drive so."""
    from sim.drive_record import fingerprint_of

    data = driven(tmp_path / "model")
    data["made_of"]["laps"][0][0] -= 3
    data["fingerprint"] = fingerprint_of(data["made_of"])
    verdict = verify(read(data), tmp_path / "model", oval())
    assert (verdict.first_lap, len(verdict.differences)) == (1, 1)


def test_a_lap_too_many_is_said(tmp_path: Path) -> None:
    data = driven(tmp_path / "model")
    data["made_of"]["laps"].append([100, 0, True])
    verdict = verify(read(data), tmp_path / "model", oval())
    assert verdict.first_lap == 3
    assert "in one of them alone" in verdict.differences[-1]


def test_another_model_or_track_is_said_before_anything_is_driven(tmp_path: Path) -> None:
    record = read(driven(tmp_path / "model"))
    other = write_model(tmp_path / "other", oval(), STEERING_CAR, steering_arrays(gain=1.5))
    verdict = verify(record, other, oval())
    assert (verdict.result, "another model" in verdict.differences[0]) == (None, True)
    elsewhere = verify(record, tmp_path / "model", replace(hairpin(), name="oval"))
    assert (elsewhere.result, "another track" in elsewhere.differences[0]) == (None, True)


def test_another_version_of_the_simulator_is_said_with_what_it_drove(tmp_path: Path) -> None:
    data = driven(tmp_path / "model")
    data["made_of"]["simulator"] = "0"
    verdict = verify(read(data), tmp_path / "model", oval())
    assert verdict.result is not None
    assert "another simulator: it was driven by 0" in verdict.differences[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no record"),
        ("[]", "no record"),
        ("{}", "no record"),
        ('{"format": 2}', "format 2"),
        ("[" * 100_000, "no record"),
        ("9" * (2**20 + 1), "bytes at most"),
        ('{"format": 1, "made_of": {"seed": 1}}', "missing or too much"),
        ('{"format": 1, "made_of": null}', "no record"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(RecordError, match=words) as wrong:
        DriveRecord.read(text)
    assert "\n" not in str(wrong.value)


def test_parts_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    for part, value in (
        ("rules", {"laps": 2}),
        ("direction", "up"),
        ("laps", [[1]]),
        ("objects", {"race_type": "tag"}),
    ):
        data = driven(tmp_path / part)
        data["made_of"][part] = value
        with pytest.raises(RecordError):
            read(data)
