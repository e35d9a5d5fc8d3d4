"""Gymnasium environments over the native core: one car, or many at once.

Observation: `FEATURES` as float32, or with `sensor="lidar"` 64 distances in metres. Action: float32 (2,) in [-1, 1],
steering (1 is 30 degrees to the left) and speed (-1 is 0.1 m/s, 1 is 4 m/s); or, with `actions`, a list of
(steering_deg, speed_mps), a Discrete index into it. Reward, unless `reward` is given: metres of progress along the
centre line in this step, and -1 for an episode that ends off the track, standing, reversed or by a NaN.

`info` holds `progress` (percent), `status` (see `EpisodeStatus`), `lap_ms` (0 unless a lap was completed in this step)
and `reward_state` (one row of REWARD_STATE).

Importing this module registers `Paddock/TimeTrial-v0` and `Paddock/TimeTrialLidar-v0`, so that both
`gymnasium.make("sim.env:Paddock/TimeTrial-v0", track=...)` and `gymnasium.make_vec` find them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from sim.episode import STATUS_CODE, STATUSES, STEP_S, EpisodeRules, EpisodeStatus
from sim.reward_state import COLUMN
from sim.track import Direction, Track
from sim.world import BEAM_COUNT, FEATURE_COUNT, World

MAXIMUM_STEERING_DEG = 30.0
MINIMUM_SPEED_MPS, MAXIMUM_SPEED_MPS = 0.1, 4.0
LEFT_TRACK_REWARD = -1.0

Rewards = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From reward states (n, len(REWARD_STATE)) to rewards (n,)."""

_BAD = [STATUS_CODE[s] for s in (EpisodeStatus.OFF_TRACK, EpisodeStatus.IMMOBILIZED, EpisodeStatus.REVERSED)]
_BAD += [STATUS_CODE[EpisodeStatus.CRASHED], STATUS_CODE[EpisodeStatus.ERROR]]


class TimeTrialVectorEnv(gym.vector.VectorEnv[NDArray[np.float32], Any, NDArray[Any]]):
    """Many cars, each alone on the track. After an ending the next step ignores the action and begins anew
    (autoreset mode NEXT_STEP), with reward 0. `terminated` is every ending but the cap of steps, which is `truncated`.
    """

    def __init__(
        self,
        track: str | Track,
        num_envs: int = 1,
        *,
        direction: Direction | str = Direction.COUNTERCLOCKWISE,
        sensor: str = "features",
        actions: Sequence[tuple[float, float]] | None = None,
        reward: Rewards | None = None,
        rules: EpisodeRules | None = None,
        preset: str = "deepracer",
        lidar_noise_m: float = 0.0,
        threads: int = 1,
        render_mode: str | None = None,
    ) -> None:
        if sensor not in ("features", "lidar"):
            raise ValueError(f"sensor is {sensor!r}; it must be features or lidar")
        if render_mode is not None:
            raise ValueError("this environment draws nothing; leave render_mode out")
        stored = _named(track)
        self.track = stored.driven(Direction(direction))
        self.num_envs = num_envs
        self.render_mode = None
        self.metadata = {"render_modes": [], "autoreset_mode": gym.vector.AutoresetMode.NEXT_STEP}
        self.single_observation_space = _observation_space(sensor)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._table = None if actions is None else _action_table(actions)
        self.single_action_space = _action_space(self._table)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._lidar = sensor == "lidar"
        self._reward = reward
        self._settings: dict[str, Any] = {
            "rules": EpisodeRules(start="advance", maximum_steps=1500) if rules is None else rules,
            "preset": preset,
            "lidar": self._lidar,
            "lidar_noise_m": lidar_noise_m,
            "is_reversed": not np.array_equal(stored.centre, self.track.centre),
            "threads": threads,
        }
        self._world: World | None = None
        self._before = np.zeros(num_envs, np.bool_)
        self._metres = np.zeros(num_envs)

    @property
    def world(self) -> World:
        """The world behind the arrays; there is none before the first `reset`."""
        if self._world is None:
            raise gym.error.ResetNeeded("call reset() before step()")
        return self._world

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin anew. `seed` is one number for all cars (car i draws its own stream from it); `options["start"]` a
        fraction of the lap, one or (n,). Without a seed after the first reset the cars' streams go on."""
        if isinstance(seed, list):
            seed = seed[0]
        super().reset(seed=seed)
        start = None if options is None else options.get("start")
        if self._world is None or seed is not None:
            used = int(self.np_random.integers(2**63)) if seed is None else seed
            self._world = World(self.track, self.num_envs, seed=used, **self._settings)
        if start is not None:
            self._world.reset(start=np.array(np.broadcast_to(np.asarray(start, np.float64), (self.num_envs,))))
        elif seed is None:
            self._world.reset()
        self._before[:] = False
        self._metres[:] = self._progress_m()
        return self._observations(), self._info()

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Drive every car one step."""
        world = self.world
        world.step(self._commands(actions))
        now = self._progress_m()
        begun = self._before
        rewards = self._rewards(now)
        rewards[begun] = 0.0
        self._metres = now
        truncated = world.done & (world.status == STATUS_CODE[EpisodeStatus.TIME_UP])
        self._before = world.done.copy()
        return self._observations(), rewards, world.done & ~truncated, truncated, self._info()

    def _rewards(self, now: NDArray[np.float64]) -> NDArray[np.float64]:
        world = self.world
        if self._reward is not None:
            return np.array(self._reward(world.reward_states.copy()), np.float64).reshape(self.num_envs)
        length = self.track.length_m
        gained = (now - self._metres + 0.5 * length) % length - 0.5 * length
        return gained + np.where(np.isin(world.status, _BAD), LEFT_TRACK_REWARD, 0.0)

    def _progress_m(self) -> NDArray[np.float64]:
        return self.world.reward_states[:, COLUMN["projection_distance"]].copy()

    def _commands(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        if self._table is not None:
            return np.ascontiguousarray(self._table[np.asarray(actions).reshape(self.num_envs)])
        given = np.asarray(actions, np.float64).reshape(self.num_envs, 2)
        commands = np.empty((self.num_envs, 2))
        commands[:, 0] = MAXIMUM_STEERING_DEG * given[:, 0]
        commands[:, 1] = MINIMUM_SPEED_MPS + (MAXIMUM_SPEED_MPS - MINIMUM_SPEED_MPS) * 0.5 * (given[:, 1] + 1.0)
        return commands

    def _observations(self) -> NDArray[np.float32]:
        return (self.world.lidar if self._lidar else self.world.features).copy()

    def _info(self) -> dict[str, Any]:
        world = self.world
        return {
            "progress": world.reward_states[:, COLUMN["progress"]].copy(),
            "status": np.array([STATUSES[code] for code in world.status], dtype=object),
            "lap_ms": np.rint(world.lap_steps * (1000.0 * STEP_S)).astype(np.int64),
            "reward_state": world.reward_states.copy(),
        }


class TimeTrialEnv(gym.Env[NDArray[np.float32], Any]):
    """One car alone on a track; see the module for spaces, reward and info. Takes what TimeTrialVectorEnv takes."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own declaration

    def __init__(self, track: str | Track, *, render_mode: str | None = None, **settings: Any) -> None:
        self._cars = TimeTrialVectorEnv(track, 1, render_mode=render_mode, **settings)
        self.render_mode = None
        self.observation_space = self._cars.single_observation_space
        self.action_space = self._cars.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a new episode; see TimeTrialVectorEnv.reset."""
        super().reset(seed=seed)
        observations, info = self._cars.reset(seed=seed, options=options)
        return observations[0], _first(info)

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Drive one step of 1/15 s."""
        observations, rewards, terminated, truncated, info = self._cars.step(np.asarray(action)[None])
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), _first(info)


