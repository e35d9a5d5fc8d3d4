"""A model's files as downloads: Paddock's own archive, made while it is sent."""

from __future__ import annotations

from pathlib import Path

from flask import Response

from portal.rules.broken import Code, RuleBroken
from sim.archive_writer import archive, safe_name

__all__ = ["archive", "folder_of", "named", "response", "safe_name"]


def folder_of(runs: Path, artefact: str) -> Path:
    """The folder `artefact` under `runs`. Raises RuleBroken (conflict) where it is gone."""
    folder = (runs / artefact).resolve()
    if not folder.is_relative_to(runs.resolve()) or not folder.is_dir():
        raise RuleBroken(Code.CONFLICT, "The files of this model are gone. Train it again.")
    return folder


def response(runs: Path, artefact: str, name: str) -> Response:
    """The folder `artefact` under `runs` as a download. Raises RuleBroken (conflict) where it is gone."""
    file_name = safe_name(name)
    answer = Response(archive(folder_of(runs, artefact), file_name), mimetype="application/gzip")
    return named(answer, f"{file_name}.tar.gz")


def named(answer: Response, file_name: str) -> Response:
    """The answer as a file that the browser keeps."""
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
