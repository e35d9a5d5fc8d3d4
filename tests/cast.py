"""The people of the tests, and plain functions that make them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlmodel import Session

from portal.tables import HOUR_MS, Account, Racer, Role, Sponsorship

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def make_racer(
    session: Session,
    alias: str | None = "alice",
    *,
    role: Role = Role.RACER,
    sponsorship: Sponsorship = Sponsorship.ACTIVE,
    quota_ms: int = 5 * HOUR_MS,
) -> Racer:
    """A racer with a profile (none with alias=None), an account and a quota."""
    racer = Racer(
        issuer="https://sso.example",
        subject=f"subject-{alias}",
        email=f"{alias}@example.org",
        name=str(alias).title(),
        alias=alias,
        alias_key=alias.lower() if alias else None,
        role=role,
        sponsorship=sponsorship,
        created_at=NOON,
        last_seen_at=NOON,
    )
    session.add(racer)
    session.flush()
    session.add(Account(racer_id=racer.id, quota_ms=quota_ms))
    session.flush()
    return racer
