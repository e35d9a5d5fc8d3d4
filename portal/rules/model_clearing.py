"""Deleting all models of several racers at once, and bringing them back: `model_deletion.delete`'s rule for many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select, update

from portal.rules import audit, ledger, names, quotas
from portal.rules.model_deletion import AT_WORK
from portal.rules.outcome import Outcome
from portal.rules.slices import slices
from portal.tables import AuditEvent, Evaluation, Model, Racer, TrainingRun

SHOWN = 5
"""How many models a sentence names."""


@dataclass(frozen=True, slots=True)
class Held:
    """What this needs of a model; its row is held until the transaction ends."""

    id: int
    public_id: str
    racer_id: int
    name: str
    deleted_at: datetime | None
    purged_at: datetime | None


def delete_all(
    session: Session,
    people: Sequence[Racer],
    *,
    by: Racer | None,
    now: datetime,
    reason: str = "",
    batch: str | None = None,
) -> Outcome:
    """Takes the models of several racers out of their garages, so that they can be brought back. Idempotent.

    Models in training or in an evaluation of the racer's own stay: such a racer is among the refused, with their
    names, and among the changed too where other models went.
    """
    outcome, gone = Outcome(), list[Held]()
    garages = _in_garages(session, people)
    busy = _at_work(session)  # once they are held: nobody puts one to work that was idle here
    for racer in people:
        garage = garages.get(racer.id or 0, [])
        staying = [model for model in garage if model.id in busy]
        going = [model for model in garage if model.id not in busy]
        if going:
            outcome.changed.append(racer)
            gone += going
        elif not staying:
            outcome.same.append(racer)
        if staying:
            names_of_them = _listed([model.name for model in staying])
            message = f"{names_of_them} at work, and not deleted. Stop it or wait for the end, then delete it."
            outcome.refused.append((racer, message))
    _set_deleted(session, gone, now)
    _record(session, ("model.delete", "garage.clear"), people, gone, by=by, now=now, reason=reason, batch=batch)
    return outcome


def put_back(
    session: Session,
    people: Sequence[Racer],
    deleted: str,
    at: datetime,
    *,
    by: Racer,
    now: datetime,
    reason: str,
    batch: str,
) -> Outcome:
    """Brings back what `delete_all` deleted as the batch `deleted` at a moment, and what nobody touched since.

    Whoever has a model of the same name by now gets it back under a free one. The number of models is not checked:
    they were there before.
    """
    outcome, back = Outcome(), list[Held]()
    gone = _of_batch(session, deleted)
    taken = _names(session, people)
    for racer in people:
        models = gone.get(racer.id or 0, [])
        lost = [model.name for model in models if model.deleted_at != at or model.purged_at is not None]
        found = [model for model in models if model.deleted_at == at and model.purged_at is None]
        back += _with_free_names(session, found, taken[racer.id or 0])
        if found:
            outcome.changed.append(racer)
        if lost:
            message = f"{_listed(lost)} came back or went for good since; left as it is."
            outcome.refused.append((racer, message))
    _set_deleted(session, back, None)
    _record(session, ("model.restore", "garage.undo"), people, back, by=by, now=now, reason=reason, batch=batch)
    return outcome


def _in_garages(session: Session, people: Sequence[Racer]) -> dict[int, list[Held]]:
    """The models of each racer that are not deleted, by the racer's row."""
    found: list[Held] = []
    for part in slices([racer.id or 0 for racer in people]):
        found += _held(session, col(Model.racer_id).in_(part), col(Model.deleted_at).is_(None))
    return _by_racer(found)


def _names(session: Session, people: Sequence[Racer]) -> dict[int, set[str]]:
    """The names in each garage, by the racer's row; the accounts are held, which guard them."""
    ledger.hold_all(session, list(quotas.accounts_of(session, people).values()))
    found: dict[int, set[str]] = {racer.id or 0: set() for racer in people}
    for part in slices(list(found)):
        query = select(Model.racer_id, Model.name).where(col(Model.racer_id).in_(part), col(Model.deleted_at).is_(None))
        for racer_id, name in session.exec(query):
            found[racer_id].add(name)
    return found


def _of_batch(session: Session, batch: str) -> dict[int, list[Held]]:
    """The models that a batch deleted, whatever became of them, by the racer's row."""
    lines = select(AuditEvent.subject).where(AuditEvent.batch == batch, AuditEvent.action == "model.delete")
    found: list[Held] = []
    for part in slices([subject.removeprefix("model:") for subject in session.exec(lines)]):
        found += _held(session, col(Model.public_id).in_(part))
    return _by_racer(found)


def _held(session: Session, *which: ColumnElement[bool]) -> list[Held]:
    columns = (getattr(Model, name) for name in Held.__slots__)
    query = select(*columns).where(*which).order_by(col(Model.id)).with_for_update(key_share=True)
    return [Held(*row) for row in session.exec(query)]


def _by_racer(models: Iterable[Held]) -> dict[int, list[Held]]:
    found: dict[int, list[Held]] = {}
    for model in models:
        found.setdefault(model.racer_id, []).append(model)
    return found


def _at_work(session: Session) -> set[int]:
    """All models in training or in an evaluation of their racer's own; a race's evaluations do not count."""
    own = col(Evaluation.race_id).is_(None)
    queries = (
        select(TrainingRun.model_id).where(col(TrainingRun.state).in_(AT_WORK)),
        select(Evaluation.model_id).where(col(Evaluation.state).in_(AT_WORK), own),
    )
    return {model_id for query in queries for model_id in session.exec(query)}


def _with_free_names(session: Session, models: Sequence[Held], taken: set[str]) -> list[Held]:
    renamed = []
    for model in models:
        name = model.name
        if names.is_taken(name, taken):
            name = names.copied(name, taken)
            session.exec(update(Model).where(col(Model.id) == model.id).values(name=name))
        taken.add(name)
        renamed.append(replace(model, name=name))
    return renamed


def _set_deleted(session: Session, models: Sequence[Held], at: datetime | None) -> None:
    for part in slices([model.id for model in models]):
        session.exec(update(Model).where(col(Model.id).in_(part)).values(deleted_at=at))


def _record(
    session: Session,
    actions: tuple[str, str],
    people: Sequence[Racer],
    models: Sequence[Held],
    *,
    by: Racer | None,
    now: datetime,
    reason: str,
    batch: str | None,
) -> None:
    """A line for each model, and one for each racer with the names."""
    of_racer = _by_racer(models)
    lines, garages = [], []
    for racer in people:
        mine = of_racer.get(racer.id or 0, [])
        owner = racer.alias or racer.name
        lines += [audit.Change(f"model:{one.public_id}", {}, {"name": one.name, "owner": owner}) for one in mine]
        if mine:
            there, none = {"models": [one.name for one in mine]}, {"models": list[str]()}
            before, after = (there, none) if actions[1] == "garage.clear" else (none, there)
            garages.append(audit.Change(f"racer:{racer.public_id}", before, after))
    for action, changes in zip(actions, (lines, garages), strict=True):
        audit.record_all(session, action, changes, by=by, now=now, reason=reason, batch=batch)


def _listed(found: Sequence[str]) -> str:
    return ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
