"""Cars of a garage: made, changed, copied, deleted and brought back. A model copies its car when it is made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from portal.rules import ledger, limits, names, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.tables import Car, Racer
from sim import car as sim_car

COLOURS = ("teal", "red", "blue", "yellow", "green", "orange", "purple", "pink", "white", "black")


def create(session: Session, racer: Racer, *, name: str, colour: str, car: sim_car.Car, now: datetime) -> Car:
    """A new car.

    Raises RuleBroken: forbidden (not sponsored now), invalid (name, colour, a car that cannot be trained), conflict
    (the account's limit is reached).
    """
    sponsorship.require(session, racer)
    _hold(session, racer)
    _check_limit(session)
    row = Car(
        racer_id=racer.id or 0,
        name=_free_name(session, racer, name),
        colour=_known_colour(colour),
        metadata_json=_trainable(car).to_metadata(),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def edit(session: Session, public_id: str, *, by: Racer, name: str, colour: str, car: sim_car.Car) -> Car:
    """Changes the racer's car; models that were made with it keep the car that they have."""
    ledger.hold(session, ledger.account_of(session, by))
    row = get_own(session, by, public_id)
    row.name = _free_name(session, by, name, besides=row)
    row.colour = _known_colour(colour)
    row.metadata_json = _trainable(car).to_metadata()
    session.flush()
    return row


def duplicate(session: Session, public_id: str, *, by: Racer, now: datetime) -> Car:
    """A copy under the next free name."""
    _hold(session, by)
    row = get_own(session, by, public_id)
    name = names.copied(row.name, _names(session, by))
    car = sim_car.Car.from_metadata(row.metadata_json)
    return create(session, by, name=name, colour=row.colour, car=car, now=now)


def delete(session: Session, public_id: str, *, by: Racer, now: datetime) -> Car:
    """Takes a car out of the garage; `restore` brings it back. Models that were made with it stay."""
    row = get_own(session, by, public_id)
    row.deleted_at = now
    session.flush()
    return row


def restore(session: Session, public_id: str, *, by: Racer) -> Car:
    """Brings a deleted car back, under a free name. One that is not deleted stays as it is."""
    _hold(session, by)
    row = _own(session, by, public_id)
    if row.deleted_at is not None:
        _check_limit(session)
        taken = _names(session, by)
        row.name = names.copied(row.name, taken) if names.is_taken(row.name, taken) else row.name
        row.deleted_at = None
        session.flush()
    return row


def get_own(session: Session, racer: Racer, public_id: str) -> Car:
    """The racer's car. Raises RuleBroken (missing) for anybody else's and for a deleted one."""
    row = _own(session, racer, public_id)
    if row.deleted_at is not None:
        raise RuleBroken(Code.MISSING, "There is no such car.")
    return row


def of_racer(session: Session, racer: Racer) -> list[Car]:
    """The racer's cars by name."""
    query = select(Car).where(Car.racer_id == racer.id, col(Car.deleted_at).is_(None))
    return sorted(session.exec(query), key=lambda row: row.name.casefold())


def _own(session: Session, racer: Racer, public_id: str) -> Car:
    query = select(Car).where(Car.public_id == public_id, Car.racer_id == racer.id)
    row = session.exec(query).first()
    if row is None:
        raise RuleBroken(Code.MISSING, "There is no such car.")
    return row


def _hold(session: Session, racer: Racer) -> None:
    """Nobody else makes a car, and the racer's names stay as they are, until the transaction ends."""
    limits.hold(session)
    ledger.hold(session, ledger.account_of(session, racer))


def _check_limit(session: Session) -> None:
    allowed = limits.current(session).cars
    there = session.exec(select(func.count()).select_from(Car).where(col(Car.deleted_at).is_(None))).one()
    if there >= allowed:
        raise RuleBroken(
            Code.CONFLICT,
            f"All racers together may have {allowed} cars, and they have. Delete one that you no longer need.",
        )


def _free_name(session: Session, racer: Racer, name: str, besides: Car | None = None) -> str:
    return names.free(name, _names(session, racer, besides), "car")


def _names(session: Session, racer: Racer, besides: Car | None = None) -> set[str]:
    """What the racer's cars are called."""
    query = select(Car.name).where(Car.racer_id == racer.id, col(Car.deleted_at).is_(None))
    return set(session.exec(query.where(Car.id != besides.id) if besides else query))


def _known_colour(colour: str) -> str:
    if colour not in COLOURS:
        raise RuleBroken(Code.INVALID, f"Choose one of the colours: {', '.join(COLOURS)}.", "colour")
    return colour


def _trainable(car: sim_car.Car) -> sim_car.Car:
    try:
        car.check_trainable()
    except sim_car.CarError as error:
        raise RuleBroken(Code.INVALID, f"{error.message[:1].upper()}{error.message[1:]}.", error.field) from None
    return car


def deleted(session: Session, racer: Racer, public_id: str) -> Car | None:
    """The racer's deleted car, for the offer to bring it back; None where there is none."""
    query = select(Car).where(Car.public_id == public_id, Car.racer_id == racer.id, col(Car.deleted_at).is_not(None))
    return session.exec(query).first()
