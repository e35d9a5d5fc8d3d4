"""Models of a garage: made, cloned, renamed, deleted and brought back, and what state each is in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Unpack

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import (
    audit,
    evaluations,
    ledger,
    model_deletion,
    names,
    queueing,
    reward_functions,
    sponsorship,
    trainings,
)
from portal.rules.broken import Code, RuleBroken
from portal.tables import Car as CarRow
from portal.tables import JobState, Model, Racer, RequestKind, TrainingRun
from sim.car import Car, CarError
from sim.hyperparameters import Hyperparameters
from sim.track import Direction
from sim.training_scene import CHOICES, Scene, scene_of, unusual

MINUTE_MS = 60_000
SHORTEST_TRAINING_MS = MINUTE_MS
LONGEST_TRAINING_MS = 1440 * MINUTE_MS


class ModelState(StrEnum):
    """What a model is doing or ready for."""

    NEW = "new"
    QUEUED = "queued"
    TRAINING = "training"
    STOPPING = "stopping"
    EVALUATING = "evaluating"
    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StateOfModel:
    """A model's state with what a badge says about it."""

    state: ModelState
    run: TrainingRun | None
    """The newest training."""
    place: int = 0
    """In the queue; 0 when not queued."""
    message: str = ""
    has_weights: bool = False
    """True where it can be evaluated and entered in races, whatever its newest training does."""

    @property
    def is_busy(self) -> bool:
        return self.state in (ModelState.QUEUED, ModelState.TRAINING, ModelState.STOPPING, ModelState.EVALUATING)


def create(
    session: Session,
    racer: Racer,
    *,
    name: str,
    car: Car,
    car_name: str,
    track: str,
    direction: str,
    reward_code: str,
    hyperparameters: Hyperparameters,
    training_limit_ms: int,
    now: datetime,
    car_colour: str = "teal",
    description: str = "",
    cloned_from: Model | None = None,
    **scene: Unpack[Scene],
) -> Model:
    """A new model with version 1 of its reward function. The track's name is the caller's to check.

    Raises RuleBroken: forbidden (not sponsored now), invalid (with the field) or conflict (the racer's number of models
    is reached).
    """
    sponsorship.require(session, racer)
    check_maximum(session, racer, by=racer)
    _check_trainable(car)
    model = Model(
        racer_id=racer.id or 0,
        name=_free_name(session, racer, name),
        description=description.strip(),
        car_name=car_name,
        car_colour=car_colour,
        car_metadata=car.to_metadata(),
        track=track,
        direction=Direction(direction),
        hyperparameters=hyperparameters.to_dict(),
        scene=checked_scene(**scene),
        training_limit_ms=_checked_limit(training_limit_ms),
        cloned_from_id=cloned_from.id if cloned_from else None,
        created_at=now,
    )
    session.add(model)
    session.flush()
    reward_functions.first(session, model, code=reward_code, now=now)
    return model


def clone(
    session: Session,
    parent: Model,
    *,
    by: Racer,
    name: str,
    car: CarRow | None,
    track: str,
    direction: str,
    reward_code: str,
    hyperparameters: Hyperparameters,
    training_limit_ms: int,
    now: datetime,
    description: str = "",
    **scene: Unpack[Scene],
) -> Model:
    """A model that comes from another of the racer's: same sensors, network, algorithm, kind and number of actions.

    `car` is None for the parent's own car; another car's actions may have other values. Raises RuleBroken like
    `create`, and invalid for a car (field `car`) or a number of pictures (`hp-stack_size`) that could not continue the
    parent. Its trainings begin with the weights that the parent has then.
    """
    parent = trainings.own_model(session, parent, by)
    own = Car.from_metadata(parent.car_metadata)
    chosen = Car.from_metadata(car.metadata_json) if car else own
    if not chosen.can_continue(own):
        raise RuleBroken(
            Code.INVALID,
            "A clone keeps the sensors, the network, the algorithm, and the kind and number of actions. "
            "Choose the same car, or one that differs in the actions' values only.",
            "car",
        )
    if hyperparameters.stack_size != Hyperparameters.from_dict(parent.hyperparameters).stack_size:
        message = "A clone sees as many pictures at once as its model. Leave this number as it was."
        raise RuleBroken(Code.INVALID, message, "hp-stack_size")
    return create(
        session,
        by,
        name=name,
        car=chosen,
        car_name=car.name if car else parent.car_name,
        car_colour=car.colour if car else parent.car_colour,
        track=track,
        direction=direction,
        reward_code=reward_code,
        hyperparameters=hyperparameters,
        training_limit_ms=training_limit_ms,
        now=now,
        description=description,
        cloned_from=parent,
        **scene,
    )


