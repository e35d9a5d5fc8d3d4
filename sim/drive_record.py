"""The record of a drive: everything that its fingerprint is made of, as a file that anybody can check by driving again.

{"format": 1, "fingerprint": "<SHA-256>", "track_name": "...", "lap_times_ms": [...], "made_of": {
    "weights", "track": "<SHA-256>", "direction", "rules": {...}, "simulator", "seed", "objects": {...},
    "laps": [[steps, resets, complete], ...]}}
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import SIMULATOR_VERSION
from sim.episode import EpisodeRules
from sim.model_folder import ModelFolder
from sim.objects import TrackObjects, objects_from_json
from sim.track import Direction, Track

if TYPE_CHECKING:
    from sim.evaluation import EvaluationResult

FORMAT = 1
LARGEST_BYTES = 1024 * 1024
"""Of a record that is read: one of fifty laps has some 5 KB."""
MADE_OF = ("weights", "track", "direction", "rules", "simulator", "seed", "objects", "laps")
RULES = {field.name for field in fields(EpisodeRules)}
ANEW = "download the record anew"


class RecordError(ValueError):
    """A file that is no record of a drive; the message says why and the mend."""


def fingerprint_of(made_of: dict[str, Any]) -> str:
    """The SHA-256 over what a drive was made of and what came of it, as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def record_json(result: EvaluationResult, track: Track) -> dict[str, Any]:
    """The record of a drive, plain JSON."""
    return {
        "format": FORMAT,
        "fingerprint": result.fingerprint,
        "track_name": track.name,
        "lap_times_ms": [lap.time_ms for lap in result.laps],
        "made_of": result.made_of,
    }


@dataclass(frozen=True)
class DriveRecord:
    """A record that was read and checked. `laps` are (steps, resets, complete) in order."""

    fingerprint: str
    track_name: str
    weights: str
    track_fingerprint: str
    direction: Direction
    rules: EpisodeRules
    objects: TrackObjects | None
    seed: int
    simulator: str
    laps: tuple[tuple[int, int, bool], ...]
    is_whole: bool
    """False where its parts have been changed: they do not give its fingerprint."""

    @classmethod
    def read(cls, text: str | bytes) -> DriveRecord:
        """From the text of a file. Raises RecordError."""
        if len(text) > LARGEST_BYTES:
            raise RecordError(f"a record has {LARGEST_BYTES} bytes at most; {ANEW}")
        try:
            data = json.loads(text)
            if data["format"] != FORMAT:
                raise RecordError(f"the record has format {data['format']!r}; this Paddock reads format {FORMAT}")
            return cls._of(data, data["made_of"])
        except RecordError:
            raise
        except (KeyError, TypeError, ValueError, RecursionError, AttributeError) as error:
            raise RecordError(f"this is no record of a drive ({type(error).__name__}: {error}); {ANEW}") from None

    @classmethod
    def _of(cls, data: dict[str, Any], made_of: dict[str, Any]) -> DriveRecord:
        if set(made_of) != set(MADE_OF):
            odd = ", ".join(sorted(set(made_of) ^ set(MADE_OF)))
            raise RecordError(f"the record is not of a race's drive: {odd} is missing or too much; {ANEW}")
        if set(made_of["rules"]) != RULES:
            raise RecordError("the record has other rules than this simulator knows; use the version that it names")
        return cls(
            fingerprint=str(data["fingerprint"]),
            track_name=str(data["track_name"]),
            weights=str(made_of["weights"]),
            track_fingerprint=str(made_of["track"]),
            direction=Direction(made_of["direction"]),
            rules=EpisodeRules(**made_of["rules"]),
            objects=objects_from_json(made_of["objects"]),
            seed=int(made_of["seed"]),
            simulator=str(made_of["simulator"]),
            laps=tuple((int(steps), int(resets), bool(complete)) for steps, resets, complete in made_of["laps"]),
            is_whole=fingerprint_of(made_of) == data["fingerprint"],
        )


@dataclass(frozen=True)
class Verdict:
    """What came of driving a record again: `differences` in words, the first lap that is another one, and the drive."""

    differences: tuple[str, ...]
    first_lap: int | None
    result: EvaluationResult | None
    """None where there was nothing to drive: another model, or another track."""

    @property
    def is_same(self) -> bool:
        return not self.differences


def verify(record: DriveRecord, model: Path, track: Track) -> Verdict:
    """Drive the model again as the record says, and compare lap by lap. ModelError for a folder that is no model."""
    from sim.evaluation import evaluate

    found = [] if record.is_whole else ["the record was changed: its fingerprint is not that of its parts"]
    weights = ModelFolder.read(model).weights
    if weights != record.weights:
        found.append(f"another model: its weights are {weights[:12]}, the record's are {record.weights[:12]}")
    if track.fingerprint != record.track_fingerprint:
        found.append(f"another track: {track.name} has another geometry here than the one that was driven")
    if weights != record.weights or track.fingerprint != record.track_fingerprint:
        return Verdict(tuple(found), None, None)
    result = evaluate(
        model, track, direction=record.direction, rules=record.rules, seed=record.seed, objects=record.objects
    )
    driven = tuple((lap.steps, lap.resets, lap.complete) for lap in result.laps)
    first_lap, words = _difference(record.laps, driven)
    if words:
        found.append(words)
    if record.simulator != SIMULATOR_VERSION:
        found.append(f"another simulator: it was driven by {record.simulator}, this is {SIMULATOR_VERSION}")
    elif record.is_whole and not words and result.fingerprint != record.fingerprint:
        found.append("the fingerprint is another one, though every lap is the same")
    return Verdict(tuple(found), first_lap, result)


def _difference(
    recorded: tuple[tuple[int, int, bool], ...], driven: tuple[tuple[int, int, bool], ...]
) -> tuple[int | None, str]:
    for number, (was, now) in enumerate(zip(recorded, driven, strict=False), start=1):
        if was != now:
            return number, f"lap {number} is another one: {_lap(was)} in the record, {_lap(now)} now"
    if len(recorded) != len(driven):
        first = min(len(recorded), len(driven)) + 1
        return first, f"lap {first} is in one of them alone: {len(recorded)} laps in the record, {len(driven)} now"
    return None, ""


def _lap(lap: tuple[int, int, bool]) -> str:
    steps, resets, complete = lap
    return f"{steps} steps, {resets} resets, {'complete' if complete else 'not finished'}"
