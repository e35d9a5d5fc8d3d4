"""Files of deleted models go when nobody can bring the model back, and never before."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jobs import artefacts, maintenance, purging
from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import evaluations, model_deletion, models, queueing, races
from portal.tables import Evaluation, JobKind, JobState, Model, Race, Racer, TrainingRun
from tests.cast import NOON, make_racer
from tests.jobs.paddock_yard import after, make_sponsored, make_trained
from tests.portal.races_cast import make_race

OVER = NOON + model_deletion.GRACE
RULES = {"laps": 1, "continuous": True}


@pytest.fixture
def runs(workplace: Workplace) -> Path:
    return workplace.settings.runs_path


def trained(workplace: Workplace, name: str = "swift") -> Model:
    """A model with a training's folder on the disk."""
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session, f"racer-{name}")
        model = make_trained(session, racer, name, artefact="later")
        run = run_of(session, model)
        run.artefact, run.size_bytes = f"training-{run.public_id}/1-a", 7
    write(workplace.settings.runs_path / str(run.artefact) / "model" / "best.safetensors")
    return model


def run_of(session: object, model: Model) -> TrainingRun:
    from sqlmodel import Session, select

    assert isinstance(session, Session)
    return session.exec(select(TrainingRun).where(TrainingRun.model_id == model.id)).one()


