"""`paddock train` and `paddock evaluate`: the same functions that the workers call, without portal or queue."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from paddock.commands.objects import objects_options, track_objects
from paddock.commands.reward import DIRECTIONS, say_failed_call
from paddock.commands.scene import scene_options
from paddock.environment import reward_code, track_library
from sim.best_choice import BEST_BY, USUAL_BEST_BY
from sim.looks import USUAL_LOOK
from sim.reward_state import RewardFailed
from sim.starts import STARTS, USUAL_STARTS

if TYPE_CHECKING:
    from sim.learning.training import IterationReport, TrainingConfig


def _json_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def _check_the_call(out: Path, minutes: float, *, resume: bool, replace: bool) -> None:
    """What no option can check alone. Raises ValueError."""
    if not math.isfinite(minutes):
        raise ValueError(f"--minutes is {minutes}; it must be a number, 0.01 to 6000")
    if (out / "paddock.json").exists() and not (resume or replace):
        raise ValueError(
            f"{out} holds a model; --resume goes on with it, --replace trains it anew, another --out keeps it"
        )


def _configuration(
    track: str, direction: str, code: str, car: Path | None, settings: Path | None, **rest: Any
) -> TrainingConfig:
    from sim.car import Car
    from sim.hyperparameters import Hyperparameters
    from sim.learning.training import TrainingConfig
    from sim.track import Direction

    return TrainingConfig(
        track=track_library().get(track),
        direction=Direction(direction),
        car=Car.from_metadata(_json_file(car)) if car else Car.default(),
        hyperparameters=Hyperparameters.from_dict(_json_file(settings)) if settings else Hyperparameters(),
        reward_code=code,
        **rest,
    )


@click.command()
@click.option("--track", required=True, help="Name of the track.")
@click.option("--direction", type=DIRECTIONS, default="counterclockwise", show_default=True)
@click.option("--reward", "reward_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--car",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A model_metadata.json; the default car otherwise.",
)
@click.option(
    "--hyperparameters",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A hyperparameters.json; the defaults otherwise.",
)
@click.option("--minutes", type=click.FloatRange(min=0.01, max=6000), default=2.0, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@objects_options
@scene_options
@click.option(
    "--starts",
    type=click.Choice(list(STARTS)),
    default=USUAL_STARTS,
    show_default=True,
    help="Where episodes begin: each 5 % further on, anywhere, or half of them before places where cars went off.",
)
@click.option(
    "--best-by",
    type=click.Choice(list(BEST_BY)),
    default=USUAL_BEST_BY,
    show_default=True,
    help="Keep the policy with the best laps from 16 starts, or with the best three laps as a race scores them.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for the model; made if it is not there."
)
@click.option(
    "--from",
    "parent",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A model's folder, with whose weights it begins; of the same car, but for the actions' values.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where it learns: `auto` takes a GPU where there is one and the network is large enough for it to help.",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
@click.option("--replace", is_flag=True, help="Train anew where the folder holds a model already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON at the end, progress on standard error.")
def train(
    track: str,
    direction: str,
    reward_file: Path,
    car: Path | None,
    hyperparameters: Path | None,
    minutes: float,
    seed: int,
    look: str,
    randomisation: str,
    starts: str,
    best_by: str,
    out: Path,
    parent: Path | None,
    device: Literal["auto", "cpu", "cuda"],
    resume: bool,
    replace: bool,
    as_json: bool,
    **race: Any,
) -> None:
    """Train a model: the reward function runs in the sandbox, the model is written to --out."""
    _check_the_call(out, minutes, resume=resume, replace=replace)
    code = reward_code(reward_file)
    limit_ms = round(minutes * 60_000)
    from sim.objects import TRAINING_LANE_CHANGE_S, objects_json
    from sim.sensors import SensorKind

    objects = track_objects(**race, usual_lane_change_s=TRAINING_LANE_CHANGE_S)
    scene = {"look": look, "randomisation": randomisation, "starts": starts, "best_by": best_by}
    configuration = _configuration(
        track, direction, code, car, hyperparameters, seed=seed, limit_ms=limit_ms, objects=objects, **scene
    )
    if look != USUAL_LOOK and not any(sensor.kind is SensorKind.CAMERA for sensor in configuration.car.sensors):
        click.echo("The car has no camera: --look changes nothing for it.", err=True)
    if objects and all(sensor.kind is SensorKind.VECTOR for sensor in configuration.car.sensors):
        click.echo(
            "The car's track vector is blind to boxes and bots; give --car one with a LIDAR or a camera.", err=True
        )

    from jobs.sandbox import RewardProcess
    from sim.model_folder import ModelFolder

    begins_with = None if parent is None else ModelFolder.read(parent)
    with RewardProcess(code) as source:
        from sim.learning.training import train as train_model  # torch takes seconds, the sandbox starts meanwhile

        try:
            result = train_model(
                configuration,
                reward=source,
                out=out,
                on_iteration=_say_iteration,
                resume=resume,
                parent=begins_with,
                device=device,
            )
        except RewardFailed as failed:
            say_failed_call(failed.parameters, failed.log, err=True)
            if (out / "paddock.json").exists():
                click.echo(f"{out} holds the model as it was before.", err=True)
            raise
    facts = {"track": track, "direction": direction, "seed": seed, "objects": objects_json(objects), **scene}
    summary = {"model": str(out), **facts, **asdict(result)}
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    lap = f", best lap {result.best_lap_ms / 1000:.3f} s" if result.best_lap_ms else ""
    click.echo(
        f"{out}: {result.iterations} iterations, {result.evaluation_completion:.0f} % of the track{lap}; "
        f"ended by {result.ended_because}" + ("; learned on a GPU" if result.device == "cuda" else "")
    )


def _say_iteration(report: IterationReport) -> None:
    lap = f"  best lap {report.best_lap_ms / 1000:.3f} s" if report.best_lap_ms else ""
    click.echo(
        f"{report.elapsed_ms / 1000:7.1f} s  iteration {report.iteration:>4}  reward {report.average_reward:>10.2f}  "
        f"training {report.training_completion:5.1f} %  evaluation {report.evaluation_completion:5.1f} %{lap}"
        f"{_race_drive(report)}",
        err=True,
    )


def _race_drive(report: IterationReport) -> str:
    """Three laps in one go, where they were tried."""
    if report.race_completion is None:
        return ""
    drive = f"{report.race_completion:.0f} %" if report.race_ms is None else f"{report.race_ms / 1000:.3f} s"
    return f"  as a race {drive}, {report.race_resets} resets"


@click.command()
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--track", required=True, help="Name of the track.")
@click.option("--direction", type=DIRECTIONS, default="counterclockwise", show_default=True)
@click.option("--laps", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--penalty", type=click.FloatRange(0, 60), default=3.0, show_default=True, help="Seconds for leaving the track."
)
@click.option(
    "--collision-penalty", type=click.FloatRange(0, 60), default=5.0, show_default=True, help="Seconds for a crash."
)
@objects_options
@scene_options
@click.option(
    "--mercy",
    type=click.IntRange(0, 1000),
    default=0,
    help="So many resets at one box put the car beyond it; 0: never.",
)
@click.option(
    "--reset-at",
    type=click.Choice(["current", "previous"]),
    default="current",
    show_default=True,
    help="The row at whose progress a car is put back that left the track.",
)
@click.option("--trials", is_flag=True, help="Start each lap anew instead of driving them in one go.")
@click.option("--trace", type=click.Path(dir_okay=False, path_type=Path), help="Write the drive as a SimTrace CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(
    model: Path,
    track: str,
    direction: str,
    laps: int,
    seed: int,
    penalty: float,
    collision_penalty: float,
    look: str,
    randomisation: str,
    mercy: int,
    reset_at: Literal["current", "previous"],
    trials: bool,
    trace: Path | None,
    as_json: bool,
    **race: Any,
) -> None:
    """Let a model drive: the same model, track and seed give the same laps to the step.

    Races have the look reinvent and nothing randomised; others show how a model bears what it did not train with.
    """
    from sim.episode import EpisodeRules
    from sim.evaluation import evaluate as evaluate_model
    from sim.objects import RACE_LANE_CHANGE_S, Boxes, objects_json
    from sim.track import Direction

    objects = track_objects(**race, usual_lane_change_s=RACE_LANE_CHANGE_S)
    if mercy and not isinstance(objects, Boxes):
        raise ValueError("--mercy is for object-avoidance: it says when a car is put beyond a box")
    rules = EpisodeRules.racing(
        laps=laps,
        continuous=not trials,
        off_track_penalty_s=penalty,
        collision_penalty_s=collision_penalty,
        reset_at=reset_at,
        mercy_after=mercy,
    )
    stored = track_library().get(track)
    scene = {"look": look, "randomisation": randomisation}
    way = Direction(direction)
    result = evaluate_model(model, stored, direction=way, rules=rules, seed=seed, objects=objects, **scene)
    if trace:
        trace.write_text(result.trace.to_simtrace_csv())
    if as_json:
        facts = {"model": str(model), "track": track, "direction": direction, "seed": seed}
        click.echo(json.dumps({**facts, "objects": objects_json(objects), **scene, **result.to_json()}, indent=2))
        return
    for lap in result.laps:
        ending = "" if lap.complete else "  not finished"
        crashes = f"  {lap.crash_count} crashes" if objects else ""
        click.echo(f"lap {lap.number}  {lap.time_ms / 1000:8.3f} s  {lap.resets} resets{crashes}{ending}")
    click.echo(f"total  {result.total_ms / 1000:8.3f} s  {result.completion_percent:.1f} %")
    click.echo(f"fingerprint {result.fingerprint}")


COMMANDS = (train, evaluate)
