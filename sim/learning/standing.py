"""What a policy reached in its evaluation, and which of two is the better one to keep."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from sim.learning.trial import Trial


@dataclass(frozen=True)
class Standing:
    """Of the policy after an iteration (0: what a clone began with, None: none yet): per cent of the plain form, its
    fastest and its mean clean lap in rows; per cent of the race's form and its rows, where all of it was driven."""

    iteration: int | None = None
    completion: float = -1.0
    lap_steps: int | None = None
    mean_lap_steps: float | None = None
    race_completion: float | None = None
    race_steps: int | None = None

    @classmethod
    def of(cls, trial: Trial, iteration: int) -> Standing:
        """What a trial says."""
        return cls(
            iteration=iteration,
            completion=trial.completion,
            lap_steps=trial.best_lap_steps,
            mean_lap_steps=trial.mean_lap_steps,
            race_completion=trial.race.completion if trial.race else None,
            race_steps=trial.race.total_steps if trial.race else None,
        )

    def rank(self, best_by: str) -> tuple[float, ...]:
        """More is better. "laps": completion, then the fastest lap, then the mean one, for a lap is whole steps long
        and many policies share the fastest. "race": how much of a race it drives, in how many steps, then as before."""
        laps = (self.completion, _few(self.lap_steps), _few(self.mean_lap_steps))
        if best_by != "race":
            return laps
        driven = -1.0 if self.race_completion is None else self.race_completion
        return (driven, _few(self.race_steps), *laps)

    def to_json(self) -> dict[str, Any]:
        """What paddock.json says of the best policy."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: Any) -> Standing:
        """The other way round; what an earlier version did not say is unknown."""
        known = {field.name for field in fields(cls)}
        return (
            cls(**{name: value for name, value in said.items() if name in known}) if isinstance(said, dict) else cls()
        )


def _few(steps: float | None) -> float:
    return -math.inf if steps is None else -float(steps)
