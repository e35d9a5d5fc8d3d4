"""Imports that wait for their racer's word: unpacked, checked, shown, and made a model or forgotten.

Each is a folder beside the others with a file that says whose it is. A racer has one at a time; what nobody asks for is
removed by maintenance a day later (`jobs.purging`).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from portal.rules.broken import Code, RuleBroken
from sim.console_archive import ConsoleModel
from sim.model_archive import ArchivedModel
from sim.model_folder import ModelFolder, read_about, write_json
from sim.reward_examples import DEFAULT_EXAMPLE
from sim.track import Direction, Track

FACTS = ".import.json"
"""Beside a model's files, and not one of them: it goes before they are published."""
TOKEN = re.compile(r"[0-9a-f]{16}")
UNNAMED = "Imported"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found besides the model itself. `world` is the track that a console's archive tells, if any."""

    racer: str
    name: str
    from_console: bool = False
    has_code: bool = True
    world: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An import that waits. `model` is what will be in the garage."""

    token: str
    folder: Path
    facts: Facts
    model: ModelFolder


def unpacked(found: ArchivedModel | ConsoleModel, folder: Path, racer: str, home: Track, file_name: str) -> Facts:
    """Writes what was found into `folder`; `home` is for an archive that tells no track that is here."""
    if isinstance(found, ArchivedModel):
        found.write(folder)
        return Facts(racer, found.name)
    name = found.name or _stem(file_name)
    found.on(home, Direction.COUNTERCLOCKWISE, found.code or DEFAULT_EXAMPLE.code, name).write(folder)
    return Facts(racer, name, True, bool(found.code), found.world, found.notes)


def keep(runs: Path, folder: Path, facts: Facts) -> str:
    """Lets a staged folder wait, and forgets what waited before for the same racer; gives the token that names it."""
    for other in runs.glob(f"import-*.partial/{FACTS}"):
        earlier = _facts(other)
        if earlier is not None and earlier.racer == facts.racer:
            shutil.rmtree(other.parent, ignore_errors=True)
    token = secrets.token_hex(8)
    write_json(folder / FACTS, asdict(facts))
    folder.rename(_folder(runs, token))
    return token


def get(runs: Path, token: str, racer: str) -> Waiting:
    """The racer's own. RuleBroken (missing) for anybody else's, and for one that is gone."""
    folder = _folder(runs, token) if TOKEN.fullmatch(token) else None
    facts = _facts(folder / FACTS) if folder is not None else None
    if folder is None or facts is None or facts.racer != racer:
        raise RuleBroken(Code.MISSING, "This import does not wait any more. Upload the archive again.")
    return Waiting(token, folder, facts, ModelFolder.read(folder))


def send_home(waiting: Waiting, track: Track, direction: Direction) -> Waiting:
    """The same with another home track, for an archive that told none."""
    about = read_about(waiting.folder)
    about["track"] = {"name": track.name, "fingerprint": track.fingerprint, "length_m": round(track.length_m, 4)}
    write_json(waiting.folder / "paddock.json", {**about, "direction": str(direction)})
    return Waiting(waiting.token, waiting.folder, waiting.facts, ModelFolder.read(waiting.folder))


def put_back(waiting: Waiting) -> None:
    """Its facts again, after it could not be made a model: it goes on waiting."""
    if waiting.folder.is_dir():
        write_json(waiting.folder / FACTS, asdict(waiting.facts))


def forget(waiting: Waiting) -> None:
    """Nothing of it is left."""
    shutil.rmtree(waiting.folder, ignore_errors=True)


def _folder(runs: Path, token: str) -> Path:
    return runs / f"import-{token}.partial"


def _facts(path: Path) -> Facts | None:
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Facts(**{**said, "notes": tuple(said["notes"])})


def _stem(file_name: str) -> str:
    """A name for what has none inside: that of the uploaded file, without its endings."""
    stem = re.sub(r"\.(tar\.gz|tgz|gz|tar)$", "", file_name.rpartition("/")[2].rpartition("\\")[2])
    return re.sub(r"[^\w .-]+", " ", stem).strip(" .")[:64] or UNNAMED
