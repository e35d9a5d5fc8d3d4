"""Driving to learn: many cars at once, each its own episode, with actions drawn from the policy.

"Episodes between updates" with parallel cars: a rollout ends once that many episodes ended, counted over all cars, and
at least LEAST_STEPS steps were driven; or, where episodes are long, once every car drove MOST_STEPS_PER_CAR steps.
Episodes that are still running go on in the next rollout, so laps are completed however long they are. There are as
many cars as episodes between updates, but at least LEAST_CARS and at most MOST_CARS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ContinuousActionSpace
from sim.car import Car
from sim.driver import LIDAR_NOISE_M, Observer, needs_lidar
from sim.episode import STATUS_CODE, EpisodeRules, EpisodeStatus
from sim.hyperparameters import Hyperparameters
from sim.learning.shape import LOG_STD_RANGE
from sim.objects import TrackObjects
from sim.policy import Policy
from sim.sector_lidar import sectors_of
from sim.track import Track
from sim.world import World

LEAST_CARS, MOST_CARS = 16, 64
LEAST_STEPS = 512
MOST_STEPS_PER_CAR = 128
ADVANCE = 0.05
"""Each episode starts 5 % of the lap further on, as in the console, plus a random part of those 5 %."""

TERMINAL = tuple(
    STATUS_CODE[status]
    for status in (
        EpisodeStatus.OFF_TRACK,
        EpisodeStatus.CRASHED,
        EpisodeStatus.IMMOBILIZED,
        EpisodeStatus.REVERSED,
        EpisodeStatus.ERROR,
    )
)
"""Endings after which nothing is worth anything. A lap that is complete is none: the road goes on behind the line, and
a policy that is paid per step must gain nothing from not crossing it."""


@dataclass(frozen=True)
class Rollout:
    """What was driven, first axis steps, second cars. Rewards come later, for all of it in one batch."""

    observations: NDArray[np.float32]
    """(T, n, inputs) before each action."""
    features: NDArray[np.float32]
    """(T, n, FEATURE_COUNT) before each action, for the critic."""
    next_features: NDArray[np.float32]
    """(T, n, FEATURE_COUNT) after it, before any reset."""
    actions: NDArray[np.int64] | NDArray[np.float32]
    """(T, n) indices, or (T, n, 2) in units of half the range, not clipped."""
    states: NDArray[np.float64]
    """(T, n, columns of the world's reward states) after the action."""
    status: NDArray[np.uint8]
    """(T, n)."""
    done: NDArray[np.bool_]
    """(T, n)."""
    first_car_states: NDArray[np.float64]
    """(T, columns) of the first car before the action, for its log's `prepare` rows."""
    first_car_status: NDArray[np.uint8]
    """(T,)."""
    epsilon: float

    @property
    def terminal(self) -> NDArray[np.bool_]:
        """(T, n) steps behind which nothing comes."""
        ended: NDArray[np.bool_] = self.done & np.isin(self.status, TERMINAL)
        return ended

    def reward_batch(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """(T * n, F) states in time order and (T * n,) whose they are, as a RewardSource takes them."""
        steps, cars = self.done.shape
        whose = np.tile(np.arange(cars, dtype=np.int32), steps)
        return np.ascontiguousarray(self.states.reshape(steps * cars, self.states.shape[2])), whose


def car_count(hyperparameters: Hyperparameters) -> int:
    """How many cars drive at once."""
    return max(LEAST_CARS, min(MOST_CARS, hyperparameters.num_episodes_between_training))


def exploration(hyperparameters: Hyperparameters, steps: int) -> float:
    """Share of random actions after this many steps: falls from 1 to the greediness with e-greedy, else 0."""
    if hyperparameters.exploration_type != "e-greedy":
        return 0.0
    gone = min(1.0, steps / max(1, hyperparameters.epsilon_steps))
    return 1.0 + gone * (hyperparameters.e_greedy_value - 1.0)


class TrainingGround:
    """The cars that learn, on the track as it is driven, with their running episodes."""

    def __init__(
        self,
        track: Track,
        car: Car,
        hyperparameters: Hyperparameters,
        rng: np.random.Generator,
        *,
        objects: TrackObjects | None = None,
        is_reversed: bool = False,
    ) -> None:
        self.car = car
        self.hyperparameters = hyperparameters
        self.rng = rng
        self.moving_start = track.closed
        self.episodes_begun = 0
        lidar = needs_lidar(car)
        self.world = World(
            track,
            car_count(hyperparameters),
            seed=int(rng.integers(2**63)),
            rules=EpisodeRules(),
            lidar=lidar,
            lidar_noise_m=LIDAR_NOISE_M if lidar else 0.0,
            sectors=sectors_of(car),
            objects=objects,
            is_reversed=is_reversed,
        )
        self._begin(np.ones(self.world.cars, np.bool_))
        self.observer = Observer(self.world, car, hyperparameters.stack_size)
        self.observation = self.observer.look()

    def drive(self, policy: Policy, log_std: NDArray[np.float64], steps_so_far: int) -> Rollout:
        """One rollout with the policy's actions drawn from its distribution; `log_std` (2,) for continuous ones."""
        parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _PARTS}
        epsilon = exploration(self.hyperparameters, steps_so_far)
        episodes, driven, world = 0, 0, self.world
        spread = np.exp(np.clip(log_std, *LOG_STD_RANGE))
        while not self._enough(episodes, driven):
            parts["observations"].append(self.observation)
            parts["features"].append(world.features.copy())
            parts["first_car_states"].append(world.reward_states[0].copy())
            parts["first_car_status"].append(world.status[0])
            chosen = self._draw(policy.forward(self.observation), spread, epsilon)
            world.step(np.ascontiguousarray(self.car.action_space.commands(chosen)))
            parts["actions"].append(chosen)
            for name, array in (("next_features", world.features), ("states", world.reward_states)):
                parts[name].append(array.copy())
            parts["status"].append(world.status.copy())
            parts["done"].append(world.done.copy())
            ended = int(world.done.sum())
            if ended:
                self._begin(world.done.copy())
            self.observation = self.observer.look()
            episodes += ended
            driven += world.cars
        return Rollout(**{name: np.stack(arrays) for name, arrays in parts.items()}, epsilon=epsilon)

    def _enough(self, episodes: int, driven: int) -> bool:
        if driven >= MOST_STEPS_PER_CAR * self.world.cars:
            return True
        return episodes >= self.hyperparameters.num_episodes_between_training and driven >= LEAST_STEPS

    def _draw(
        self, outputs: NDArray[np.float32], spread: NDArray[np.float64], epsilon: float
    ) -> NDArray[np.int64] | NDArray[np.float32]:
        if isinstance(self.car.action_space, ContinuousActionSpace):
            return draw_continuous(outputs, spread, epsilon, self.rng)
        return draw_discrete(outputs, epsilon, self.rng)

    def _begin(self, mask: NDArray[np.bool_]) -> None:
        """New episodes for these cars, each 5 % and a bit further along the lap than the one begun before it."""
        starts = np.zeros(self.world.cars)
        count = int(mask.sum())
        if self.moving_start:
            numbers = self.episodes_begun + np.arange(count)
            starts[mask] = (ADVANCE * (numbers + self.rng.random(count))) % 1.0
        self.episodes_begun += count
        self.world.reset(mask, starts)


_PARTS = (
    "observations",
    "features",
    "next_features",
    "actions",
    "states",
    "status",
    "done",
    "first_car_states",
    "first_car_status",
)


def draw_discrete(logits: NDArray[np.float32], epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """(n,) actions drawn from softmax(logits (n, actions)), or evenly with probability `epsilon`."""
    shares = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    actions = logits.shape[1]
    shares = (1.0 - epsilon) * shares + epsilon / actions
    heights = rng.random(len(logits))[:, None]
    chosen: NDArray[np.int64] = np.minimum((shares.cumsum(1) < heights).sum(1), actions - 1)
    return chosen


def draw_continuous(
    means: NDArray[np.float32], spread: NDArray[np.float64], epsilon: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """(n, 2) actions drawn around the means with this spread, or evenly from the box with probability `epsilon`."""
    drawn = means + spread * rng.standard_normal(means.shape)
    if epsilon > 0.0:
        even = rng.random(len(means)) < epsilon
        drawn[even] = rng.uniform(-1.0, 1.0, (int(even.sum()), means.shape[1]))
    return drawn.astype(np.float32)
