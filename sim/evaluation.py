"""Racing a model: the native core drives its policy, and the same model, track, rules and seed give the same laps.

No torch here, and no clock: a result depends on nothing but what its fingerprint is made of.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim import SIMULATOR_VERSION
from sim.drive_record import fingerprint_of
from sim.drive_rows import DriveRows, drive_until_done
from sim.driver import LIDAR_NOISE_M, camera_of, needs_lidar, rollout_of
from sim.episode import STATUS_CODE, EpisodeRules, EpisodeStatus, pauses_s
from sim.looks import USUAL_LOOK, look_named
from sim.metrics import STEP_MS, TrialOutcome
from sim.model_folder import ModelFolder
from sim.object_trace import ObjectTrace
from sim.objects import TrackObjects, objects_json
from sim.randomisation import USUAL_RANDOMISATION, randomisation_named
from sim.reward_state import COLUMN, objects_in
from sim.sector_lidar import sectors_of
from sim.trace import DriveTrace, SimTrace, action_text, prepare_state
from sim.track import Direction, Track
from sim.world import World

_OFF_TRACK = STATUS_CODE[EpisodeStatus.OFF_TRACK]
_COUNTED = {
    "crash_count": STATUS_CODE[EpisodeStatus.CRASHED],
    "immobilized_count": STATUS_CODE[EpisodeStatus.IMMOBILIZED],
    "off_track_count": _OFF_TRACK,
    "reversed_count": STATUS_CODE[EpisodeStatus.REVERSED],
}
_TRACED = tuple(COLUMN[name] for name in ("x", "y", "heading", "speed", "steering_angle", "progress"))


@dataclass(frozen=True)
class LapResult:
    """One lap, or trial: `time_ms` with its penalties inside; `complete` is false for one that was not finished."""

    number: int
    time_ms: int
    resets: int
    off_track_count: int
    complete: bool
    steps: int
    crash_count: int = 0


@dataclass(frozen=True)
class EvaluationResult:
    """What a drive came to. Laps in order; the last one may be incomplete.

    `total_ms` is the time of all laps together, incomplete ones included; `completion_percent` the share of the laps
    that was driven; `steps` of 1/15 s. `fingerprint` is a SHA-256 over weights, track, direction, rules, objects, look
    and randomisation where they are not a race's, simulator version, seed and the steps of every lap: equal
    fingerprints are equal results.
    """

    laps: tuple[LapResult, ...]
    total_ms: int
    best_lap_ms: int | None
    completion_percent: float
    steps: int
    fingerprint: str
    trace: DriveTrace = field(repr=False)
    outcomes: tuple[TrialOutcome, ...] = field(repr=False)
    made_of: dict[str, Any] = field(default_factory=dict, repr=False)
    """What the fingerprint is made of, plain JSON; `sim.drive_record` writes and checks it."""

    def to_json(self) -> dict[str, Any]:
        """For people and programs; times in milliseconds, traces left out."""
        return {
            "laps": [asdict(lap) for lap in self.laps],
            "total_ms": self.total_ms,
            "best_lap_ms": self.best_lap_ms,
            "completion_percent": round(self.completion_percent, 4),
            "steps": self.steps,
            "fingerprint": self.fingerprint,
        }


def evaluate(
    model: Path,
    track: Track,
    *,
    direction: Direction,
    rules: EpisodeRules,
    seed: int,
    objects: TrackObjects | None = None,
    look: str = USUAL_LOOK,
    randomisation: str = USUAL_RANDOMISATION,
) -> EvaluationResult:
    """Drive the best policy of a model's folder on `track` (as stored), among boxes or bots if given.

    A race has the usual look and nothing randomised; another `look` (of LOOKS) or `randomisation` (of RANDOMISATIONS,
    drawn from the seed) shows how a policy bears what it did not train with.

    Continuous rules: one flying run over `rules.laps` laps. Else `rules.laps` separate trials of one lap, each from
    standing. ModelError for a folder that is no whole model; ValueError for rules, a seed, look or randomisation that
    cannot be, or objects for which the track is too short.
    """
    folder = ModelFolder.read(model)
    driven = track.driven(direction)
    scene = _Scene(objects, look, randomisation)
    drive = _Drive(folder, driven, rules, seed, scene, is_reversed=driven is not track)
    drive.run()
    laps = tuple(drive.laps)
    made_of = _made_of(folder, track, direction, rules, seed, scene, laps)
    return EvaluationResult(
        laps=laps,
        total_ms=sum(lap.time_ms for lap in laps),
        best_lap_ms=min((lap.time_ms for lap in laps if lap.complete), default=None),
        completion_percent=drive.completion_percent(),
        steps=sum(lap.steps for lap in laps),
        fingerprint=fingerprint_of(made_of),
        trace=drive.trace(),
        outcomes=tuple(drive.ended),
        made_of=made_of,
    )


class _Scene(NamedTuple):
    """What there is besides the track, and how far it differs from what it is said to be."""

    objects: TrackObjects | None
    look: str
    randomisation: str

    def unusual(self) -> dict[str, Any]:
        """Of look and randomisation what no race has."""
        changed = {} if self.look == USUAL_LOOK else {"look": asdict(look_named(self.look))}
        if self.randomisation != USUAL_RANDOMISATION:
            changed["randomisation"] = asdict(randomisation_named(self.randomisation))
        return changed


def _made_of(
    folder: ModelFolder,
    track: Track,
    direction: Direction,
    rules: EpisodeRules,
    seed: int,
    scene: _Scene,
    laps: tuple[LapResult, ...],
) -> dict[str, Any]:
    """What a fingerprint is made of, plain JSON."""
    made_of = {
        "weights": folder.weights,
        "track": track.fingerprint,
        "direction": str(direction),
        "rules": asdict(rules),
        "simulator": SIMULATOR_VERSION,
        "seed": seed,
        "objects": objects_json(scene.objects),
        **scene.unusual(),
        "laps": [[lap.steps, lap.resets, lap.complete] for lap in laps],
    }
    plain: dict[str, Any] = json.loads(json.dumps(made_of))
    return plain


class _Drive:
    """One world of as many cars as there are trials (one where laps follow each other), and what they did."""

    def __init__(
        self,
        folder: ModelFolder,
        track: Track,
        rules: EpisodeRules,
        seed: int,
        scene: _Scene,
        *,
        is_reversed: bool,
    ) -> None:
        self.rules = rules
        cars = 1 if rules.continuous else rules.laps
        lidar = needs_lidar(folder.car)
        self.world = World(
            track,
            cars,
            seed=seed,
            rules=_without_auto_reset(rules),
            lidar=lidar,
            lidar_noise_m=LIDAR_NOISE_M if lidar else 0.0,
            sectors=sectors_of(folder.car),
            objects=scene.objects,
            camera=camera_of(folder.car, scene.look),
            randomisation=randomisation_named(scene.randomisation),
            is_reversed=is_reversed,
        )
        self.rollout = rollout_of(folder.policy(), folder.car, self.world, folder.hyperparameters.stack_size)
        self.laps: list[LapResult] = []
        self.ended: list[TrialOutcome] = []
        self.log = SimTrace(track, scene.objects is not None)
        self.driven: tuple[DriveRows, ...] = ()

    def run(self) -> None:
        """Drive until every car is done, then read laps and logs off the rows."""
        self.driven = drive_until_done(self.rollout)
        for rows in self.driven:
            self._count_laps(rows)
        self._write_log()

    def completion_percent(self) -> float:
        """Mean share of the laps that was driven."""
        progress = np.clip(self.world.reward_states[:, COLUMN["progress"]], 0.0, 100.0)
        if not self.rules.continuous:
            return float(np.where(self.world.lap > 0, 100.0, progress).mean())
        unfinished = np.where(self.world.lap >= self.rules.laps, 0.0, progress)
        return float((100.0 * self.world.lap + unfinished).mean() / self.rules.laps)

    def trace(self) -> DriveTrace:
        """All rows, trial after trial; the lap column counts trials too."""
        parts = [
            np.column_stack([rows.states[:, _TRACED], car + rows.laps, rows.status])
            for car, rows in enumerate(self.driven)
        ]
        objects = ObjectTrace.of(np.concatenate([objects_in(rows.states) for rows in self.driven]))
        return DriveTrace(np.concatenate(parts).astype(np.float32), self.log, objects)

    def _count_laps(self, rows: DriveRows) -> None:
        """Laps of one car from the row counts at which they ended, and what is left as an incomplete one."""
        begin = 0
        for end, resets in rows.lap_ends:
            self._add_lap(rows, begin, end, resets, True)
            begin = end
        left = rows.status[begin:].tolist()
        if left:
            endings = sum(left.count(code) for code in _COUNTED.values())
            self._add_lap(rows, begin, len(rows.status), min(endings, self.rules.maximum_resets), False)

    def _add_lap(self, rows: DriveRows, begin: int, end: int, resets: int, complete: bool) -> None:
        status, steps = rows.status[begin:end].tolist(), end - begin
        off_track, crashes = status.count(_OFF_TRACK), status.count(_COUNTED["crash_count"])
        time_ms = round(steps * STEP_MS)
        self.laps.append(LapResult(len(self.laps) + 1, time_ms, resets, off_track, complete, steps, crashes))
        share = 100.0 if complete else float(rows.states[end - 1, COLUMN["progress"]])
        code = STATUS_CODE[EpisodeStatus.LAP_COMPLETE] if complete else status[-1]
        counts = {name: status.count(counted) for name, counted in _COUNTED.items()}
        self.ended.append(TrialOutcome(steps, share, code, resets, counts))

    def _write_log(self) -> None:
        for car, rows in enumerate(self.driven):
            last = len(rows.states) - 1
            chosen = [None] * len(rows.states) if rows.chosen is None else rows.chosen.tolist()
            waits = pauses_s(rows.status.tolist(), self.rules)
            states = [prepare_state(*rows.states[:2]), *rows.states[1:]]
            for row, state in enumerate(states):
                action = action_text(chosen[row], *rows.commands[row].tolist())
                episode, status = car + int(rows.laps[row]), int(rows.status[row])
                box_resets = int(rows.box_resets[row])
                self.log.add(episode, state, action, 0.0, row == last, status, box_resets, waits[row])


def _without_auto_reset(rules: EpisodeRules) -> EpisodeRules:
    return EpisodeRules(**{**asdict(rules), "auto_reset": False})
