"""What each car of a world did from its `prepare` row until it was done, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.action_space import DiscreteActionSpace
from sim.episode import STATUS_CODE, EpisodeStatus
from sim.rollout import Rollout

LEAST_AT_ONCE, MOST_AT_ONCE = 64, 1 << 16
"""Steps of the first piece that is recorded in one go, and rows of cars in later ones, each twice as long at most."""


@dataclass(frozen=True)
class DriveRows:
    """One car's drive. The first row is `prepare`; it has the first action, which each following row has led to.

    `states` (rows, columns of the world's reward states); `status` (rows,); `laps` (rows,) completed before the row;
    `commands` (rows, 2); `chosen` (rows,) indices, None where actions are continuous; `lap_ends` are (rows so far,
    resets) of each lap; `box_resets` (rows,) how often in a row it was put back at one box.
    """

    states: NDArray[np.float64]
    status: NDArray[np.uint8]
    laps: NDArray[np.int32]
    commands: NDArray[np.float64]
    chosen: NDArray[np.int64] | None
    lap_ends: tuple[tuple[int, int], ...]
    box_resets: NDArray[np.int32]


_RECORDED = ("reward_states", "status", "done", "lap", "lap_steps", "lap_resets", "box_resets")
_PREPARE = STATUS_CODE[EpisodeStatus.PREPARE]


def drive_until_done(rollout: Rollout) -> tuple[DriveRows, ...]:
    """Drive until every car of the world is done; one entry for each.

    ValueError for a world that begins episodes anew by itself, or whose cars are not on their `prepare` rows.
    """
    world = rollout.world
    if world.rules.auto_reset or not (world.status == _PREPARE).all():
        raise ValueError("a drive to the end begins with `prepare` rows and needs a world without auto_reset")
    first = {name: getattr(world, name).copy()[None] for name in ("reward_states", "status")}
    pieces, steps = [], LEAST_AT_ONCE
    while not world.done.all():
        pieces.append(_piece(rollout, steps))
        steps = max(LEAST_AT_ONCE, min(2 * steps, MOST_AT_ONCE // world.cars))
    rows = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return tuple(_rows_of(car, first, rows) for car in range(world.cars))


def _piece(rollout: Rollout, steps: int) -> dict[str, NDArray[Any]]:
    """So many steps at most, (T, n, ...) each."""
    world = rollout.world
    arrays: dict[str, NDArray[Any]] = {name: getattr(world, name) for name in _RECORDED}
    piece = {name: np.empty((steps, *array.shape), array.dtype) for name, array in arrays.items()}
    piece["commands"] = np.empty((steps, world.cars, 2))
    discrete = isinstance(rollout.action_space, DiscreteActionSpace)
    if discrete:
        piece["chosen"] = np.empty((steps, world.cars), np.int64)
    driven = rollout.drive(
        steps,
        commands=piece["commands"],
        actions=piece.get("chosen"),
        after=[(array, piece[name]) for name, array in arrays.items()],
        all_done=True,
    )
    return {name: array[: driven.steps] for name, array in piece.items()}


def _rows_of(car: int, first: dict[str, NDArray[Any]], rows: dict[str, NDArray[Any]]) -> DriveRows:
    steps = int(rows["done"][:, car].argmax()) + 1
    own = {name: array[:steps, car] for name, array in rows.items()}
    lap_steps = np.flatnonzero(own["lap_steps"])
    chosen = own.get("chosen")
    return DriveRows(
        states=np.concatenate([first["reward_states"][:, car], own["reward_states"]]),
        status=np.concatenate([first["status"][:, car], own["status"]]),
        laps=np.concatenate([np.zeros(2, np.int32), own["lap"][:-1]]),
        commands=np.concatenate([own["commands"][:1], own["commands"]]),
        chosen=None if chosen is None else np.concatenate([chosen[:1], chosen]),
        lap_ends=tuple((int(step) + 2, int(own["lap_resets"][step])) for step in lap_steps),
        box_resets=np.concatenate([np.zeros(1, np.int32), own["box_resets"]]),
    )
