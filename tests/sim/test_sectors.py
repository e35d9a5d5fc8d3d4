"""Sector times: worked by hand on made-up laps, and adding up on a real drive."""

from __future__ import annotations

import numpy as np

from sim.sectors import sector_times, sectors_of
from sim.trace import DriveTrace

STEP_MS = 1000 / 15


def steady(steps: int) -> np.ndarray:
    """The progress of a lap at constant speed, at the end of each step."""
    return 100.0 * np.arange(1, steps + 1) / steps


def drive(*laps: np.ndarray) -> DriveTrace:
    rows = np.zeros((sum(len(lap) for lap in laps), 8), np.float32)
    rows[:, 5] = np.concatenate(laps)
    rows[:, 6] = np.repeat(np.arange(len(laps)), [len(lap) for lap in laps])
    return DriveTrace(rows)


def test_a_steady_lap_has_three_equal_sectors() -> None:
    assert sector_times(steady(90), 6000, True) == (2000, 2000, 2000)


def test_the_moment_of_passing_is_interpolated_between_two_steps() -> None:
    progress = np.array([10.0, 30.0, 40.0, 60.0, 70.0, 100.0])  # a third passed a third of the way through step 3
    first, second, third = sector_times(progress, 400, True)
    assert first == round((2 + (100 / 3 - 30) / 10) * STEP_MS)
    assert first + second == round((4 + (200 / 3 - 60) / 10) * STEP_MS)
    assert first + second + third == 400


def test_a_car_that_waits_does_so_inside_its_sector() -> None:
    waiting = np.concatenate([steady(90)[:45], np.full(15, 50.0), steady(90)[45:]])
    assert sector_times(waiting, 7000, True) == (2000, 3000, 2000)


def test_sectors_after_the_last_that_was_completed_are_empty() -> None:
    assert sector_times(steady(90)[:45], 3000, False) == (2000, None, None)
    assert sector_times(steady(90)[:20], 1333, False) == (None, None, None)
    assert sector_times(steady(90)[:80], 5333, False) == (2000, 2000, None)


def test_wrapping_around_the_line_backwards_is_no_sector() -> None:
    progress = np.concatenate([[0.5, 99.8, 99.5, 0.2], steady(90)])
    assert sector_times(progress, round(94 * STEP_MS), True)[0] == round(34 * STEP_MS)


def test_a_second_passing_after_a_reset_does_not_count() -> None:
    progress = np.concatenate([steady(90)[:35], steady(90)[25:]])
    assert sector_times(progress, round(100 * STEP_MS), True) == (2000, 2667, 2000)


def test_each_lap_of_a_drive_has_its_own_sectors() -> None:
    found = sectors_of(drive(steady(90), steady(45), steady(90)[:20]), [(6000, True), (3000, True), (1333, False)])
    assert found == [(2000, 2000, 2000), (1000, 1000, 1000), (None, None, None)]


def test_a_lap_without_rows_has_no_sectors() -> None:
    assert sectors_of(drive(steady(90)), [(6000, True), (6000, True)]) == [(2000, 2000, 2000), (None, None, None)]
