"""Everything that a training needs to go on after its process died, in one file that is replaced whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim.learning.adam import Adam
from sim.learning.networks import ActorCritic
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
    path: Path, model: ActorCritic, optimiser: Adam, rng: np.random.Generator, counters: Counters
) -> None:
    """Weights, Adam's state, the scale of the returns, the random state and the counters."""
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "weights": optimiser.flat.numpy(),
        "adam.mean": optimiser.mean.numpy(),
        "adam.square": optimiser.square.numpy(),
        "returns": np.array([float(model.return_mean), float(model.return_std)]),
    }
    notes = {"counters": asdict(counters), "adam_steps": optimiser.steps, "random": rng.bit_generator.state}
    write_arrays(path, arrays, notes)


def load_checkpoint(path: Path, model: ActorCritic, optimiser: Adam, rng: np.random.Generator) -> Counters:
    """The other way round, into a fresh model, optimiser and generator. ModelError for a file that does not fit."""
    size = tuple(optimiser.flat.shape)
    expected = dict.fromkeys(("weights", "adam.mean", "adam.square"), (size, "float32"))
    arrays, notes = read_arrays(path, {**expected, "returns": ((2,), "float64")})
    try:
        counters = Counters(**notes["counters"])  # type: ignore[arg-type]
        optimiser.steps = int(notes["adam_steps"])  # type: ignore[call-overload]
        rng.bit_generator.state = notes["random"]  # type: ignore[assignment]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is broken ({error}); start the training anew") from error
    optimiser.flat.copy_(torch.from_numpy(arrays["weights"].copy()))
    optimiser.mean.copy_(torch.from_numpy(arrays["adam.mean"].copy()))
    optimiser.square.copy_(torch.from_numpy(arrays["adam.square"].copy()))
    model.return_mean.fill_(float(arrays["returns"][0]))
    model.return_std.fill_(float(arrays["returns"][1]))
    return counters
