"""One drive, one fingerprint: whatever the threads, the batch, the compiler, how hard it tries, AVX2 or none."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.dynamics import DEEPRACER
from sim.native import _core
from tests.sim.core_builds import SOURCES, CoreBuild, built, compiled, run_with, why_not
from tests.sim.fixed_drive import PARTS, fingerprints

SCRIPT = Path(__file__).with_name("fixed_drive.py")
SMALL_PART = SCRIPT.with_name("small_part.cpp")
INSTALLED = Path(str(_core.__file__))
CLANGS = ("clang++", *(f"clang++-{version}" for version in range(30, 13, -1)))
CLANG = next((name for name in CLANGS if shutil.which(name)), CLANGS[0])
BUILDS = [
    *(CoreBuild(compiler, level) for compiler in ("g++", CLANG) for level in ("-O1", "-O2", "-O3")),
    CoreBuild("g++", "-O0"),
    CoreBuild("g++", avx2=False),
    CoreBuild(CLANG, avx2=False),
]


@pytest.fixture(scope="module")
def wanted() -> dict[str, str]:
    """What the installed core says, with one thread."""
    return fingerprints(5, 1)


def differing(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    assert found.keys() == wanted.keys() == PARTS.keys()
    return [name for name in wanted if found[name] != wanted[name]]


@pytest.mark.parametrize(("cars", "threads"), [(5, 2), (8, 1), (37, 3)])
def test_threads_and_batches_leave_the_fingerprint(wanted: dict[str, str], cars: int, threads: int) -> None:
    assert differing(fingerprints(cars, threads), wanted) == []


def test_a_process_without_avx2_finds_the_same_fingerprint(wanted: dict[str, str]) -> None:
    done = run_with(INSTALLED, SCRIPT, "--cars", "11", PADDOCK_WITHOUT_AVX2="1")
    assert done.returncode == 0, done.stderr
    assert differing(json.loads(done.stdout), wanted) == []


def test_the_fingerprint_sees_a_single_bit(wanted: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another car by one part in 10^16 is another drive; other noise is seen by the LIDAR alone."""
    from sim import world

    real = world.named
    nearly = np.nextafter(real("deepracer").front_grip_mps2, 9.0)

    def slightly_other(name: str) -> world.CarDynamics:
        return world.CarDynamics(**{**real(name).__dict__, "front_grip_mps2": float(nearly)})

    monkeypatch.setattr(world, "named", slightly_other)
    assert differing(fingerprints(5, 1), wanted)[:2] == ["vector", "lidar"]


@pytest.mark.parametrize(
    ("compiler", "options"),
    [
        ("g++", ("-O0",)),
        ("g++", ("-O3", "-march=native")),
        (CLANG, ("-O1",)),
        (CLANG, ("-O2", "-DPADDOCK_NO_AVX2")),
    ],
)
def test_the_mathematics_and_the_car_have_the_same_bits_however_they_are_compiled(
    tmp_path: Path, compiler: str, options: tuple[str, ...]
) -> None:
    """The whole core takes minutes to build, so that is slow; these two files take two seconds."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler} here")
    program = compiled(compiler, options, [SMALL_PART, SOURCES / "dynamics.cpp"], tmp_path / "small_part")
    numbers = [value.hex() for value in DEEPRACER.to_list()]
    done = subprocess.run([str(program), *numbers], capture_output=True, text=True, check=True)
    found = np.array([int(line, 16) for line in done.stdout.split()], np.uint64).view(np.float64)
    assert np.array_equal(found, _installed_small_part())


def _installed_small_part() -> NDArray[np.float64]:
    """What small_part.cpp prints, from the core that is installed."""
    said: list[float] = []
    for k in range(-2000, 2000):
        x = 0.0271 * k
        said += [_core.sin(x), _core.cos(x), _core.exp(0.1 * x), _core.atan2(x, 1.7), _core.log(abs(x) + 0.01)]
        said.append(_core.tanh_f(0.1 * x))
    k = np.arange(407)
    actions = np.column_stack([(37 * k) % 61 - 30.0, 0.1 + 3.9 * ((53 * k) % 101) / 101.0])
    drives = []
    for first in (0, 0, 7):  # alone, and the first and last of eight side by side
        out = np.empty((400, 6))
        steps = np.full(400, 1.0 / 15.0)
        commands = np.ascontiguousarray(actions[first : first + 400])
        _core.replay(DEEPRACER.to_list(), [0.0] * 3, 0.0, commands, steps, out)
        drives.append(out)
    return np.concatenate([said, np.stack(drives, axis=1).ravel()])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("build", BUILDS, ids=[build.name for build in BUILDS])
def test_every_build_finds_the_same_fingerprint(wanted: dict[str, str], tmp_path: Path, build: CoreBuild) -> None:
    if reason := why_not(build):
        pytest.skip(reason)
    done = run_with(built(build, tmp_path), SCRIPT, "--cars", "13", "--threads", "2", timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert differing(json.loads(done.stdout), wanted) == []
