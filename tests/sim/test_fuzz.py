"""The core is fed what nobody should feed it, and neither falls over nor hands back what is no number."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sim.native import _core
from tests.sim.core_builds import CoreBuild, built, run_with, watched, why_not
from tests.sim.fuzz_core import CASES

SCRIPT = Path(__file__).with_name("fuzz_core.py")
INSTALLED = Path(str(_core.__file__))
WATCHED = CoreBuild("g++", "-O1", sanitizers="address,undefined,float-cast-overflow")
SECONDS = float(os.environ.get("FUZZ_SECONDS", "45"))


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """The number of the case that broke, and what was said about it."""
    numbers = done.stdout.split()
    return f"case {numbers[-1] if numbers else 'none'}:\n{done.stderr[-6000:]}"


def kinds_done(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The kinds of cases of which some were not refused."""
    lines = [line.split(maxsplit=1)[1] for line in done.stderr.splitlines() if line.endswith(": done")]
    return {line.removesuffix(": done") for line in lines}


def test_odd_numbers_and_buffers_never_break_the_core() -> None:
    done = run_with(INSTALLED, SCRIPT, "--seconds", "4", "--seed", "1")
    assert done.returncode == 0, last_words(done)
    assert len(kinds_done(done)) > len(CASES) / 2


@pytest.mark.slow
@pytest.mark.timeout(900 + 6 * SECONDS)
def test_the_sanitizers_find_nothing(tmp_path: Path) -> None:
    if reason := why_not(WATCHED):
        pytest.skip(reason)
    core = built(WATCHED, tmp_path)
    seed = int.from_bytes(os.urandom(2), "big") + 2
    call = ("--seconds", str(SECONDS), "--every-kind", "--seed", str(seed))
    done = run_with(core, SCRIPT, *call, timeout_s=5 * SECONDS + 120, **watched(WATCHED))
    assert done.returncode == 0, last_words(done)
    assert kinds_done(done) == set(CASES)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_sanitizers_are_able_to_find_something(tmp_path: Path) -> None:
    """A read past the end of an array, built in the same way, stops the process with its name."""
    if reason := why_not(WATCHED):
        pytest.skip(reason)
    source = tmp_path / "past.cpp"
    source.write_text(
        "#include <cstdlib>\nint main(int n, char**) { int* a = (int*)std::malloc(4); return a[n] != 7; }"
    )
    flags = [f"-fsanitize={WATCHED.sanitizers}", "-fno-sanitize-recover=all", "-o", str(tmp_path / "past")]
    subprocess.run([WATCHED.compiler, *flags, str(source)], check=True)
    done = subprocess.run([str(tmp_path / "past")], capture_output=True, text=True, check=False)
    assert "heap-buffer-overflow" in done.stderr
