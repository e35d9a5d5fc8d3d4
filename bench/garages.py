"""Racers and models to measure with, made by the portal's own rules."""

from __future__ import annotations

from sqlmodel import Session

from portal import clock
from portal.rules import ledger, models, racers
from portal.tables import Model, Racer
from sim import car as sim_car
from sim.hyperparameters import Hyperparameters
from sim.reward_examples import DEFAULT_EXAMPLE

MINUTE_MS = 60_000


def make_racer(session: Session, alias: str, *, quota_ms: int, most: int) -> Racer:
    """A racer with so many hours, and room for so many models, all at once."""
    now = clock.now()
    racer = racers.sign_in(session, racers.Identity("bench", alias), admin_groups=(), now=now)
    profile = {"alias": alias, "country": "", "avatar_body": "teal", "avatar_trim": "white"}
    racers.save_profile(session, racer, now=now, **profile)
    ledger.set_quota(session, racer, quota_ms, by=None, now=now)
    account = ledger.account_of(session, racer)
    account.models_at_once = account.maximum_models = most
    session.flush()
    return racer


def make_model(session: Session, racer: Racer, name: str) -> Model:
    """A model of a minute's training with the default car and reward function."""
    return models.create(
        session,
        racer,
        name=name,
        car=sim_car.Car.default(),
        car_name="Starter car",
        track="paddock-oval",
        direction="counterclockwise",
        reward_code=DEFAULT_EXAMPLE.code,
        hyperparameters=Hyperparameters(),
        training_limit_ms=MINUTE_MS,
        now=clock.now(),
    )
