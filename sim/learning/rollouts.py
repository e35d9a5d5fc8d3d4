"""Driving to learn: many cars at once, each its own episode, with actions drawn from the policy by the native core.

"Episodes between updates" with parallel cars: a rollout ends once that many episodes ended, counted over all cars, and
at least LEAST_STEPS steps were driven; or, where episodes are long, once every car drove MOST_STEPS_PER_CAR steps.
Once laps are complete the latter grows, up to LONGEST_STEPS_PER_CAR. Episodes that are still running go on in the next
rollout, so laps are completed however long they are. There are as many cars as episodes between updates, but at least
LEAST_CARS and at most MOST_CARS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.action_space import DiscreteActionSpace
from sim.car import Car
from sim.driver import LIDAR_NOISE_M, camera_of, needs_lidar, rollout_of
from sim.episode import STATUS_CODE, EpisodeRules, EpisodeStatus
from sim.hyperparameters import Hyperparameters
from sim.layers import Numbers, Picture
from sim.learning.shape import LOG_STD_RANGE
from sim.learning.start_places import start_places
from sim.looks import USUAL_LOOK
from sim.objects import TrackObjects
from sim.policy import Policy
from sim.randomisation import USUAL_RANDOMISATION, randomisation_named
from sim.rollout import Drawing
from sim.rollout import Rollout as Driver
from sim.sector_lidar import sectors_of
from sim.starts import USUAL_STARTS
from sim.track import Track
from sim.world import World

LEAST_CARS, MOST_CARS = 16, 64
LEAST_STEPS = 512
MOST_STEPS_PER_CAR = 32
"""With four times as many, a policy that stays on the road learns seldom: twice as many steps to three clean laps."""
LONGEST_STEPS_PER_CAR = 128
REFINED_SHARE = 0.01
"""A policy that completes its laps has little left to gain, and needs more driving to see what is better: a rollout
grows by this share of the steps that were driven since then."""

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

    observations: tuple[NDArray[np.float32] | NDArray[np.uint8], ...]
    """What the policy saw before each action, for each of its inputs: (T, n, size) numbers, or pictures (T, n, height,
    width, channels)."""
    features: NDArray[np.float32]
    """(T, n, FEATURE_COUNT) before each action, for the critic."""
    next_features: NDArray[np.float32]
    """(T, n, FEATURE_COUNT) after it, before any reset."""
    actions: NDArray[np.int64] | NDArray[np.float32]
    """(T, n) indices, or (T, n, 2) in units of half the range, not clipped."""
    log_probabilities: NDArray[np.float32]
    """(T, n) of the actions under the policy that drove."""
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


def steps_per_car(cars: int, refined: int) -> int:
    """How many steps each car drives at most in a rollout, so many steps after laps were complete."""
    return min(LONGEST_STEPS_PER_CAR, MOST_STEPS_PER_CAR + int(REFINED_SHARE * refined / cars))


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
        look: str = USUAL_LOOK,
        randomisation: str = USUAL_RANDOMISATION,
        starts: str = USUAL_STARTS,
        is_reversed: bool = False,
        threads: int = 1,
    ) -> None:
        self.car = car
        self.hyperparameters = hyperparameters
        self.rng = rng
        self.places = start_places(starts, track, rng)
        self.episodes_begun = 0
        lidar = needs_lidar(car)
        self.world = World(
            track,
            car_count(hyperparameters),
            seed=int(rng.integers(2**63)),
            rules=EpisodeRules(),
            lidar=lidar,
            lidar_noise_m=LIDAR_NOISE_M if lidar else 0.0,
            camera=camera_of(car, look),
            randomisation=randomisation_named(randomisation),
            sectors=sectors_of(car),
            objects=objects,
            is_reversed=is_reversed,
            threads=threads,
        )
        self.threads = threads
        self.world.reset(None, self.places.next(0, self.world.cars))
        self.episodes_begun = self.world.cars
        self.drawing_seed = int(rng.integers(2**63))
        self.driver: Driver | None = None

    def drive(self, policy: Policy, log_std: NDArray[np.float64], steps_so_far: int, refined: int = 0) -> Rollout:
        """One rollout with the policy's actions drawn from its distribution; `log_std` (2,) for continuous ones.
        `refined` steps were driven since laps were complete."""
        world, discrete = self.world, isinstance(self.car.action_space, DiscreteActionSpace)
        epsilon = exploration(self.hyperparameters, steps_so_far)
        most = steps_per_car(world.cars, refined)
        observations = tuple(_room(most, world.cars, sees) for sees in policy.sees)
        actions = np.empty((most, world.cars, *(() if discrete else (2,))), _ACTION[discrete])
        log_probabilities = np.empty((most, world.cars), np.float32)
        before = _copies(
            most, features=world.features, first_state=world.reward_states[:1], first_status=world.status[:1]
        )
        after = _copies(
            most, next_features=world.features, states=world.reward_states, status=world.status, done=world.done
        )
        driven = self._driver(policy, log_std, epsilon).drive(
            most,
            observations=observations,
            actions=actions,
            log_probabilities=log_probabilities,
            before=list(before.values()),
            after=list(after.values()),
            episodes=self.hyperparameters.num_episodes_between_training,
            least_steps=LEAST_STEPS,
            starts=self.places.next(self.episodes_begun, world.cars * (most + 1)),
        )
        self.episodes_begun += driven.starts
        kept = {name: to[: driven.steps] for name, (_, to) in (before | after).items()}
        rollout = Rollout(
            observations=tuple(rows[: driven.steps] for rows in observations),
            features=kept["features"],
            next_features=kept["next_features"],
            actions=actions[: driven.steps],
            log_probabilities=log_probabilities[: driven.steps],
            states=kept["states"],
            status=kept["status"],
            done=kept["done"].astype(np.bool_),
            first_car_states=kept["first_state"][:, 0],
            first_car_status=kept["first_status"][:, 0],
            epsilon=epsilon,
        )
        self.places.learn(rollout.states[rollout.terminal])
        return rollout

    def _driver(self, policy: Policy, log_std: NDArray[np.float64], epsilon: float) -> Driver:
        """The policy at the wheel of all cars; its frames and random numbers go on from rollout to rollout."""
        steering, speed = np.exp(np.clip(log_std[:2], *LOG_STD_RANGE)).tolist()
        if self.driver is None:
            drawing = Drawing(self.drawing_seed, epsilon, (steering, speed))
            stack = self.hyperparameters.stack_size
            self.driver = rollout_of(policy, self.car, self.world, stack, drawing=drawing, threads=self.threads)
        else:
            self.driver.drive_with(policy)
            self.driver.draw_with(epsilon, (steering, speed))
        return self.driver


_ACTION = {True: np.int64, False: np.float32}


def _room(steps: int, cars: int, sees: Numbers | Picture) -> NDArray[Any]:
    """For what a policy sees by one input in a rollout; memory that is not written to costs nothing."""
    if isinstance(sees, Picture):
        return np.empty((steps, cars, *sees.grid), np.uint8)
    return np.empty((steps, cars, sees.size), np.float32)


def _copies(steps: int, **arrays: NDArray[Any]) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Each array of the world beside the room for its copies, one for each step."""
    return {name: (array, np.empty((steps, *array.shape), array.dtype)) for name, array in arrays.items()}
