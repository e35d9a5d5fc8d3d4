"""Training a model: drive, ask for the rewards, learn, evaluate, keep the best; until something says that it is enough.

torch runs with one thread of a processor, or on a GPU (`sim.learning.device`): on small networks more threads only wait
for each other, and one thread gives the same bits every time. What more processors are good for is in
`sim.learning.crew`; large networks also drive with as many threads. On a processor, same configuration, seed and number
of iterations: same weights, whatever the number of threads.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.car import Car
from sim.hyperparameters import Hyperparameters
from sim.learning.checkpoint import Counters, load_checkpoint, save_checkpoint
from sim.learning.crew import threads_here
from sim.learning.device import DeviceChoice, chosen_device, prepare_device
from sim.learning.episodes import EpisodeBook
from sim.learning.learner import learn_or_restore, learner_of
from sim.learning.memory import keep_freed_memory
from sim.learning.reports import (
    Ending,
    IterationReport,
    OnIteration,
    ShouldStop,
    TrainingConfig,
    TrainingResult,
)
from sim.learning.rollouts import Rollout, TrainingGround
from sim.learning.standing import Standing
from sim.learning.trace_shelf import TraceShelf
from sim.learning.trial import Trial, Trials
from sim.metrics import EpisodeRecord, MetricsLog, step_time_ms
from sim.model_folder import (
    CHECKPOINT,
    LAST,
    METRICS,
    TRACES,
    ModelError,
    ModelFolder,
    PolicyArrays,
    about_model,
    policy_file,
    read_about,
    read_car,
    read_hyperparameters,
    read_json_object,
    write_best,
    write_model_facts,
)
from sim.network_layout import MEANS, trained_layout
from sim.policy import Policy
from sim.reward_state import RewardFailed, RewardSource
from sim.training_scene import scene_in
from sim.weights import write_bytes

__all__ = ["IterationReport", "TrainingConfig", "TrainingResult", "train"]

PATIENCE_MS = 300_000
"""A training whose policy never completed its laps, and got no better for this long, is hopeless and ends."""
NO_LIMIT = 100_000
"""The real default of most episodes and of the target score. There it was never reached; here it means no limit: a fast
simulator gets there, and a racer who never saw these numbers should not have the training end by them."""
RESUMED_AS = (
    "track",
    "direction",
    "network",
    "sensors",
    "observation",
    "race",
    "look",
    "randomisation",
    "starts",
    "best_by",
    "parent",
    "simulator_version",
)
"""What paddock.json says of a training that another cannot go on with."""
LARGE_NETWORK = 1 << 20
"""Numbers of a network from which on several threads drive the cars: with less to do they would wait for each other.
Nor is such a network evaluated after every iteration: slow laps from 16 starts cost as much as four iterations."""
PASSES_OF_VISIT = 3.0
"""What it costs to learn from a step, in passes through the network: there, and back to inputs and to weights."""
TITLES = {"clipped_ppo": "PPO", "sac": "SAC"}
SAVE_EVERY_MS = 1_000
METRICS_EVERY_MS = 5_000


def check_parent(car: Car, hyperparameters: Hyperparameters, parent: ModelFolder) -> None:
    """ModelError where a training of this car cannot begin with the parent's weights."""
    if not car.can_continue(parent.car):
        raise ModelError(
            "a clone keeps its parent's sensors, network, algorithm, and the kind and number of actions; "
            "this car has others"
        )
    if hyperparameters.stack_size != parent.hyperparameters.stack_size:
        raise ModelError(
            f"the parent sees {parent.hyperparameters.stack_size} pictures at once, this training would see "
            f"{hyperparameters.stack_size}; give both the same stack_size"
        )


def never() -> bool:
    """Nobody asks to stop."""
    return False


