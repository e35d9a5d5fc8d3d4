"""A policy at the wheel, one step at a time in Python; the native rollout is held equal to this to the bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.driver import Observer
from sim.policy import Policy
from sim.world import World


class Driver:
    """Always the policy's most likely action, or the mean of continuous ones."""

    def __init__(self, policy: Policy, car: Car, world: World, stack_size: int = 1) -> None:
        self.policy = policy
        self.car = car
        self.observer = Observer(world, car, stack_size)
        self.table = None if isinstance(car.action_space, ContinuousActionSpace) else car.action_space.table()

    def choose(self) -> tuple[NDArray[np.int64] | None, NDArray[np.float64]]:
        """(n,) indices of discrete actions (None where they are continuous) and (n, 2) commands [deg, m/s]."""
        outputs = self.policy.forward(self.observer.look())
        if self.table is None:
            return None, np.ascontiguousarray(self.car.action_space.commands(outputs))
        chosen = np.argmax(outputs, axis=1)
        return chosen, self.table[chosen]
