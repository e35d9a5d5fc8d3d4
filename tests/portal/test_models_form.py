"""The forms of models and evaluations: every field's error."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from portal.evaluation_parts import without_empty
from portal.forms.evaluation import EvaluationForm
from portal.forms.model import plain, read_model, values_of
from portal.forms.parsing import FormErrors, parse
from sim.hyperparameters import HYPERPARAMETERS, Hyperparameters

TRACKS = ["paddock-oval"]


def form(**changes: str) -> MultiDict[str, str]:
    values = {
        "name": "First",
        "track": "paddock-oval",
        "direction": "clockwise",
        "car": "",
        "code": "def reward_function(params):\n    return 1.0\n",
        "minutes": "2.5",
    }
    return MultiDict(
        values | values_of(Hyperparameters()) | {key.replace("hp_", "hp-"): v for key, v in changes.items()}
    )


def test_the_defaults_read_back_as_the_defaults() -> None:
    read = read_model(form(), TRACKS)
    assert read.hyperparameters == Hyperparameters()
    assert read.training_limit_ms == 150_000
    assert (read.look, read.randomisation) == ("reinvent", "off")
    assert (read.starts, read.best_by) == ("advance", "laps")
    other = read_model(form(look="night", randomisation="sim-to-real", starts="random", best_by="race"), TRACKS)
    assert (other.look, other.randomisation) == ("night", "sim-to-real")
    assert (other.starts, other.best_by) == ("random", "race")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("track", "nowhere"),
        ("direction", "up"),
        ("code", "  \n"),
        ("look", "moon"),
        ("randomisation", "much"),
        ("starts", "home"),
        ("best_by", "luck"),
        ("minutes", ""),
        ("minutes", "0.5"),
        ("minutes", "1441"),
        ("minutes", "soon"),
        ("hp-batch_size", "65"),
        ("hp-num_epochs", "2"),
        ("hp-num_epochs", "3.5"),
        ("hp-lr", "0.01"),
        ("hp-lr", "nan"),
        ("hp-beta_entropy", "-0.1"),
        ("hp-discount_factor", "1.1"),
        ("hp-loss_type", "hinge"),
        ("hp-num_episodes_between_training", "4"),
        ("hp-exploration_type", "random"),
        ("hp-stack_size", "0"),
        ("hp-term_cond_max_episodes", ""),
    ],
)
def test_a_wrong_field_is_named(field: str, value: str) -> None:
    values = form()
    values[field] = value
    with pytest.raises(FormErrors) as wrong:
        read_model(values, TRACKS)
    assert set(wrong.value.by_field) == {field}


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(FormErrors) as wrong:
        read_model(form(name="", minutes="", hp_lr="1"), TRACKS)
    assert set(wrong.value.by_field) == {"name", "minutes", "hp-lr"}


def test_values_are_written_as_people_write_them() -> None:
    assert [plain(value) for value in (0.0003, 1e-8, 100_000.0, 64, "huber")] == [
        "0.0003",
        "0.00000001",
        "100000",
        "64",
        "huber",
    ]
    assert {row.name for row in HYPERPARAMETERS} >= {name.removeprefix("hp-") for name in values_of(Hyperparameters())}


EVALUATION = {
    "track": "paddock-oval",
    "direction": "clockwise",
    "laps": "3",
    "continuous": "true",
    "off_track_penalty_s": "2.5",
    "collision_penalty_s": "5",
    "seed": "",
}


def test_an_evaluation_names_the_rules_of_its_episode() -> None:
    read = parse(EvaluationForm, without_empty(MultiDict(EVALUATION)))
    assert read.seed is None
    assert read.rules() == {
        "laps": 3,
        "continuous": True,
        "maximum_resets": 10_000,
        "off_track_penalty_s": 2.5,
        "collision_penalty_s": 5.0,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("direction", "up"),
        ("laps", "0"),
        ("laps", "11"),
        ("laps", ""),
        ("off_track_penalty_s", "-1"),
        ("off_track_penalty_s", "nan"),
        ("collision_penalty_s", "61"),
        ("seed", "-1"),
        ("seed", "2147483648"),
    ],
)
def test_a_wrong_field_of_an_evaluation_is_named(field: str, value: str) -> None:
    with pytest.raises(FormErrors) as wrong:
        parse(EvaluationForm, without_empty(MultiDict(EVALUATION | {field: value})))
    assert set(wrong.value.by_field) == {field}
