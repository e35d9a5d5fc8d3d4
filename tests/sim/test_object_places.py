"""Where a race's boxes and bots stand is known before anybody drives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.episode import EpisodeRules
from sim.evaluation import evaluate
from sim.object_places import at_the_start
from sim.objects import Bots, Boxes, TrackObjects
from sim.track import Direction
from tests.sim.models import write_model
from tests.sim.ovals import oval


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("objects", [Boxes(3), Boxes(places=((0.2, 1), (0.6, -1))), Bots(2, 0.5, random=True)])
def test_a_drive_begins_among_them_exactly_there(tmp_path: Path, objects: TrackObjects, direction: Direction) -> None:
    placed = at_the_start(oval(), direction, objects, 11)
    rules = EpisodeRules.racing(laps=1, maximum_steps=20)
    result = evaluate(write_model(tmp_path, oval()), oval(), direction=direction, rules=rules, seed=11, objects=objects)
    assert result.trace.objects is not None
    found = [(one.x_m, one.y_m, one.heading_deg) for one in placed]
    np.testing.assert_allclose(result.trace.objects.poses[0], found, atol=1e-4)
    assert [one.is_bot for one in placed] == [isinstance(objects, Bots)] * objects.count


def test_another_seed_draws_other_places_and_chosen_ones_stay() -> None:
    drawn = [at_the_start(oval(), Direction.CLOCKWISE, Boxes(3), seed) for seed in (1, 2, 1)]
    assert drawn[0] == drawn[2] != drawn[1]
    chosen = [at_the_start(oval(), Direction.CLOCKWISE, Boxes(places=((0.3, 1),)), seed) for seed in (1, 2)]
    assert chosen[0] == chosen[1]


def test_an_outline_is_a_rectangle_round_its_middle() -> None:
    (box,) = at_the_start(oval(), Direction.CLOCKWISE, Boxes(places=((0.3, 1),)), 1)
    corners = np.array(box.corners())
    np.testing.assert_allclose(corners.mean(axis=0), (box.x_m, box.y_m), atol=1e-9)
    sides = np.hypot(*np.diff(np.vstack([corners, corners[:1]]), axis=0).T)
    np.testing.assert_allclose(sorted(sides), [0.4, 0.4, 0.5, 0.5])


def test_without_objects_there_is_nothing_and_too_many_are_refused() -> None:
    assert at_the_start(oval(), Direction.CLOCKWISE, None, 1) == ()
    with pytest.raises(ValueError, match="too short"):
        at_the_start(oval(), Direction.CLOCKWISE, Boxes(20), 1)
