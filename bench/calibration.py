"""The machine at this moment, to judge figures by: clock and fp32 peak, one and two threads.

Two shared cores give anything between full and half speed; a raw time says little without these beside it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
WINDOW_S = 0.1
WINDOWS = 3


def calibrate() -> dict[str, Any]:
    """Clock (GHz) and fp32 multiply-add peak (GFLOP/s), best of a few windows of 0.1 s, and the processor's name.

    Where there is no C++ compiler the figures are missing and "calibration" says so.
    """
    found: dict[str, Any] = {"processor": _processor(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}
    native = _native()
    if native is None:
        return {**found, "calibration": "none: there is no C++ compiler"}
    found["clock_ghz"] = round(max(native.clock_ghz(WINDOW_S) for _ in range(WINDOWS)), 2)
    found["fp32_gflops_1_thread"] = round(max(native.fma_gflops(WINDOW_S) for _ in range(WINDOWS)), 1)
    with ThreadPoolExecutor(2) as pool:
        both = [sum(pool.map(native.fma_gflops, (WINDOW_S, WINDOW_S))) for _ in range(WINDOWS)]
    found["fp32_gflops_2_threads"] = round(max(both), 1)
    return found


def _native() -> ctypes.CDLL | None:
    """The measurement, compiled for this machine (half a second); its file is gone once it is loaded."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="paddock-calibration-"))
    try:
        library = folder / "calibration.so"
        subprocess.run([compiler, *FLAGS, "-o", str(library), str(SOURCE)], check=True)  # noqa: S603
        native = ctypes.CDLL(str(library))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("clock_ghz", "fma_gflops"):
        getattr(native, name).restype = ctypes.c_double
        getattr(native, name).argtypes = [ctypes.c_double]
    return native


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
