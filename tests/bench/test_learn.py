"""What `paddock bench learn` makes of its runs: medians, failures, tracks together, and Stable-Baselines3 beside it."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bench import baselines, learn
from bench.lap_runs import Run, Stopwatch, rows_of
from bench.peers import PeerFailed
from bench.rows import Row
from paddock.failures import PartMissing


def by_name(rows: list[Row]) -> dict[str, float]:
    assert len({(row.name, row.clock) for row in rows}) == len(rows)
    return {f"{row.name} {row.clock}".strip(): row.value for row in rows}


def test_rows_say_median_tail_and_failures() -> None:
    runs = [Run(1.0, 0.5, 100, True), Run(3.0, 2.5, 300, True), Run(9.0, 7.0, 900, False)]
    figures = by_name(rows_of("oval", runs, (2.0, 4.0)))
    assert figures["oval: median wall"] == 3.0
    assert figures["oval: slowest wall"] == 9.0
    assert figures["oval: median, processor time processor"] == 2.5
    assert figures["oval: failures"] == 1.0
    assert figures["oval: median steps"] == 300.0


def test_a_stopwatch_counts_work_and_not_waiting() -> None:
    watch = Stopwatch()
    time.sleep(0.3)
    run = watch.stop(5, True)
    assert run.wall_s >= 0.3
    assert 0.0 <= run.processor_s < 0.2
    assert (run.steps, run.success) == (5, True)


def test_peers_need_a_preset_that_has_one() -> None:
    for options in (["--peers"], ["--peers", "--preset", "deepracer"]):
        told = CliRunner().invoke(learn.measure, options)
        assert told.exit_code == 2
        assert "fast, camera, sac" in told.output


def test_each_seed_is_run_beside_its_peers_on_every_track(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[Any, ...]] = []

    def own(preset: Any, track: Any, way: Any, seed: int, limit_s: float, sandbox: bool) -> Run:
        order.append((track.name, "own", seed, limit_s))
        return Run(2.0 + seed, 1.0, 10, success=seed == 0)

    def peer(baseline: Any, preset: Any, track: Any, seed: int, limit_s: float, way: Any) -> Run:
        order.append((track.name, baseline.name, seed, limit_s))
        return Run(10.0 if "many" in baseline.name else 99.0, 6.0, 20, True)

    monkeypatch.setattr(learn, "_one", own)
    monkeypatch.setattr(learn, "baseline_run", peer)
    monkeypatch.setattr(learn, "installed", nullcontext)
    assert learn.measure.callback is not None
    rows = learn.measure.callback(
        tracks=("paddock-oval", "kidney"),
        direction="clockwise",
        car="default",
        preset="fast",
        seeds=2,
        limit_s=7.0,
        sandbox=True,
        peers=True,
    )
    names = [baseline.name for baseline in learn.BASELINES["fast"]]
    wanted = [("own", 0, learn.WARM_S)] + [(who, seed, 7.0) for seed in (0, 1) for who in ("own", *names)]
    assert [entry[1:] for entry in order] == wanted * 2
    figures = by_name(rows)
    ahead = "kidney clockwise, fast: fastest Stable-Baselines3 / Paddock"
    assert figures[f"{ahead} wall"] == 10.0 / 2.5
    assert figures[f"{ahead} processor"] == 6.0
    assert figures["all 2 tracks, fast: failures"] == 2.0
    assert figures["all 2 tracks, fast: slowest wall"] == 3.0


def test_what_cannot_be_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path, package: str) -> None:
        raise PeerFailed("no network")

    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    monkeypatch.setattr(baselines, "install_into", refused)
    with pytest.raises(PartMissing, match="cannot be installed: no network"), baselines.installed():
        pass


@pytest.mark.slow
def test_stable_baselines_sees_what_our_policies_see() -> None:
    """Two pictures, oldest first; where a car ended, its info has the last ones, and the next first one comes twice."""
    pytest.importorskip("stable_baselines3", reason="`./run test --slow` installs it")
    from bench.baselines import _cars
    from sim.presets import PRESETS
    from sim.track import Direction
    from tests.sim.ovals import oval

    cars = _cars(PRESETS["camera"], oval(), Direction.COUNTERCLOCKWISE, 6, autoreset_mode="SameStep")
    cars.seed(3)
    seen = cars.reset()
    assert seen.shape == (6, 2, 30, 40)
    assert cars.observation_space.contains(seen[0])
    assert np.array_equal(seen[:, 0], seen[:, 1])
    ends, random = 0, np.random.default_rng(0)
    for _ in range(120):
        before = seen
        seen, rewards, done, infos = cars.step(random.integers(0, 10, 6))
        assert np.isin(rewards, np.float32([1.0, 0.5, 0.1, 0.001])).all()
        assert np.array_equal(seen[~done, 0], before[~done, 1])
        assert np.array_equal(seen[done, 0], seen[done, 1])
        for car in np.flatnonzero(done):
            last = infos[car]["terminal_observation"]
            assert np.array_equal(last[0], before[car, 1])
            assert not np.array_equal(last[1], seen[car, 1])
            ends += 1
    assert ends > 3
    cars.close()
