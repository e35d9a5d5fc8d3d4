"""Stable-Baselines3 trains on the environments as they are: its own checker, and a policy that learns to lap."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import sim
from sim.env import ENVIRONMENTS
from sim.episode import EpisodeStatus

pytestmark = pytest.mark.slow

HOW = (
    "Stable-Baselines3 is not here: `./run test --slow` installs it, or pip install --no-deps stable-baselines3==2.9.2"
)


@pytest.fixture(scope="module")
def baselines() -> Any:
    """The library, with torch kept to one thread."""
    library = pytest.importorskip("stable_baselines3", reason=HOW)
    import torch

    torch.set_num_threads(1)
    return library


@pytest.mark.parametrize("actions", [None, [(-30.0, 1.0), (0.0, 1.0), (30.0, 1.0)]])
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_its_checker_is_content_and_it_learns(baselines: Any, name: str, actions: Any) -> None:
    from stable_baselines3.common.env_checker import check_env
    from stable_baselines3.common.env_util import make_vec_env

    settings = {**ENVIRONMENTS[name], "actions": actions}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*minimal resolution for an image is 36x36.*")
        check_env(sim.make("paddock-oval", **settings))
    envs = make_vec_env(f"sim.env:{name}", n_envs=2, seed=0, env_kwargs={"actions": actions})
    model = baselines.PPO("MlpPolicy", envs, n_steps=64, batch_size=64, n_epochs=1, seed=0, device="cpu")
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(128)
    changed = [(a - b).abs().max().item() for a, b in zip(before, model.policy.parameters(), strict=True)]
    assert max(changed) > 0.0
    assert np.isfinite(changed).all()


def test_ppo_learns_to_complete_a_lap(baselines: Any) -> None:
    from stable_baselines3.common.env_util import make_vec_env

    envs = make_vec_env("sim.env:Paddock/TimeTrial-v0", n_envs=8, seed=0)
    settings = {"n_steps": 128, "batch_size": 256, "gamma": 0.97, "learning_rate": 1e-3}
    model = baselines.PPO("MlpPolicy", envs, seed=0, device="cpu", **settings)
    assert _ending(model) is not EpisodeStatus.LAP_COMPLETE
    model.learn(16_384)
    assert _ending(model) is EpisodeStatus.LAP_COMPLETE


def test_its_environments_in_processes_of_their_own_drive_alike(baselines: Any) -> None:
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import SubprocVecEnv

    settings = {"start_method": "spawn"}
    apart = make_vec_env(
        "sim.env:Paddock/ObjectAvoidance-v0", n_envs=2, seed=3, vec_env_cls=SubprocVecEnv, vec_env_kwargs=settings
    )
    try:
        together = make_vec_env("sim.env:Paddock/ObjectAvoidance-v0", n_envs=2, seed=3)
        assert np.array_equal(apart.reset(), together.reset())
        actions = np.full((2, 2), 0.1, np.float32)
        for _ in range(5):
            assert np.array_equal(apart.step(actions)[0], together.step(actions)[0])
    finally:
        apart.close()


def _ending(model: Any) -> EpisodeStatus:
    """How the policy's first drive with its most likely actions ends."""
    env = sim.make("paddock-oval")
    seen, info = env.reset(seed=5)
    over = False
    while not over:
        seen, _, ended, cut, info = env.step(model.predict(seen, deterministic=True)[0])
        over = ended or cut
    return EpisodeStatus(info["status"])
