"""A policy that drives all cars of a world for many steps in the native core, without returning to Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.action_space import ActionSpace, ContinuousActionSpace
from sim.native import _core
from sim.policy import Policy
from sim.world import World

AnyArray = NDArray[Any]
Copies = Sequence[tuple[AnyArray, AnyArray]]


class Shown(NamedTuple):
    """Columns `first` to `first + width` of an array with a row for each car, such as `World.features`.

    The rollout reads the array's memory at each step, so it must be the world's own, not a copy. Of an array with more
    than two axes a row is all that belongs to the car.
    """

    array: AnyArray
    first: int
    width: int


class Driven(NamedTuple):
    """Steps of the world, episodes that ended within them (counted over cars), and starts that were used."""

    steps: int
    episodes: int
    starts: int


@dataclass(frozen=True)
class Drawing:
    """Actions drawn from the policy's distribution instead of the best: from softmax(outputs), or from normal ones
    around the means with a `spread` for steering and speed, in units of half the range; evenly with probability
    `epsilon`.

    Each car has a stream of its own, of (seed, car), which goes on from one drive to the next.
    """

    seed: int
    epsilon: float = 0.0
    spread: tuple[float, float] = (0.0, 0.0)


class Rollout:
    """Look, choose, step, again and again. Everything is as if each car had been driven alone, to the bit.

    `shown` is, for each input of the policy, what stands side by side in it. With a `stack_size` the policy sees so
    many frames, oldest first; after a car's `prepare` row the older ones are copies of it. A picture's frames lie in
    its channels. A world must not be stepped from elsewhere within a drive; between drives it may be reset.

    ValueError or TypeError where policy, world and action space do not fit together.
    """

    def __init__(
        self,
        world: World,
        policy: Policy,
        action_space: ActionSpace,
        shown: Sequence[Sequence[Shown]],
        *,
        stack_size: int = 1,
        drawing: Drawing | None = None,
        threads: int = 1,
    ) -> None:
        self.world = world
        self.policy = policy
        self.action_space = action_space
        table = span = None
        if isinstance(action_space, ContinuousActionSpace):
            span = np.stack([action_space.low(), action_space.high()])
        else:
            table = action_space.table()
        self._core = _core.make_rollout(
            world=world.core,
            policy=policy.core,
            inputs=[[(array, first, width) for array, first, width in parts] for parts in shown],
            stack=stack_size,
            table=table,
            range=span,
            drawing=None if drawing is None else (drawing.seed, drawing.epsilon, *drawing.spread),
            threads=threads,
        )

    def drive(
        self,
        steps: int,
        *,
        observations: Sequence[AnyArray] | None = None,
        outputs: NDArray[np.float32] | None = None,
        actions: NDArray[np.int64] | NDArray[np.float32] | None = None,
        commands: NDArray[np.float64] | None = None,
        log_probabilities: NDArray[np.float32] | None = None,
        before: Copies = (),
        after: Copies = (),
        all_done: bool = False,
        episodes: int = 0,
        least_steps: int = 0,
        starts: NDArray[np.float64] | None = None,
    ) -> Driven:
        """Drive at most so many steps. Arrays that are given are written, the first axis steps, the second cars:

        `observations` one for each input, as the policy saw it; `outputs` float32 (T, n, outputs); `actions` int64
        (T, n) indices, or float32 (T, n, 2) as drawn, not clipped; `commands` float64 (T, n, 2) degrees and m/s;
        `log_probabilities` float32 (T, n) of what was drawn, zeros where nothing is. `before` and `after` are pairs of
        an array of the world and where to copy it, (T, *its shape), before and after each step.

        The drive ends early: with `all_done` once every car is done, and what is recorded of one that is done before
        the others, apart from `before` and `after`, is left as it was; with `episodes` once so many ended and at least
        `least_steps` steps of cars were driven. With `starts` cars that are done begin anew at once, each at the next
        of these fractions of the lap; the drive ends where fewer are left than there are cars.

        ValueError or TypeError for arrays of another size or kind. Holds no interpreter lock.
        """
        if steps < 0 or episodes < 0 or least_steps < 0:
            raise ValueError("steps and episodes must not be negative")
        return Driven(
            *self._core.drive(
                steps=steps,
                observations=None if observations is None else list(observations),
                outputs=outputs,
                actions=actions,
                commands=commands,
                log_probabilities=log_probabilities,
                before=list(before),
                after=list(after),
                all_done=all_done,
                episodes=episodes,
                least_steps=least_steps,
                starts=starts,
            )
        )

    def drive_with(self, policy: Policy) -> None:
        """Another policy from the next step on, for example the one that was just learned.

        ValueError where its inputs or outputs are others.
        """
        self._core.drive_with(policy.core)
        self.policy = policy

    def draw_with(self, epsilon: float, spread: tuple[float, float]) -> None:
        """Draw with another epsilon and spread from the next step on. ValueError where nothing is drawn."""
        self._core.draw_with(epsilon, *spread)