def checked_scene(**scene: Unpack[Scene]) -> dict[str, str]:
    """What a model stores of how it trains besides its hyperparameters: only what is not the usual. RuleBroken
    (invalid, with the field) for names unknown."""
    for field, name in scene_of(scene).items():
        known = CHOICES[field].names
        if name not in known:
            what = field.replace("_", " ")
            raise RuleBroken(Code.INVALID, f"There is no {what} of that name. Choose from {', '.join(known)}.", field)
    return unusual(scene)


def rename(session: Session, public_id: str, *, by: Racer, name: str, description: str) -> Model:
    """Gives the racer's model another name and description."""
    model = trainings.own_model(session, get_own(session, by, public_id), by)
    ledger.hold(session, ledger.account_of(session, by))
    model.name = _free_name(session, by, name, besides=model)
    model.description = description.strip()
    session.flush()
    return model


def set_limit(session: Session, model: Model, *, by: Racer, training_limit_ms: int) -> Model:
    """Another stop time for the trainings to come."""
    model = trainings.own_model(session, model, by)
    model.training_limit_ms = _checked_limit(training_limit_ms)
    session.flush()
    return model


def delete(session: Session, public_id: str, *, by: Racer, now: datetime) -> Model:
    """Takes a model out of the racer's garage; `restore` brings it back. Entered in a race, its results stay there.

    Raises RuleBroken (conflict) while it is being trained or evaluated.
    """
    model = get_own(session, by, public_id)
    model_deletion.delete(session, model, by=by, now=now)
    return model


def restore(session: Session, public_id: str, *, by: Racer, now: datetime) -> Model:
    """Brings the racer's deleted model back, under a free name. One that is not deleted stays as it is."""
    model = _own(session, by, public_id)
    bring_back(session, model, by=by, now=now)
    return model


def bring_back(session: Session, model: Model, *, by: Racer, now: datetime, reason: str = "") -> bool:
    """Undoes a deletion; whose model it is was checked by the caller. False: it is not deleted.

    Raises RuleBroken (conflict) where its files are gone for good or its racer has as many models as allowed.
    """
    model = session.get_one(Model, model.id, populate_existing=True, with_for_update={"key_share": True})
    if model.deleted_at is None:
        return False
    if not model_deletion.can_come_back(model):
        raise RuleBroken(Code.CONFLICT, "This model was deleted for good. It cannot be brought back.")
    owner = session.get_one(Racer, model.racer_id)
    check_maximum(session, owner, by=by)
    taken = taken_names(session, owner)
    model.name = names.copied(model.name, taken) if names.is_taken(model.name, taken) else model.name
    model.deleted_at = None
    session.flush()
    facts = {"name": model.name, "owner": owner.alias or owner.name}
    audit.record(session, "model.restore", f"model:{model.public_id}", by=by, now=now, after=facts, reason=reason)
    return True


def get_own(session: Session, racer: Racer, public_id: str) -> Model:
    """The racer's model. Raises RuleBroken (missing) for anybody else's and for a deleted one."""
    model = _own(session, racer, public_id)
    if model.deleted_at is not None:
        raise RuleBroken(Code.MISSING, "There is no such model.")
    return model


def of_racer(session: Session, racer: Racer) -> list[Model]:
    """The racer's models, newest first."""
    query = select(Model).where(Model.racer_id == racer.id, col(Model.deleted_at).is_(None))
    return list(session.exec(query.order_by(col(Model.id).desc())))


def parent_of(session: Session, model: Model) -> Model | None:
    """The model that this one was cloned from, deleted or not."""
    return session.get(Model, model.cloned_from_id) if model.cloned_from_id else None


