"""What an evaluation's pages show: rules in words, laps, and the drive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from werkzeug.datastructures import MultiDict

from portal import drawing, garage_parts, scope
from portal.forms.parsing import FormErrors
from portal.rules import drives, evaluations, queueing
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, Model
from sim.episode import STATUSES, EpisodeStatus
from sim.trace import DriveTrace, TraceError
from sim.track import TrackError

DRIVE_FILE = "drive.bin"


def default_values(model: Model) -> MultiDict[str, str]:
    """The form as it opens: three flying laps of the track that the model was trained on, the console's penalties."""
    return MultiDict(
        {
            "track": model.track,
            "direction": model.direction,
            "laps": "3",
            "continuous": "true",
            "off_track_penalty_s": "3",
            "collision_penalty_s": "5",
            "seed": "",
        }
    )


def without_empty(submitted: MultiDict[str, str]) -> MultiDict[str, str]:
    """The form without an empty seed: that one means any."""
    values = MultiDict(submitted)
    if not values.get("seed", "").strip():
        values.pop("seed", None)
    return values


def check_track(name: str) -> None:
    """Raises FormErrors where there is no such track."""
    try:
        scope.tracks().get(name)
    except TrackError:
        raise FormErrors({"track": "Please choose a track."}) from None


def page(evaluation: Evaluation) -> dict[str, Any]:
    """The page of an evaluation that may be seen."""
    session = scope.reading()
    visitor = scope.visitor()
    trace = trace_of(evaluation)
    return {
        "evaluation": evaluation,
        "laps": evaluations.laps(session, evaluation),
        "place": queueing.place(session, evaluation),
        "model": drives.model_of(session, evaluation),
        "racer": drives.racer_of(session, evaluation),
        "race": drives.race_of(session, evaluation),
        "is_mine": visitor is not None and visitor.id == evaluation.racer_id,
        "picture": garage_parts.picture_of(evaluation.track, evaluation.direction),
        "track_title": garage_parts.track_title(evaluation.track),
        "driven": drawing.driven_lines(trace) if trace else [],
        "has_drive": trace is not None,
        "status_words": ["" if status is EpisodeStatus.IN_PROGRESS else status.label for status in STATUSES],
    }


def drive_path(evaluation: Evaluation) -> Path:
    """The file with the drive. Raises RuleBroken (missing) before there is one."""
    runs = scope.settings().runs_path.resolve()
    if evaluation.artefact:
        path = (runs / evaluation.artefact / DRIVE_FILE).resolve()
        if path.is_relative_to(runs) and path.is_file():
            return path
    raise RuleBroken(Code.MISSING, "There is no drive to show.")


def trace_of(evaluation: Evaluation) -> DriveTrace | None:
    """The drive, or None where there is none that can be read."""
    try:
        return DriveTrace.from_bytes(drive_path(evaluation).read_bytes())
    except (RuleBroken, TraceError, OSError):
        return None
