"""What commands read from their surroundings: the settings, the tracks, a file of code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from portal.settings import Settings

if TYPE_CHECKING:
    from sim.track import Track
    from sim.track_library import TrackLibrary

LONGEST_CODE_BYTES = 64 * 1024
TRACK_ENDINGS = (".npy", ".json", ".csv")


def settings() -> Settings:
    """The configuration of this process. Raises SettingsError, which names the variable."""
    return Settings.read(os.environ)


def track_library() -> TrackLibrary:
    """The shipped tracks and those imported into the data directory."""
    from sim.track_library import TrackLibrary

    return TrackLibrary(settings().tracks_path)


def track_named(name: str) -> Track:
    """A track of the library, or of a route file. Raises TrackError."""
    from sim.track import TrackError
    from sim.track_files import read_track

    path = Path(name)
    if path.suffix.lower() in TRACK_ENDINGS:
        return read_track(path)
    try:
        return track_library().get(name)
    except TrackError as error:
        raise TrackError(f"{error}; the path of a route file (.npy) works too") from None


def reward_code(path: Path) -> str:
    """The text of a reward function. Raises ValueError where it cannot be one."""
    data = path.read_bytes()
    if len(data) > LONGEST_CODE_BYTES:
        raise ValueError(f"{path} is larger than {LONGEST_CODE_BYTES // 1024} KB; a reward function is shorter")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
