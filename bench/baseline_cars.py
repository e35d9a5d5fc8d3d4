"""Our cars as Stable-Baselines3 takes them: one native call for a step of all of them, as for our own learner."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from sim.vector_env import RacingVectorEnv


class BaselineCars(VecEnv):  # type: ignore[misc]
    """The cars of an environment that begins episodes anew at once. Pictures come channels first, `stack` of them side
    by side, oldest first, as the policy of the preset sees them."""

    def __init__(self, cars: RacingVectorEnv, stack: int = 1) -> None:
        self.cars = cars
        self.pictures = len(cars.single_observation_space.shape or ()) == 3
        self.stack = stack
        space = cars.single_observation_space
        if self.pictures:
            height, width, channels = space.shape or (0, 0, 0)
            space = gym.spaces.Box(0, 255, (channels * stack, height, width), np.uint8)
        self.seen: NDArray[Any] = np.zeros((cars.num_envs, *(space.shape or ())), space.dtype)
        super().__init__(cars.num_envs, space, cars.single_action_space)

    def reset(self, options: dict[str, Any] | None = None) -> NDArray[Any]:
        """All cars begin."""
        frames, _ = self.cars.reset(seed=self._seeds[0], options=options)  # each car draws a stream of its own of it
        self._reset_seeds()
        self._look(frames, np.ones(self.num_envs, np.bool_))
        return self.seen.copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        """What they are to do."""
        self.actions = actions

    def step_wait(self) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """They do it; where one ended, its info says what it saw last."""
        frames, rewards, ended, cut, info = self.cars.step(self.actions)
        done = ended | cut
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if "final_obs" in info:
            last = self._pushed(_with(frames, info["final_obs"], done))
            for car in np.flatnonzero(done):
                infos[car] = {"terminal_observation": last[car].copy(), "TimeLimit.truncated": bool(cut[car])}
        self._look(frames, done if "final_obs" in info else np.zeros_like(done))
        return self.seen.copy(), rewards.astype(np.float32), done, infos

    def close(self) -> None:
        """Let them go."""
        self.cars.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Of the environment, for each car."""
        return [getattr(self.cars, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """TypeError: they share one environment, which nobody changes."""
        raise TypeError(f"all cars share one environment, in which {attr_name} cannot be set for some")

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """TypeError: they share one environment."""
        raise TypeError(f"all cars share one environment, whose {method_name} cannot be called for some")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """None of them is."""
        return [False] * self.num_envs

    def _laid_out(self, frames: NDArray[Any]) -> NDArray[Any]:
        return np.moveaxis(frames, -1, 1) if self.pictures else frames

    def _pushed(self, frames: NDArray[Any]) -> NDArray[Any]:
        """What they see with these frames as the newest."""
        newest = self._laid_out(frames)
        return np.concatenate([self.seen[:, newest.shape[1] :], newest], 1) if self.pictures else newest.copy()

    def _look(self, frames: NDArray[Any], fresh: NDArray[np.bool_]) -> None:
        """Take the frames in; cars that begin see their first one `stack` times."""
        self.seen = self._pushed(frames)
        if self.pictures:
            self.seen[fresh] = np.tile(self._laid_out(frames)[fresh], (1, self.stack, 1, 1))


def _with(frames: NDArray[Any], last: NDArray[Any], done: NDArray[np.bool_]) -> NDArray[Any]:
    """The frames, but for cars that are done the last ones before they began anew."""
    mixed = frames.copy()
    for car in np.flatnonzero(done):
        mixed[car] = last[car]
    return mixed


class SmallTower(BaseFeaturesExtractor):  # type: ignore[misc]
    """The convolutions and the layer of Paddock's small network, for pictures that are too small for theirs."""

    def __init__(self, observation_space: gym.spaces.Box) -> None:
        super().__init__(observation_space, 64)
        channels, height, width = observation_space.shape
        rows, columns = (((side - 4) // 2 + 1 - 3) // 2 + 1 for side in (height, width))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 8, 4, 2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * rows * columns, 64),
            nn.ReLU(),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, channels, height, width) in [0, 1] to (n, 64)."""
        features: torch.Tensor = self.layers(pictures)
        return features
