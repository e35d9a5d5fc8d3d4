"""What a model's row says of its use and its size: as its jobs and the ledger have it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import evaluations, ledger, model_use, models, queueing, submissions, trainings
from portal.tables import JobKind, JobState, LedgerEntry, Model, Race, Racer
from tests.cast import NOON
from tests.jobs.paddock_yard import after, claim, finish, make_model, make_sponsored
from tests.portal.races_cast import make_race

RULES = {"laps": 3, "continuous": True}


def trained(session: Session, racer: Racer, *, seconds: float = 30, size_bytes: int = 1000) -> Model:
    """A model whose one training took so long and left so much."""
    model = make_model(session, racer)
    run = trainings.request(session, model, by=racer, now=NOON)
    token = claim(session, run)
    assert token is not None
    finish(session, run, token, seconds, artefact="training-1/1-a", results={"size_bytes": size_bytes})
    return model


def evaluated(
    session: Session, model: Model, racer: Racer, race: Race | None = None, *, ms: int = 3000, size: int = 50
) -> None:
    """An evaluation of the racer's own, or a submission to a race, that took so long and left so much."""
    if race is not None:
        job_id = submissions.enter(session, race, model, by=racer, now=NOON).evaluation_id
    else:
        asked = {"track": "paddock-oval", "direction": "clockwise", "rules": RULES}
        job_id = evaluations.request(session, model, by=racer, now=NOON, **asked).id or 0  # type: ignore[arg-type]
    token = queueing.claim(session, JobKind.EVALUATION, job_id, worker="w", now=NOON)
    assert token is not None
    ended = NOON + timedelta(milliseconds=ms)
    values = {"state": JobState.COMPLETED, "artefact": f"evaluation-{job_id}/1-a", "results": {"size_bytes": size}}
    assert queueing.finish(session, JobKind.EVALUATION, job_id, token, now=ended, **values) is not None  # type: ignore[arg-type]


def test_time_that_is_charged_is_added_up_on_the_model_a_races_too(session: Session) -> None:
    alice = make_sponsored(session)
    model = trained(session, alice)
    evaluated(session, model, alice)
    evaluated(session, model, alice, make_race(session, alice, now=NOON), ms=2500)
    session.refresh(model)
    charged = session.exec(select(func.sum(col(LedgerEntry.used_ms)))).one()
    assert model.used_ms == 30_000 + 3000 + 2500 == charged


def test_what_is_charged_at_most_is_what_was_held(session: Session) -> None:
    alice = make_sponsored(session)
    model = make_model(session, alice, limit_ms=60_000)
    run = trainings.request(session, model, by=alice, now=NOON)
    token = claim(session, run)
    assert token is not None
    queueing.renew(session, JobKind.TRAINING, run.id or 0, token, now=after(59))
    finish(session, run, token, 80)
    session.refresh(model)
    assert model.used_ms == 60_000 == ledger.balance(session, alice).used_ms


def test_its_size_is_that_of_its_trainings_and_its_own_evaluations(session: Session) -> None:
    alice = make_sponsored(session)
    model = trained(session, alice)
    evaluated(session, model, alice, size=50)
    evaluated(session, model, alice, make_race(session, alice, now=NOON), size=700)  # the race's
    session.refresh(model)
    assert model.stored_bytes == 1050


def test_a_job_that_left_nothing_takes_nothing_whatever_its_row_says(session: Session) -> None:
    alice = make_sponsored(session)
    model = trained(session, alice)
    run = trainings.latest(session, model)
    assert run is not None
    run.artefact = None
    model_use.measure(session, model.id or 0)
    session.refresh(model)
    assert model.stored_bytes == 0


def test_what_a_lost_attempt_had_saved_counts_from_when_it_is_kept(session: Session) -> None:
    alice = make_sponsored(session)
    model = make_model(session, alice)
    run = trainings.request(session, model, by=alice, now=NOON)
    token = claim(session, run)
    assert token is not None
    finish(session, run, token, 5, state=JobState.FAILED)
    assert queueing.salvage(session, JobKind.TRAINING, run.id or 0, "training-1/1-a", 420)
    session.refresh(model)
    assert (run.size_bytes, model.stored_bytes) == (420, 420)


def test_deleting_and_restoring_keeps_size_and_time(session: Session) -> None:
    alice = make_sponsored(session)
    model = trained(session, alice)
    models.delete(session, model.public_id, by=alice, now=after(60))
    models.restore(session, model.public_id, by=alice, now=after(61))
    session.refresh(model)
    assert (model.stored_bytes, model.used_ms) == (1000, 30_000)


def test_it_was_last_used_when_it_was_asked_for_last(session: Session) -> None:
    alice = make_sponsored(session)
    model = make_model(session, alice)
    assert model.last_used_at is None
    trainings.request(session, model, by=alice, now=after(5))
    session.refresh(model)
    assert model.last_used_at == after(5)
    model_use.touch(session, model.id or 0, NOON)  # the clock jumped back
    session.refresh(model)
    assert model.last_used_at == after(5)


def test_entering_a_race_is_a_use(session: Session) -> None:
    alice = make_sponsored(session)
    model = trained(session, alice)
    race = make_race(session, alice, now=NOON)
    submissions.enter(session, race, model, by=alice, now=after(100))
    session.refresh(model)
    assert model.last_used_at == after(100)