def train(
    config: TrainingConfig,
    *,
    reward: RewardSource,
    out: Path,
    on_iteration: OnIteration | None = None,
    should_stop: ShouldStop = never,
    resume: bool = False,
    parent: ModelFolder | None = None,
    patience_ms: int = PATIENCE_MS,
    maximum_iterations: int | None = None,
    device: DeviceChoice = "auto",
) -> TrainingResult:
    """Train a model into the folder `out`, whose files `sim.model_folder` describes.

    `reward` is started here and closed by whoever made it. `on_iteration` is called after each iteration;
    `should_stop` is asked before each. With `resume` the training goes on from the folder's last checkpoint, with
    the state of its optimiser and random numbers; episodes that were running then begin anew. Where there is no
    checkpoint yet it starts from the beginning. It begins with the weights of `parent`, if given: the model is then
    never worse than those, as the evaluations between updates measure it. `device` says where it learns, "auto" by
    `sim.learning.device`.

    Raises RewardFailed where the racer's function fails, after the last good state is saved; CarError for a car that
    cannot be trained; ModelError for a folder that cannot be resumed, for a parent of another car and for "cuda"
    without a GPU; OSError where the disk refuses.
    """
    keep_freed_memory()
    training = Training(config, reward, out, resume, parent, device)
    try:
        ending = training.run(on_iteration, should_stop, patience_ms, maximum_iterations)
    finally:
        training.save(everything=True)
    return training.result(ending)


