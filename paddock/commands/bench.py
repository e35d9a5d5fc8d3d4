"""`paddock bench NAME`: what is in `bench/`, as rows of figures with the machine's calibration."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paddock.failures import PartMissing

if TYPE_CHECKING:
    from bench.rows import Row

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "rows",
    "calibration",
    "postgres",
    "recorded",
    "track_choice",
    "peers",
    "peer_worlds",
    "picture",
    "serving",
    "databases",
    "crowd",
    "garages",
    "bulk",
    "large_instance",
    "imitation",
    "camera_laps",
    "centre_line",
    "lap_runs",
    "processor_time",
    "baseline_cars",
    "start_up",
    "best_line",
    "evolution",
)
"""Modules of `bench/` that measure nothing by themselves."""


class Benchmarks(click.Group):
    """One subcommand for each module of `bench/`; a module's `measure` command returns its rows."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = pkgutil.iter_modules([str(ROOT / "bench")])
        return sorted(module.name for module in found if module.name not in PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if not (ROOT / "bench").is_dir():
            raise PartMissing("benchmarks are part of a checkout of Paddock, not of an installed package")
        if cmd_name not in self.list_commands(ctx):
            return None
        if str(ROOT) not in sys.path:
            sys.path.insert(0, str(ROOT))
        return _printing(cmd_name, importlib.import_module(f"bench.{cmd_name}").measure)


def _printing(name: str, measure: click.Command) -> click.Command:
    """The module's command, with --json, that prints the rows that the module returns."""

    def show(as_json: bool, **options: Any) -> None:
        assert measure.callback is not None  # noqa: S101  a command made by the decorator has one
        _show(measure.callback(**options), as_json)

    json_option = click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.")
    return click.Command(name, params=[*measure.params, json_option], callback=show, help=measure.help)


@click.group(cls=Benchmarks)
def bench() -> None:
    """Measure: print name, value, unit and what stands beside it, with the machine's calibration."""


def _show(rows: list[Row], as_json: bool) -> None:
    from bench.calibration import calibrate
    from bench.rows import as_dict, as_line

    calibration = calibrate()
    if as_json:
        click.echo(json.dumps({"rows": [as_dict(row) for row in rows], "calibration": calibration}, indent=2))
        return
    for row in rows:
        click.echo(as_line(row))
    click.echo("machine: " + ", ".join(f"{key} {value}" for key, value in calibration.items()))


COMMANDS = (bench,)
