"""Other simulators beside ours: each is put into a throw-away environment of its own and measured there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.rows import Row

SCRIPT = Path(__file__).with_name("peer_worlds.py")
INSTALLING_S, MEASURING_S = 900, 300
F1TENTH = "f110_gym @ git+https://github.com/f1tenth/f1tenth_gym@0030945dd0813a1a1cc10c91b0acbcf706593963"


@dataclass(frozen=True)
class Peer:
    """A simulator: its function in `peer_worlds.py`, and what to install. `alone` are installed without what they ask
    for, because they ask for versions that no Python of today has."""

    world: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()


PEERS: dict[str, Peer] = {
    "gymnasium CarRacing": Peer("car_racing", ("gymnasium[box2d]==1.4.0",)),
    "highway-env": Peer("highway", ("highway-env==1.12.1",)),
    "envpool": Peer("pooled", ("envpool==1.2.5", "gymnasium==1.4.0")),
    "f1tenth_gym": Peer("f1tenth", ("gymnasium", "numba", "scipy", "pyyaml", "pillow", "pyglet<1.5"), (F1TENTH,)),
}


class PeerFailed(Exception):
    """A peer that cannot be installed or does not run here; the message says why."""


def rows_of(name: str, seconds: float) -> list[Row]:
    """The figures of a peer, or one row of nothing with the reason beside it."""
    peer = PEERS[name]
    with tempfile.TemporaryDirectory(prefix="paddock-peer-") as folder:
        try:
            python = _installed(peer, Path(folder))
            figures = _measured(python, peer, seconds)
        except PeerFailed as failure:
            return [Row(name, 0.0, "steps/s", f"not measured: {failure}")]
    return [Row(what, value, "steps/s", "of processor time, another simulator") for what, value in figures.items()]


def _installed(peer: Peer, folder: Path) -> Path:
    """The Python of a new environment that has the peer."""
    place = folder / "environment"
    python = place / "bin" / "python"
    uv = shutil.which("uv") or _own_uv()
    _run([uv, "venv", "-q", "-p", sys.executable, str(place)] if uv else [sys.executable, "-m", "venv", str(place)])
    install = _installer(uv, python)
    _run([*install, *peer.packages])
    if peer.alone:
        _run([*install, "--no-deps", *peer.alone])
    return python


def install_into(folder: Path, package: str) -> None:
    """Put a package into a folder, without what it asks for. PeerFailed where it cannot be had."""
    install = _installer(shutil.which("uv") or _own_uv(), Path(sys.executable))
    _run([*install, "--no-deps", "--target", str(folder), package])


def _installer(uv: str | None, python: Path) -> list[str]:
    """The command that installs for this Python."""
    return [uv, "pip", "install", "-q", "-p", str(python)] if uv else [str(python), "-m", "pip", "install", "-q"]


def _own_uv() -> str | None:
    """The one that `./run` keeps."""
    kept = Path(__file__).resolve().parents[1] / ".tools" / "uv" / "bin" / "uv"
    return str(kept) if kept.is_file() else None


def _measured(python: Path, peer: Peer, seconds: float) -> dict[str, float]:
    told = _run([str(python), str(SCRIPT), peer.world, "--seconds", str(seconds)], MEASURING_S)
    found: dict[str, float] = json.loads(told.strip().splitlines()[-1])
    return found


def _run(command: list[str], limit_s: int = INSTALLING_S) -> str:
    environment = {**os.environ, "SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(  # noqa: S603  commands of ours
            command, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"{Path(command[0]).name} took more than {limit_s} s") from None
    if done.returncode != 0:
        raise PeerFailed(_reason(done.stderr) or f"{Path(command[0]).name} ended with {done.returncode}")
    return done.stdout


def _reason(errors: str) -> str:
    """The part of an error that says most: its last telling line, and what follows where that ends with a colon."""
    lines = [" ".join(line.split()) for line in errors.splitlines() if line.strip()]
    telling = [
        number
        for number, line in enumerate(lines)
        if any(word in line for word in ("rror", "unable", "Could not", "No solution"))
    ]
    start = telling[-1] if telling else len(lines) - 1
    end = start + 2 if lines and lines[start].endswith(":") else start + 1
    return " ".join(lines[max(start, 0) : end])[:300]
