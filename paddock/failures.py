"""Errors that a person can mend: shown as one line, told apart by exit code."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError

from paddock.valkey import ValkeyError
from portal.rules.broken import RuleBroken
from portal.settings import SettingsError
from sim.reward_state import RewardFailed


class PartMissing(RuntimeError):
    """Something that Paddock needs here is not there; the message says the mend."""


MISSING_ERRORS = (PartMissing, ValkeyError, SettingsError, ConnectionError, OperationalError)
INPUT_ERRORS = (ValueError, OSError, RuleBroken, RewardFailed)
"""TrackError, CarError, HyperparameterError and ModelError are ValueErrors."""
