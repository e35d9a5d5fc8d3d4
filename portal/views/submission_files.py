"""Files of a submission: the record that `paddock verify` reads, and the weights that drove."""

from __future__ import annotations

from flask import Blueprint, send_file
from werkzeug.wrappers import Response

from portal import model_archive, scope
from portal.access import Permission, access
from portal.rules import freezing, races, submission_files, submissions
from portal.rules.broken import Code, RuleBroken
from portal.rules.submissions import Entered

pages = Blueprint("submission_files", __name__)

RECORD_FILE = "record.json"


@pages.get("/races/<race_id>/submissions/<submission_id>/record.json")
@access(Permission.PUBLIC)
def record(race_id: str, submission_id: str) -> Response:
    """Everything that the fingerprint is made of."""
    entered = _visible(race_id, submission_id)
    runs = scope.settings().runs_path.resolve()
    path = (runs / (entered.evaluation.artefact or "-") / RECORD_FILE).resolve()
    if not (path.is_relative_to(runs) and path.is_file()):
        raise RuleBroken(Code.MISSING, "There is no record of this submission. One that is driven from now on has one.")
    answer = send_file(path, mimetype="application/json", as_attachment=True, download_name=f"{submission_id}.json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.get("/races/<race_id>/submissions/<submission_id>/model.tar.gz")
@access(Permission.RACER)
def model(race_id: str, submission_id: str) -> Response:
    entered = _visible(race_id, submission_id)
    artefact = submission_files.weights(scope.reading(), entered.submission, entered.evaluation, by=scope.me())
    return model_archive.response(scope.settings().runs_path, artefact, entered.model.name)


def _visible(race_id: str, submission_id: str) -> Entered:
    session, visitor = scope.reading(), scope.visitor()
    race = races.get_visible(session, visitor, race_id)
    entered = submissions.get(session, race, submission_id)
    freezing.require_visible(session, race, entered.evaluation, visitor)
    return entered
