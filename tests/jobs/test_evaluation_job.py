"""The life of one evaluation on a worker: laps, artefacts, standings, settlement."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis
from sqlmodel import Session

from jobs import evaluation as job
from jobs.workplace import Workplace
from portal import clock, live
from portal.database import read_session, write_session
from portal.rules import evaluations
from portal.tables import Evaluation, JobState, Model, Race
from sim.drive_record import DriveRecord, verify
from sim.episode import EpisodeRules
from sim.evaluation import EvaluationResult, LapResult, evaluate
from sim.objects import Boxes, objects_json
from sim.trace import DriveTrace, SimTrace
from sim.track import Direction
from tests.cast import NOON
from tests.jobs.paddock_yard import check_ledger, make_sponsored, make_trained
from tests.sim.models import write_model
from tests.sim.ovals import oval

TRACE = DriveTrace(np.zeros((3, 8), np.float32), SimTrace(oval()))
LAPS = (LapResult(1, 9000, 0, 0, True, 135), LapResult(2, 12000, 1, 1, True, 180))
RESULT = EvaluationResult(LAPS, 21000, 9000, 100.0, 315, "f" * 64, TRACE, ())


class Drive:
    """A drive with a known result; keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.result = RESULT

    def __call__(self, model: Path, track: Any, **rest: Any) -> EvaluationResult:
        self.asked = {"model": model, "track": track.name, **rest}
        return self.result


def make_race(session: Session) -> Race:
    owner = make_sponsored(session, "organizer")
    race = Race(
        owner_id=owner.id or 0,
        name="Spring cup",
        track="paddock-oval",
        direction="clockwise",
        seed=4,
        opens_at=NOON,
        closes_at=NOON + timedelta(days=1),
        created_at=NOON,
    )
    session.add(race)
    session.flush()
    return race


def request(workplace: Workplace, *, raced: bool = False) -> Evaluation:
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session)
        return evaluations.request(
            session,
            make_trained(session, racer),
            by=racer,
            track="paddock-oval",
            direction="clockwise",
            rules={"laps": 2, "off_track_penalty_s": 1.0},
            now=clock.now(),
            seed=4,
            race=make_race(session) if raced else None,
        )


def stored(workplace: Workplace, evaluation: Evaluation) -> Evaluation:
    with read_session(workplace.engine) as session:
        check_ledger(session)
        return session.get_one(Evaluation, evaluation.id)


def test_it_says_what_its_artefacts_take(workplace: Workplace) -> None:
    asked = request(workplace)
    job.execute(workplace, asked.id or 0, Drive())
    evaluation = stored(workplace, asked)
    folder = workplace.settings.runs_path / (evaluation.artefact or "")
    assert evaluation.size_bytes == sum(path.stat().st_size for path in folder.iterdir()) > 0
    with read_session(workplace.engine) as session:
        assert session.get_one(Model, evaluation.model_id).stored_bytes == evaluation.size_bytes


def test_it_stores_laps_result_and_artefacts(workplace: Workplace) -> None:
    asked = request(workplace)
    job.execute(workplace, asked.id or 0, Drive())
    evaluation = stored(workplace, asked)
    assert (evaluation.state, evaluation.total_ms, evaluation.best_lap_ms, evaluation.resets) == (
        JobState.COMPLETED,
        21000,
        9000,
        1,
    )
    with read_session(workplace.engine) as session:
        laps = evaluations.laps(session, evaluation)
    assert [(lap.number, lap.time_ms, lap.resets, lap.off_tracks, lap.complete) for lap in laps] == [
        (1, 9000, 0, 0, True),
        (2, 12000, 1, 1, True),
    ]
    assert evaluation.artefact is not None
    folder = workplace.settings.runs_path / evaluation.artefact
    assert {path.name for path in folder.iterdir()} == {"drive.bin", "simtrace.csv", "metrics.json", "result.json"}
    assert len(DriveTrace.from_bytes((folder / "drive.bin").read_bytes()).rows) == 3
    assert json.loads((folder / "result.json").read_text())["fingerprint"] == "f" * 64


