"""SAC in a training: what was driven goes into the memory, and out of it come the gradient steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.hyperparameters import Hyperparameters
from sim.learning import sac
from sim.learning.adam import Adam
from sim.learning.device import CPU
from sim.learning.replay_memory import ReplayMemory
from sim.learning.rollouts import Rollout
from sim.model_folder import PolicyArrays
from sim.network_layout import NetworkLayout
from sim.world import FEATURE_COUNT

LEAST_SCALE = 1e-8


class SacLearner:
    """Actor, critics and temperature with their optimisers, and the memory, which a checkpoint does not hold."""

    def __init__(
        self,
        layout: NetworkLayout,
        hyperparameters: Hyperparameters,
        rng: np.random.Generator,
        device: torch.device = CPU,
    ) -> None:
        self.rng, self.device = rng, device
        self.settings = sac.SacSettings.of(hyperparameters)
        self.visits = self.settings.replays
        self.model = sac.SacModel(layout, FEATURE_COUNT, self.settings, rng).to(device)
        self.optimisers = sac.make_optimisers(self.model, self.settings)
        self.memory = ReplayMemory(self.settings.memory_rows, self.settings.memory_bytes)
        self.reward_scale = 0.0
        """Size of the rewards in whose unit the critics are; 0 before the first."""

    def log_std(self) -> NDArray[np.float64]:
        """(2,) log of the spread before squashing: the cars explore a little wider than the policy that is learned."""
        return self.model.log_std.detach().double().cpu().numpy().copy()

    def policy_arrays(self) -> PolicyArrays:
        """The actor's."""
        return self.model.actor.arrays()

    def load_policy(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Begin with another actor; everything else stays new."""
        self.model.actor.load(arrays)

    @property
    def adams(self) -> dict[str, Adam]:
        """Of actor with spread, critics, temperature."""
        made = self.optimisers
        return {"policy": made.policy, "critic": made.critic, "temperature": made.temperature}

    def besides(self) -> dict[str, NDArray[Any]]:
        """The critics' targets, flat, and the scale of the rewards."""
        flat = torch.cat([part.reshape(-1) for part in self.model.targets.parameters()])
        return {"targets": flat.cpu().numpy().copy(), "reward_scale": np.array([self.reward_scale])}

    def take_besides(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """The other way round."""
        first = 0
        with torch.no_grad():
            for part in self.model.targets.parameters():
                numbers = torch.from_numpy(arrays["targets"][first : first + part.numel()].copy())
                part.copy_(numbers.view_as(part))
                first += part.numel()
        self.reward_scale = float(arrays["reward_scale"][0])

    def learn(self, rollout: Rollout, rewards: NDArray[np.float64], refined: int = 0) -> None:
        """Remember the rollout; once there is enough to learn from, as many gradient steps as it has earned. A memory
        learns from much at once as it is, so it goes on in the same way however far the policy is."""
        self.memory.add(rollout, rewards)
        rows = self.memory.learnable()
        if len(rows) < self.settings.begin_rows:
            return
        self._rescale()
        count = max(1, round(rollout.done.size * self.settings.replays / self.settings.batch_size))
        for _ in range(count):
            chosen = rows[self.rng.integers(len(rows), size=self.settings.batch_size)]
            batch = self.memory.transitions(chosen, self.reward_scale).to(self.device)
            sac.update(self.model, self.optimisers, batch, (self._noise(), self._noise()), self.settings)

    def _noise(self) -> Tensor:
        shape = (self.settings.batch_size, self.model.layout.outputs)
        return torch.from_numpy(self.rng.standard_normal(shape, np.float32)).to(self.device)

    def _rescale(self) -> None:
        """Rewards in units of the size of those in memory; what the critics say of them stays the same."""
        before, self.reward_scale = self.reward_scale, max(LEAST_SCALE, self.memory.reward_size())
        if before > 0.0:
            self.model.critics.rescale(before / self.reward_scale)
            self.model.targets.rescale(before / self.reward_scale)
