"""`paddock standings`: the ranking rules of a race on laps from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

RULES = ("total", "average", "best")


@click.command()
@click.option(
    "--laps",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file with the columns racer, submission, lap, time_ms, resets.",
)
@click.option("--rule", default="total", show_default=True, type=click.Choice(RULES), help="What is compared.")
@click.option(
    "--minimum-laps",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Complete laps in a row that a submission needs.",
)
@click.option(
    "--counts",
    default="best",
    show_default=True,
    type=click.Choice(("best", "latest")),
    help="Which submission of a racer counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def standings(path: Path, rule: str, minimum_laps: int, counts: str, as_json: bool) -> None:
    """Rank the laps of a file as a race's leaderboard does: one row a racer."""
    found = ranked(path, rule, minimum_laps, counts)
    click.echo(json.dumps(found, indent=2) if as_json else _table(found))


def ranked(path: Path, rule: str, minimum_laps: int, counts: str = "best") -> dict[str, Any]:
    """Standings and who is not ranked, for programs; times in ms."""
    from paddock.lap_file import read_laps
    from portal.rules.ranking import TIE_BREAK, longest_run_of_laps, rank

    entries = read_laps(path)
    rows = rank(entries, ranking=rule, minimum_laps=minimum_laps, counts=counts)
    on_board = {row.racer for row in rows}
    longest: dict[str, int] = {}
    for entry in entries:
        if entry.racer not in on_board:
            driven = longest_run_of_laps(entry.laps)
            longest[str(entry.racer)] = max(longest.get(str(entry.racer), 0), driven)
    return {
        "rule": rule,
        "minimum_laps": minimum_laps,
        "counts": counts,
        "tie_break": TIE_BREAK,
        "standings": [
            {
                "place": row.place,
                "racer": row.racer,
                "submission": row.submission.split("\n", 1)[1],
                "result_ms": row.result_ms,
                "best_lap_ms": row.best_lap_ms,
                "laps": row.laps,
                "resets": row.resets,
                "gap_ms": row.gap_ms,
                "gap_laps": row.gap_laps,
                "interval_ms": row.interval_ms,
                "interval_laps": row.interval_laps,
                "submissions": row.submissions,
            }
            for row in rows
        ],
        "unranked": [{"racer": racer, "laps_in_a_row": count} for racer, count in sorted(longest.items())],
    }


def _table(found: dict[str, Any]) -> str:
    lines = [f"{'':>4}  {'racer':<24} {'result':>11} {'best lap':>10} {'laps':>5} {'resets':>6} {'gap':>11}"]
    for row in found["standings"]:
        gap = f"+{row['gap_laps']} laps" if row["gap_laps"] else _seconds(row["gap_ms"], "+")
        lines.append(
            f"{row['place']:>4}  {row['racer'][:24]:<24} {_seconds(row['result_ms']):>11} "
            f"{_seconds(row['best_lap_ms']):>10} {row['laps']:>5} {row['resets']:>6} {gap:>11}"
        )
    for row in found["unranked"]:
        needed = found["minimum_laps"]
        lines.append(f"   -  {row['racer'][:24]:<24} {row['laps_in_a_row']} of {needed} laps in a row")
    lines.append(f"Equal results: {found['tie_break']}.")
    return "\n".join(lines)


def _seconds(milliseconds: int | None, sign: str = "") -> str:
    return "" if milliseconds is None else f"{sign}{milliseconds / 1000:.3f}"


COMMANDS = (standings,)
