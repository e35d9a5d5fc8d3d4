"""`paddock verify`: driving a submission again from its record, and saying whether it is the same."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paddock.environment import track_named

if TYPE_CHECKING:
    from sim.drive_record import DriveRecord, Verdict

DIFFERENT = 1
TIMEOUT_S = 10.0


@click.command()
@click.argument("record")
@click.option(
    "--model",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="What drove: an archive from Paddock (.tar.gz), or a model's folder.",
)
@click.option("--track", help="A track of the library or a route file; without one, the track that the record names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(record: str, model: Path, track: str | None, as_json: bool) -> None:
    """Drive a submission again and compare: RECORD is its record.json, or the address of its page.

    Exit code 0: the same to the step. 1: different; what differs is printed. 2: something of the input is wrong.
    """
    from sim.drive_record import DriveRecord
    from sim.drive_record import verify as drive_again

    wanted = DriveRecord.read(_text_of(record))
    with _folder_of(model) as folder:
        verdict = drive_again(wanted, folder, track_named(track or wanted.track_name))
    click.echo(_as_json(wanted, verdict) if as_json else _in_words(wanted, verdict))
    if not verdict.is_same:
        sys.exit(DIFFERENT)


def _text_of(record: str) -> bytes:
    """The bytes of a file, or of what an address answers. ValueError and OSError say what is wrong."""
    from sim.drive_record import LARGEST_BYTES

    if not record.startswith(("http://", "https://")):
        path = Path(record)
        if path.is_file() and path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"{record} is larger than a record can be; choose the record.json of a submission")
        return path.read_bytes()
    import requests

    address = record if record.endswith(".json") else record.split("?")[0].rstrip("/") + "/record.json"
    try:
        with requests.get(address, timeout=TIMEOUT_S, stream=True) as answer:
            if answer.status_code != 200:
                raise ValueError(
                    f"{address} answers {answer.status_code}; where the race is private, download the record in the "
                    "browser and give the file"
                )
            return answer.raw.read(LARGEST_BYTES + 1, decode_content=True) or b""
    except requests.RequestException as error:
        raise ValueError(f"{address} cannot be reached ({type(error).__name__}); give the file instead") from None


@contextmanager
def _folder_of(model: Path) -> Iterator[Path]:
    """The model's folder: as it is, or unpacked from an archive for as long as it is needed."""
    if model.is_dir():
        yield model
        return
    from sim.model_archive import read_archive

    with tempfile.TemporaryDirectory(prefix="paddock-verify-") as folder, model.open("rb") as packed:
        read_archive(packed).write(Path(folder))
        yield Path(folder)


def _in_words(record: DriveRecord, verdict: Verdict) -> str:
    lines = []
    if verdict.result is not None:
        lines = [
            f"lap {lap.number}  {lap.time_ms / 1000:8.3f} s  {lap.steps} steps  {lap.resets} resets"
            + ("" if lap.complete else "  not finished")
            + ("  <- another one" if lap.number == verdict.first_lap else "")
            for lap in verdict.result.laps
        ]
    if verdict.is_same:
        return "\n".join([*lines, f"the same, to the step: fingerprint {record.fingerprint}"])
    return "\n".join([*lines, *(f"different: {words}" for words in verdict.differences)])


def _as_json(record: DriveRecord, verdict: Verdict) -> str:
    return json.dumps(
        {
            "same": verdict.is_same,
            "differences": list(verdict.differences),
            "first_lap": verdict.first_lap,
            "fingerprint": record.fingerprint,
            "driven": verdict.result.to_json() if verdict.result else None,
        },
        indent=2,
    )


COMMANDS = (verify,)
