"""How many laps a second camera networks drive: in the native core, and by torch one step after the other.

Times are the processor's time of the one thread that drives, so that other work on the machine counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bench.imitation import ROUNDS, Imitation
from sim.action_space import ContinuousActionSpace
from sim.camera import Camera
from sim.drive_rows import drive_until_done
from sim.episode import EpisodeRules
from sim.layers import Picture
from sim.learning.policy_network import PolicyNetwork
from sim.model_folder import ModelFolder
from sim.network_layout import NetworkLayout, network_layout
from sim.rollout import Rollout, Shown
from sim.sensors import FRONT_FACING_CAMERA, PADDOCK_CAMERA, PADDOCK_CAMERA_40X30, SHALLOW_CNN, Network, Sensor
from sim.track import Track
from sim.world import World

CARS = 16
MOST_STEPS = 2000
WINDOW_S = 0.3

Commands = NDArray[np.float64]


@dataclass(frozen=True)
class Laps:
    """What one drive of all cars came to."""

    complete: int
    wanted: int
    steps: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Complete laps in a second."""
        return self.complete / self.seconds


class CameraCars:
    """Cars of a continuous `teacher` that see by a camera instead: a world, and a policy for it."""

    def __init__(self, network: Network, sensor: Sensor, track: Track, teacher: ModelFolder) -> None:
        space = teacher.car.action_space
        assert isinstance(space, ContinuousActionSpace)  # noqa: S101  the imitation's loss is of means
        self.space, self.track, self.teacher = space, track, teacher
        self.camera = Camera(sensor.name)
        self.layout: NetworkLayout = network_layout(network, [(sensor, Picture(*sensor.shape))], 2, continuous=False)
        self.torch = PolicyNetwork(self.layout, np.random.default_rng(0))

    def learn(self) -> None:
        """Imitate the teacher until all cars complete three laps, or the rounds are over."""
        imitation = Imitation(self.layout, self.track, self.camera, self.space, self.teacher.policy())
        for _ in range(ROUNDS):
            imitation.learn()
            self.torch = imitation.network
            found = self.native(CARS, 3)
            if found.complete == found.wanted:
                return

    def native(self, cars: int, laps: int) -> Laps:
        """Laps by the core."""
        world = self._world(cars, laps)
        policy = self.layout.policy(self.torch.arrays())
        rollout = Rollout(world, policy, self.space, [[Shown(world.camera, 0, world.camera[0].size)]])
        start = time.thread_time()
        rows = drive_until_done(rollout)
        seconds = time.thread_time() - start
        complete = sum(len(car.lap_ends) for car in rows)
        return Laps(complete, cars * laps, sum(len(car.states) - 1 for car in rows), seconds)

    def by_torch(self, cars: int, laps: int) -> Laps:
        """The same in Python with torch's forward pass, one thread."""
        world = self._world(cars, laps)
        complete = steps = 0
        start = time.thread_time()
        with torch.inference_mode():
            while not world.done.all():
                steps += int((~world.done).sum())
                outputs = self.torch([torch.from_numpy(world.camera)]).numpy()
                world.step(self.space.commands(outputs))
                complete += int(np.count_nonzero(world.lap_steps))
        return Laps(complete, cars * laps, steps, time.thread_time() - start)

    def forward_us(self, pictures: int) -> tuple[float, float]:
        """Microseconds for each of so many pictures at once: the core's forward pass alone, and torch's."""
        policy = self.layout.policy(self.torch.arrays())
        height, width, channels = self.camera.shape
        seen = np.random.default_rng(0).integers(0, 256, (pictures, height, width, channels), np.uint8)
        out = policy.forward(seen)
        ours = _best_s(lambda: policy.forward(seen, out))
        with torch.inference_mode():
            theirs = _best_s(lambda: self.torch([torch.from_numpy(seen)]))
        return 1e6 * ours / pictures, 1e6 * theirs / pictures

    def _world(self, cars: int, laps: int) -> World:
        rules = EpisodeRules(laps=laps, continuous=True, maximum_steps=MOST_STEPS, auto_reset=False)
        world = World(self.track, cars, seed=0, rules=rules, camera=self.camera)
        world.reset(None, np.arange(cars) / cars)
        return world


def small_cars(track: Track, teacher: ModelFolder) -> CameraCars:
    """Paddock's own camera network on the small picture."""
    return CameraCars(PADDOCK_CAMERA, PADDOCK_CAMERA_40X30, track, teacher)


def real_cars(track: Track, teacher: ModelFolder) -> CameraCars:
    """DeepRacer's 3-layer network on the real picture."""
    return CameraCars(SHALLOW_CNN, FRONT_FACING_CAMERA, track, teacher)


def best_of(runs: int, drive: Callable[[], Laps]) -> Laps:
    """The fastest of several drives."""
    return max((drive() for _ in range(runs)), key=lambda laps: laps.per_second)


def _best_s(call: Callable[[], object]) -> float:
    """Seconds of processor time of the fastest call within a window."""
    best, end = np.inf, time.thread_time() + WINDOW_S
    while time.thread_time() < end:
        start = time.thread_time()
        call()
        best = min(best, time.thread_time() - start)
    return best
