"""`paddock verify`: the same to the step, or what differs; by file, by address, from a folder or an archive."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from paddock.cli import paddock
from portal.model_archive import archive
from sim.drive_record import record_json
from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.track import Direction
from sim.track_library import TrackLibrary
from tests.sim.models import write_model

NAME = "paddock-oval"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, its archive, and the record of one of its drives."""
    track, place = TrackLibrary().get(NAME), tmp_path_factory.mktemp("verify")
    model = write_model(place / "model", track)
    result = evaluate(
        model, track, direction=Direction.CLOCKWISE, rules=EpisodeRules.racing(laps=1, maximum_steps=300), seed=3
    )
    (place / "record.json").write_text(json.dumps(record_json(result, track)))
    (place / "model.tar.gz").write_bytes(b"".join(archive(model, "model")))
    return place


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PADDOCK_DATA", str(tmp_path / "data"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(paddock, ["verify", *map(str, arguments)])


@pytest.mark.parametrize("model", ["model", "model.tar.gz"])
def test_the_same_is_said_and_ends_well(data: None, folder: Path, model: str) -> None:
    done = run(folder / "record.json", "--model", folder / model)
    assert (done.exit_code, "the same, to the step" in done.output) == (0, True)


def test_what_differs_is_said_and_ends_with_one(data: None, folder: Path, tmp_path: Path) -> None:
    record = json.loads((folder / "record.json").read_text())
    record["made_of"]["laps"][0][0] += 1
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(record))
    done = run(changed, "--model", folder / "model")
    assert done.exit_code == 1
    assert "different: the record was changed" in done.output
    assert "<- another one" in done.output
    told = json.loads(run(changed, "--model", folder / "model", "--json").output)
    assert (told["same"], told["first_lap"], len(told["differences"])) == (False, 1, 2)


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_record_is_fetched_from_the_address_of_its_page(data: None, folder: Path, address: str) -> None:
    assert run(f"{address}/", "--model", folder / "model").exit_code == 0
    assert run(f"{address}/record.json", "--model", folder / "model").exit_code == 0
    missing = run(f"{address}/nowhere", "--model", folder / "model")
    assert "answers 404" in str(missing.exception)
    assert "give the file" in str(missing.exception)


def test_an_address_that_nobody_answers_is_said(data: None, folder: Path) -> None:
    done = run("http://127.0.0.1:9/x", "--model", folder / "model")
    assert "cannot be reached" in str(done.exception)


def test_wrong_files_are_refused(data: None, folder: Path) -> None:
    swapped = run(folder / "model.tar.gz", "--model", folder / "model")
    assert "no record of a drive" in str(swapped.exception)
    no_model = run(folder / "record.json", "--model", folder / "record.json")
    assert no_model.exit_code != 0
    assert "archive" in str(no_model.exception)