def state_of(session: Session, model: Model) -> StateOfModel:
    """What the model does now, or is ready for."""
    run = trainings.latest(session, model)
    ready = trainings.weights_of(session, model) is not None
    if run is None:
        return StateOfModel(ModelState.NEW, None)
    if run.state == JobState.QUEUED:
        return StateOfModel(ModelState.QUEUED, run, queueing.place(session, run), run.message, ready)
    if run.state == JobState.RUNNING:
        state = ModelState.STOPPING if run.stop_requested_at else ModelState.TRAINING
        return StateOfModel(state, run, 0, run.message, ready)
    if any(not evaluation.is_over for evaluation in evaluations.of_model(session, model)):
        return StateOfModel(ModelState.EVALUATING, run, 0, run.message, ready)
    if run.state in (JobState.FAILED, JobState.REFUSED):
        return StateOfModel(ModelState(run.state), run, 0, run.message, ready)
    return StateOfModel(ModelState.READY if ready else ModelState.NEW, run, 0, run.message, ready)


def best_lap_ms(session: Session, model: Model) -> int | None:
    """The model's fastest clean lap in its trainings and its own evaluations."""
    times = [run.best_lap_ms for run in trainings.of_model(session, model)]
    times += [evaluation.best_lap_ms for evaluation in evaluations.of_model(session, model)]
    return min((time for time in times if time is not None), default=None)


def _own(session: Session, racer: Racer, public_id: str) -> Model:
    query = select(Model).where(Model.public_id == public_id, Model.racer_id == racer.id)
    model = session.exec(query).first()
    if model is None:
        raise RuleBroken(Code.MISSING, "There is no such model.")
    return model


def check_maximum(session: Session, racer: Racer, *, by: Racer) -> None:
    """Refuses (conflict) one model more than the racer may have; `by` is who reads the sentence.

    The account is held from here on, so that the racer's models and their names stay as they are.
    """
    allowed = ledger.hold(session, ledger.account_of(session, racer)).maximum_models
    kept = select(func.count()).select_from(Model).where(Model.racer_id == racer.id, col(Model.deleted_at).is_(None))
    if session.exec(kept).one() < allowed:
        return
    if by.id != racer.id:
        name = racer.alias or racer.name
        message = f"{name}'s maximum of models ({allowed}) is reached. Raise it, or delete one of the models."
        raise RuleBroken(Code.CONFLICT, message)
    raise RuleBroken(
        Code.CONFLICT,
        f"You may have {allowed} models, and you have. Delete one, or ask the administrator for more.",
        ask_for=RequestKind.MODELS,
    )


def _free_name(session: Session, racer: Racer, name: str, besides: Model | None = None) -> str:
    return names.free(name, taken_names(session, racer, besides), "model")


def taken_names(session: Session, racer: Racer, besides: Model | None = None) -> set[str]:
    """What the racer's models are called, but for those that were deleted."""
    query = select(Model.name).where(Model.racer_id == racer.id, col(Model.deleted_at).is_(None))
    return set(session.exec(query.where(Model.id != besides.id) if besides else query))


def _checked_limit(limit_ms: int) -> int:
    if not SHORTEST_TRAINING_MS <= limit_ms <= LONGEST_TRAINING_MS:
        raise RuleBroken(
            Code.INVALID,
            f"A training stops after 1 to {LONGEST_TRAINING_MS // MINUTE_MS} minutes. Choose a time between.",
            "minutes",
        )
    return limit_ms


def _check_trainable(car: Car) -> None:
    try:
        car.check_trainable()
    except CarError as error:
        raise RuleBroken(Code.INVALID, f"{error.message[:1].upper()}{error.message[1:]}.", "car") from None


def deleted(session: Session, racer: Racer, public_id: str) -> Model | None:
    """The racer's deleted model, for the offer to bring it back; None where there is none to bring back."""
    query = select(Model).where(Model.public_id == public_id, Model.racer_id == racer.id)
    model = session.exec(query).first()
    return model if model is not None and model_deletion.can_come_back(model) else None


def name_for_copy(session: Session, model: Model) -> str:
    """A free name for a clone."""
    return names.copied(model.name, taken_names(session, session.get_one(Racer, model.racer_id)))


def of_run(session: Session, run: TrainingRun) -> Model:
    """The model that a training trains."""
    return session.get_one(Model, run.model_id)
