"""Results of a race to take away: rows of a table, JSON, and what stands on a certificate."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import format_date, gettext, ngettext

from portal import formats, garage_parts, scope
from portal.certificates import Certificate
from portal.rules import ranking
from portal.rules.standings import Board, Row
from portal.tables import Race

HEADER = (
    "place",
    "racer",
    "country",
    "result",
    "result_ms",
    "best_lap_ms",
    "gap_ms",
    "gap_laps",
    "interval_ms",
    "interval_laps",
    "laps",
    "resets",
    "runs",
    "submission",
)


def record_of(row: Row) -> dict[str, Any]:
    """One row of the standings under the names of HEADER."""
    standing = row.standing
    values = (
        standing.place,
        row.racer.alias,
        row.racer.country,
        formats.lap_time(standing.result_ms),
        standing.result_ms,
        standing.best_lap_ms,
        standing.gap_ms,
        standing.gap_laps,
        standing.interval_ms,
        standing.interval_laps,
        standing.laps,
        standing.resets,
        standing.submissions,
        standing.submission,
    )
    return dict(zip(HEADER, values, strict=True))


def as_json(race: Race, board: Board, *, is_final: bool) -> dict[str, Any]:
    """The standings with what they were ranked by; times in milliseconds, moments in UTC."""
    return {
        "race": {
            "id": race.public_id,
            "name": race.name,
            "track": race.track,
            "direction": race.direction,
            "ranking": race.ranking,
            "counts": race.counts,
            "laps": race.laps,
            "minimum_laps": race.minimum_laps,
            "seed": race.seed,
            "opens_at": race.opens_at.isoformat(),
            "closes_at": race.closes_at.isoformat(),
            "tie_break": ranking.TIE_BREAK,
        },
        "final": is_final,
        "to_be_revealed": board.hidden,
        "version": board.version,
        "standings": [
            record_of(row)
            | {
                "last_lap": row.standing.last_lap
                and {
                    "time_ms": row.standing.last_lap.time_ms,
                    "complete": row.standing.last_lap.complete,
                    "sectors_ms": list(row.standing.last_lap.sectors_ms),
                }
            }
            for row in board.rows
        ],
        "not_ranked": [
            {"racer": row.racer.alias, "runs": row.submissions, "laps_in_a_row": row.laps} for row in board.unranked
        ],
        "disqualified": [
            {"racer": row.racer.alias, "submission": row.submission, "reason": row.reason} for row in board.disqualified
        ],
    }


def certificate_of(race: Race, board: Board, row: Row) -> Certificate:
    """What the page of one racer says."""
    standing = row.standing
    settings = scope.settings()
    facts = [
        gettext(
            "%(track)s, %(day)s", track=garage_parts.track_title(race.track), day=format_date(race.closes_at, "long")
        ),
        gettext("result %(time)s", time=formats.lap_time(standing.result_ms)),
        gettext("best lap %(time)s", time=formats.lap_time(standing.best_lap_ms)),
        ngettext("%(num)s lap", "%(num)s laps", standing.laps),
    ]
    return Certificate(
        heading=gettext("Certificate"),
        racer=row.racer.alias or "",
        placed=gettext("Place %(place)s of %(ranked)s", place=standing.place, ranked=len(board.rows)),
        race=race.name,
        facts="  ·  ".join(facts),
        signed=settings.organisation,
        address=settings.address + url_for("races.show", race_id=race.public_id),
        is_winner=standing.place == 1,
    )
