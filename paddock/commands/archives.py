"""`paddock export` and `paddock import`: a model's folder as a file that something else reads, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from paddock.commands.reward import DIRECTIONS
from paddock.environment import track_library

if TYPE_CHECKING:
    from sim.console_archive import ConsoleModel
    from sim.model_archive import ArchivedModel

FORMS = ("car", "onnx", "paddock")


@click.command("export")
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--for",
    "form",
    type=click.Choice(FORMS),
    default="car",
    show_default=True,
    help="The physical car (.tar.gz with agent/model.pb), ONNX, or another Paddock (.tar.gz).",
)
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file; made or replaced."
)
def export_model(model: Path, form: str, out: Path) -> None:
    """Write a model's best policy to a file that something else reads."""
    from sim.archive_writer import archive, safe_name
    from sim.car_archive import car_archive
    from sim.model_folder import ModelFolder
    from sim.onnx_file import onnx_file
    from sim.weights import write_bytes

    folder = ModelFolder.read(model)
    if form == "paddock":
        content = b"".join(archive(model, safe_name(model.resolve().name)))
    else:
        content = car_archive(folder) if form == "car" else onnx_file(folder)
    write_bytes(out, content)
    click.echo(f"{out}: {len(content) / 1e6:.1f} MB, weights {folder.weights[:12]}")


@click.command("import")
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--track", help="Home track of a console's model; without one, the track that it was trained on.")
@click.option("--direction", type=DIRECTIONS, default="counterclockwise", show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the model; made.")
def import_model(archive: Path, track: str | None, direction: str, out: Path) -> None:
    """Make a model's folder of an archive: Paddock's own, the console's, DeepRacer for Cloud's or on AWS's.

    --track and --direction are for archives that are not Paddock's: these tell no direction, and may tell no track.
    """
    from sim.console_archive import ConsoleModel
    from sim.model_import import read_model

    if (out / "paddock.json").exists():
        raise ValueError(f"{out} holds a model; choose another --out")
    with archive.open("rb") as packed:
        found = read_model(packed)
    if isinstance(found, ConsoleModel):
        for note in found.notes:
            click.echo(f"note: {note}", err=True)
        found = _at_home(found, track, direction)
    found.write(out)
    sensors = " and ".join(sensor.name for sensor in found.car.sensors)
    click.echo(f"{out}: {sensors}, {found.car.neural_network}, weights {found.weights[:12]}, home {found.track_name}")


def _at_home(found: ConsoleModel, track: str | None, direction: str) -> ArchivedModel:
    from sim.reward_examples import DEFAULT_EXAMPLE
    from sim.track import Direction

    library = track_library()
    name = track or found.world
    if not name or (not track and name not in library.names()):
        told = f"it was trained on {name}, which is not here" if name else "it tells no track"
        raise ValueError(f"{told}; give --track NAME as its home (`paddock tracks list`)")
    if not found.code:
        click.echo("note: it holds no reward function; the default one stands in its place", err=True)
    return found.on(library.get(name), Direction(direction), found.code or DEFAULT_EXAMPLE.code, found.name)


COMMANDS = (export_model, import_model)
