"""Presets are cars that can be trained, with hyperparameters that a form would take."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.hyperparameters import Hyperparameters
from sim.learning.training import train
from sim.presets import PRESETS
from tests.sim.centre_line import CentreLine, configuration


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_trained_with_values_that_files_take(name: str) -> None:
    preset = PRESETS[name]
    preset.car.check_trainable()
    assert preset.title
    assert preset.description
    assert Hyperparameters.from_dict(preset.hyperparameters.to_dict()) == preset.hyperparameters


def test_the_fast_preset_completes_three_clean_laps_from_every_start(tmp_path: Path) -> None:
    preset = PRESETS["fast"]
    values = preset.hyperparameters
    config = configuration(
        preset.car,
        batch_size=values.batch_size,
        lr=values.lr,
        discount_factor=values.discount_factor,
        num_episodes_between_training=values.num_episodes_between_training,
    )
    done: list[float] = []
    result = train(
        config,
        reward=CentreLine(),
        out=tmp_path,
        on_iteration=lambda report: done.append(report.evaluation_completion),
        should_stop=lambda: bool(done) and done[-1] >= 100.0,
    )
    assert result.evaluation_completion == 100.0
