"""The track that a benchmark is run on: one of the library, or any route file."""

from __future__ import annotations

from pathlib import Path

import click

from paddock.environment import track_library
from sim.track import Track, TrackError
from sim.track_files import read_track

FILE_ENDINGS = (".npy", ".json", ".csv")
HELP = "Name of a track, or the path of a route file (.npy)."

track_option = click.option("--track", default="paddock-oval", show_default=True, help=HELP)


def track_named(track: str) -> Track:
    """A track of the library, or of a route file."""
    path = Path(track)
    if path.suffix.lower() in FILE_ENDINGS:
        return read_track(path)
    try:
        return track_library().get(track)
    except TrackError as error:
        raise TrackError(f"{error}; the path of a route file (.npy) works too") from None
