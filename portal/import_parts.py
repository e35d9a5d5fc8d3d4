"""How a model comes into a garage: checked, its files made beside the others, one transaction, and the files moved."""

from __future__ import annotations

from flask import flash
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from portal import clock, garage_parts, model_import, scope, waiting_imports
from portal.rules import model_imports
from portal.rules.broken import Code, RuleBroken
from portal.tables import Model, Racer
from portal.waiting_imports import Waiting
from sim.console_archive import ConsoleModel
from sim.model_archive import ArchivedModel
from sim.model_folder import ModelFolder
from sim.track import Direction, Track

MOST_MB = 128
"""What an upload may have (`app.MAXIMUM_UPLOAD_BYTES`)."""
PER_MINUTE = "10 per minute"


def check_upload(upload: FileStorage | None) -> str:
    """Unpacks what was uploaded and lets it wait for the visitor's word; gives its token.

    Raises RuleBroken as `model_imports.check` does, and invalid (field `archive`) for what is no model.
    """
    model_imports.check(scope.reading(), scope.me(), by=scope.me())
    found, file_name = _read(upload)
    runs = scope.settings().runs_path
    with model_import.staged(runs) as folder:
        facts = waiting_imports.unpacked(found, folder, scope.me().public_id, _home(found), file_name)
        return waiting_imports.keep(runs, folder, facts)


def waiting(token: str) -> Waiting:
    """The visitor's import that waits. Raises RuleBroken (missing) for any other."""
    return waiting_imports.get(scope.settings().runs_path, token, scope.me().public_id)


def from_waiting(held: Waiting, name: str, track: str, direction: str) -> Model:
    """The model in the visitor's garage. `track` and `direction` are the home of a console's model.

    Raises RuleBroken as `model_imports.from_archive` does, and invalid (field `track`) for no such track; then the
    import goes on waiting.
    """
    if held.facts.from_console:
        home = garage_parts.track_of(track)
        if home is None or direction not in [str(one) for one in Direction]:
            raise RuleBroken(Code.INVALID, "Choose a track for it.", "track")
        held = waiting_imports.send_home(held, home, Direction(direction))
    return _bring_in(held, scope.me(), name)


def from_upload(to: Racer, upload: FileStorage | None, name: str) -> Model:
    """The model of an uploaded archive in a racer's garage at once, for an administrator.

    Raises RuleBroken as `model_imports.from_archive` does.
    """
    model_imports.check(scope.reading(), to, by=scope.me())
    found, file_name = _read(upload)
    with model_import.staged(scope.settings().runs_path) as folder:
        facts = waiting_imports.unpacked(found, folder, scope.me().public_id, _home(found), file_name)
        for note in facts.notes:
            flash(note, "info")
        return _bring_in(Waiting("", folder, facts, ModelFolder.read(folder)), to, name)


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


def home_of(held: Waiting) -> str:
    """The track that a form offers for a console's model: the one that it was trained on, where it is here."""
    return held.facts.world if garage_parts.track_of(held.facts.world) else held.model.track_name


def _bring_in(held: Waiting, to: Racer, name: str) -> Model:
    (held.folder / waiting_imports.FACTS).unlink(missing_ok=True)
    try:
        with scope.writing() as session:
            model, run = model_imports.from_archive(
                session,
                held.model,
                to=to,
                by=scope.me(),
                name=name,
                called=held.facts.name,
                car_name=_("Imported car"),
                size_bytes=model_import.size_bytes(held.folder),
                now=clock.now(),
            )
            model_import.publish(scope.settings().runs_path, held.folder, run.artefact or "")
    except BaseException:
        waiting_imports.put_back(held)
        raise
    _say_missing_track(model)
    return model


def _read(upload: FileStorage | None) -> tuple[ArchivedModel | ConsoleModel, str]:
    if upload is None or not upload.filename:
        raise RuleBroken(Code.INVALID, "Please choose the .tar.gz that you downloaded.", "archive")
    return model_import.unpack(upload.stream), upload.filename


def _home(found: ArchivedModel | ConsoleModel) -> Track:
    """A track for a model whose archive tells none: its own where it is here, else the shortest."""
    told = garage_parts.track_of(found.world) if isinstance(found, ConsoleModel) and found.world else None
    return told or garage_parts.tracks_by_length()[0]


def _say_missing_track(model: Model) -> None:
    if garage_parts.track_of(model.track) is None:
        track = model.track
        flash(_("Its track %(track)s is not here. It can drive others; to train, clone it.", track=track), "info")
