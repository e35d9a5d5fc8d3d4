"""Everybody's models as the administrator looks at them: searched, filtered, sorted, a page at a time.

However many models there are, a page takes the same few queries: one counts, one finds the page's row numbers, one
loads those rows. Sizes, hours and last use are cached on the rows (`model_use`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from portal.rules import trainings
from portal.rules.broken import Code, RuleBroken
from portal.rules.models import ModelState
from portal.tables import Evaluation, JobState, Model, Racer, TrainingRun

PAGE_SIZE = 50
MOST_CHOSEN = 500
LARGE_BYTES = 16 * 1024**2
"""A minute of training leaves about 1 MB, a long one up to some 30 MB: what the filter calls large."""
UNUSED_FOR = timedelta(days=30)
BATCH = 500


class ListedState(StrEnum):
    """What the list says of a model: its state as its racer sees it, or that it was deleted."""

    NEW = "new"
    QUEUED = "queued"
    TRAINING = "training"
    STOPPING = "stopping"
    EVALUATING = "evaluating"
    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"
    DELETED = "deleted"
    """It can be brought back."""
    GONE = "gone"
    """It was deleted for good."""


class Use(StrEnum):
    """Filters by what a model takes and whether anybody uses it."""

    LARGE = "large"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for. Deleted models are listed only where their state is asked for."""

    search: str = ""
    state: str = ""
    owner: str = ""
    """A racer's public id."""
    use: str = ""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model, whose it is, and what it does."""

    model: Model
    owner: Racer
    state: ListedState


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One page of the list, how many models were found and what all of them take."""

    rows: list[ListedModel]
    page: int
    total: int
    stored_bytes: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


NEWEST = aliased(TrainingRun)
"""A model's newest training."""
OF_MODEL = col(NEWEST.id) == (
    select(func.max(TrainingRun.id))
    .where(col(TrainingRun.model_id) == col(Model.id))
    .correlate(Model)
    .scalar_subquery()
)
LATEST = (
    select(col(TrainingRun.model_id), func.max(TrainingRun.id).label("id"))
    .group_by(col(TrainingRun.model_id))
    .subquery("latest")
)
"""The newest training of every model at once: for sorting and filtering all of them. OF_MODEL is for a page's few."""
WHOSE = col(Racer.id) == col(Model.racer_id)


def _state() -> ColumnElement[str]:
    """`models.state_of` in SQL over Model and NEWEST, without the place in the queue; a test holds the two equal."""
    state = col(NEWEST.state)
    has_weights = exists().where(
        col(TrainingRun.model_id) == col(Model.id),
        col(TrainingRun.artefact).is_not(None),
        col(TrainingRun.state).not_in(trainings.ACTIVE),
    )
    not_races = func.coalesce(col(Evaluation.race_id), 0) == 0  # so that few are found by their state, not all by this
    at_work = select(Evaluation.model_id).where(col(Evaluation.state).in_(trainings.ACTIVE), not_races)
    evaluating = col(Model.id).in_(at_work)  # few rows, found by their state once for all models
    stopping = and_(state == JobState.RUNNING, col(NEWEST.stop_requested_at).is_not(None))
    return case(
        (col(Model.purged_at).is_not(None), ListedState.GONE.value),
        (col(Model.deleted_at).is_not(None), ListedState.DELETED.value),
        (state.is_(None), ListedState.NEW.value),
        (state == JobState.QUEUED, ListedState.QUEUED.value),
        (stopping, ListedState.STOPPING.value),
        (state == JobState.RUNNING, ListedState.TRAINING.value),
        (evaluating, ListedState.EVALUATING.value),
        (state == JobState.FAILED, ListedState.FAILED.value),
        (state == JobState.REFUSED, ListedState.REFUSED.value),
        (or_(col(NEWEST.artefact).is_not(None), has_weights), ListedState.READY.value),
        else_=ListedState.NEW.value,
    )


STATE = _state()
SORTS: dict[str, Any] = {
    "name": func.lower(col(Model.name)),
    "owner": col(Racer.alias_key),
    "size": col(Model.stored_bytes),
    "hours": col(Model.used_ms),
    "state": STATE,
    "used": col(Model.last_used_at),
    "track": col(Model.track),
    "made": col(Model.created_at),
}
"""What the list can be sorted by; a minus in front turns the order round."""
FIRST = "-used"


def listed(session: Session, wanted: Filter, *, now: datetime, sort: str = FIRST, page: int = 1) -> ModelPage:
    """One page. An unknown sort is the newest use first; models without a value come last."""
    count = select(func.count(), func.coalesce(func.sum(Model.stored_bytes), 0)).select_from(Model)
    count = count.join(Racer, WHOSE).where(*_clauses(wanted, now))
    if _asks_for_state(wanted.state):
        count = _with_newest(count)
    total, stored_bytes = session.exec(count).one()
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    ids = _sorted_ids(wanted, now, sort).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    return ModelPage(_rows(session, session.exec(ids).all()), page, total, int(stored_bytes))


