"""The search for the best lap: the optimiser, the driver that it moves, and the clock that both sides are read by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

from bench.best_line import RULES, Drivers, first_driver, flying_lap_s, search, smooth
from bench.evolution import Evolution
from bench.lap import policy_lap_s
from sim.action_space import ContinuousActionSpace
from sim.drive_rows import DriveRows, drive_until_done
from sim.driver import rollout_of
from sim.episode import STEP_S
from sim.model_folder import ModelFolder
from sim.track_library import TrackLibrary
from sim.world import World
from tests.sim.models import write_model
from tests.sim.ovals import oval, wave

ACTIONS = ContinuousActionSpace(-30.0, 30.0, 0.5, 4.0)


def test_evolution_finds_the_top_of_a_narrow_ridge() -> None:
    """A quadratic whose axes differ by a factor of a thousand and are turned."""
    turned, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((10, 10)))
    top, heights = np.arange(10.0), np.logspace(0, 3, 10)
    evolution = Evolution(np.zeros(10), np.ones(10), 1.0, 20, 1)
    for _ in range(400):
        evolution.tell(-(((evolution.ask() - top) @ turned) ** 2 @ heights))
    assert np.abs(evolution.centre() - top).max() < 1e-3


def test_the_same_seed_searches_in_the_same_way() -> None:
    one, other, another = (Evolution(np.zeros(3), np.ones(3), 1.0, 8, seed).ask() for seed in (4, 4, 5))
    assert (one == other).all()
    assert (one != another).all()


def test_a_table_goes_through_its_knots_and_closes() -> None:
    knots = np.random.default_rng(0).standard_normal((2, 32))
    table = smooth(knots)
    assert table[:, ::32] == pytest.approx(knots)
    assert np.abs(np.diff(table, append=table[:, :1])).max() < 0.3


@pytest.mark.parametrize("name", TrackLibrary().names())
def test_the_first_driver_gets_round_every_circuit_or_most_of_it(name: str) -> None:
    """What a search begins with only needs to live for a while."""
    track = TrackLibrary().get(name)
    drivers = Drivers(track, ACTIONS, 1)
    way, _ = drivers.drive(first_driver(track)[0][None], 2000)
    assert way[0] > 0.3 * track.length_m


def test_a_lap_is_timed_where_it_crosses_the_line_within_a_step(tmp_path: Path) -> None:
    """Three laps of a policy: as many steps as the core counted, less than one of them apart."""
    model = ModelFolder.read(write_model(tmp_path, oval()))
    world = World(oval(), 1, seed=0, rules=RULES)
    (rows,) = drive_until_done(rollout_of(model.policy(), model.car, world, 1))
    lap_s = flying_lap_s(rows)
    assert lap_s is not None
    counted = (rows.lap_ends[2][0] - rows.lap_ends[0][0]) / 2
    assert lap_s / STEP_S == pytest.approx(counted, abs=0.75)
    assert lap_s / STEP_S != counted
    assert policy_lap_s(model, oval()) == lap_s


def test_the_search_reads_the_same_clock_as_the_laps_of_a_policy() -> None:
    """A driver's way, row by row, timed by both."""
    numbers, _ = first_driver(oval())
    drivers = Drivers(oval(), ACTIONS, 1)
    rows, step = [drivers.world.reward_states[0].copy()], drivers.world.step

    def recorded(actions: NDArray[np.float64]) -> None:
        step(actions)
        rows.append(drivers.world.reward_states[0].copy())

    drivers.world.step = recorded  # type: ignore[method-assign]
    _, laps = drivers.drive(numbers[None], 3000)
    count = len(rows)
    nothing = np.zeros(count, np.int32)
    ends = tuple((count, 0) for _ in range(3))
    driven = DriveRows(np.array(rows), nothing.astype(np.uint8), nothing, np.zeros((count, 2)), None, ends, nothing)
    lap_s = flying_lap_s(driven)
    assert lap_s is not None
    assert laps[0] * STEP_S == pytest.approx(lap_s, rel=1e-9)
    assert lap_s == pytest.approx(oval().length_m, rel=0.15), "it drives 1 m/s"


def test_a_search_gets_faster_and_stays_on_the_track() -> None:
    found = search(oval(), ACTIONS, 100.0, 0, most_generations=20)
    assert (found.generations, found.searches) == (20, 1)
    assert found.lap_s is not None
    assert found.lap_s < 0.75 * oval().length_m, "faster than 1.3 m/s; it began with 1"
    _, laps = Drivers(oval(), ACTIONS, 1).drive(found.numbers[None], RULES.maximum_steps)
    assert laps[0] * STEP_S == found.lap_s


def test_an_open_track_has_no_flying_lap() -> None:
    with pytest.raises(ValueError, match="wave is open; a flying lap needs a closed track"):
        search(wave(), ACTIONS, 1.0, 0)
