"""Hyperparameters under their real names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.hyperparameters import HYPERPARAMETERS, ROWS, HyperparameterError, Hyperparameters, rows_of


def test_the_defaults_are_the_consoles() -> None:
    values = Hyperparameters()
    assert (values.batch_size, values.num_epochs, values.num_episodes_between_training) == (64, 3, 20)
    assert (values.lr, values.beta_entropy, values.discount_factor) == (0.0003, 0.01, 0.999)
    assert values.loss_type == "huber"
    assert "sac_alpha" not in values.to_dict()


def test_the_table_and_the_fields_are_the_same() -> None:
    assert {row.name: row.default for row in HYPERPARAMETERS} == {**Hyperparameters().to_dict(), "sac_alpha": None}
    assert [row.name for row in HYPERPARAMETERS if row.shown] == [
        "batch_size",
        "num_epochs",
        "lr",
        "beta_entropy",
        "discount_factor",
        "loss_type",
        "num_episodes_between_training",
        "sac_alpha",
    ]


@pytest.mark.parametrize("folder", ["console-reinvent-2018", "console-baadal-fast"])
def test_a_real_file_goes_round_to_the_last_byte(deepracer_data: Path, folder: str) -> None:
    text = (deepracer_data / "logs" / folder / "ip" / "hyperparameters.json").read_text()
    assert json.dumps(Hyperparameters.from_dict(json.loads(text)).to_dict(), indent=2) == text


def test_what_is_missing_gets_its_default() -> None:
    values = Hyperparameters.from_dict({"lr": 1e-4, "sac_alpha": 0.2})
    assert values == Hyperparameters(lr=1e-4, sac_alpha=0.2)
    assert values.to_dict()["sac_alpha"] == 0.2


def test_whole_numbers_and_fractions_get_their_own_type() -> None:
    values = Hyperparameters.from_dict({"num_epochs": 5.0, "discount_factor": 1})
    assert type(values.num_epochs) is int
    assert type(values.discount_factor) is float


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 100),
        ("batch_size", "64"),
        ("batch_size", True),
        ("num_epochs", 2),
        ("num_epochs", 11),
        ("num_epochs", 3.5),
        ("lr", 0.0),
        ("lr", 0.01),
        ("lr", float("nan")),
        ("lr", None),
        ("beta_entropy", -0.1),
        ("beta_entropy", 1.1),
        ("discount_factor", 1.01),
        ("loss_type", "mse"),
        ("loss_type", []),
        ("num_episodes_between_training", 4),
        ("num_episodes_between_training", 101),
        ("exploration_type", "boltzmann"),
        ("sac_alpha", 2.0),
        ("momentum", 0.9),
    ],
)
def test_a_value_out_of_range_names_its_field(name: str, value: Any) -> None:
    with pytest.raises(HyperparameterError) as refused:
        Hyperparameters.from_dict({name: value})
    assert refused.value.field == name
    assert "\n" not in refused.value.message


def test_a_list_is_refused() -> None:
    with pytest.raises(HyperparameterError, match="one JSON object"):
        Hyperparameters.from_dict([1, 2])


def test_each_algorithm_has_the_rows_that_it_looks_at() -> None:
    ppo, sac = ({row.name for row in rows_of(algorithm)} for algorithm in ("clipped_ppo", "sac"))
    assert ppo - sac == {"num_epochs", "beta_entropy"}
    assert sac - ppo == {"sac_alpha"}
    assert ppo | sac == set(ROWS)
