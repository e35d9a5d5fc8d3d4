"""What the operator does from the command line."""

from __future__ import annotations

from migrations.upgrade import upgrade
from paddock.demo_password import DEMO_PASSWORD
from portal import clock
from portal.database import make_engine, write_session
from portal.rules import local_accounts, racers
from portal.settings import Settings


def grant_admin(settings: Settings, who: str, *, granted: bool) -> str:
    """Makes somebody an administrator, or takes that back; returns a sentence. Raises RuleBroken where nobody fits."""
    engine = make_engine(settings.database_address)
    try:
        with write_session(engine) as session:
            racer = racers.grant_admin(session, who, granted=granted, now=clock.now())
            name = racer.alias or racer.email or racer.subject
    finally:
        engine.dispose()
    return f"{name} is an administrator now." if granted else f"{name} is an administrator by group only now."


def prepare(settings: Settings, *, demo: bool) -> str:
    """Brings the database up to date and makes the first administrator where the local provider has no account.

    Returns the administrator's password where one was made now, else nothing.
    """
    settings.data_path.mkdir(parents=True, exist_ok=True)
    upgrade(settings.database_address)
    if not settings.uses_local_provider:
        return ""
    password = DEMO_PASSWORD if demo else local_accounts.new_password()
    engine = make_engine(settings.database_address)
    try:
        with write_session(engine) as session:
            made = local_accounts.first_admin(session, password, now=clock.now())
    finally:
        engine.dispose()
    return password if made else ""


def new_password(settings: Settings, username: str) -> str:
    """Gives a local account a random password; returns the sentence that shows it. Raises RuleBroken for no account."""
    password = local_accounts.new_password()
    engine = make_engine(settings.database_address)
    try:
        with write_session(engine) as session:
            local_accounts.reset_password(session, username, password, by=None, now=clock.now())
    finally:
        engine.dispose()
    return f"{username} signs in with {password} from now on and has to change it then."