def everything(session: Session, wanted: Filter, *, now: datetime, sort: str = FIRST) -> Iterator[ListedModel]:
    """All that the filter finds, for the export, a few hundred rows at a time."""
    ids = session.exec(_sorted_ids(wanted, now, sort)).all()
    for start in range(0, len(ids), BATCH):
        yield from _rows(session, ids[start : start + BATCH])
        session.expunge_all()


def _with_newest(query: Any) -> Any:
    """The query with NEWEST joined for every model that has one."""
    of_model = LATEST.c.model_id == col(Model.id)
    return query.join(LATEST, of_model, isouter=True).join(NEWEST, col(NEWEST.id) == LATEST.c.id, isouter=True)


def _clauses(wanted: Filter, now: datetime) -> list[ColumnElement[bool]]:
    clauses = [_in_state(wanted.state)]
    if wanted.search:
        columns = (Model.name, Model.track, Racer.alias, Racer.name, Racer.email)
        clauses.append(or_(*(col(column).icontains(wanted.search, autoescape=True) for column in columns)))
    if wanted.owner:
        clauses.append(col(Racer.public_id) == wanted.owner)
    if wanted.use == Use.LARGE:
        clauses.append(col(Model.stored_bytes) >= LARGE_BYTES)
    if wanted.use == Use.UNUSED:
        clauses.append(func.coalesce(col(Model.last_used_at), col(Model.created_at)) < now - UNUSED_FOR)
    return clauses


def _in_state(state: str) -> ColumnElement[bool]:
    there = col(Model.deleted_at).is_(None)
    if state == ListedState.GONE:
        return col(Model.purged_at).is_not(None)
    if state == ListedState.DELETED:
        return and_(~there, col(Model.purged_at).is_(None))
    return and_(there, STATE.in_([state])) if _asks_for_state(state) else there


def _asks_for_state(state: str) -> bool:
    """True for a state that follows from jobs; deletion stands on the model's row."""
    return state in list(ModelState)


def _sorted_ids(wanted: Filter, now: datetime, sort: str) -> SelectOfScalar[int | None]:
    key = sort if sort.removeprefix("-") in SORTS else FIRST
    column = SORTS[key.removeprefix("-")]
    direction = column.desc() if key.startswith("-") else column.asc()
    query = select(col(Model.id)).join(Racer, WHOSE).where(*_clauses(wanted, now))
    if _asks_for_state(wanted.state) or key.endswith("state"):
        query = _with_newest(query)
    return query.order_by(direction.nulls_last(), col(Model.id).desc())


def _rows(session: Session, ids: Sequence[int | None]) -> list[ListedModel]:
    query = select(Model, Racer, STATE).join(Racer, WHOSE).join(NEWEST, OF_MODEL, isouter=True)
    query = query.where(col(Model.id).in_(ids))
    by_id = {model.id: ListedModel(model, owner, ListedState(state)) for model, owner, state in session.exec(query)}
    return [by_id[number] for number in ids if number in by_id]


def get(session: Session, public_id: str) -> Model:
    """Anybody's model, deleted or not: for administrators only. Raises RuleBroken (missing)."""
    model = session.exec(select(Model).where(Model.public_id == public_id)).first()
    if model is None:
        raise RuleBroken(Code.MISSING, "There is no such model.")
    return model


def chosen(session: Session, public_ids: Sequence[str]) -> list[ListedModel]:
    """The models with these public ids in the order of their rows: who locks several does so in one order.

    Raises RuleBroken (invalid) for none or too many, (missing) where one is not there.
    """
    wanted = set(public_ids)
    if not wanted:
        raise RuleBroken(Code.INVALID, "No model is selected. Go back and tick the models first.")
    if len(wanted) > MOST_CHOSEN:
        raise RuleBroken(Code.INVALID, f"At most {MOST_CHOSEN} models can be selected at once.")
    found = session.exec(select(col(Model.id)).where(col(Model.public_id).in_(wanted)).order_by(col(Model.id))).all()
    if len(found) != len(wanted):
        raise RuleBroken(Code.MISSING, "One of the selected models is not there. Go back and select again.")
    return _rows(session, found)


def owner_of(session: Session, model: Model) -> Racer:
    """Whose model it is."""
    return session.get_one(Racer, model.racer_id)


def owner_named(session: Session, public_id: str) -> Racer | None:
    """The racer whose models alone are listed; None where all are, or there is no such racer."""
    return session.exec(select(Racer).where(Racer.public_id == public_id)).first() if public_id else None


def children(session: Session, model: Model) -> list[ListedModel]:
    """Models that were cloned or imported from this one, the oldest first."""
    query = select(col(Model.id)).where(Model.cloned_from_id == model.id).order_by(col(Model.id))
    return _rows(session, session.exec(query.limit(PAGE_SIZE)).all())


def brought_back(session: Session, public_ids: Sequence[str]) -> list[Model]:
    """Those of these models that are deleted and can be brought back: for the offer to undo."""
    query = select(Model).where(
        col(Model.public_id).in_(list(public_ids)[:MOST_CHOSEN]),
        col(Model.deleted_at).is_not(None),
        col(Model.purged_at).is_(None),
    )
    return list(session.exec(query.order_by(col(Model.id))))


assert {state.value for state in ModelState} <= {state.value for state in ListedState}  # noqa: S101  one vocabulary
