"""The track that a benchmark is run on: one of the library, or any route file."""

from __future__ import annotations

import click

from paddock.environment import track_named

__all__ = ["HELP", "track_named", "track_option"]

HELP = "Name of a track, or the path of a route file (.npy)."

track_option = click.option("--track", default="paddock-oval", show_default=True, help=HELP)
