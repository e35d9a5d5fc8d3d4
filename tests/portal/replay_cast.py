"""Submissions with a drive on the oval, as rows and as the file that a worker leaves."""

from __future__ import annotations

import numpy as np
from sqlmodel import Session

from portal.settings import Settings
from portal.tables import Evaluation, Race, Racer, Submission
from sim.trace import STEPS_PER_SECOND, DriveTrace
from sim.track_library import TrackLibrary
from tests.portal.races_cast import TRACK, make_result


def lap_rows(time_ms: int, number: int) -> np.ndarray:
    """One lap along the centre line at constant speed: (steps, 8)."""
    centre = TrackLibrary().get(TRACK).centre
    steps = round(time_ms / 1000 * STEPS_PER_SECOND)
    along = np.arange(1, steps + 1) / steps
    at = along * (len(centre) - 1)
    rows = np.zeros((steps, 8), np.float32)
    for axis in (0, 1):
        rows[:, axis] = np.interp(at, np.arange(len(centre)), centre[:, axis])
    rows[:, 3], rows[:, 5], rows[:, 6] = 2.0, 100.0 * along, number
    return rows


def drive_of(*times_ms: int) -> DriveTrace:
    return DriveTrace(np.concatenate([lap_rows(time_ms, number) for number, time_ms in enumerate(times_ms)]))


def make_driven(session: Session, settings: Settings, race: Race, racer: Racer, *times_ms: int) -> Submission:
    """A finished submission with its drive."""
    submission = make_result(session, race, racer, *times_ms)
    evaluation = session.get_one(Evaluation, submission.evaluation_id)
    evaluation.artefact = f"evaluation-{evaluation.public_id}/1-a"
    session.add(evaluation)
    session.flush()
    folder = settings.runs_path / evaluation.artefact
    folder.mkdir(parents=True)
    (folder / "drive.bin").write_bytes(drive_of(*times_ms).to_bytes())
    return submission
