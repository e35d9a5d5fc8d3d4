"""Which errors are a person's to mend, and by which exit code they are told apart."""

from __future__ import annotations

import errno

import pytest

from jobs.sandbox.sandbox_process import SandboxUnavailable
from jobs.worker import SandboxMissing
from paddock import failures
from paddock.valkey import ValkeyError
from portal.rules.broken import Code, RuleBroken
from portal.settings import SettingsError
from sim.reward_state import RewardFailed
from sim.track import TrackError


@pytest.mark.parametrize(
    "error",
    [
        failures.PartMissing("x"),
        ValkeyError("x"),
        SettingsError("x"),
        SandboxMissing("x"),
        SandboxUnavailable("x"),
        ConnectionRefusedError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_there_is_told_from_wrong_input(error: Exception) -> None:
    assert failures.exit_code_of(error) == failures.MISSING


@pytest.mark.parametrize(
    "error",
    [TrackError("x"), RuleBroken(Code.INVALID, "x"), RewardFailed("x"), FileNotFoundError("x")],
    ids=lambda error: type(error).__name__,
)
def test_wrong_input_is_a_persons_to_mend(error: Exception) -> None:
    assert failures.exit_code_of(error) == failures.WRONG_INPUT


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError(), RuntimeError("x"), ZeroDivisionError()])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert failures.exit_code_of(error) is None


def test_a_full_disk_says_what_to_do() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "model/best.safetensors")
    assert failures.exit_code_of(error) == failures.WRONG_INPUT
    assert failures.words_of(error).startswith("the disk is full; make room and start again")


def test_every_name_in_the_lists_is_a_class_that_exists() -> None:
    import importlib

    for name in failures.MISSING_NAMES | failures.INPUT_NAMES:
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception), name
