"""Builds of the native core apart from the one that is installed: other compilers, optimisations and checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "sim" / "native"


@dataclass(frozen=True)
class CoreBuild:
    """How to build the core: the compiler's command, and what CMake is told."""

    compiler: str
    optimisation: str = "-O3"
    avx2: bool = True
    sanitizers: str = ""

    @property
    def name(self) -> str:
        """For people and folders."""
        parts = [self.compiler, self.optimisation, "" if self.avx2 else "without AVX2", self.sanitizers]
        return " ".join(part for part in parts if part)


def why_not(build: CoreBuild) -> str:
    """The reason why this machine cannot build it, or nothing."""
    for tool in (build.compiler, "cmake"):
        if shutil.which(tool) is None:
            return f"there is no {tool} here"
    found = subprocess.run([sys.executable, "-m", "nanobind", "--cmake_dir"], capture_output=True, check=False)
    return "" if found.returncode == 0 else "nanobind is not installed: pip install nanobind==3.1.0"


def built(build: CoreBuild, folder: Path) -> Path:
    """Build in a new place below `folder`; the extension module's file."""
    place = folder / "".join(c if c.isalnum() else "-" for c in build.name)
    settings = {
        "CMAKE_CXX_COMPILER": build.compiler,
        "CMAKE_BUILD_TYPE": "None",
        "Python_EXECUTABLE": sys.executable,
        "PADDOCK_OPTIMISATION": build.optimisation,
        "PADDOCK_NO_AVX2": "OFF" if build.avx2 else "ON",
        "PADDOCK_SANITIZERS": build.sanitizers,
    }
    options = [f"-D{key}={value}" for key, value in settings.items()]
    if shutil.which("ninja"):
        options += ["-G", "Ninja"]
    for command in (
        ["cmake", "-S", str(SOURCES), "-B", str(place), *options],
        ["cmake", "--build", str(place), "--parallel", str(os.cpu_count() or 1)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{build.name}:\n{done.stdout}\n{done.stderr}"
    (module,) = place.glob("_core*.so")
    return module


def compiled(compiler: str, options: Sequence[str], sources: Sequence[Path], program: Path) -> Path:
    """A program of some of the core's sources, without Python: seconds of work where the whole core takes minutes."""
    command = [compiler, "-std=c++20", *options, "-ffp-contract=off", "-Wno-psabi", "-I", str(SOURCES)]
    done = subprocess.run(
        [*command, *map(str, sources), "-o", str(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


def watched(build: CoreBuild) -> dict[str, str]:
    """Variables of a process that loads a core with sanitizers: their library comes first, before Python itself."""
    found = [
        subprocess.run([build.compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout
        for name in ("libasan.so", "libstdc++.so.6")
    ]
    return {
        "LD_PRELOAD": ":".join(name.strip() for name in found),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",  # Python itself leaves memory behind
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def run_with(
    core: Path, script: Path, *arguments: str, timeout_s: float = 110.0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A script of this folder in a process of its own, in which `sim.native._core` is the module `core`."""
    command = [sys.executable, str(script), "--core", str(core), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
    )
