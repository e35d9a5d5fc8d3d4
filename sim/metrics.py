"""Metrics files in the console's layout: one record per episode, times in simulated milliseconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from sim.episode import STATUSES

Phase = Literal["training", "evaluation"]
STEP_MS = 1000.0 / 15.0
MAXIMUM_RECORDS = 50_000
"""A longer training keeps every record of evaluations and the newest of training, so that its file stays readable."""


@dataclass(frozen=True)
class EpisodeRecord:
    """One episode that ended: its number over the whole training, its place within the iteration, and its outcome."""

    episode: int
    trial: int
    phase: Phase
    reward: float
    steps: int
    progress: float
    """Per cent of the lap, 0 to 100."""
    status: int
    """Index into STATUSES."""


def step_time_ms(steps: int | None) -> int | None:
    """Time of a lap of so many steps, rounded to the millisecond."""
    return None if steps is None else round(steps * STEP_MS)


def status_label(status: int) -> str:
    """ "Lap complete", "Off track" and so on, as the console printed them."""
    return str(STATUSES[status]).replace("_", " ").capitalize()


def training_record(record: EpisodeRecord, start_ms: int) -> dict[str, object]:
    """The record's row; episodes of parallel cars are laid one after another on the simulated clock."""
    elapsed_ms = round(record.steps * STEP_MS)
    return {
        "reward_score": round(record.reward),
        "metric_time": start_ms + elapsed_ms,
        "start_time": start_ms,
        "elapsed_time_in_milliseconds": elapsed_ms,
        "episode": record.episode,
        "trial": record.trial,
        "phase": record.phase,
        "completion_percentage": int(record.progress + 1e-6),
        "episode_status": status_label(record.status),
    }


class MetricsLog:
    """The rows of one training's metrics file."""

    def __init__(self, rows: list[dict[str, object]] | None = None) -> None:
        self.rows: list[dict[str, object]] = rows or []
        last = self.rows[-1]["metric_time"] if self.rows else 0
        self.clock_ms = last if isinstance(last, int) else 0

    def add(self, records: tuple[EpisodeRecord, ...]) -> None:
        """Append records and drop the oldest once there are too many."""
        for record in records:
            row = training_record(record, self.clock_ms)
            self.clock_ms += round(record.steps * STEP_MS)
            self.rows.append(row)
        if len(self.rows) > MAXIMUM_RECORDS:
            surplus = len(self.rows) - MAXIMUM_RECORDS
            old = [row for row in self.rows[: 2 * surplus] if row["phase"] == "evaluation"]
            self.rows = old + self.rows[2 * surplus :]

    def to_json(self) -> str:
        """The file as the console wrote it."""
        return json.dumps({"metrics": self.rows, "version": 2.0, "best_model_metric": "progress"})


@dataclass(frozen=True)
class TrialOutcome:
    """One lap or trial of an evaluation: its steps, per cent of the lap, last status, resets and counts by name."""

    steps: int
    progress: float
    status: int
    resets: int
    counts: dict[str, int]


def evaluation_metrics(outcomes: tuple[TrialOutcome, ...]) -> str:
    """The metrics file of an evaluation as the console wrote it, one lap or trial after another."""
    rows: list[dict[str, object]] = []
    clock_ms = 0
    for index, outcome in enumerate(outcomes):
        elapsed_ms = round(outcome.steps * STEP_MS)
        rows.append(
            {
                "completion_percentage": int(outcome.progress + 1e-6),
                "metric_time": clock_ms + elapsed_ms,
                "start_time": clock_ms,
                "elapsed_time_in_milliseconds": elapsed_ms,
                "episode_status": status_label(outcome.status),
                **outcome.counts,
                "reset_count": outcome.resets,
                "trial": index + 1,
            }
        )
        clock_ms += elapsed_ms
    return json.dumps({"metrics": rows})
