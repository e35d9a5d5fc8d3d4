"""`paddock export`: a model's folder as a file for the physical car, as ONNX, or as Paddock's archive."""

from __future__ import annotations

from pathlib import Path

import click

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


COMMANDS = (export_model,)