def write(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")


def delete(workplace: Workplace, model: Model, when: datetime = NOON) -> None:
    with write_session(workplace.engine) as session:
        model_deletion.delete(session, model, by=None, now=when)


def evaluated(workplace: Workplace, model: Model, race: Race | None) -> Evaluation:
    with write_session(workplace.engine) as session:
        racer = session.get_one(Racer, model.racer_id)
        evaluation = evaluations.request(
            session,
            model,
            by=racer,
            track="paddock-oval",
            direction="clockwise",
            rules=RULES,
            now=after(20),
            race=race,
        )
        token = queueing.claim(session, JobKind.EVALUATION, evaluation.id or 0, worker="w", now=after(21))
        assert token
        queueing.finish(
            session,
            JobKind.EVALUATION,
            evaluation.id or 0,
            token,
            state=JobState.COMPLETED,
            now=after(22),
            artefact=f"evaluation-{evaluation.public_id}/1-a",
        )
    write(workplace.settings.runs_path / f"evaluation-{evaluation.public_id}" / "1-a" / "drive.bin")
    return evaluation


def test_files_stay_until_the_time_is_over_and_then_go_once(workplace: Workplace, runs: Path) -> None:
    model, kept = trained(workplace), trained(workplace, "kept")
    delete(workplace, model)
    assert purging.purge(workplace.engine, runs, OVER - timedelta(seconds=1)) == 0
    assert len(list(runs.iterdir())) == 2
    assert purging.purge(workplace.engine, runs, OVER) == 1
    assert purging.purge(workplace.engine, runs, OVER) == 0
    with read_session(workplace.engine) as session:
        gone, stays = session.get_one(Model, model.id), session.get_one(Model, kept.id)
        run = run_of(session, model)
        assert (gone.purged_at, gone.stored_bytes, run.artefact, run.size_bytes) == (OVER, 0, None, 0)
        assert stays.purged_at is None
        assert [path.name for path in runs.iterdir()] == [f"training-{run_of(session, kept).public_id}"]


def test_a_model_that_was_brought_back_keeps_its_files(workplace: Workplace, runs: Path) -> None:
    model = trained(workplace)
    delete(workplace, model)
    with write_session(workplace.engine) as session:
        racer = session.get_one(Racer, model.racer_id)
        models.restore(session, model.public_id, by=racer, now=NOON)
    assert purging.purge(workplace.engine, runs, OVER) == 0
    assert len(list(runs.iterdir())) == 1


def test_deleted_for_good_by_an_administrator_they_go_in_the_next_round_of_maintenance(
    workplace: Workplace, runs: Path
) -> None:
    model = trained(workplace)
    delete(workplace, model)
    with write_session(workplace.engine) as session:
        model_deletion.for_good(session, model, by=make_racer(session, "ada"), now=after(60))
    maintenance.Rounds(workplace).go(after(61))
    assert list(runs.iterdir()) == []


def test_own_replays_go_and_a_races_replays_stay(workplace: Workplace, runs: Path) -> None:
    model = trained(workplace)
    own = evaluated(workplace, model, None)
    with write_session(workplace.engine) as session:
        race = make_race(session, make_racer(session, "ada"), now=NOON)
    raced = evaluated(workplace, model, race)
    delete(workplace, model)
    assert purging.purge(workplace.engine, runs, OVER) == 2
    assert [path.name for path in runs.iterdir()] == [f"evaluation-{raced.public_id}"]
    with read_session(workplace.engine) as session:
        assert session.get_one(Evaluation, own.id).artefact is None
        assert session.get_one(Evaluation, raced.id).artefact is not None


def test_a_deleted_races_replays_go_seven_days_after_it_and_another_races_stay(
    workplace: Workplace, runs: Path
) -> None:
    model = trained(workplace)
    with write_session(workplace.engine) as session:
        owner = make_racer(session, "ada")
        gone, kept = make_race(session, owner, now=NOON), make_race(session, owner, now=NOON)
    old, stays = evaluated(workplace, model, gone), evaluated(workplace, model, kept)
    with write_session(workplace.engine) as session:
        session.get_one(Evaluation, old.id).size_bytes = 7
        races.delete(session, gone, by=session.get_one(Racer, owner.id), now=NOON)
    assert purging.purge(workplace.engine, runs, OVER - timedelta(seconds=1)) == 0
    assert purging.purge(workplace.engine, runs, OVER) == 1
    assert purging.purge(workplace.engine, runs, OVER) == 0
    assert not (runs / f"evaluation-{old.public_id}").exists()
    assert (runs / f"evaluation-{stays.public_id}" / "1-a" / "drive.bin").exists()
    with read_session(workplace.engine) as session:
        row, other = session.get_one(Evaluation, old.id), session.get_one(Evaluation, stays.id)
        assert (row.artefact, row.size_bytes) == (None, 0)
        assert other.artefact is not None
        assert run_of(session, model).artefact is not None


def test_a_queued_race_evaluation_keeps_the_weights_until_it_has_driven(workplace: Workplace, runs: Path) -> None:
    model = trained(workplace)
    with write_session(workplace.engine) as session:
        racer, race = session.get_one(Racer, model.racer_id), make_race(session, make_racer(session, "ada"), now=NOON)
        evaluation = evaluations.request(
            session, model, by=racer, track="kidney", direction="clockwise", rules=RULES, now=NOON, race=race
        )
    delete(workplace, model)
    assert purging.purge(workplace.engine, runs, OVER + timedelta(days=30)) == 0
    with read_session(workplace.engine) as session:
        weights = run_of(session, model).artefact
    assert weights is not None
    assert artefacts.has_weights(runs / weights)
    with write_session(workplace.engine) as session:
        queueing.request_stop(session, JobKind.EVALUATION, evaluation.id or 0, now=after(30))
    assert purging.purge(workplace.engine, runs, OVER + timedelta(days=30)) == 1


def test_a_crash_between_the_mark_and_the_files_is_gone_on_with(
    workplace: Workplace, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete(workplace, trained(workplace))

    def crash(_folder: Path) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as broken:
        broken.setattr(artefacts, "discard", crash)
        with pytest.raises(OSError, match="away"):
            purging.purge(workplace.engine, runs, OVER)
    assert len(list(runs.iterdir())) == 1
    assert purging.purge(workplace.engine, runs, OVER) == 1
    assert list(runs.iterdir()) == []


def test_an_interrupted_import_is_removed_after_a_day(workplace: Workplace, runs: Path) -> None:
    old, new = runs / "import-a.partial", runs / "import-b.partial"
    for folder in (old, new):
        write(folder / "model" / "best.safetensors")
    long_ago = (NOON - timedelta(days=2)).timestamp()
    os.utime(old, (long_ago, long_ago))
    os.utime(new, (NOON.timestamp(), NOON.timestamp()))
    purging.purge(workplace.engine, runs, NOON)
    assert list(runs.iterdir()) == [new]
