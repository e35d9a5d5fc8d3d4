"""What a racer is told about a failure that is not the reward function's."""

from __future__ import annotations

from jobs.sandbox.sandbox_process import SandboxUnavailable
from sim.car import CarError
from sim.full_disk import is_full
from sim.hyperparameters import HyperparameterError
from sim.track import TrackError
from sim.weights import ModelError


class WeightsGone(Exception):
    """The folder with a model's weights is not there; the message says the mend."""


EXPLAINED = (CarError, HyperparameterError, ModelError, SandboxUnavailable, TrackError, WeightsGone)
"""Errors whose own message is for people and says the mend."""


def explain(error: Exception) -> str:
    """One line for the racer; what is behind it is in the worker's log."""
    if isinstance(error, EXPLAINED):
        return str(error)
    if is_full(error):
        return "The disk of this Paddock is full. Tell the administrator; what was saved before is kept."
    name = type(error).__name__
    return f"It failed inside Paddock ({name}). Start it again; if it fails again, tell the administrator."
