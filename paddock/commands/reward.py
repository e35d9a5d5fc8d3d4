"""`paddock reward check`: would this reward function train?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from paddock.commands.objects import objects_options, track_objects
from paddock.environment import reward_code, track_library

DIRECTIONS = click.Choice(["counterclockwise", "clockwise"])


@click.group()
def reward() -> None:
    """Check reward functions."""


@reward.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--track", required=True, help="The track whose real states the function is tried on.")
@click.option("--direction", type=DIRECTIONS, default="counterclockwise", show_default=True)
@objects_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(file: Path, track: str, direction: str, as_json: bool, **race: Any) -> None:
    """Try a reward function on 200 real states of a track, in the sandbox. Exits with 1 when it fails."""
    from jobs.sandbox.reward_check import check_reward_function
    from sim.objects import TRAINING_LANE_CHANGE_S
    from sim.track import Direction

    objects = track_objects(**race, usual_lane_change_s=TRAINING_LANE_CHANGE_S)
    stored = track_library().get(track)
    result = check_reward_function(reward_code(file), stored, Direction(direction), objects=objects)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=2))
    else:
        for problem in result.problems:
            place = f"line {problem.line}: " if problem.line else ""
            click.echo(f"{file}: {place}{problem.message}")
        say_failed_call(result.parameters, result.log)
        if result.calls:
            low, mean, high = result.rewards
            cost = result.microseconds_per_call
            click.echo(f"rewards from {low:.4g} to {high:.4g}, {mean:.4g} on average; {cost:.1f} µs a call")
        click.echo("This function can train." if result.ok else "This function cannot train yet.")
    if not result.ok:
        sys.exit(1)


def say_failed_call(parameters: dict[str, Any] | None, log: str, *, err: bool = False) -> None:
    """What is known of the first call that failed, and what the code printed."""
    if parameters:
        click.echo("The first call that failed was told:", err=err)
        for name, value in parameters.items():
            click.echo(f"  {name}: {value:.6g}" if isinstance(value, float) else f"  {name}: {value}", err=err)
    if log:
        click.echo(f"The code printed:\n{log.rstrip()}", err=err)


COMMANDS = (reward,)
