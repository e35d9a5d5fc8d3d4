"""One drive, one fingerprint: whatever the threads, the batch, the compiler, how hard it tries, AVX2 or none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sim.native import _core
from tests.sim.core_builds import CoreBuild, built, run_with, why_not
from tests.sim.fixed_drive import PARTS, fingerprints

SCRIPT = Path(__file__).with_name("fixed_drive.py")
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
    import numpy as np

    from sim import world

    real = world.named
    nearly = np.nextafter(real("deepracer").front_grip_mps2, 9.0)

    def slightly_other(name: str) -> world.CarDynamics:
        return world.CarDynamics(**{**real(name).__dict__, "front_grip_mps2": float(nearly)})

    monkeypatch.setattr(world, "named", slightly_other)
    assert differing(fingerprints(5, 1), wanted)[:2] == ["vector", "lidar"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("build", BUILDS, ids=[build.name for build in BUILDS])
def test_every_build_finds_the_same_fingerprint(wanted: dict[str, str], tmp_path: Path, build: CoreBuild) -> None:
    if reason := why_not(build):
        pytest.skip(reason)
    done = run_with(built(build, tmp_path), SCRIPT, "--cars", "13", "--threads", "2", timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert differing(json.loads(done.stdout), wanted) == []
