"""How long Stable-Baselines3's PPO takes on our environment to the goal that `paddock bench learn` measures."""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np

import sim
from bench.rows import Row
from bench.track_choice import track_named, track_option
from paddock.failures import PartMissing
from sim.episode import EpisodeRules
from sim.track import Track

STARTS = 16
TUNED = {"n_steps": 32, "batch_size": 1024, "n_epochs": 4, "gamma": 0.97, "gae_lambda": 0.9, "learning_rate": 2e-3}
CASES: dict[str, tuple[int, dict[str, Any]]] = {"its defaults": (8, {}), "settings for many cars": (64, TUNED)}
"""Cars and settings of each run."""


@click.command()
@track_option
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 1000), help="Runs.")
@click.option("--limit", "limit_s", default=120.0, show_default=True, help="Processor seconds that a run may take.")
def measure(track: str, seeds: int, limit_s: float) -> list[Row]:
    """Processor time to three clean laps from each of 16 starts with Stable-Baselines3; imports are not counted."""
    try:
        import stable_baselines3
        import torch
    except ModuleNotFoundError:
        raise PartMissing(
            "Stable-Baselines3 is not here; install it: pip install --no-deps stable-baselines3==2.9.2"
        ) from None
    torch.set_num_threads(1)
    circuit = track_named(track)
    rows = []
    for name, (cars, settings) in CASES.items():
        runs = [_one(stable_baselines3.PPO, circuit, cars, settings, seed, limit_s) for seed in range(seeds)]
        times = [seconds for seconds, _, _ in runs]
        what = f"{circuit.name}, PPO, {name}, {cars} cars"
        rows.append(Row(f"{what}: median", float(np.median(times)), "s", "for Paddock's own: `paddock bench learn`"))
        rows.append(Row(f"{what}: failures", float(sum(not laps for *_, laps in runs)), f"of {seeds} seeds"))
        rows.append(Row(f"{what}: median steps", float(np.median([steps for _, steps, _ in runs])), "steps"))
    return rows


def _one(
    ppo: Any, track: Track, cars: int, settings: dict[str, Any], seed: int, limit_s: float
) -> tuple[float, int, bool]:
    from stable_baselines3.common.env_util import make_vec_env

    start = time.process_time()
    envs = make_vec_env("sim.env:Paddock/TimeTrial-v0", n_envs=cars, seed=seed, env_kwargs={"track": track})
    model = ppo("MlpPolicy", envs, seed=seed, device="cpu", **settings)
    while time.process_time() - start < limit_s:
        model.learn(2048, reset_num_timesteps=False)
        if _three_laps(model, track):
            return time.process_time() - start, model.num_timesteps, True
    return time.process_time() - start, model.num_timesteps, False


def _three_laps(model: Any, track: Track) -> bool:
    rules = EpisodeRules.racing(laps=3, maximum_resets=0, maximum_steps=4500)
    envs = sim.make_vec(track, STARTS, rules=rules, autoreset_mode="Disabled")
    seen, _ = envs.reset(seed=0, options={"start": np.arange(STARTS) / STARTS})
    while not envs.world.done.all():
        seen = envs.step(model.predict(seen, deterministic=True)[0])[0]
    return bool((envs.world.lap == 3).all())
