"""The logs of a model's trainings and evaluations, to take away in the layout of the console's download."""

from __future__ import annotations

from pathlib import Path

from flask import Response

from portal import model_archive, scope
from portal.rules import evaluations, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import Model, TrainingRun
from sim.archive_writer import archive_of, safe_name
from sim.model_folder import ModelError, read_about
from sim.training_logs import DrivenEvaluation, log_files


def of_model(model: Model) -> list[TrainingRun]:
    """The trainings whose logs can be taken away, the newest first: they are over and left files behind."""
    return [run for run in trainings.of_model(scope.reading(), model) if run.is_over and run.artefact]


def response(model: Model, run_id: str) -> Response:
    """The logs of one of the model's trainings, with those of the model's evaluations, made while they are sent.

    Raises RuleBroken: missing (no such training), conflict (it left no logs, or they are gone).
    """
    run = next((run for run in of_model(model) if run.public_id == run_id), None)
    if run is None:
        raise RuleBroken(Code.MISSING, "There is no such training with logs.")
    folder = model_archive.folder_of(scope.settings().runs_path, run.artefact or "")
    try:
        read_about(folder)
    except ModelError as error:
        raise RuleBroken(Code.CONFLICT, f"The logs of this training cannot be read: {error}.") from None
    ended_at = run.ended_at or run.queued_at
    name = f"{safe_name(model.name)}-logs"
    files = log_files(folder, ended_at, run.public_id, _driven(model))
    answer = Response(archive_of(files, name, int(ended_at.timestamp())), mimetype="application/gzip")
    return model_archive.named(answer, f"{name}.tar.gz")


def _driven(model: Model) -> list[DrivenEvaluation]:
    runs: Path = scope.settings().runs_path
    return [
        DrivenEvaluation(runs / row.artefact, row.ended_at, row.public_id)
        for row in evaluations.of_model(scope.reading(), model)
        if row.artefact and row.ended_at
    ]
