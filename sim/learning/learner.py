"""What a training asks of an algorithm: what drives now, and to learn from what was driven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from sim.hyperparameters import Hyperparameters
from sim.learning.adam import Adam
from sim.learning.ppo_learner import PpoLearner
from sim.learning.rollouts import Rollout
from sim.learning.sac_learner import SacLearner
from sim.model_folder import PolicyArrays
from sim.network_layout import NetworkLayout
from sim.weights import ModelError


class Learner(Protocol):
    """An algorithm with its networks. Everything that learning changes is in `adams` and `besides`, but for the memory
    of an algorithm that has one: it fills anew."""

    visits: float
    """How often a step that was driven is learned from."""

    def log_std(self) -> NDArray[np.float64]:
        """(outputs,) log of the spread around continuous means with which the cars explore; unused by discrete ones."""

    def policy_arrays(self) -> PolicyArrays:
        """Copies of the policy's arrays, for the native core and the model's file."""

    def load_policy(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Begin with the policy of another model. ValueError for arrays of another network."""

    def learn(self, rollout: Rollout, rewards: NDArray[np.float64], refined: int = 0) -> None:
        """Learn from a rollout and its (steps, cars) rewards, `refined` steps after laps were complete. Numbers may run
        away: `learn_or_restore` looks."""

    @property
    def adams(self) -> dict[str, Adam]:
        """Each optimiser with the weights that it moves, under the name that a checkpoint has for it."""

    def besides(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds besides, by name."""

    def take_besides(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """The other way round."""


def learn_or_restore(learner: Learner, rollout: Rollout, rewards: NDArray[np.float64], refined: int = 0) -> None:
    """`learner.learn` of the same arguments. ModelError where the numbers ran away; everything that a checkpoint holds
    is then as it was before."""
    states, besides = {name: adam.state() for name, adam in learner.adams.items()}, learner.besides()
    learner.learn(rollout, rewards, refined)
    if all(bool(torch.isfinite(adam.flat).all()) for adam in learner.adams.values()):
        return
    for name, adam in learner.adams.items():
        adam.restore(states[name])
    learner.take_besides(besides)
    raise ModelError("the network's numbers ran away; lower the learning rate or the size of the rewards")


def learner_of(
    algorithm: str,
    layout: NetworkLayout,
    hyperparameters: Hyperparameters,
    rng: np.random.Generator,
    device: torch.device,
) -> Learner:
    """The learner with the `training_algorithm` of a car, its networks on `device`."""
    made = SacLearner if algorithm == "sac" else PpoLearner
    learner: Learner = made(layout, hyperparameters, rng, device)
    return learner
