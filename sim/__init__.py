"""Paddock's racing simulator: tracks, cars, the native core and the learning that drives them.

`sim.make(track)` and `sim.make_vec(track, n)` are Gymnasium environments; they, and Gymnasium with them, are loaded
when first asked for, so that who needs only facts (tracks, tables) pays for nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.env import RacingEnv
    from sim.track import Track
    from sim.vector_env import RacingVectorEnv

SIMULATOR_VERSION = "4"
"""Changes whenever the same seed and actions may give other bits; recorded with every result."""


def make(track: str | Track, **settings: Any) -> RacingEnv:
    """A Gymnasium Env with one car on `track` (a name from the library, or a Track).

    `settings` are those of `sim.vector_env.RacingVectorEnv`: direction, sensor, actions, reward, rules, objects,
    preset, lidar_noise_m, lidar_clip_m, lidar_walls, look, randomisation, threads, render_mode. `sim.env` documents
    spaces, seeds and info. ValueError or TypeError says which of them cannot be.
    """
    from sim import env

    return env.make(track, **settings)


def make_vec(track: str | Track, num_envs: int, **settings: Any) -> RacingVectorEnv:
    """A Gymnasium VectorEnv with `num_envs` cars; the settings of `make`, and others, autoreset_mode and copy."""
    from sim import env

    return env.make_vec(track, num_envs, **settings)
