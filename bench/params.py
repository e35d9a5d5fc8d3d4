"""How true the reward parameters and endings are: recorded rows computed anew, and how many agree."""

from __future__ import annotations

from pathlib import Path

import click

from bench.recorded import log_option, recorded, track_option
from bench.rows import Row
from sim.reproduction import Compared, reproduce

GOAL_ROWS = 99.95
GOAL_ENDINGS = 99.5


@click.command()
@log_option
@track_option
def measure(log_path: Path, track: str) -> list[Row]:
    """Share of rows, and of whole episodes, in which each recorded parameter and each ending is reproduced.

    The front point and the heading are taken from the log; the rest is computed from them. Crashes and time_up cannot
    be judged, as logs tell neither where objects stood nor when an event ended.
    """
    log, found = recorded(log_path, track)
    result = reproduce(log, found)
    way = "against its stored rows" if result.reversed_order else "as stored"
    rows = [Row("rows", float(len(log)), "rows", f"{found.name}, driven {way}")]
    if result.repeated_rows:
        rows.append(Row("waypoints that the recorded track repeats", float(result.repeated_rows), "waypoints"))
    for name, compared in result.parameters.items():
        rows.append(_share(name, "rows", compared.rows, GOAL_ROWS))
        rows.append(_share(name, "whole episodes", compared.episodes, None))
    rows += [_ending(kind, compared) for kind, compared in result.endings.items()]
    everything = [compared.rows for compared in result.endings.values()]
    if everything:
        total = (sum(agreeing for agreeing, _ in everything), sum(of for _, of in everything))
        rows.append(_share("endings", "all kinds", total, GOAL_ENDINGS))
    for kind, count in sorted(result.not_judged.items()):
        rows.append(Row(f"not judged: {kind}", float(count), "episodes"))
    return rows


def _ending(kind: str, compared: Compared) -> Row:
    return _share(f"ending {kind}", "episodes", compared.rows, GOAL_ENDINGS)


def _share(name: str, what: str, counted: tuple[int, int], goal: float | None) -> Row:
    count, of = counted
    percent = 100.0 * count / of if of else 0.0
    beside = "goal: at least" if goal is not None else ""
    return Row(f"{name}: {what}", percent, "%", beside, goal, count=count, of=of)
