"""Memory that a training's process keeps for itself."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Numbers of glibc's mallopt (malloc.h)."""
_LARGEST_KEPT = 32 << 20
"""glibc takes no larger threshold."""


def keep_freed_memory() -> None:
    """Have the C library keep what is freed instead of giving it back to the system.

    A gradient step of a network with millions of weights asks for hundreds of megabytes, frees them, and asks again:
    that the system hands out fresh pages each time costs up to a sixth of a training's processor time. The process
    stays as large as it once was. Elsewhere than with glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 64 << 20)
