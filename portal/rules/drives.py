"""Who may look at an evaluation's drive."""

from __future__ import annotations

from sqlmodel import Session, select

from portal.rules import freezing, races
from portal.rules.broken import Code, RuleBroken
from portal.tables import Evaluation, Model, Race, Racer


def get_visible(session: Session, racer: Racer | None, public_id: str) -> Evaluation:
    """An evaluation for its owner, administrators and, in a public race, everybody. Else RuleBroken (missing).

    The organiser of a private race sees what was entered in it.
    """
    evaluation = session.exec(select(Evaluation).where(Evaluation.public_id == public_id)).first()
    if evaluation is not None and _may_see(session, racer, evaluation):
        race = race_of(session, evaluation)
        if race is not None:
            freezing.require_visible(session, race, evaluation, racer)
        return evaluation
    raise RuleBroken(Code.MISSING, "There is no such evaluation.")


def _may_see(session: Session, racer: Racer | None, evaluation: Evaluation) -> bool:
    if racer is not None and (racer.is_admin or racer.id == evaluation.racer_id):
        return True
    race = select(Race.id).where(Race.id == evaluation.race_id, races.visible_to(racer))
    return session.exec(race).first() is not None


def model_of(session: Session, evaluation: Evaluation) -> Model:
    """The model that drives."""
    return session.get_one(Model, evaluation.model_id)


def racer_of(session: Session, evaluation: Evaluation) -> Racer:
    """The racer whose model it is."""
    return session.get_one(Racer, evaluation.racer_id)


def race_of(session: Session, evaluation: Evaluation) -> Race | None:
    """The race that it counts for, if any."""
    return session.get(Race, evaluation.race_id) if evaluation.race_id else None


def race_for(session: Session, evaluation: Evaluation, viewer: Racer | None) -> Race | None:
    """The race that it counts for where the viewer may see it: who was removed keeps the drive only."""
    race = race_of(session, evaluation)
    return race if race is not None and races.may_see(session, race, viewer) else None
