"""Signed-in browsers: begin, find, touch and end their sessions."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select, update

from portal.tables import BrowserSession, Racer

TOUCH_AFTER = timedelta(minutes=1)


def hash_of(secret: str) -> str:
    """What is stored of a cookie's secret: a stolen database opens no session."""
    return hashlib.sha256(secret.encode()).hexdigest()


def begin(
    session: Session, racer: Racer, *, now: datetime, life_s: int, id_token: str = "", user_agent: str = ""
) -> str:
    """Starts a session and returns the secret for its cookie: 256 random bits."""
    assert racer.id is not None  # noqa: S101  a stored racer has an id
    secret = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(
            secret_hash=hash_of(secret),
            racer_id=racer.id,
            id_token=id_token,
            user_agent=user_agent[:200],
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(seconds=life_s),
        )
    )
    return secret


def find(session: Session, secret: str, *, now: datetime, idle_s: int) -> tuple[BrowserSession, Racer] | None:
    """The session and its racer, or None where it was ended, is too old or slept too long."""
    row = session.get(BrowserSession, hash_of(secret))
    if row is None or now >= row.expires_at or now >= row.last_seen_at + timedelta(seconds=idle_s):
        return None
    racer = session.get(Racer, row.racer_id)
    return (row, racer) if racer else None


def needs_touch(row: BrowserSession, *, now: datetime) -> bool:
    """True once a minute: last-seen times are not written with every request."""
    return now - row.last_seen_at >= TOUCH_AFTER


def touch(session: Session, row: BrowserSession, *, now: datetime) -> None:
    """Notes that the browser and its racer are there."""
    own, racer = col(BrowserSession.secret_hash) == row.secret_hash, col(Racer.id) == row.racer_id
    session.exec(update(BrowserSession).where(own).values(last_seen_at=now))
    session.exec(update(Racer).where(racer).values(last_seen_at=now))


def end(session: Session, secret: str) -> str:
    """Ends one session and returns its id token, for the provider's sign-out; empty where there is none."""
    row = session.get(BrowserSession, hash_of(secret))
    if row is None:
        return ""
    session.delete(row)
    return row.id_token


def open_of(session: Session, racer: Racer, *, now: datetime, idle_s: int) -> list[BrowserSession]:
    """A racer's sessions that still stand, the one used last first."""
    query = select(BrowserSession).where(
        BrowserSession.racer_id == racer.id,
        BrowserSession.expires_at > now,
        BrowserSession.last_seen_at > now - timedelta(seconds=idle_s),
    )
    return list(session.exec(query.order_by(col(BrowserSession.last_seen_at).desc())))


def end_others(session: Session, racer: Racer, secret: str) -> int:
    """Ends every session of a racer but the one with this secret; returns how many."""
    own = (col(BrowserSession.racer_id) == racer.id, col(BrowserSession.secret_hash) != hash_of(secret))
    return session.exec(delete(BrowserSession).where(*own)).rowcount


def forget_over(session: Session, racer: Racer, *, now: datetime) -> None:
    """Deletes the rows of a racer's sessions that are too old to open anything."""
    own = col(BrowserSession.racer_id) == racer.id
    session.exec(delete(BrowserSession).where(own, col(BrowserSession.expires_at) <= now))


def end_all(session: Session, racer: Racer) -> None:
    """Ends every session of a racer, on every device."""
    session.exec(delete(BrowserSession).where(col(BrowserSession.racer_id) == racer.id))
