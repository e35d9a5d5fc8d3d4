"""A camera network that drives laps, within seconds: it imitates a policy that sees the track vector.

It watches that policy drive with some noise; then it drives half of the cars itself, still told at each place what the
other would do (Ross, Gordon, Bagnell, "A reduction of imitation learning to no-regret online learning", 2011).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.camera import Camera
from sim.episode import EpisodeRules
from sim.learning.policy_network import PolicyNetwork
from sim.network_layout import NetworkLayout
from sim.policy import Policy
from sim.track import Track
from sim.world import World

ROUNDS = 6
CARS, STEPS = 64, 40
EPISODE_STEPS = 60
EPOCHS, BATCH, RATE = 6, 64, 1e-3
NOISE_DEG, NOISE_KEPT = 8.0, 0.8


class Imitation:
    """`space` is that of both policies, `teacher` sees `World.features`."""

    def __init__(
        self, layout: NetworkLayout, track: Track, camera: Camera, space: ContinuousActionSpace, teacher: Policy
    ) -> None:
        self.layout, self.track, self.camera, self.space, self.teacher = layout, track, camera, space, teacher
        torch.manual_seed(0)
        self.network = PolicyNetwork(layout, np.random.default_rng(0))
        self.optimiser = torch.optim.Adam(self.network.parameters(), RATE)
        self.pictures: list[NDArray[np.uint8]] = []
        self.outputs: list[NDArray[np.float64]] = []

    def policy(self) -> Policy:
        """The network as it is now, in the native core."""
        return self.layout.policy(self.network.arrays())

    def learn(self) -> None:
        """One round: watch, and drive along from the second round on; then go through all that was seen."""
        self._watch(self.policy() if self.pictures else None)
        pictures = torch.from_numpy(np.concatenate(self.pictures))
        outputs = torch.from_numpy(np.concatenate(self.outputs)).float()
        for _ in range(EPOCHS):
            for chosen in torch.randperm(len(pictures)).split(BATCH):
                loss = ((self.network([pictures[chosen]]) - outputs[chosen]) ** 2).mean()
                self.optimiser.zero_grad()
                loss.backward()
                self.optimiser.step()

    def _watch(self, pupil: Policy | None) -> None:
        seed = len(self.pictures)
        rules = EpisodeRules(start="random", maximum_steps=EPISODE_STEPS)
        world = World(self.track, CARS, seed=seed, rules=rules, camera=self.camera)
        random, noise = np.random.default_rng(seed), np.zeros(CARS)
        for step in range(STEPS):
            commands = self.space.commands(self.teacher.forward(world.features))
            if step % 2 == 0:
                self.pictures.append(world.camera.copy())
                self.outputs.append(self.space.outputs(commands))
            if pupil is not None:
                commands[::2] = self.space.commands(pupil.forward(world.camera))[::2]
            noise = NOISE_KEPT * noise + random.normal(0.0, NOISE_DEG, CARS)
            commands[:, 0] += noise
            world.step(commands)
