"""How true the car's motion is: recorded commands replayed, and how far from the recorded place they lead."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from bench.picture import draw
from bench.recorded import log_option, recorded, track_option
from bench.rows import Row
from sim.dynamics import PRESETS
from sim.recorded_log import RecordedLog, RecordedLogError
from sim.replay import Drive, drives_of, durations_of, errors_m, step_of
from sim.track import Track

SECONDS = (1.0, 2.0, 3.0, 5.0)
EPISODES = {"all": (0, 1), "fitted": (0, 2), "held-out": (1, 2)}
"""First episode and stride: those that one half of `paddock bench fit --folds 2` is fitted to, and those it is not."""
PLAIN = "ideal"
"""The preset that answers at once, to judge by."""


@click.command()
@log_option
@track_option
@click.option("--car", default="deepracer", show_default=True, type=click.Choice(list(PRESETS)), help="Which preset.")
@click.option("--episodes", default="all", show_default=True, type=click.Choice(list(EPISODES)), help="Which episodes.")
@click.option(
    "--step",
    default="even",
    show_default=True,
    help="Seconds of a row: even (the log's mean), recorded (each by the log's clock), or a number.",
)
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Write the growth of errors as SVG.")
def measure(log_path: Path, track: str, car: str, episodes: str, step: str, picture: Path | None) -> list[Row]:
    """Median and 90th percentile of the distance from the recorded place, 1, 2, 3 and 5 s after episodes' starts.

    Each episode that begins standing is driven through its recorded commands alone, from its first recorded place. An
    episode counts for as long as it lasts; one that is cut short or pauses counts until then.
    """
    log, found = recorded(log_path, track)
    drives = drives_among(log, episodes)
    seconds = step_seconds(log, step)
    if picture is not None:
        draw_growth(picture, found.name, drives, car, seconds)
    return rows_of(log, found, drives, car, seconds)


def drives_among(log: RecordedLog, episodes: str) -> list[Drive]:
    """The episodes to be replayed."""
    first, stride = EPISODES[episodes]
    drives = list(drives_of(log))[first::stride]
    if not drives:
        raise RecordedLogError(
            "no episode of the log begins standing at its first step; give a whole log of a training or evaluation"
        )
    return drives


def draw_growth(path: Path, track: str, drives: list[Drive], car: str, seconds: float | None) -> None:
    """A picture of the median and the 90th percentile over the first five seconds."""
    times = tuple(0.2 * k for k in range(1, 26))
    lines = {}
    for name in (car, PLAIN):
        errors = np.array([errors_m(PRESETS[name], drive, durations_of(drive, seconds), times) for drive in drives])
        kept = [k for k in range(len(times)) if np.isfinite(errors[:, k]).sum() >= min(5, len(drives))]
        for what, share in (("median", 50), ("90 %", 90)):
            line = [(times[k], float(np.nanpercentile(errors[:, k], share))) for k in kept]
            lines[f"{name}, {what}"] = [(0.0, 0.0), *line]
    draw(path, f"Distance from the recorded place, {track}", lines, 3.0)


def rows_of(log: RecordedLog, track: Track, drives: list[Drive], car: str, seconds: float | None) -> list[Row]:
    """The figures of one log."""
    errors = {name: np.array([_errors(drive, name, seconds) for drive in drives]) for name in (car, PLAIN)}
    rows = [
        Row("episodes that begin standing", float(len(drives)), "episodes", f"on {track.name}"),
        Row(
            "seconds of a row", step_of(log) if seconds is None else seconds, "s", "by the log's clock" * (not seconds)
        ),
    ]
    for index, at in enumerate(SECONDS):
        long_enough = ~np.isnan(errors[car][:, index])
        if not long_enough.any():
            rows.append(Row(f"after {at:g} s: episodes that long", 0.0, "episodes"))
            continue
        for what, share in (("median", 50), ("90th percentile", 90)):
            value, plain = (float(np.percentile(errors[name][long_enough, index], share)) for name in (car, PLAIN))
            rows.append(
                Row(f"after {at:g} s: {what}", value, "m", f"{PLAIN} car:", plain, of=int(long_enough.sum())),
            )
    return rows


def step_seconds(log: RecordedLog, step: str) -> float | None:
    """What --step means for a log; None for its own clock."""
    if step == "even":
        return step_of(log)
    if step == "recorded":
        if "tstamp" not in log.columns:
            raise RecordedLogError("the log has no column tstamp, so no clock; use --step even")
        return None
    try:
        seconds = float(step)
    except ValueError:
        seconds = 0.0
    if not 0.001 <= seconds <= 1.0:
        raise click.BadParameter(f"{step!r} is neither even nor recorded nor seconds from 0.001 to 1")
    return seconds


def _errors(drive: Drive, car: str, seconds: float | None) -> list[float]:
    return errors_m(PRESETS[car], drive, durations_of(drive, seconds), SECONDS)
