"""`paddock tracks`: the circuits that are here, and bringing in others."""

from __future__ import annotations

import json
from pathlib import Path

import click

from paddock.environment import track_library


@click.group()
def tracks() -> None:
    """List, import and show tracks."""


@tracks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tracks(as_json: bool) -> None:
    """List the tracks, shipped and imported."""
    library = track_library()
    rows = []
    for name in library.names():
        track = library.get(name)
        rows.append(
            {
                "name": name,
                "title": track.title,
                "length_m": round(track.length_m, 2),
                "width_m": round(track.width_m, 2),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']:<28} {row['length_m']:>7.2f} m  {row['width_m']:>5.2f} m wide  {row['title']}")


@tracks.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the track; the file's name without its ending otherwise.")
@click.option("--replace", is_flag=True, help="Replace an imported track of the same name.")
@click.option(
    "--scale",
    type=float,
    help="Multiply every length; without it a full-size .csv becomes 1:18 and everything else stays as it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_tracks(files: tuple[Path, ...], name: str | None, replace: bool, scale: float | None, as_json: bool) -> None:
    """Import tracks: the real .npy routes, Paddock's .json or TUM's .csv."""
    from sim.track_files import read_track

    if name and len(files) > 1:
        raise click.UsageError("--name names one track; import the files one by one")
    library = track_library()
    rows = []
    for file in files:
        track = read_track(file, name=name, scale=scale)
        library.add(track, replace=replace)
        rows.append(
            {
                "name": track.name,
                "length_m": round(track.length_m, 2),
                "width_m": round(track.width_m, 2),
                "points": len(track.centre),
                "closed": track.closed,
            }
        )
        if not as_json:
            kind = "circuit" if track.closed else "open track"
            size = f"{track.length_m:.2f} m long, {track.width_m:.2f} m wide"
            click.echo(f"{track.name}: {kind}, {size}, {len(track.centre)} points")
    if as_json:
        click.echo(json.dumps(rows, indent=2))


@tracks.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON with the outline.")
def show_track(name: str, as_json: bool) -> None:
    """Show one track's facts."""
    track = track_library().get(name)
    facts = {
        "name": track.name,
        "title": track.title,
        "length_m": round(track.length_m, 3),
        "width_m": round(track.width_m, 3),
        "points": len(track.centre),
        "closed": track.closed,
        "direction": "counterclockwise" if track.counter_clockwise else "clockwise",
        "fingerprint": track.fingerprint,
    }
    if as_json:
        click.echo(json.dumps({**facts, "outline": track.outline()}))
        return
    for key, value in facts.items():
        click.echo(f"{key:<12} {value}")


COMMANDS = (tracks,)
