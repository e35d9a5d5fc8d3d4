"""Options that say what stands or drives on the track: the type of race, its boxes and its bots."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sim.objects import TrackObjects

RACE_TYPES = click.Choice(["time-trial", "object-avoidance", "head-to-bot"])
USUAL_COUNT = 3


def objects_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; `track_objects` reads what they were given."""
    options = (
        click.option("--race-type", type=RACE_TYPES, help="What it is about; said by --boxes or --bots too."),
        click.option(
            "--boxes",
            metavar="N|PLACES",
            help='A number of boxes at drawn places, or places: "0.2,1;0.55,-1" (fraction of the lap, lane).',
        ),
        click.option("--bots", type=click.IntRange(1, 6), help="A number of bots."),
        click.option("--bot-speed", type=click.FloatRange(0.2, 7.0), help="Of all bots, m/s; 0.2 if left out."),
        click.option(
            "--lane-change",
            type=float,
            nargs=2,
            metavar="LEAST MOST",
            help="Seconds that bots drive straight between two changes of lane; 0 0 for none.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def track_objects(
    race_type: str | None,
    boxes: str | None,
    bots: int | None,
    bot_speed: float | None,
    lane_change: tuple[float, float] | None,
    *,
    usual_lane_change_s: tuple[float, float],
) -> TrackObjects | None:
    """The boxes or bots that the options ask for. ValueError where they contradict each other or cannot be."""
    from sim.objects import Bots, RaceType, boxes_at

    asked = {RaceType.OBJECT_AVOIDANCE: ["--boxes"] if boxes is not None else [], RaceType.HEAD_TO_BOT: []}
    given = {"--bots": bots, "--bot-speed": bot_speed, "--lane-change": lane_change or None}
    asked[RaceType.HEAD_TO_BOT] = [name for name, value in given.items() if value is not None]
    kind = RaceType(race_type) if race_type else next((key for key, names in asked.items() if names), None)
    for other, names in asked.items():
        if names and other is not kind:
            raise ValueError(f"{names[0]} is for {other}, not for {kind}")
    if kind is RaceType.OBJECT_AVOIDANCE:
        return boxes_at(str(USUAL_COUNT) if boxes is None else boxes)
    if kind is not RaceType.HEAD_TO_BOT:
        return None
    pause = lane_change or usual_lane_change_s
    return Bots(bots or USUAL_COUNT, bot_speed or 0.2, None if pause == (0.0, 0.0) else pause)
