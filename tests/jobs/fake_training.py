"""A training without a simulator: it counts iterations, saves them as the real one saves its model, and can be slow.

What the learner does is tested where the learner is; here it is the life of a job that is tested.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from sim.learning.reports import IterationReport, OnIteration, ShouldStop, TrainingConfig, TrainingResult
from sim.model_folder import ModelFolder
from sim.reward_state import RewardFailed, RewardSource


def never() -> bool:
    return False


class CountingTrainer:
    """Call it like `sim.learning.training.train`. `starts` is a file that gets a line for each call."""

    def __init__(self, iterations: int = 3, *, pause_s: float = 0.0, starts: Path | None = None) -> None:
        self.iterations, self.pause_s, self.starts = iterations, pause_s, starts
        self.before_save: Callable[[int], None] = lambda _: None
        self.after_iteration: Callable[[int], None] = lambda _: None
        self.fails_at: int | None = None
        self.parent: ModelFolder | None = None
        self.device = ""

    def __call__(
        self,
        config: TrainingConfig,
        *,
        reward: RewardSource,
        out: Path,
        on_iteration: OnIteration | None = None,
        should_stop: ShouldStop = never,
        resume: bool = False,
        parent: ModelFolder | None = None,
        device: str = "auto",
    ) -> TrainingResult:
        self.parent, self.device = parent, device
        model = out / "model"
        model.mkdir(exist_ok=True)
        saved = model / "last.safetensors"
        done = int(saved.read_text()) if resume and saved.exists() else 0
        if self.starts is not None:
            with self.starts.open("a") as starts:
                starts.write(f"{done}\n")
        while done < self.iterations and not should_stop():
            time.sleep(self.pause_s)
            if done + 1 == self.fails_at:
                raise RewardFailed("division by zero", line=2)
            done += 1
            part = model / "last.safetensors.part"
            part.write_text(str(done))
            self.before_save(done)
            part.rename(saved)
            if on_iteration is not None:
                on_iteration(report(done))
            self.after_iteration(done)
        ended = "target" if done >= self.iterations else "stopped"
        return TrainingResult(
            iterations=done,
            episodes=done * 20,
            steps=done * 1000,
            elapsed_ms=done * 100,
            best_iteration=done or None,
            best_lap_ms=9000,
            evaluation_completion=100.0,
            ended_because="target" if ended == "target" else "stopped",
            fingerprint="f" * 64,
        )


def report(iteration: int) -> IterationReport:
    """What an iteration of it measured."""
    return IterationReport(
        iteration=iteration,
        episodes=iteration * 20,
        steps=iteration * 1000,
        elapsed_ms=iteration * 100,
        average_reward=float(iteration),
        training_completion=10.0 * iteration,
        evaluation_completion=12.5,
        best_lap_ms=None,
        best=True,
        drive=[[0.0, 1.0, 90.0, 2.0]],
        records=(),
        race_completion=None if iteration == 1 else min(100.0, 30.0 * iteration + 10.0 * (iteration > 2)),
        race_ms=31_000 if iteration > 2 else None,
        race_resets={1: None, 2: 4}.get(iteration, 1),
    )
