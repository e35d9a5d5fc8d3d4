"""Results of a race to take away: CSV, JSON and certificates."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Blueprint, jsonify, make_response
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import certificates, clock, csv_export, headers, result_parts, scope
from portal.access import Permission, access
from portal.rate_limits import limiter
from portal.rules import final_results, racers, races, standings
from portal.rules.broken import Code, RuleBroken
from portal.rules.standings import Board, Row
from portal.tables import Race

pages = Blueprint("race_results", __name__)


@pages.get("/races/<race_id>/standings.csv")
@access(Permission.PUBLIC)
def as_csv(race_id: str) -> Response:
    race, board = _board(race_id)
    records = [list(result_parts.record_of(row).values()) for row in board.rows]
    return headers.fresh(csv_export.response(f"standings-{race.public_id}", result_parts.HEADER, records))


@pages.get("/races/<race_id>/standings.json")
@access(Permission.PUBLIC)
def as_json(race_id: str) -> Response:
    race, board = _board(race_id)
    is_final = not final_results.why_not_final(race, board, clock.now())
    return headers.fresh(jsonify(result_parts.as_json(race, board, is_final=is_final)))


@pages.get("/races/<race_id>/certificates/<alias>.pdf")
@access(Permission.PUBLIC)
@limiter.limit("60 per minute")
def certificate(race_id: str, alias: str) -> Response:
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    racer = racers.find_by_alias(scope.reading(), alias)
    if racer is None:
        raise RuleBroken(Code.MISSING, "There is no racer with this alias.")
    board, row = final_results.final_row(scope.reading(), race, racer, now=clock.now())
    return _pdf(race, board, [row], f"{race.name}-{alias}")


@pages.get("/races/<race_id>/certificates.pdf")
@access(Permission.RACER)
@limiter.limit("20 per minute")
def all_certificates(race_id: str) -> Response:
    """A page for everybody who was ranked: for the organizer's printer."""
    race = races.get_own(scope.reading(), scope.me(), race_id)
    board = final_results.final_board(scope.reading(), race, now=clock.now())
    if not board.rows:
        raise RuleBroken(Code.MISSING, "Nobody was ranked in this race.")
    return _pdf(race, board, board.rows, race.name)


def _board(race_id: str) -> tuple[Race, Board]:
    race = races.get_visible(scope.reading(), scope.visitor(), race_id)
    return race, standings.for_race(scope.reading(), race)


def _pdf(race: Race, board: Board, rows: Sequence[Row], name: str) -> Response:
    title = _("Certificates of %(race)s", race=race.name)
    drawn = certificates.write(title, [result_parts.certificate_of(race, board, row) for row in rows])
    response = make_response(drawn)
    response.mimetype = "application/pdf"
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "certificate"
    response.headers["Content-Disposition"] = f'inline; filename="{plain}.pdf"'
    return headers.fresh(response)
