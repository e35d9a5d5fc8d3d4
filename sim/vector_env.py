"""Many cars as one Gymnasium VectorEnv: one native call a step, observations in the core's own arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sim.dynamics import CarDynamics, named
from sim.env_actions import ActionChoice, action_kind
from sim.episode import STATUS_CODE, STATUSES, STEP_S, EpisodeRules, EpisodeStatus
from sim.looks import Look
from sim.objects import Others, TrackObjects
from sim.observations import SensorChoice, observation_of
from sim.randomisation import Randomisation, randomisation_of
from sim.reward_state import COLUMN, MAXIMUM_REWARD
from sim.track import Direction, Track
from sim.world import MOST_CARS, World, check_count, checked_seed

LEFT_TRACK_REWARD = -1.0
TRAINING_STEPS = 1500
"""Cap of an episode's steps where no rules are given: 100 s."""
OPTIONS = ("start", "reset_mask")

Rewards = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From reward states (n, len(REWARD_STATE)) to rewards (n,)."""

_BAD = [STATUS_CODE[s] for s in (EpisodeStatus.OFF_TRACK, EpisodeStatus.IMMOBILIZED, EpisodeStatus.REVERSED)]
_BAD += [STATUS_CODE[EpisodeStatus.CRASHED], STATUS_CODE[EpisodeStatus.ERROR]]
_NAMES = np.array(STATUSES, dtype=object)
Choice = TypeVar("Choice", bound=Enum)


class RacingVectorEnv(gym.vector.VectorEnv[NDArray[Any], Any, NDArray[Any]], gym.utils.EzPickle):
    """Many cars, each alone on the track or, with `others`, together. `sim.env` documents spaces, rewards and info.

    track: a name from the library, or a Track. num_envs: cars. direction: which way round. sensor: a name of
    OBSERVATIONS, a Camera mounted otherwise, or Sectors of other numbers. actions: None for the whole range, a list of
    (steering_deg, speed_mps), or one of sim.action_space. reward: from reward states to rewards, each a finite number
    within +-MAXIMUM_REWARD. rules: of the episodes; training's by default, with round-robin starts and at most 1500
    steps. objects: boxes or bots that each car meets, its own and anew with each episode. others: whether the cars
    share the track, "absent", "seen" or "solid". preset: the car, a name or CarDynamics. lidar_noise_m: spread of the
    LIDAR; lidar_clip_m: how far it reaches; lidar_walls: whether borders are walls to it. look: what the world looks
    like to a camera. randomisation: of pictures, grip and delay, from the seed; a name of RANDOMISATIONS or a
    Randomisation. threads: of the core; they change no bit. render_mode: None or "rgb_array".

    ValueError or TypeError for settings that cannot be. A copy, pickled or not, has the same settings and begins anew:
    it needs a `reset`.

    autoreset_mode: NEXT_STEP (the step after an ending ignores the action and begins anew, with reward 0), SAME_STEP
    (begins anew at once; `final_obs` and `final_info` hold the ending) or DISABLED (the car stays, with the status
    `park`, until it is reset with `options["reset_mask"]`). `terminated` is every ending but the cap of steps, which is
    `truncated`. copy: False gives observations that are the core's own arrays, written in place by the next call.
    """

    def __init__(
        self,
        track: str | Track,
        num_envs: int = 1,
        *,
        direction: Direction | str = Direction.COUNTERCLOCKWISE,
        sensor: SensorChoice = "features",
        actions: ActionChoice = None,
        reward: Rewards | None = None,
        rules: EpisodeRules | None = None,
        objects: TrackObjects | None = None,
        others: Others = "absent",
        preset: str | CarDynamics = "deepracer",
        lidar_noise_m: float = 0.0,
        lidar_clip_m: float = 1.0,
        lidar_walls: bool = True,
        look: str | Look | None = None,
        randomisation: str | Randomisation = "off",
        threads: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in ("self", "track", "num_envs")}
        gym.utils.EzPickle.__init__(self, track, num_envs, **given)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode is {render_mode!r}; it must be None or rgb_array")
        check_count("num_envs", num_envs, MOST_CARS)
        if reward is not None and not callable(reward):
            raise TypeError(f"reward is {reward!r}; it must be a function from reward states to rewards")
        stored = _named(track)
        dynamics = named(preset) if isinstance(preset, str) else preset
        self.track = stored.driven(_chosen(Direction, direction, "direction"))
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = _chosen(AutoresetMode, autoreset_mode, "autoreset_mode")
        self.metadata = {
            "render_modes": ["rgb_array"],
            "render_fps": round(1.0 / STEP_S),
            "autoreset_mode": self.autoreset_mode,
        }
        self._seen = observation_of(sensor, look=look, lidar_clip_m=lidar_clip_m)
        self._actions = action_kind(actions)
        # The first reset says the seed; what cannot be is refused here, where the settings are.
        self._world = World(
            self.track,
            num_envs,
            seed=0,
            rules=self._rules(rules),
            preset=dynamics,
            lidar_noise_m=lidar_noise_m,
            lidar_clip_m=lidar_clip_m,
            lidar_walls=lidar_walls,
            objects=objects,
            others=others,
            camera=self._seen.camera,
            randomisation=randomisation_of(randomisation),
            is_reversed=self.track is not stored,
            threads=threads,
            **self._seen.world,
        )
        self._was_reset = False
        self.single_observation_space = self._seen.space(dynamics)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space = self._actions.space
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._reward = reward
        self._copy = copy
        self._view: Any = None
        self._commands = np.zeros((num_envs, 2))
        self._begun = np.zeros(num_envs, np.bool_)
        self._metres = np.zeros(num_envs)

    @property
    def world(self) -> World:
        """The world behind the arrays; there is none before the first `reset`."""
        if not self._was_reset:
            raise gym.error.ResetNeeded("call reset() before step()")
        return self._world

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begin anew.

        seed: one number for all (car i draws its own stream of it, and the same number gives the same bits again), or
        a list with one for each car, which then does what the only car of an environment with that seed would; None in
        it, or no seed at all after the first reset, lets random numbers and round-robin starts go on.
        options: `start`, a fraction of the lap, one or (n,); `reset_mask`, bool (n,), to begin only these anew.
        ValueError for other options, TypeError for seeds that are no whole numbers.
        """
        seed = self._whole_seeds(seed)
        mask, start = self._options(options)
        super().reset(seed=seed if isinstance(seed, int) else None)
        if not self._was_reset:
            first = seed if isinstance(seed, int) else int(self.np_random.integers(2**63))
            self._world.reset(mask, start, first)
            self._was_reset = True
        elif not isinstance(seed, list):
            self._world.reset(mask, start, seed)
        if isinstance(seed, list):
            self._reseed(seed, mask, start)
        chosen = slice(None) if mask is None else mask
        self._begun[chosen] = False
        self._metres[chosen] = self._progress_m()[chosen]
        return self._observations(), self._info()

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Drive every car 1/15 s. ValueError for actions of another shape or a number that names none, and for rewards
        that are not finite or too large."""
        world = self.world
        clipped = self._actions.commands(actions, self._commands)
        world.step(self._commands)
        now = self._progress_m()
        rewards = self._rewards(now)
        rewards[self._begun] = 0.0
        clipped &= ~self._begun
        self._metres = now
        ended = world.done & ~self._begun if self.autoreset_mode is AutoresetMode.DISABLED else world.done.copy()
        truncated = ended & (world.status == STATUS_CODE[EpisodeStatus.TIME_UP])
        self._begun = world.done.copy()
        info = self._info(clipped)
        if self.autoreset_mode is AutoresetMode.SAME_STEP and ended.any():
            info = self._begin_at_once(ended, info)
        return self._observations(), rewards, ended & ~truncated, truncated, info

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """One picture a car, (height, width, 3): the track from above, this car in red, the others in grey, and what
        this car meets in orange. ResetNeeded before the first reset."""
        if self.render_mode is None:
            return None
        if self._view is None:
            from sim.top_view import TopView  # only who looks needs the library that draws

            self._view = TopView(self.track)
        return tuple(
            self._view.frame(self.world.pose, chosen=car, solids=_solids(self.world, car))
            for car in range(self.num_envs)
        )

    def _rules(self, rules: EpisodeRules | None) -> EpisodeRules:
        rules = EpisodeRules(start="advance", maximum_steps=TRAINING_STEPS) if rules is None else rules
        if not isinstance(rules, EpisodeRules):
            raise TypeError(f"rules is {rules!r}; it must be EpisodeRules")
        return replace(rules, auto_reset=self.autoreset_mode is AutoresetMode.NEXT_STEP)

    def _options(self, options: dict[str, Any] | None) -> tuple[NDArray[np.bool_] | None, NDArray[np.float64] | None]:
        if not isinstance(options, Mapping | None):
            raise TypeError(f"options is {options!r}; it must be a dict with {' and '.join(OPTIONS)}, or None")
        given = {} if options is None else options
        unknown = sorted(set(given) - set(OPTIONS))
        if unknown:
            raise ValueError(f"there is no option {unknown[0]!r}; known are {' and '.join(OPTIONS)}")
        mask, start = given.get("reset_mask"), given.get("start")
        if mask is not None:
            mask = np.ascontiguousarray(mask)
            if mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
                raise ValueError(f"reset_mask must be bool ({self.num_envs},)")
            if not self._was_reset:
                raise ValueError("reset_mask needs a first reset of all cars")
        return mask, None if start is None else self._starts(start)

    def _starts(self, start: Any) -> NDArray[np.float64]:
        try:
            starts = np.array(np.broadcast_to(np.asarray(start, np.float64), (self.num_envs,)))
        except (TypeError, ValueError):
            starts = np.full(1, np.nan)
        if not ((starts >= 0.0) & (starts < 1.0)).all():
            raise ValueError(
                f"start is {start!r}; it must be a fraction of the lap, 0 or more and less than 1, or {self.num_envs} "
                "of them"
            )
        return starts

    def _whole_seeds(self, seed: Any) -> int | list[int | None] | None:
        """Plain ints, also of NumPy's numbers, tuples and arrays: a seed that is not understood must not pass for
        none."""
        if seed is None or np.ndim(seed) == 0:
            return None if seed is None else checked_seed(seed)
        seeds = [None if one is None else checked_seed(one) for one in seed]
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds are given for {self.num_envs} cars")
        return seeds

    def _reseed(
        self, seeds: list[int | None], mask: NDArray[np.bool_] | None, start: NDArray[np.float64] | None
    ) -> None:
        chosen = np.ones(self.num_envs, np.bool_) if mask is None else mask
        seeded = np.array([seed is not None for seed in seeds]) & chosen
        self.world.reset(seeded, start, np.array([seed or 0 for seed in seeds], np.uint64))
        if (chosen & ~seeded).any():
            self.world.reset(chosen & ~seeded, start)

    def _begin_at_once(self, ended: NDArray[np.bool_], info: dict[str, Any]) -> dict[str, Any]:
        final = np.empty(self.num_envs, dtype=object)
        for car in np.flatnonzero(ended):
            final[car] = self._seen.read(self.world)[car].copy()
        self.world.reset(ended)
        self._begun[:] = False
        self._metres = np.where(ended, self._progress_m(), self._metres)
        masks = {"_final_obs": ended, "_final_info": ended.copy()}
        return {**self._info(info["clipped"] & ~ended), "final_obs": final, "final_info": info, **masks}

    def _rewards(self, now: NDArray[np.float64]) -> NDArray[np.float64]:
        world = self.world
        if self._reward is not None:
            return self._checked(self._reward(world.reward_states.copy()))
        length = self.track.length_m
        gained = (now - self._metres + 0.5 * length) % length - 0.5 * length
        return gained + np.where(np.isin(world.status, _BAD), LEFT_TRACK_REWARD, 0.0)

    def _checked(self, given: Any) -> NDArray[np.float64]:
        """Rewards (n,) as a training takes them too; of rows that are none of an episode nothing is asked.

        ValueError says what is wrong with them, and whose it is.
        """
        try:
            rewards = np.array(given, np.float64).reshape(self.num_envs)
        except (TypeError, ValueError):
            raise ValueError(
                f"the reward function gave {_shown(given)}; it must give {self.num_envs} numbers, one a car"
            ) from None
        fine = self._begun | (np.abs(rewards) <= MAXIMUM_REWARD)  # false for NaN
        if not fine.all():
            car = int(np.argmin(fine))
            raise ValueError(
                f"the reward function gave {rewards[car]:g} for car {car}; it must give finite numbers within "
                f"{-MAXIMUM_REWARD:.0f} to {MAXIMUM_REWARD:.0f}"
            )
        return rewards

    def _progress_m(self) -> NDArray[np.float64]:
        return self.world.reward_states[:, COLUMN["projection_distance"]].copy()

    def _observations(self) -> NDArray[Any]:
        seen = self._seen.read(self.world)
        return seen.copy() if self._copy else seen

    def _info(self, clipped: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        world = self.world
        return {
            "progress": world.reward_states[:, COLUMN["progress"]].copy(),
            "status": _NAMES[world.status],
            "lap_ms": np.rint(world.lap_steps * (1000.0 * STEP_S)).astype(np.int64),
            "clipped": world.clipped.copy() if clipped is None else clipped | world.clipped,
            "reward_state": world.reward_states.copy(),
        }


def _chosen(kinds: type[Choice], value: Any, name: str) -> Choice:
    """One of an enumeration; ValueError lists them."""
    try:
        return kinds(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}; it must be {' or '.join(kind.value for kind in kinds)}") from None


def _shown(given: Any) -> str:
    shape = np.shape(given) if isinstance(given, np.ndarray | list | tuple | int | float) else ()
    return f"an array {shape}" if shape else repr(given)


def _solids(world: World, car: int) -> NDArray[np.float64]:
    """(k, 5) place, yaw, half length and half width of what stands or drives before this car."""
    found = world.core.solids(car)
    return np.array([(x, y, yaw, 0.5 * long, 0.5 * wide) for _, x, y, yaw, long, wide, _ in found]).reshape(-1, 5)


def _named(track: str | Track) -> Track:
    if isinstance(track, Track):
        return track
    if not isinstance(track, str):
        raise TypeError(f"track is {track!r}; it must be the name of one, or a Track")
    from sim.track_library import TrackLibrary  # only a name needs the library's files

    return TrackLibrary().get(track)
