"""Models that come into a garage from elsewhere: another racer's, or an archive that Paddock made.

The weights of an imported model belong to a training that nobody ran here: it is complete from the start, cost nothing
and has no line in the ledger. Evaluating, racing and cloning see a trained model.
"""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import audit, model_use, models, names, racers, reward_functions, sponsorship, trainings
from portal.rules.broken import Code, RuleBroken
from portal.tables import JobState, Model, Racer, RewardFunction, TrainingIteration, TrainingRun
from portal.tables.columns import public_id
from sim.model_folder import ModelFolder
from sim.training_scene import scene_in

IMPORTED = "imported"
"""Why such a training ended."""
DEFAULT_LIMIT_MS = 10 * models.MINUTE_MS
"""The stop time of an archive's model, for trainings to come: archives do not tell theirs."""


def receiver(session: Session, by: Racer, alias: str) -> Racer:
    """Whose garage an administrator means: the own one where no alias is given. RuleBroken (invalid, `alias`) else."""
    if not alias.strip():
        return by
    found = racers.find_by_alias(session, alias.strip())
    if found is None:
        raise RuleBroken(Code.INVALID, "There is no racer with this alias.", "alias")
    return found


def check(session: Session, to: Racer, *, by: Racer) -> None:
    """Refuses what `from_archive` would refuse before anything is unpacked.

    Raises RuleBroken: forbidden (not sponsored now), conflict (the racer's number of models is reached), missing
    (somebody else's garage, for all but administrators).
    """
    if by.id != to.id and not by.is_admin:
        raise RuleBroken(Code.MISSING, "There is no such racer.")
    if by.id == to.id:
        sponsorship.require(session, by)
    models.check_maximum(session, to, by=by)


def from_archive(
    session: Session,
    found: ModelFolder,
    *,
    to: Racer,
    by: Racer,
    name: str,
    called: str,
    car_name: str,
    size_bytes: int,
    now: datetime,
) -> tuple[Model, TrainingRun]:
    """A model in `to`'s garage with the weights that an archive held, unpacked; the folder that the training names is
    the caller's to make.

    Without a name it is `called` like the archive, under a free name. Raises RuleBroken like `check`, and invalid
    (field `name`) for a name that is taken or cannot be.
    """
    check(session, to, by=by)
    model = Model(
        racer_id=to.id or 0,
        name=_name(session, to, name, called),
        car_name=car_name,
        car_metadata=found.car.to_metadata(),
        track=found.track_name,
        direction=found.direction,
        hyperparameters=found.hyperparameters.to_dict(),
        scene=models.checked_scene(**scene_in(found)),
        training_limit_ms=DEFAULT_LIMIT_MS,
        imported_from=f"an archive of {called}, weights {found.weights[:12]}",
        created_at=now,
    )
    session.add(model)
    session.flush()
    code = reward_functions.first(session, model, code=found.reward_code, now=now)
    configuration = trainings.configuration_of(model)
    run = _holder(model, code, configuration, seed=found.seed, limit_ms=DEFAULT_LIMIT_MS, now=now)
    run.fingerprint = found.weights
    _add(session, model, run, size_bytes)
    _record(session, model, to, by=by, now=now)
    return model, run


def from_model(
    session: Session, source: Model, *, to: Racer, by: Racer, name: str, size_bytes: int, now: datetime
) -> tuple[Model, TrainingRun]:
    """A copy of a racer's model in `to`'s garage: for administrators. Its folder is the caller's to make.

    Configuration, versions of the reward function and what the training measured come with the weights. Raises
    RuleBroken like `from_archive`, and conflict for a model without weights.
    """
    check(session, to, by=by)
    if not by.is_admin:
        raise RuleBroken(Code.MISSING, "There is no such model.")
    weights = weights_to_copy(session, source)
    owner = session.get_one(Racer, source.racer_id)
    model = Model(
        racer_id=to.id or 0,
        name=_name(session, to, name, source.name),
        description=source.description,
        car_name=source.car_name,
        car_colour=source.car_colour,
        car_metadata=dict(source.car_metadata),
        track=source.track,
        direction=source.direction,
        hyperparameters=dict(source.hyperparameters),
        scene=dict(source.scene),
        training_limit_ms=source.training_limit_ms,
        cloned_from_id=source.id,
        imported_from=f"{source.name} of {owner.alias or owner.name}",
        created_at=now,
    )
    session.add(model)
    session.flush()
    codes = _copy_codes(session, source, model)
    code = codes[weights.reward_function_id]
    configuration = dict(weights.configuration)
    run = _holder(model, code, configuration, seed=weights.seed, limit_ms=weights.limit_ms, now=now)
    for column in ("iterations", "episodes", "steps", "best_iteration", "best_lap_ms", "completion_percent"):
        setattr(run, column, getattr(weights, column))
    run.fingerprint = weights.fingerprint
    _add(session, model, run, size_bytes)
    _copy_iterations(session, weights, run)
    _record(session, model, to, by=by, now=now)
    return model, run


def weights_to_copy(session: Session, source: Model) -> TrainingRun:
    """The training whose folder is copied. Raises RuleBroken (conflict) where there is none."""
    weights = trainings.weights_of(session, source)
    if weights is None or weights.artefact is None:
        raise RuleBroken(Code.CONFLICT, "This model has no weights, so there is nothing to import.")
    return weights


def _name(session: Session, to: Racer, asked: str, otherwise: str) -> str:
    taken = models.taken_names(session, to)
    if asked.strip():
        return names.free(asked, taken, "model")
    known = names.checked(otherwise)
    return names.copied(known, taken) if names.is_taken(known, taken) else known


def _holder(
    model: Model, code: RewardFunction, configuration: dict[str, object], *, seed: int, limit_ms: int, now: datetime
) -> TrainingRun:
    """A completed training whose folder will hold the weights."""
    public = public_id()
    return TrainingRun(
        public_id=public,
        racer_id=model.racer_id,
        model_id=model.id or 0,
        state=JobState.COMPLETED,
        queued_at=now,
        ended_at=now,
        seed=seed,
        artefact=f"training-{public}/1-{IMPORTED}",
        reward_function_id=code.id or 0,
        limit_ms=limit_ms,
        configuration=configuration,
        ended_because=IMPORTED,
    )


def _add(session: Session, model: Model, run: TrainingRun, size_bytes: int) -> None:
    run.size_bytes = size_bytes
    session.add(run)
    session.flush()
    model_use.measure(session, model.id or 0)
    session.refresh(model)


def _copy_codes(session: Session, source: Model, model: Model) -> dict[int, RewardFunction]:
    """Every version of the source's reward function, by the row number of the original."""
    codes: dict[int, RewardFunction] = {}
    for row in reversed(reward_functions.versions(session, source)):
        copy = RewardFunction(model_id=model.id or 0, version=row.version, code=row.code, created_at=row.created_at)
        session.add(copy)
        codes[row.id or 0] = copy
    session.flush()
    return codes


def _copy_iterations(session: Session, source: TrainingRun, run: TrainingRun) -> None:
    query = select(TrainingIteration).where(TrainingIteration.training_run_id == source.id)
    for row in session.exec(query.order_by(col(TrainingIteration.iteration))):
        session.add(TrainingIteration(**row.model_dump(exclude={"id", "training_run_id"}), training_run_id=run.id or 0))
    session.flush()


def _record(session: Session, model: Model, to: Racer, *, by: Racer, now: datetime) -> None:
    facts = {"name": model.name, "owner": to.alias or to.name, "from": model.imported_from}
    audit.record(session, "model.import", f"model:{model.public_id}", by=by, now=now, after=facts)
