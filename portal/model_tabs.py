"""What the tabs of a model show, for its racer and for an administrator who looks at it. The training's tab is in
`training_parts`."""

from __future__ import annotations

from typing import Any

from portal import garage_parts, model_files, model_logs, scope
from portal.model_pages import ModelPages
from portal.rules import entries, evaluations, lineage, model_list, models, reward_functions, trainings
from sim.best_choice import BEST_BY
from sim.car import USUAL_ALGORITHM
from sim.hyperparameters import rows_of
from sim.looks import LOOKS
from sim.starts import STARTS


def _every_tab(at: ModelPages) -> dict[str, Any]:
    return {"at": at, "model": at.model, "state": models.state_of(scope.reading(), at.model)}


def evaluated(at: ModelPages) -> dict[str, Any]:
    """The racer's own evaluations with the titles of their tracks."""
    listed = evaluations.of_model(scope.reading(), at.model)
    return _every_tab(at) | {"listed": [(row, garage_parts.track_title(row.track)) for row in listed]}


def submitted(at: ModelPages) -> dict[str, Any]:
    """What was entered in races."""
    return _every_tab(at) | {"entered": entries.of_model(scope.reading(), at.model, viewer=scope.visitor())}


def configured(at: ModelPages) -> dict[str, Any]:
    """The exact configuration and the lineage."""
    session, model = scope.reading(), at.model
    made = garage_parts.made_with(model)
    return _every_tab(at) | {
        "parent": models.parent_of(session, model),
        "children": model_list.children(session, model) if at.read_only else [],
        "tree": lineage.tree(session, model),
        "made": made,
        "rows": rows_of(made.facts.algorithm if made.facts else USUAL_ALGORITHM),
        "looks": LOOKS,
        "starts": STARTS,
        "best_by": BEST_BY,
    }


def kept(at: ModelPages) -> dict[str, Any]:
    """The model's files and logs, to take away."""
    weights = trainings.weights_of(scope.reading(), at.model)
    return _every_tab(at) | {"files": model_files.offered(weights), "logged": model_logs.of_model(at.model)}


def rewarded(at: ModelPages, version: int | None = None) -> dict[str, Any]:
    """One version of the reward function, the current one where none is named. RuleBroken (missing) for no such."""
    versions = reward_functions.versions(scope.reading(), at.model)
    shown = reward_functions.get(scope.reading(), at.model, version) if version else versions[0]
    return _every_tab(at) | {"versions": versions, "shown": shown}


def changed(at: ModelPages, older: int | None, newer: int | None) -> dict[str, Any]:
    """What changed between two versions; without numbers, between the last two. RuleBroken (missing) for no such."""
    session, model = scope.reading(), at.model
    last = newer or reward_functions.current(session, model).version
    numbers = (older or max(1, last - 1), last)
    before, after = (reward_functions.get(session, model, number) for number in numbers)
    return _every_tab(at) | {
        "versions": reward_functions.versions(session, model),
        "before": before,
        "after": after,
        "lines": reward_functions.compare(before.code, after.code),
    }
