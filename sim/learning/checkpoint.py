"""Everything that a training needs to go on after its process died, in one file that is replaced whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim.learning.learner import Learner
from sim.weights import ModelError, read_arrays, write_arrays


@dataclass
class Counters:
    """How far a training is."""

    iterations: int = 0
    episodes: int = 0
    steps: int = 0
    elapsed_ms: int = 0
    best_completion: float = -1.0
    """The highest of all evaluations."""
    progressed_ms: int = 0
    """Elapsed time when it last got higher."""
    complete_at_steps: int | None = None
    """Steps driven when an evaluation first was complete."""

    @classmethod
    def from_json(cls, said: Any) -> Counters:
        """What `asdict` gave; what only an earlier version counted is left out."""
        return cls(**{field.name: said[field.name] for field in fields(cls) if field.name in said})

    @property
    def refined(self) -> int:
        """Steps driven since an evaluation first was complete; 0 before."""
        return 0 if self.complete_at_steps is None else self.steps - self.complete_at_steps


def save_checkpoint(path: Path, learner: Learner, rng: np.random.Generator, counters: Counters) -> None:
    """Weights, Adam's state, what the learner has besides, the random state and the counters."""
    arrays: dict[str, np.ndarray[Any, Any]] = learner.besides()
    for name, adam in learner.adams.items():
        arrays[f"{name}.weights"] = adam.flat.cpu().numpy()
        arrays[f"{name}.mean"] = adam.mean.cpu().numpy()
        arrays[f"{name}.square"] = adam.square.cpu().numpy()
    notes: dict[str, object] = {
        "counters": asdict(counters),
        "adam_steps": {name: adam.steps for name, adam in learner.adams.items()},
        "random": rng.bit_generator.state,
    }
    write_arrays(path, arrays, notes)


def load_checkpoint(path: Path, learner: Learner, rng: np.random.Generator) -> Counters:
    """The other way round, into a fresh learner and generator. ModelError for a file that does not fit."""
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        name: (array.shape, array.dtype.name) for name, array in learner.besides().items()
    }
    for name, adam in learner.adams.items():
        for part in ("weights", "mean", "square"):
            expected[f"{name}.{part}"] = (tuple(adam.flat.shape), "float32")
    arrays, notes = read_arrays(path, expected)
    try:
        counters = Counters.from_json(notes["counters"])
        steps = {name: int(notes["adam_steps"][name]) for name in learner.adams}  # type: ignore[index]
        rng.bit_generator.state = notes["random"]  # type: ignore[assignment]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is broken ({error}); start the training anew") from error
    for name, adam in learner.adams.items():
        weights, mean, square = (
            torch.from_numpy(arrays[f"{name}.{part}"].copy()) for part in ("weights", "mean", "square")
        )
        adam.restore((steps[name], weights, mean, square))
    learner.take_besides(arrays)
    return counters
