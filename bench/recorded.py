"""Recorded logs and the tracks they were driven on, as the benchmarks of truth take them."""

from __future__ import annotations

from pathlib import Path

import click

from bench.track_choice import HELP, track_named
from sim.recorded_log import RecordedLog, read_log
from sim.track import Track, TrackError

LENGTH_SHARE = 0.01
"""Share by which a log's track length may differ from the track's: versions of a track do, other tracks by more."""

log_option = click.option(
    "--log",
    "log_path",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A SimTrace CSV, or a folder of them.",
)
track_option = click.option("--track", required=True, help=HELP)


def recorded(log_path: Path, track: str) -> tuple[RecordedLog, Track]:
    """The log and the track it was driven on. Raises RecordedLogError or TrackError, which say the mend."""
    found = track_named(track)
    log = read_log(log_path)
    if "track_len" in log.columns:
        longest = float(log.track_length_m.max())
        if abs(longest / found.length_m - 1.0) > LENGTH_SHARE:
            raise TrackError(
                f"{log_path} was recorded on a track of {longest:.2f} m, and {found.name} has {found.length_m:.2f} m; "
                "give --track the one it was recorded on"
            )
    return log, found
