"""How a model learns: the real names, ranges and defaults of the hyperparameters, and their file.

Defaults are the console's own, as its developer guide prints them (batch 64, 3 epochs, learning rate 0.0003, entropy
0.01, discount 0.999, huber, 20 episodes); what the guide does not print is the real simulator's default.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from dataclasses import field as dataclass_field
from typing import Any


class HyperparameterError(ValueError):
    """A hyperparameter that cannot be; `field` is its real name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class HyperparameterRow:
    """One row of the table that draws the form and checks the values. `kind` is int, float or choice."""

    name: str
    title: str
    kind: str
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    shown: bool = True
    algorithms: tuple[str, ...] = ("clipped_ppo", "sac")
    """Those that look at it."""

    def check(self, value: Any) -> Any:
        """The value in its own type; HyperparameterError where it is none of the possible ones."""
        if self.kind == "choice":
            if value not in self.choices or isinstance(value, bool):
                known = ", ".join(str(choice) for choice in self.choices)
                raise HyperparameterError(self.name, f"{self.title}: {value!r} is not possible; choose from {known}")
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise HyperparameterError(self.name, f"{self.title}: {value!r} is no number")
        if self.kind == "int" and value != int(value):
            raise HyperparameterError(self.name, f"{self.title}: {value!r} is no whole number")
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not low <= value <= high:
            raise HyperparameterError(
                self.name, f"{self.title}: {value:g} is out of range; it must be between {low:g} and {high:g}"
            )
        return int(value) if self.kind == "int" else float(value)


HYPERPARAMETERS: tuple[HyperparameterRow, ...] = (
    HyperparameterRow(
        "batch_size",
        "Batch size",
        "choice",
        64,
        "Steps that one correction of the network looks at. More make it steadier and rarer.",
        choices=(32, 64, 128, 256, 512),
    ),
    HyperparameterRow(
        "num_epochs",
        "Epochs",
        "int",
        3,
        "How often each round of driving is gone through. More learn faster from few episodes and can overshoot.",
        3,
        10,
        algorithms=("clipped_ppo",),
    ),
    HyperparameterRow(
        "lr",
        "Learning rate",
        "float",
        0.0003,
        "How far one correction moves the network. Too large forgets what was learned, too small never gets there.",
        1e-8,
        1e-3,
    ),
    HyperparameterRow(
        "beta_entropy",
        "Entropy",
        "float",
        0.01,
        "How much trying other actions is worth. More explores longer, less settles sooner.",
        0.0,
        1.0,
        algorithms=("clipped_ppo",),
    ),
    HyperparameterRow(
        "discount_factor",
        "Discount factor",
        "float",
        0.999,
        "How much later rewards count: 0.9 looks about 10 steps ahead, 0.99 about 100, 0.999 about 1000.",
        0.0,
        1.0,
    ),
    HyperparameterRow(
        "loss_type",
        "Loss",
        "choice",
        "huber",
        "How errors of the value estimate count. Huber cares less about the rare large ones.",
        choices=("huber", "mean squared error"),
    ),
    HyperparameterRow(
        "num_episodes_between_training",
        "Episodes between updates",
        "int",
        20,
        "How many episodes are driven before the network is corrected. More make it steadier and slower.",
        5,
        100,
    ),
    HyperparameterRow(
        "exploration_type",
        "Exploration",
        "choice",
        "categorical",
        "How training chooses actions.",
        choices=("categorical", "e-greedy"),
        shown=False,
    ),
    HyperparameterRow(
        "e_greedy_value", "Greediness", "float", 0.05, "Share of random actions of e-greedy.", 0.0, 1.0, shown=False
    ),
    HyperparameterRow(
        "epsilon_steps", "Greedy steps", "int", 10_000, "Steps over which e-greedy calms down.", 0, 10**9, shown=False
    ),
    HyperparameterRow(
        "stack_size", "Pictures stacked", "int", 1, "Observations that the network sees at once.", 1, 8, shown=False
    ),
    HyperparameterRow(
        "term_cond_avg_score",
        "Target score",
        "float",
        100_000.0,
        "Training ends when the average reward of an episode reaches this.",
        -1e9,
        1e9,
        shown=False,
    ),
    HyperparameterRow(
        "term_cond_max_episodes",
        "Most episodes",
        "int",
        100_000,
        "Training ends after this many episodes.",
        1,
        10**9,
        shown=False,
    ),
    HyperparameterRow(
        "sac_alpha",
        "SAC alpha",
        "float",
        None,
        "Weight of trying other actions in SAC, which clipped PPO does not look at. Left empty, SAC tunes it itself.",
        0.0,
        1.0,
        algorithms=("sac",),
    ),
)


def rows_of(algorithm: str) -> tuple[HyperparameterRow, ...]:
    """Those that mean something to a car's `training_algorithm`."""
    return tuple(row for row in HYPERPARAMETERS if algorithm in row.algorithms)


ROWS: dict[str, HyperparameterRow] = {row.name: row for row in HYPERPARAMETERS}
_OPTIONAL = frozenset({"sac_alpha"})


@dataclass(frozen=True)
class Hyperparameters:
    """Values under their real names; each is checked against its row of HYPERPARAMETERS when made."""

    batch_size: int = ROWS["batch_size"].default
    beta_entropy: float = ROWS["beta_entropy"].default
    discount_factor: float = ROWS["discount_factor"].default
    e_greedy_value: float = ROWS["e_greedy_value"].default
    epsilon_steps: int = ROWS["epsilon_steps"].default
    exploration_type: str = ROWS["exploration_type"].default
    loss_type: str = ROWS["loss_type"].default
    lr: float = ROWS["lr"].default
    num_episodes_between_training: int = ROWS["num_episodes_between_training"].default
    num_epochs: int = ROWS["num_epochs"].default
    stack_size: int = ROWS["stack_size"].default
    term_cond_avg_score: float = ROWS["term_cond_avg_score"].default
    term_cond_max_episodes: int = ROWS["term_cond_max_episodes"].default
    sac_alpha: float | None = dataclass_field(default=None)

    def __post_init__(self) -> None:
        for name, row in ROWS.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            object.__setattr__(self, name, row.check(value))

    @classmethod
    def from_dict(cls, values: Any) -> Hyperparameters:
        """Read the contents of a hyperparameters.json; what is missing gets its default, an unknown name is refused."""
        if not isinstance(values, dict):
            raise HyperparameterError("", "hyperparameters are one JSON object of names and values")
        for name in values:
            if name not in ROWS:
                known = ", ".join(ROWS)
                raise HyperparameterError(str(name), f"there is no hyperparameter {name!r}; known: {known}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """What hyperparameters.json holds: the real names in alphabetical order, sac_alpha only where it is set."""
        return {name: value for name, value in asdict(self).items() if value is not None or name not in _OPTIONAL}
