"""Everything that a training needs to go on after its process died, in one file that is replaced whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim.learning.adam import Adam
from sim.learning.networks import ActorCritic
from sim.learning.ppo import Optimisers
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


def save_checkpoint(
    path: Path, model: ActorCritic, optimisers: Optimisers, rng: np.random.Generator, counters: Counters
) -> None:
    """Weights, Adam's state, the scale of the returns, the random state and the counters."""
    arrays: dict[str, np.ndarray[Any, Any]] = {"returns": np.array([float(model.return_mean), float(model.return_std)])}
    for name, adam in _named(optimisers):
        arrays[f"{name}.weights"] = adam.flat.numpy()
        arrays[f"{name}.mean"] = adam.mean.numpy()
        arrays[f"{name}.square"] = adam.square.numpy()
    notes: dict[str, object] = {
        "counters": asdict(counters),
        "adam_steps": {name: adam.steps for name, adam in _named(optimisers)},
        "random": rng.bit_generator.state,
    }
    write_arrays(path, arrays, notes)


def load_checkpoint(path: Path, model: ActorCritic, optimisers: Optimisers, rng: np.random.Generator) -> Counters:
    """The other way round, into a fresh model, optimiser and generator. ModelError for a file that does not fit."""
    expected: dict[str, tuple[tuple[int, ...], str]] = {"returns": ((2,), "float64")}
    for name, adam in _named(optimisers):
        for part in ("weights", "mean", "square"):
            expected[f"{name}.{part}"] = (tuple(adam.flat.shape), "float32")
    arrays, notes = read_arrays(path, expected)
    try:
        counters = Counters(**notes["counters"])  # type: ignore[arg-type]
        steps = {name: int(notes["adam_steps"][name]) for name, _ in _named(optimisers)}  # type: ignore[index]
        rng.bit_generator.state = notes["random"]  # type: ignore[assignment]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is broken ({error}); start the training anew") from error
    for name, adam in _named(optimisers):
        weights, mean, square = (
            torch.from_numpy(arrays[f"{name}.{part}"].copy()) for part in ("weights", "mean", "square")
        )
        adam.restore((steps[name], weights, mean, square))
    model.return_mean.fill_(float(arrays["returns"][0]))
    model.return_std.fill_(float(arrays["returns"][1]))
    return counters


def _named(optimisers: Optimisers) -> tuple[tuple[str, Adam], tuple[str, Adam]]:
    return ("policy", optimisers.policy), ("critic", optimisers.critic)
