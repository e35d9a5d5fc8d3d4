"""How a model comes into a garage: checked, its files made beside the others, one transaction, and the files moved."""

from __future__ import annotations

from flask import flash
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from portal import clock, garage_parts, model_import, scope
from portal.rules import model_imports
from portal.rules.broken import Code, RuleBroken
from portal.tables import Model, Racer

MOST_MB = 64
"""What an upload may have (`app.MAXIMUM_UPLOAD_BYTES`)."""
PER_MINUTE = "10 per minute"


def from_upload(to: Racer, upload: FileStorage | None, name: str) -> Model:
    """The model of an uploaded archive in a racer's garage. Raises RuleBroken as `model_imports.from_archive` does."""
    model_imports.check(scope.reading(), to, by=scope.me())
    if upload is None or not upload.filename:
        raise RuleBroken(Code.INVALID, "Please choose the .tar.gz that Download gave you.", "archive")
    runs = scope.settings().runs_path
    with model_import.staged(runs) as folder:
        archived = model_import.unpack(upload.stream, folder)
        with scope.writing() as session:
            model, run = model_imports.from_archive(
                session,
                archived,
                to=to,
                by=scope.me(),
                name=name,
                car_name=_("Imported car"),
                size_bytes=model_import.size_bytes(folder),
                now=clock.now(),
            )
            model_import.publish(runs, folder, run.artefact or "")
    _say_missing_track(model)
    return model


def from_model(to: Racer, source: Model, name: str) -> Model:
    """A copy of anybody's model in a racer's garage. Raises RuleBroken as `model_imports.from_model` does."""
    model_imports.check(scope.reading(), to, by=scope.me())
    artefact = model_imports.weights_to_copy(scope.reading(), source).artefact or ""
    runs = scope.settings().runs_path
    with model_import.staged(runs) as folder:
        model_import.copy(runs, artefact, folder)
        with scope.writing() as session:
            model, run = model_imports.from_model(
                session,
                source,
                to=to,
                by=scope.me(),
                name=name,
                size_bytes=model_import.size_bytes(folder),
                now=clock.now(),
            )
            model_import.publish(runs, folder, run.artefact or "")
    return model


def _say_missing_track(model: Model) -> None:
    if garage_parts.track_of(model.track) is None:
        track = model.track
        flash(_("Its track %(track)s is not here. It can drive others; to train, clone it.", track=track), "info")
