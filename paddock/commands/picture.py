"""`paddock picture`: a track or a model's drive as a PNG or a GIF."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paddock.commands.objects import objects_options, track_objects
from paddock.commands.reward import DIRECTIONS
from paddock.environment import track_named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.evaluation import EvaluationResult
    from sim.pictures import Film
    from sim.track import Track
    from sim.views import View, ViewName

FEWEST_PX, MOST_PX = 32, 4096
MANY_FRAMES = 200
"""From here on somebody waits for seconds."""


@click.command()
@click.argument("source")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="What to write: a .png or a .gif."
)
@click.option(
    "--view",
    type=click.Choice(["top", "camera", "stereo", "camera-40x30"]),
    default="top",
    show_default=True,
    help="From above, or what a camera of the car sees.",
)
@click.option("--look", default="reinvent", show_default=True, help="What the world looks like to a camera.")
@click.option(
    "--at", "share", type=click.FloatRange(0, 1), help="Of a track: where in the lap. Of a drive's PNG: when in it."
)
@click.option("--size", type=click.IntRange(FEWEST_PX, MOST_PX), default=640, show_default=True, help="Longest side.")
@click.option("--every", type=click.IntRange(1, 150), default=2, show_default=True, help="Rows from frame to frame.")
@click.option("--track", help="Name of the track that a model drives on.")
@click.option("--direction", type=DIRECTIONS, default="counterclockwise", show_default=True)
@click.option("--laps", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 1200),
    default=60.0,
    show_default=True,
    help="Longest that a drive lasts.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@objects_options
def picture(
    source: str,
    out: Path,
    view: ViewName,
    look: str,
    share: float | None,
    size: int,
    every: int,
    track: str | None,
    direction: str,
    laps: int,
    seconds: float,
    seed: int,
    **race: Any,
) -> None:
    """Draw SOURCE: a track (its name, or a route file), or the drive of a model (its folder, with --track).

    A GIF is a drive and plays as fast as it was driven; a PNG of a drive shows the whole way, or with --at one moment.
    """
    from sim.episode import EpisodeRules
    from sim.evaluation import evaluate
    from sim.objects import RACE_LANE_CHANGE_S
    from sim.pictures import write_png
    from sim.track import Direction
    from sim.views import view_named

    kind = out.suffix.lower()
    if kind not in (".png", ".gif"):
        raise ValueError(f"{out} is no picture that Paddock writes; end it in .png or .gif")
    objects = track_objects(**race, usual_lane_change_s=RACE_LANE_CHANGE_S)
    if not Path(source).is_dir():
        if kind == ".gif":
            raise ValueError("a GIF is a drive: give a model's folder and --track")
        driven = track_named(source).driven(Direction(direction))
        looking = view_named(view, driven, look=look, longest_px=size)
        write_png(out, looking.picture(_pose(driven, share or 0.0), []))
        click.echo(str(out))
        return
    if track is None:
        raise ValueError("say with --track where the model drives")
    stored = track_named(track)
    rules = EpisodeRules.racing(laps=laps, maximum_steps=round(15 * seconds))
    result = evaluate(Path(source), stored, direction=Direction(direction), rules=rules, seed=seed, objects=objects)
    looking = view_named(view, stored.driven(Direction(direction)), look=look, longest_px=size)
    if kind == ".gif":
        _write_gif(out, _film(looking, result, every), 15.0 / every)
    else:
        write_png(out, _moment(looking, result, share))
    click.echo(f"{out}: {len(result.trace.rows) / 15:.1f} s, {result.completion_percent:.0f} % of {laps} laps")


def _pose(track: Track, share: float) -> NDArray[np.float64]:
    """Where a car begins at this share of the lap."""
    import numpy as np

    from sim.world import native_track

    return np.array(native_track(track).start_pose(min(share, 1.0 - 1e-9)))


def _film(view: View, result: EvaluationResult, every: int) -> Film:
    from sim.pictures import Film, evenly, poses_of, trail_of
    from sim.views import standing_in

    poses, trail = poses_of(result.trace), trail_of(result.trace)
    fastest_mps = float(trail[:, 2].max())

    def frame(row: int) -> NDArray[np.uint8]:
        return view.picture(poses[row], standing_in(result.trace.objects, row), trail[: row + 1], fastest_mps)

    return Film(evenly(len(poses), every), frame)


def _write_gif(out: Path, film: Film, frames_per_second: float) -> None:
    """Writes it; of a long one how far it is, on standard error."""
    from sim.pictures import write_gif

    if len(film) < MANY_FRAMES:
        write_gif(out, film, frames_per_second)
        return
    with click.progressbar(length=len(film), label=f"Drawing {len(film)} frames", file=sys.stderr) as bar:
        write_gif(out, film, frames_per_second, on_frame=lambda written: bar.update(written - bar.pos))


def _moment(view: View, result: EvaluationResult, share: float | None) -> NDArray[np.uint8]:
    """One row with the way to it; the last one where no share is given."""
    from sim.pictures import poses_of, trail_of
    from sim.views import standing_in

    poses, trail = poses_of(result.trace), trail_of(result.trace)
    row = round((1.0 if share is None else share) * (len(poses) - 1))
    return view.picture(poses[row], standing_in(result.trace.objects, row), trail[: row + 1])


COMMANDS = (picture,)
