"""The tracks that can be driven: the circuits that ship with Paddock, and the imported ones of one instance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sim.track import Track, TrackError, check_name

SHIPPED = Path(__file__).parent / "tracks"


class TrackLibrary:
    """Tracks by name. `imported` is a folder of Paddock's JSON files (DATA/tracks); it may be missing.

    Tracks are read when they are first asked for, and again when their file changed.
    """

    def __init__(self, imported: Path | None = None) -> None:
        self._imported = imported
        self._read: dict[Path, tuple[int, Track]] = {}

    def names(self) -> list[str]:
        """Every track's name, in alphabetical order."""
        return sorted(self._files(), key=str.casefold)

    def get(self, name: str) -> Track:
        """The track of that name as it is stored; TrackError names near matches where there is none."""
        path = self._files().get(name)
        if path is None:
            raise TrackError(f"there is no track {name[:80]!r}; {self._suggestion(name)}")
        changed = path.stat().st_mtime_ns
        known = self._read.get(path)
        if known is None or known[0] != changed:
            read = _read_shipped if path.parent == SHIPPED else _read_imported
            known = changed, read(path)
            if known[1].name != name:
                raise TrackError(f'{path} names its track {known[1].name!r}; file and "name" must agree')
            self._read[path] = known
        return known[1]

    def is_shipped(self, name: str) -> bool:
        """True for Paddock's own circuits, False for imported ones and unknown names."""
        path = self._files().get(name)
        return path is not None and path.parent == SHIPPED

    def add(self, track: Track, replace: bool = False) -> Path:
        """Store an imported track and give its file. A name in use is refused; `replace` replaces an imported track."""
        if self._imported is None:
            raise TrackError("this library has no folder for imported tracks; give it one")
        check_name(track.name)
        taken = {name.casefold(): name for name in self._files()}.get(track.name.casefold())
        if taken is not None and (taken != track.name or self.is_shipped(taken)):
            raise TrackError(f"there is a track {taken!r} already, which stays as it is; choose another name")
        if taken is not None and not replace:
            raise TrackError(f"there is a track {taken!r} already; replace it on purpose or choose another name")
        from sim.track_files import write_json  # who drives a circuit that ships starts sooner without it

        return write_json(track, self._imported / f"{track.name}.json")

    def _files(self) -> dict[str, Path]:
        imported = sorted(self._imported.glob("*.json")) if self._imported else []
        shipped = sorted(SHIPPED.glob("*.json"))
        return {path.stem: path for path in [*imported, *shipped] if not path.name.startswith(".")}

    def _suggestion(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, self.names(), n=3, cutoff=0.5)
        return f"did you mean {' or '.join(near)}?" if near else "`paddock tracks list` shows them all"


def _read_imported(path: Path) -> Track:
    from sim.track_files import read_json

    return read_json(path)


def _read_shipped(path: Path) -> Track:
    # Tests hold these files to every check, so that opening one needs no geometry library.
    found = json.loads(path.read_bytes())
    centre, inner, outer = (np.array(found[key], dtype=np.float64) for key in ("centre", "inner", "outer"))
    closed = bool((centre[0] == centre[-1]).all())
    return Track(found["name"], found["title"], centre, inner, outer, closed, found["description"], found["difficulty"])
