"""Clipped PPO in a training: from a rollout and its rewards to the next policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.hyperparameters import Hyperparameters
from sim.learning import ppo
from sim.learning.adam import Adam
from sim.learning.crew import Crew, threads_here
from sim.learning.device import CPU
from sim.learning.networks import INITIAL_LOG_STD, ActorCritic
from sim.learning.rollouts import Rollout
from sim.model_folder import PolicyArrays
from sim.network_layout import NetworkLayout
from sim.world import FEATURE_COUNT


class PpoLearner:
    """Actor and critic with their optimisers; a rollout is learned from once and forgotten.

    Once laps are complete the learner refines: it tries less and less besides what it knows to be good, and its step
    size follows from how far the policy moves. `pace` is the share of the racer's learning rate that is left.
    """

    def __init__(
        self,
        layout: NetworkLayout,
        hyperparameters: Hyperparameters,
        rng: np.random.Generator,
        device: torch.device = CPU,
    ) -> None:
        self.rng, self.device = rng, device
        self.settings = ppo.PpoSettings.of(hyperparameters, sees_pictures=layout.sees_pictures)
        self.visits = float(self.settings.num_epochs)
        self.model = ActorCritic(layout, FEATURE_COUNT, rng).to(device)
        self.optimisers = ppo.make_optimisers(self.model, self.settings)
        self.pace = 1.0

    def log_std(self) -> NDArray[np.float64]:
        """(outputs,) log of the learned spread."""
        return self.model.log_std.detach().double().cpu().numpy().copy()

    def policy_arrays(self) -> PolicyArrays:
        """The actor's."""
        return self.model.policy_arrays()

    def load_policy(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Begin with another actor; critic, optimisers and spread stay new."""
        self.model.actor.load(arrays)

    @property
    def adams(self) -> dict[str, Adam]:
        """Of actor with spread, and critic."""
        return {"policy": self.optimisers.policy, "critic": self.optimisers.critic}

    def besides(self) -> dict[str, NDArray[Any]]:
        """The scale of the returns, mean and spread, and the pace."""
        scale = np.array([float(self.model.return_mean), float(self.model.return_std)])
        return {"returns": scale, "pace": np.array([self.pace])}

    def take_besides(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """The other way round."""
        self.model.return_mean.fill_(float(arrays["returns"][0]))
        self.model.return_std.fill_(float(arrays["returns"][1]))
        self.pace = float(arrays["pace"][0])

    def _there(self, array: NDArray[Any]) -> Tensor:
        """The numbers on the device that learns."""
        return torch.from_numpy(array).to(self.device)

    def learn(self, rollout: Rollout, rewards: NDArray[np.float64], refined: int = 0) -> None:
        """The critic first, then the actor by what the fresh critic says."""
        estimates, values = self._estimates(rollout, rewards)
        returns = self._there((estimates + values).reshape(-1))
        features = self._there(rollout.features.reshape(len(returns), -1))
        ppo.fit_critic(self.model, self.optimisers.critic, features, returns, self.settings, self.rng)
        batch = self._batch(rollout, self._estimates(rollout, rewards)[0])
        self.optimisers.policy.lr = self.settings.lr * self.pace
        report = self._improve(batch)
        if refined:
            self.pace = ppo.next_pace(self.pace, report.kl)
            self.model.narrow(INITIAL_LOG_STD + math.log(ppo.exploration_left(refined)))

    def _improve(self, batch: ppo.Batch) -> ppo.UpdateReport:
        if not self.model.layout.sees_pictures or self.device.type != "cpu":  # a GPU is quicker with the whole
            return ppo.update(self.model, self.optimisers.policy, batch, self.settings, self.rng)
        with Crew(threads_here()) as crew:
            return ppo.update(self.model, self.optimisers.policy, batch, self.settings, self.rng, crew)

    def _estimates(
        self, rollout: Rollout, rewards: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Advantages and values (steps, cars), as the critic sees them now.

        What a step leads to is what the next one begins with, but where an episode or the rollout ends.
        """
        values = self._values(rollout.features)
        ends = rollout.done.copy()
        ends[-1] = True
        next_values = np.roll(values, -1, axis=0)
        next_values[ends] = self._values(rollout.next_features[ends])
        estimates = ppo.advantages(rewards, values, next_values, rollout.terminal, rollout.done, self.settings)
        return estimates, values

    def _values(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the critic says of features (..., inputs)."""
        rows = self._there(features.reshape(-1, features.shape[-1]))
        return self.model.values(rows).cpu().numpy().reshape(features.shape[:-1])

    def _batch(self, rollout: Rollout, estimates: NDArray[np.float64]) -> ppo.Batch:
        rows = rollout.done.size
        observations = tuple(self._there(seen.reshape(rows, *seen.shape[2:])) for seen in rollout.observations)
        return ppo.Batch(
            observations=observations,
            actions=self._there(rollout.actions.reshape(rows, *rollout.actions.shape[2:])),
            log_probabilities=self._there(rollout.log_probabilities.reshape(rows)),
            advantages=self._there(ppo.normalised(estimates).reshape(-1)),
            epsilon=rollout.epsilon,
        )
