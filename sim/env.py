"""Gymnasium environments over the native core: one car, or many at once.

Observation: what `sensor` names in `sim.observations.OBSERVATIONS`: `features` (FEATURES as float32, the default),
`lidar` (64 distances in metres), `sector-lidar` or `discretized-sector-lidar` (zeros and ones), or pictures as uint8
(height, width, channels): `camera` (120, 160, 1), `camera-40x30` (30, 40, 1), `stereo` (120, 160, 2); or a
`sim.camera.Camera` mounted otherwise, or `sim.sector_lidar.Sectors` of other numbers. Action: float32
(2,) in [-1, 1], steering (1 is 30 degrees to the left) and speed (-1 is 0.1 m/s, 1 is 4 m/s), clipped beyond; or, with
`actions` a list of (steering_deg, speed_mps), a Discrete index into it. Reward, unless `reward` is given: metres of
progress along the centre line in this step, and -1 for an episode that ends off the track, in a crash, standing,
reversed or by a NaN; where `reward` gives what is no finite number within +-100000, `step` raises ValueError. A step is
1/15 s.

Keys of `info`, arrays of (n,) with many cars:

    progress      float, percent of the lap
    status        EpisodeStatus, of this row
    lap_ms        int, time of the lap completed in this very step, else 0
    clipped       bool, this step's action was out of range and was clipped
    reward_state  float64 (len(reward_columns(k)),), what a reward function is told where each car has k objects
    final_obs, final_info, _final_obs, _final_info   with autoreset mode SAME_STEP, where cars ended

Seeds: the same seed, actions and version of the simulator give the same bits. `RacingVectorEnv.reset` says what one
seed and a list of them mean, and which options there are.

Importing this module registers ENVIRONMENTS, so that both `gymnasium.make("sim.env:Paddock/TimeTrial-v0", track=...)`
and `gymnasium.make_vec` find them. Without `track` they drive on `paddock-oval`.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from sim.episode import STEP_S
from sim.objects import Bots, Boxes
from sim.track import Track
from sim.vector_env import RacingVectorEnv
from sim.world import World

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "Paddock/TimeTrial-v0": {"sensor": "features"},
    "Paddock/TimeTrialLidar-v0": {"sensor": "lidar", "lidar_noise_m": 0.01},
    "Paddock/TimeTrialCamera-v0": {"sensor": "camera-40x30"},
    "Paddock/TimeTrialCamera160x120-v0": {"sensor": "camera"},
    "Paddock/TimeTrialStereo-v0": {"sensor": "stereo"},
    "Paddock/ObjectAvoidance-v0": {"sensor": "lidar", "lidar_noise_m": 0.01, "objects": Boxes(3)},
    "Paddock/HeadToBot-v0": {"sensor": "lidar", "lidar_noise_m": 0.01, "objects": Bots(3)},
    "Paddock/ObjectAvoidanceCamera-v0": {"sensor": "camera-40x30", "objects": Boxes(3)},
    "Paddock/HeadToBotCamera-v0": {"sensor": "camera-40x30", "objects": Bots(3)},
}
"""Registered ids, and the settings that each stands for; any other setting may be given beside them."""

DEFAULT_TRACK = "paddock-oval"


class RacingEnv(gym.Env[NDArray[Any], Any], gym.utils.EzPickle):
    """One car alone on a track; see the module for spaces, reward and info. Takes what RacingVectorEnv takes, but for
    num_envs, autoreset_mode and copy; with `others` there is nobody else either. A copy, pickled or not, has the same
    settings and begins anew: it needs a `reset`."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": round(1.0 / STEP_S)}  # noqa: RUF012

    def __init__(self, track: str | Track, *, render_mode: str | None = None, **settings: Any) -> None:
        gym.utils.EzPickle.__init__(self, track, render_mode=render_mode, **settings)
        self._cars = RacingVectorEnv(track, 1, render_mode=render_mode, autoreset_mode="Disabled", **settings)
        self.render_mode = render_mode
        self.observation_space = self._cars.single_observation_space
        self.action_space = self._cars.single_action_space

    @property
    def world(self) -> World:
        """The world of one car behind it; there is none before the first `reset`."""
        return self._cars.world

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begin a new episode; see RacingVectorEnv.reset."""
        super().reset(seed=seed)
        observations, info = self._cars.reset(seed=seed, options=options)
        return observations[0], _first(info)

    def step(self, action: Any) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Drive one step of 1/15 s. After an ending the car stays where it is until `reset`."""
        observations, rewards, terminated, truncated, info = self._cars.step(np.asarray(action)[None])
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), _first(info)

    def render(self) -> NDArray[np.uint8] | None:
        """With render_mode "rgb_array" a picture (height, width, 3): the track from above, the car in red."""
        frames = self._cars.render()
        return None if frames is None else frames[0]


def make(track: str | Track, **settings: Any) -> RacingEnv:
    """A Gymnasium Env with one car on a track (a name from the library, or a Track)."""
    return RacingEnv(track, **settings)


def make_vec(track: str | Track, num_envs: int, **settings: Any) -> RacingVectorEnv:
    """A Gymnasium VectorEnv with `num_envs` cars stepped in one native call."""
    return RacingVectorEnv(track, num_envs, **settings)


def _register() -> None:
    """Make the main set-ups known to gymnasium.make and make_vec."""
    for name, settings in ENVIRONMENTS.items():
        if name not in gym.registry:
            gym.register(
                name,
                entry_point="sim.env:RacingEnv",
                vector_entry_point="sim.env:RacingVectorEnv",
                kwargs={"track": DEFAULT_TRACK, **settings},
            )


def _first(info: dict[str, Any]) -> dict[str, Any]:
    return {
        "progress": float(info["progress"][0]),
        "status": info["status"][0],
        "lap_ms": int(info["lap_ms"][0]),
        "clipped": bool(info["clipped"][0]),
        "reward_state": info["reward_state"][0],
    }


_register()