def make(track: str | Track, **settings: Any) -> TimeTrialEnv:
    """A Gymnasium Env with one car on a track (a name from the library, or a Track)."""
    return TimeTrialEnv(track, **settings)


def make_vec(track: str | Track, num_envs: int, **settings: Any) -> TimeTrialVectorEnv:
    """A Gymnasium VectorEnv with `num_envs` cars stepped in one native call."""
    return TimeTrialVectorEnv(track, num_envs, **settings)


def _register() -> None:
    """Make the main set-ups known to gymnasium.make and make_vec; each still needs `track=`."""
    for name, sensor in (("Paddock/TimeTrial-v0", "features"), ("Paddock/TimeTrialLidar-v0", "lidar")):
        if name not in gym.registry:
            gym.register(
                name,
                entry_point="sim.env:TimeTrialEnv",
                vector_entry_point="sim.env:TimeTrialVectorEnv",
                kwargs={"sensor": sensor},
            )


def _first(info: dict[str, Any]) -> dict[str, Any]:
    return {
        "progress": float(info["progress"][0]),
        "status": info["status"][0],
        "lap_ms": int(info["lap_ms"][0]),
        "reward_state": info["reward_state"][0],
    }


def _named(track: str | Track) -> Track:
    if isinstance(track, Track):
        return track
    from sim.track_library import TrackLibrary  # only a name needs the library's files

    return TrackLibrary().get(track)


def _observation_space(sensor: str) -> gym.spaces.Box:
    if sensor == "lidar":
        return gym.spaces.Box(0.15, 1.0, (BEAM_COUNT,), np.float32)
    return gym.spaces.Box(-np.inf, np.inf, (FEATURE_COUNT,), np.float32)


def _action_table(actions: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    table = np.array(actions, np.float64)
    if table.ndim != 2 or table.shape[1] != 2 or not np.isfinite(table).all():
        raise ValueError("actions must be a list of (steering_deg, speed_mps)")
    return table


def _action_space(table: NDArray[np.float64] | None) -> gym.Space[Any]:
    if table is not None:
        return gym.spaces.Discrete(len(table))
    return gym.spaces.Box(-1.0, 1.0, (2,), np.float32)


_register()
