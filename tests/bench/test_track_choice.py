"""Benchmarks run on a track of the library, an imported one or a route file, and say which there are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.track_choice import track_named
from paddock.cli import paddock
from sim.track import TrackError
from tests.sim.test_track_checks import ring


def test_a_name_and_a_route_file_are_found(tmp_path: Path) -> None:
    np.save(tmp_path / "my-ring.npy", ring())
    assert track_named("paddock-oval").name == "paddock-oval"
    assert track_named(str(tmp_path / "my-ring.npy")).name == "my-ring"
    with pytest.raises(TrackError, match="the path of a route file"):
        track_named("nowhere")


@pytest.mark.slow
def test_the_simulator_is_measured_on_a_route_file(tmp_path: Path) -> None:
    np.save(tmp_path / "ring.npy", ring())
    call = ["bench", "sim", "--track", str(tmp_path / "ring.npy"), "--seconds", "0.01", "--json"]
    answer = CliRunner().invoke(paddock, call)
    assert answer.exit_code == 0, answer.output
    assert all(row["value"] > 0.0 for row in json.loads(answer.stdout)["rows"])