class Training:
    """One training's state, between iterations."""

    def __init__(
        self,
        config: TrainingConfig,
        reward: RewardSource,
        out: Path,
        resume: bool,
        parent: ModelFolder | None = None,
        device: DeviceChoice = "auto",
    ) -> None:
        self.began = time.monotonic()
        self.config, self.reward, self.out = config, reward, out
        self.driven = config.track.driven(config.direction)
        self.rng = np.random.default_rng(config.seed)
        config.car.check_trainable()
        means = MEANS if parent is None else parent.means
        self.layout = trained_layout(config.car, config.hyperparameters.stack_size, means)
        self.is_large = self.layout.parameters() >= LARGE_NETWORK
        self.threads = threads_here() if self.is_large else 1
        self.device = chosen_device(device, self.layout)
        prepare_device(self.device)
        algorithm = config.car.training_algorithm
        self.learner = learner_of(algorithm, self.layout, config.hyperparameters, self.rng, self.device)
        if parent is not None:
            check_parent(config.car, config.hyperparameters, parent)
            self.learner.load_policy(parent.arrays)
        self.counters, self.metrics, self.best = Counters(), MetricsLog(), Standing()
        self.unsaved_best: PolicyArrays | None = None
        """The best policy while its file has an earlier one."""
        self.trial: Trial | None = None
        self.passes = 0.0
        """Through the network since that evaluation."""
        self.about = about_model(
            config.car,
            config.track,
            config.direction,
            config.seed,
            config.objects,
            parent=parent,
            **scene_in(config),
        )
        resume = resume and (out / CHECKPOINT).exists()
        if resume:
            self._resume()
        self.before_ms = self.counters.elapsed_ms
        self.ground = TrainingGround(
            self.driven,
            config.car,
            config.hyperparameters,
            self.rng,
            objects=config.objects,
            look=config.look,
            randomisation=config.randomisation,
            starts=config.starts,
            is_reversed=self.driven is not config.track,
            threads=self.threads,
        )
        self.trials = Trials(
            config.car,
            self.driven,
            seed=config.seed,
            stack_size=config.hyperparameters.stack_size,
            objects=config.objects,
            look=config.look,
            threads=self.threads,
        )
        window = config.hyperparameters.num_episodes_between_training
        self.book = EpisodeBook(self.ground.world.cars, window, self.counters.episodes)
        self.shelf = TraceShelf(out / TRACES, config.car, self.driven, objects=config.objects is not None)
        self.saved_ms = self.metrics_ms = self.before_ms
        self._open_folder(resume)
        if parent is not None and not resume:
            self._measure_parent()
        self.reward.start(self.driven, self.ground.world.cars, self.ground.world.objects.shape[1])

    def run(
        self,
        on_iteration: OnIteration | None,
        should_stop: ShouldStop,
        patience_ms: int,
        maximum_iterations: int | None,
    ) -> Ending:
        """Iterate until there is a reason to end."""
        while True:
            ending = self._ending(patience_ms, maximum_iterations)
            if ending is None and should_stop():
                ending = "stopped"
            if ending is not None:
                return ending
            report = self.iterate()
            self.save()
            if on_iteration is not None:
                on_iteration(report)

    def iterate(self) -> IterationReport:
        """Drive, ask for the rewards, learn, evaluate. State changes only once the rewards are there."""
        refined = self.counters.refined
        rollout = self.ground.drive(self.policy(), self.learner.log_std(), self.counters.steps, refined)
        rewards = self._rewards(rollout)
        episodes = self.book.ended
        records = self.book.add(rollout, rewards)
        learn_or_restore(self.learner, rollout, rewards, refined)
        counters = self.counters
        counters.iterations += 1
        counters.steps += rollout.done.size
        counters.episodes = self.book.ended
        self.passes += rollout.done.size * (1.0 + PASSES_OF_VISIT * self.learner.visits)
        trial, is_new = self._evaluated()
        counters.elapsed_ms = self._elapsed_ms()
        if is_new:
            records += trial.records(counters.episodes)
        self.metrics.add(records)
        self.shelf.put(counters.iterations, rollout, rewards, episodes)
        return self._report(trial, is_new and self._keep_best(trial), records)

    def arrays(self) -> PolicyArrays:
        """The policy's arrays as they are now."""
        return self.learner.policy_arrays()

    def policy(self) -> Policy:
        """The policy as it is now, in the native core."""
        return self.layout.policy(self.arrays())

    def save(self, *, everything: bool = False) -> None:
        """Write best and last policy and checkpoint at most once a second, the metrics less often; all now if
        `everything`."""
        elapsed_ms = self.counters.elapsed_ms
        if everything or elapsed_ms - self.saved_ms >= SAVE_EVERY_MS:
            self.saved_ms = elapsed_ms
            self._write_best()
            policy_file(self.out / LAST, self.arrays())
            save_checkpoint(self.out / CHECKPOINT, self.learner, self.rng, self.counters)
        if everything or elapsed_ms - self.metrics_ms >= METRICS_EVERY_MS:
            self.metrics_ms = elapsed_ms
            write_bytes(self.out / METRICS, self.metrics.to_json().encode())

    def result(self, ending: Ending) -> TrainingResult:
        """What to tell at the end."""
        counters = self.counters
        return TrainingResult(
            iterations=counters.iterations,
            episodes=counters.episodes,
            steps=counters.steps,
            elapsed_ms=self._elapsed_ms(),
            best_iteration=self.best.iteration,
            best_lap_ms=step_time_ms(self.best.lap_steps),
            evaluation_completion=max(0.0, self.best.completion),
            ended_because=ending,
            fingerprint=self.about["fingerprint"],
            device=self.device.type,
        )

    def _elapsed_ms(self) -> int:
        return self.before_ms + round(1000.0 * (time.monotonic() - self.began))

    def _ending(self, patience_ms: int, maximum_iterations: int | None) -> Ending | None:
        counters, hyperparameters = self.counters, self.config.hyperparameters
        if self._elapsed_ms() >= self.config.limit_ms:
            return "time"
        if maximum_iterations is not None and counters.iterations >= maximum_iterations:
            return "iterations"
        most, target = hyperparameters.term_cond_max_episodes, hyperparameters.term_cond_avg_score
        if most != NO_LIMIT and counters.episodes >= most:
            return "episodes"
        full = len(self.book.recent) == self.book.recent.maxlen
        if full and target != NO_LIMIT and self.book.averages()[0] >= target:
            return "target"
        if counters.best_completion < 100.0 and counters.elapsed_ms - counters.progressed_ms >= patience_ms:
            return "hopeless"
        return None

    def _rewards(self, rollout: Rollout) -> NDArray[np.float64]:
        states, cars = rollout.reward_batch()
        rewards = np.asarray(self.reward.rewards(states, cars), np.float64)
        if rewards.shape != (len(states),) or not np.isfinite(rewards).all():
            raise RewardFailed("the reward function did not give one finite number for each step")
        return rewards.reshape(rollout.done.shape)

    def _keep_best(self, trial: Trial) -> bool:
        counters = self.counters
        if trial.completion >= 100.0 and counters.complete_at_steps is None:
            counters.complete_at_steps = counters.steps
        if trial.completion > counters.best_completion:
            if trial.completion > counters.best_completion + 0.5:
                counters.progressed_ms = counters.elapsed_ms
            counters.best_completion = trial.completion
        now = Standing.of(trial, counters.iterations)
        if now.rank(self.config.best_by) <= self.best.rank(self.config.best_by):
            return False
        self.best = now
        self.about["best"] = now.to_json()
        self.unsaved_best = self.arrays()
        return True

    def _write_best(self) -> None:
        if self.unsaved_best is not None:
            write_best(self.out, self.about, self.unsaved_best)
            self.unsaved_best = None

    def _report(self, trial: Trial, best: bool, records: tuple[EpisodeRecord, ...]) -> IterationReport:
        average_reward, completion = self.book.averages()
        return IterationReport(
            iteration=self.counters.iterations,
            episodes=self.counters.episodes,
            steps=self.counters.steps,
            elapsed_ms=self.counters.elapsed_ms,
            average_reward=average_reward,
            training_completion=completion,
            evaluation_completion=trial.completion,
            best_lap_ms=step_time_ms(trial.best_lap_steps),
            race_completion=trial.race.completion if trial.race else None,
            race_ms=step_time_ms(trial.race.total_steps) if trial.race else None,
            race_resets=trial.race.resets if trial.race else None,
            best=best,
            drive=trial.drive,
            records=records,
        )

    def _evaluated(self) -> tuple[Trial, bool]:
        """The newest evaluation, and whether it is of the policy as it is now: of a large network there is none before
        as much was learned as the last one cost, so that no more than half of the work is evaluation."""
        if self.is_large and self.trial is not None and self.passes < sum(self.trial.steps):
            return self.trial, False
        self.trial, self.passes = self._trial(), 0.0
        return self.trial, True

    def _trial(self) -> Trial:
        """The policy as it would race now."""
        return self.trials.drive(self.policy(), race=self.config.best_by == "race")

    def _measure_parent(self) -> None:
        """What it begins with is the best, as iteration 0, until something drives better."""
        self._keep_best(self._trial())
        self._write_best()

    def _open_folder(self, resume: bool) -> None:
        """Make the folder whole from the start: the untrained policy is its best until there is a better one."""
        write_model_facts(self.out, self.config.car, self.config.hyperparameters, self.config.reward_code)
        if not resume:
            write_best(self.out, self.about, self.arrays())

    def _check_resumed_car(self, before: Car) -> None:
        """ModelError where the folder was trained by another algorithm, or with actions that its network has not."""
        car = self.config.car
        if before.training_algorithm != car.training_algorithm:
            was, now = (TITLES[one.training_algorithm] for one in (before, car))
            raise ModelError(
                f"this folder was trained by {was}, and the car learns by {now}: resume it with a car whose "
                f'"training_algorithm" is "{before.training_algorithm}", or train anew into another folder'
            )
        if not car.can_continue(before):
            raise ModelError(
                "this folder was trained with actions of another kind or number; resume it with as many of the same "
                "kind, or train anew into another folder"
            )
        pictures = read_hyperparameters(self.out).stack_size
        if pictures != self.config.hyperparameters.stack_size:
            raise ModelError(
                f"this folder was trained to see {pictures} at once, not {self.config.hyperparameters.stack_size}; "
                f"resume it with a stack_size of {pictures}, or train anew into another folder"
            )

    def _resume(self) -> None:
        about = read_about(self.out)
        for key in RESUMED_AS:
            if json.loads(json.dumps(self.about.get(key))) != about.get(key):
                raise ModelError(f"this folder was trained with another {key}; resume with the same, or train anew")
        self._check_resumed_car(read_car(self.out))
        self.about = about
        self.counters = load_checkpoint(self.out / CHECKPOINT, self.learner, self.rng)
        self.best = Standing.from_json(about.get("best"))
        rows = read_json_object(self.out, METRICS).get("metrics", []) if (self.out / METRICS).exists() else []
        self.metrics = MetricsLog([row for row in rows if row["episode"] <= self.counters.episodes])
