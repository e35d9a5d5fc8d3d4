"""The layers, the self test, and what happens on a machine that lacks one."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from jobs.sandbox import RewardProcess, SandboxUnavailable, sandbox_layers
from jobs.sandbox.lockdown import MANDATORY, OPTIONAL
from jobs.sandbox.reward_process import Failed
from jobs.sandbox.self_test import PROBES
from sim.track import Track
from tests.jobs.sandbox.conftest import States

GOOD = "def reward_function(params):\n    return 1.0\n"
ATTACKS = (
    "import random\ndef reward_function(params):\n    random._os._exit(1)\n",
    "import random\ndef reward_function(params):\n    random._os.sys.modules['ctypes'].string_at(1)\n",
    "import random\ndef reward_function(params):\n    random._os.write(4, bytes(64))\n",
    "def reward_function(params):\n    return None\n",
    "def reward_function(params):\n    return len([0] * 10**9)\n",
)


def test_every_mandatory_layer_and_probe_holds_here() -> None:
    layers = sandbox_layers()
    assert set(layers) == {*MANDATORY, *OPTIONAL, *PROBES}
    assert [name for name in (*MANDATORY, *PROBES) if not layers[name]] == []


def test_a_machine_without_a_mandatory_layer_is_refused() -> None:
    process = RewardProcess(GOOD)
    with pytest.raises(SandboxUnavailable, match=r"this machine lacks: landlock; .*paddock doctor"):
        process._check_layers({"layers": dict.fromkeys(MANDATORY, True) | {"landlock": False}})


def test_doing_without_an_accepted_layer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    process = RewardProcess(GOOD, accept_missing=frozenset({"landlock"}))
    with caplog.at_level(logging.WARNING):
        process._check_layers({"layers": dict.fromkeys(MANDATORY, True) | {"landlock": False}})
    assert "runs without landlock" in caplog.text


def test_the_inside_pulls_in_no_room_of_the_house() -> None:
    """What the sandbox's own program imports before the lockdown: the standard library, itself and the native core."""
    code = "import sys, jobs.sandbox.runner; print(*sys.modules)"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert {name for name in modules if name.startswith("jobs.")} >= {"jobs.sandbox", "jobs.sandbox.lockdown"}
    assert {name for name in modules if name.partition(".")[0] == "sim"} == {"sim", "sim.native", "sim.native._core"}
    assert not modules & {"numpy", "portal", "jobs.sandbox.reward_process", "jobs.sandbox.sandbox_process"}


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()}


@pytest.mark.parametrize("count", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_attacked_sandboxes_leave_nothing_behind(count: int, track: Track, states: States) -> None:
    gc.collect()  # what earlier tests left to be collected
    before, family = open_descriptors(), children()
    for attack in range(count):
        with RewardProcess(ATTACKS[attack % len(ATTACKS)], deadline_s=1.0) as process:
            process.start(track, 1)
            with pytest.raises(Failed):
                process.rewards(states[:4], np.zeros(4, dtype=np.int32))
    assert open_descriptors() == before
    assert children() == family


def test_a_forgotten_sandbox_is_ended_and_reaped(track: Track) -> None:
    before = children()
    process = RewardProcess(GOOD)
    process.start(track, 1)
    assert len(children()) == len(before) + 1
    del process
    assert children() == before


def test_a_worker_that_is_killed_takes_its_sandbox_with_it() -> None:
    code = """
import sys, time
from jobs.sandbox import RewardProcess
from jobs.sandbox.self_test import _square
process = RewardProcess("def reward_function(params):\\n    while True: pass\\n", deadline_s=60)
process.start(_square(), 1)
print(process._process.pid, flush=True)
process.rewards(__import__("numpy").zeros((1, 19)), __import__("numpy").zeros(1, dtype="int32"))
"""
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        sandbox = int(worker.stdout.readline())
        worker.kill()
    for _ in range(200):
        if not Path(f"/proc/{sandbox}").exists() or " Z " in Path(f"/proc/{sandbox}/stat").read_text():
            return
        time.sleep(0.02)
    pytest.fail("the sandbox outlived its worker")


def test_it_loads_while_its_owner_does_other_things(track: Track, states: States) -> None:
    with RewardProcess(GOOD) as process:
        assert process._loading is not None
        assert not process.alive
        loading = process._loading.pid
        process.start(track, 1)
        assert process.pid == loading
        process.start(track, 1)
        assert process.pid != loading
        assert process.rewards(states[:2], np.zeros(2, dtype=np.int32)).tolist() == [1.0, 1.0]


def test_one_that_was_never_started_is_gone_as_well() -> None:
    with RewardProcess(GOOD) as process:
        assert process._loading is not None
        loading = process._loading.pid
    assert not Path(f"/proc/{loading}").exists()


def test_modules_that_do_not_load_are_the_machines_fault(track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.sandbox.reward_process.package_paths", list)
    process = RewardProcess("import numpy\n" + GOOD)
    with process, pytest.raises(SandboxUnavailable, match=r"did not start: ModuleNotFoundError: .*numpy"):
        process.start(track, 1)
    assert not process.alive
