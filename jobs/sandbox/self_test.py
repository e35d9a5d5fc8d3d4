"""What protects this machine: the layers that a real sandbox reports, and escapes tried from inside it.

For `paddock doctor`, and for workers, which take no job where a mandatory layer is missing.
"""

from __future__ import annotations

import numpy as np

from jobs.sandbox.lockdown import MANDATORY, MAY_BE_ACCEPTED_MISSING, OPTIONAL
from jobs.sandbox.reward_process import RewardProcess
from jobs.sandbox.sandbox_process import SandboxUnavailable
from sim.reward_state import REWARD_STATE, RewardFailed
from sim.track import Track

PROBES = ("no_file", "no_secret_of_the_worker", "no_socket", "no_process", "no_signal", "no_executable_memory_made")
"""Escapes that the self test tries; each is True where it was refused."""

# The reward is a number whose bits say which probe got through. System calls go through ctypes, which the sandbox's own
# program has loaded: Python's import is no barrier.
_ESCAPES = """
import random
_os = random._os
_ctypes = _os.sys.modules["ctypes"]
_libc = _ctypes.CDLL(None)

def _file():
    return _os.open("/etc/passwd", _os.O_RDONLY) >= 0

def _secret():
    return _os.open(f"/proc/{_os.getppid()}/environ", _os.O_RDONLY) >= 0

def _socket():
    return _libc.socket(2, 1, 0) >= 0 or _libc.socket(1, 1, 0) >= 0

def _process():
    child = _os.fork()
    if child == 0:
        _os._exit(0)
    return True

def _signal():
    return _os.kill(_os.getppid(), 0) is None

def _executable():
    _libc.mmap.restype = _ctypes.c_void_p
    return _libc.mmap(None, _ctypes.c_size_t(4096), 7, 0x22, -1, _ctypes.c_long(0)) != _ctypes.c_void_p(-1).value

def reward_function(params):
    escaped = 0
    for bit, probe in enumerate((_file, _secret, _socket, _process, _signal, _executable)):
        try:
            escaped |= bool(probe()) << bit
        except OSError:
            pass
    return float(escaped)
"""


def sandbox_layers() -> dict[str, bool]:
    """Layers and probes by name, True where it holds; all False where no sandbox can be started.

    Starts one sandbox (about a tenth of a second). Call it from a thread that goes on living.
    """
    try:
        with RewardProcess(_ESCAPES, accept_missing=MAY_BE_ACCEPTED_MISSING) as process:
            process.start(_square(), 1)
            state = np.zeros((1, len(REWARD_STATE)))
            escaped = int(process.rewards(state, np.zeros(1, dtype=np.int32))[0])
            layers = {name: process.layers.get(name, False) for name in (*MANDATORY, *OPTIONAL)}
    except (SandboxUnavailable, RewardFailed, OSError):
        return dict.fromkeys((*MANDATORY, *OPTIONAL, *PROBES), False)
    return layers | {name: not escaped >> bit & 1 for bit, name in enumerate(PROBES)}


def _square() -> Track:
    """The smallest closed track: the probes look at no waypoint."""
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]])
    middle = np.array([2.0, 2.0])
    return Track(
        name="self-test",
        title="Self test",
        centre=corners,
        inner=middle + (corners - middle) * 0.8,
        outer=middle + (corners - middle) * 1.2,
        closed=True,
    )
