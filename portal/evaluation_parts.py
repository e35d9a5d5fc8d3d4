"""What an evaluation's pages show: rules in words, laps, and the drive."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from werkzeug.datastructures import MultiDict

from portal import drawing, garage_parts, race_map, race_parts, scope
from portal.forms.evaluation import MOST_LAPS, EvaluationForm
from portal.forms.parsing import FormErrors
from portal.forms.race_objects import values_of_objects
from portal.rules import drives, evaluations, queueing, race_objects
from portal.rules.broken import Code, RuleBroken
from portal.rules.trainings import SEEDS
from portal.tables import Evaluation, Model, Race
from sim.episode import STATUSES, EpisodeStatus
from sim.trace import DriveTrace, TraceError

DRIVE_FILE = "drive.bin"


def default_values(model: Model) -> MultiDict[str, str]:
    """The form as it opens: three flying laps of the track that the model was trained on, the console's penalties.

    A seed is drawn, so that the map shows the boxes or bots where they will stand.
    """
    return MultiDict(
        {
            "track": model.track,
            "direction": model.direction,
            "laps": "3",
            "continuous": "true",
            "off_track_penalty_s": "3",
            "collision_penalty_s": "5",
            "seed": str(secrets.randbelow(SEEDS)),
            **values_of_objects(None),
        }
    )


def values_as_in(race: Race) -> dict[str, str]:
    """The fields of the form that make it a drive of this race, to practise it."""
    return {
        "track": race.track,
        "direction": race.direction,
        "laps": str(min(race.laps, MOST_LAPS)),
        "continuous": "true",
        "off_track_penalty_s": f"{race.off_track_penalty_ms / 1000:g}",
        "collision_penalty_s": f"{race.collision_penalty_ms / 1000:g}",
        "seed": str(race.seed),
        **values_of_objects(race_objects.of(race)),
    }


def without_empty(submitted: MultiDict[str, str]) -> MultiDict[str, str]:
    """The form without an empty seed: that one means any."""
    values = MultiDict(submitted)
    if not values.get("seed", "").strip():
        values.pop("seed", None)
    return values


def check_track(form: EvaluationForm) -> None:
    """Raises FormErrors where there is no such track, or no room on it for the boxes or bots."""
    if race_parts.track_with(form.track, form.direction.value, form.objects(), form.seed or 0) is None:
        raise FormErrors({"track": "Please choose a track."})


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
        "race": drives.race_for(session, evaluation, visitor),
        "is_mine": visitor is not None and visitor.id == evaluation.racer_id,
        "picture": garage_parts.picture_of(evaluation.track, evaluation.direction),
        "track_title": garage_parts.track_title(evaluation.track),
        "driven": drawing.driven_lines(trace) if trace else [],
        "type_words": race_map.type_in_words(race_objects.of(evaluation)),
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
