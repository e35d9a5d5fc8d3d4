"""LIVE races go on by themselves: the start after the countdown, the end of a drive, the next car."""

from __future__ import annotations

import threading
from datetime import datetime

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from jobs.workplace import Workplace
from portal import clock, doorbell, live
from portal.database import read_session, write_session
from portal.rules import live_races
from portal.rules.broken import RuleBroken
from portal.tables import Evaluation, JobKind, Race

EVERY_S = 0.5

log = structlog.get_logger(__name__)


def go(workplace: Workplace, now: datetime) -> int:
    """Takes every step that is due, and tells the open pages; returns how many. Two processes do no harm."""
    with read_session(workplace.engine) as session:
        due = live_races.due(session, now)
    return sum(_advance(workplace, race, now) for race in due)


def _advance(workplace: Workplace, race: Race, now: datetime) -> bool:
    try:
        with write_session(workplace.engine) as session:
            own = session.get_one(Race, race.id)
            stepped = live_races.advance(session, own, now=now)
            wanted = session.get(Evaluation, stepped.evaluation_id) if stepped and stepped.evaluation_id else None
            attempt = wanted.attempt if wanted else 0
            channel, version = live.race_channel(own.public_id, own.audience), own.version
    except RuleBroken as refused:
        log.warning("a LIVE race cannot go on", race=race.public_id, reason=refused.message)
        return False
    if stepped is None:
        return False
    if stepped.evaluation_id is not None:
        doorbell.ring(workplace.redis, JobKind.EVALUATION, stepped.evaluation_id, attempt)
    live.publish(workplace.redis, channel, "live", {})
    if stepped.moved:
        live.publish(workplace.redis, channel, "standings", {"version": version})
    return True


class Director(threading.Thread):
    """Goes its rounds until the process stops. A database or queue server that is away is waited for."""

    def __init__(self, workplace: Workplace) -> None:
        super().__init__(name="live races", daemon=True)
        self._workplace = workplace

    def run(self) -> None:
        while not self._workplace.stopping.wait(EVERY_S):
            try:
                go(self._workplace, clock.now())
            except (SQLAlchemyError, RedisError, OSError) as error:
                log.warning("a round of LIVE races failed", error=str(error))