@pytest.mark.parametrize(("rules", "stored_laps"), [({}, 3), ({"maximum_steps": 450}, 2)])
def test_the_lap_that_a_time_limit_cuts_off_is_no_lap(
    workplace: Workplace, rules: dict[str, int], stored_laps: int
) -> None:
    asked, drive = request(workplace), Drive()
    drive.result = replace(RESULT, laps=(*LAPS, LapResult(3, 1000, 0, 0, False, 15)))
    with write_session(workplace.engine) as session:
        own = session.get_one(Evaluation, asked.id)
        own.rules = {**own.rules, **rules}
        session.add(own)
    job.execute(workplace, asked.id or 0, drive)
    with read_session(workplace.engine) as session:
        assert len(evaluations.laps(session, asked)) == stored_laps


def test_it_drives_the_models_weights_under_the_rules_that_were_asked_for(workplace: Workplace) -> None:
    asked, drive = request(workplace), Drive()
    job.execute(workplace, asked.id or 0, drive)
    assert drive.asked["model"] == workplace.settings.runs_path / "training-1/1-a"
    assert (drive.asked["track"], drive.asked["direction"], drive.asked["seed"]) == (
        "paddock-oval",
        Direction.CLOCKWISE,
        4,
    )
    assert drive.asked["rules"] == EpisodeRules.racing(laps=2, off_track_penalty_s=1.0)
    assert drive.asked["objects"] is None


def test_it_drives_among_the_boxes_or_bots_that_were_asked_for_and_counts_collisions(workplace: Workplace) -> None:
    asked, drive = request(workplace), Drive()
    drive.result = replace(RESULT, laps=(replace(LAPS[0], crash_count=2), LAPS[1]))
    with write_session(workplace.engine) as session:
        session.get_one(Evaluation, asked.id).objects = objects_json(Boxes(places=((0.2, 1), (0.55, -1))))
    job.execute(workplace, asked.id or 0, drive)
    assert drive.asked["objects"] == Boxes(places=((0.2, 1), (0.55, -1)))
    with read_session(workplace.engine) as session:
        assert [lap.crashes for lap in evaluations.laps(session, asked)] == [2, 0]


def test_a_drive_leaves_the_record_by_which_it_can_be_driven_again(workplace: Workplace) -> None:
    asked = request(workplace)
    folder = workplace.settings.runs_path / "training-1/1-a"
    write_model(folder, workplace.tracks.get("paddock-oval"))
    job.execute(workplace, asked.id or 0)
    evaluation = stored(workplace, asked)
    record = DriveRecord.read((workplace.settings.runs_path / (evaluation.artefact or "") / "record.json").read_text())
    assert (record.fingerprint, record.is_whole, record.seed) == (evaluation.fingerprint, True, asked.seed)
    assert verify(record, folder, workplace.tracks.get(record.track_name)).is_same


def test_a_races_result_raises_its_version_and_is_told_after_the_commit(workplace: Workplace, redis: Redis) -> None:
    asked = request(workplace, raced=True)
    job.execute(workplace, asked.id or 0, Drive())
    stored(workplace, asked)
    with read_session(workplace.engine) as session:
        race = session.get_one(Race, asked.race_id)
    assert race.version == 1
    ((_, fields),) = redis.xrange(f"{live.PREFIX}race:{race.public_id}")
    assert json.loads(fields[b"body"]) == {"event": "standings", "data": {"version": 1}}


def test_a_drive_that_fails_ends_with_a_line_for_the_racer_and_is_settled(workplace: Workplace) -> None:
    def broken(*_: Any, **__: Any) -> EvaluationResult:
        raise KeyError("x")

    asked = request(workplace)
    job.execute(workplace, asked.id or 0, broken)
    evaluation = stored(workplace, asked)
    assert evaluation.state == JobState.FAILED
    assert "KeyError" in evaluation.message


def test_weights_that_are_not_there_are_said_so(workplace: Workplace) -> None:
    asked = request(workplace)
    job.execute(workplace, asked.id or 0, evaluate)
    evaluation = stored(workplace, asked)
    assert evaluation.state == JobState.FAILED
    assert "training-1" in evaluation.message or "folder" in evaluation.message


def test_an_evaluation_is_driven_once(workplace: Workplace) -> None:
    asked, again = request(workplace), Drive()
    job.execute(workplace, asked.id or 0, Drive())
    job.execute(workplace, asked.id or 0, again)
    assert again.asked == {}
