"""Everything that a training needs to go on after its process died, in one file that is replaced whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim.learning.learner import Learner
from sim.weights import ModelError, read_arrays, write_arrays


@dataclass
class Counters:
    """How far a training is. The best iteration's figures come with it, so that a resumed run keeps comparing."""

    iterations: int = 0
    episodes: int = 0
    steps: int = 0
    elapsed_ms: int = 0
    best_iteration: int | None = None
    best_completion: float = -1.0
    best_lap_steps: int | None = None
    progressed_ms: int = 0
    """Elapsed time when the evaluation last got better."""


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
        counters = Counters(**notes["counters"])  # type: ignore[arg-type]
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
