"""What the files of trainings and evaluations take, by what they are: for the question before a deletion."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from portal.tables import Evaluation, TrainingRun

WEIGHTS_FOLDER = "model"
"""In a training's folder (`sim.model_folder`); everything else there is a log."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on the disk."""

    weights: int
    logs: int
    replays: int

    @property
    def total(self) -> int:
        return self.weights + self.logs + self.replays


def of_jobs(runs: Path, trainings: Iterable[TrainingRun], evaluations: Iterable[Evaluation]) -> Sizes:
    """The sizes of these jobs' artefacts; one that is not there takes nothing."""
    folders = [runs / run.artefact for run in trainings if run.artefact]
    weights = sum(folder_bytes(folder / WEIGHTS_FOLDER) for folder in folders)
    logs = sum(folder_bytes(folder) for folder in folders) - weights
    replays = sum(folder_bytes(runs / evaluation.artefact) for evaluation in evaluations if evaluation.artefact)
    return Sizes(weights, logs, replays)


def folder_bytes(folder: Path) -> int:
    """What the files of a folder hold; 0 for one that is gone."""
    total = 0
    for place, _folders, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue  # removed meanwhile
    return total
