"""People: who they are at the provider, what they may, and how they show themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from portal.rules import audit, browser_sessions, first, ledger, limits
from portal.rules.broken import Code, RuleBroken
from portal.tables import Racer, Role

LOCAL_ISSUER = "local"
"""Stands for the local provider in an identity. Its address may change with the portal's; people keep their racers."""

RESERVED_ALIASES = frozenset({"system", "admin", "administrator", "paddock", "root", "anonymous", "deleted"})
"""Aliases, in lower case, under which a racer could pass for the portal or for those who run it."""

MULTI_USER_OFF = (
    "Multi-user mode is switched off, so nobody new can join. Ask the administrator to enable it, then sign in again."
)


@dataclass(frozen=True)
class Identity:
    """What a provider vouches for, after its token was verified."""

    issuer: str
    subject: str
    name: str = ""
    email: str = ""
    email_verified: bool = False
    groups: tuple[str, ...] = ()


def sign_in(session: Session, identity: Identity, *, admin_groups: tuple[str, ...], now: datetime) -> Racer:
    """The racer of an identity, made at the first sign-in, with name, e-mail and role as they are today.

    Raises RuleBroken (forbidden) for somebody new while multi-user mode is off; administrators come in, to enable it.
    """
    role = Role.ADMIN if set(identity.groups) & set(admin_groups) else Role.RACER
    racer = find_by_identity(session, identity.issuer, identity.subject)
    if racer is None:
        racer = _join(session, identity, role, now=now)
    if racer.granted_admin:
        role = Role.ADMIN
    if racer.role != role:
        _change_role(session, racer, role, by=None, now=now, reason="groups at sign-in")
    racer.name, racer.email, racer.email_verified = identity.name, identity.email, identity.email_verified
    racer.last_seen_at = now
    session.flush()
    return racer


def _join(session: Session, identity: Identity, role: Role, *, now: datetime) -> Racer:
    if role != Role.ADMIN and not limits.current(session).multi_user_enabled:
        raise RuleBroken(Code.FORBIDDEN, MULTI_USER_OFF)
    racer = Racer(
        issuer=identity.issuer,
        subject=identity.subject,
        role=role,
        name=identity.name,
        created_at=now,
        last_seen_at=now,
    )
    if not first.added(session, racer):
        return session.exec(_identified_by(identity.issuer, identity.subject)).one()
    ledger.open_account(session, racer, now=now)
    after = {"issuer": identity.issuer, "subject": identity.subject, "name": identity.name, "role": role}
    audit.record(session, "racer.join", f"racer:{racer.public_id}", by=racer, now=now, after=after)
    return racer


def _change_role(session: Session, racer: Racer, role: Role, *, by: Racer | None, now: datetime, reason: str) -> None:
    before, racer.role = racer.role, role
    audit.record(
        session,
        "racer.role",
        f"racer:{racer.public_id}",
        by=by,
        now=now,
        before={"role": before},
        after={"role": role},
        reason=reason,
    )


def find_by_identity(session: Session, issuer: str, subject: str) -> Racer | None:
    """The racer of an identity; the e-mail plays no part in it."""
    return session.exec(_identified_by(issuer, subject)).first()


def _identified_by(issuer: str, subject: str) -> SelectOfScalar[Racer]:
    return select(Racer).where(Racer.issuer == issuer, Racer.subject == subject)


def find_by_alias(session: Session, alias: str) -> Racer | None:
    """The racer with this alias, in any case of letters."""
    return session.exec(select(Racer).where(Racer.alias_key == alias.lower())).first()


def addresses_of_admins(session: Session) -> list[str]:
    """The e-mail addresses of the administrators who have one, each once."""
    query = select(Racer.email).where(Racer.role == Role.ADMIN, Racer.email != "").distinct()
    return sorted(session.exec(query))


def save_profile(
    session: Session,
    racer: Racer,
    *,
    alias: str,
    country: str,
    avatar_body: str,
    avatar_trim: str,
    now: datetime,
) -> Racer:
    """Sets alias, country and helmet; what is in them was checked by the form.

    Raises RuleBroken (conflict, field `alias`) where somebody else has the alias, in any case of letters,
    (invalid, field `alias`) for a reserved one that is newly chosen by somebody who is no administrator, and
    (forbidden) for a first profile while multi-user mode is off.
    """
    stored = session.get_one(Racer, racer.id)
    require_may_join(session, stored)
    _require_free_for(stored, alias)
    before = _profile(stored)
    after = {"alias": alias, "country": country, "avatar_body": avatar_body, "avatar_trim": avatar_trim}
    if after == before:
        return stored
    session.flush()
    try:
        with session.begin_nested():  # the database decides: of two who ask for an alias at once, one gets it
            own = col(Racer.id) == stored.id
            session.exec(update(Racer).where(own).values(**after, alias_key=alias.lower()))
    except IntegrityError:
        raise RuleBroken(Code.CONFLICT, "Somebody else has this alias. Choose another.", "alias") from None
    session.refresh(stored)
    audit.record(session, "racer.profile", f"racer:{stored.public_id}", by=stored, now=now, before=before, after=after)
    return stored


def require_may_join(session: Session, racer: Racer) -> None:
    """Raises RuleBroken (forbidden) for somebody without a profile while multi-user mode is off."""
    if not racer.has_profile and not racer.is_admin and not limits.current(session).multi_user_enabled:
        raise RuleBroken(Code.FORBIDDEN, MULTI_USER_OFF)


def _require_free_for(racer: Racer, alias: str) -> None:
    """Whoever has a reserved alias keeps it."""
    kept = racer.alias is not None and alias.lower() == racer.alias.lower()
    if alias.lower() in RESERVED_ALIASES and not kept and not racer.is_admin:
        raise RuleBroken(Code.INVALID, "Choose another alias; this one is reserved.", "alias")


def _profile(racer: Racer) -> dict[str, str | None]:
    return {
        "alias": racer.alias,
        "country": racer.country,
        "avatar_body": racer.avatar_body,
        "avatar_trim": racer.avatar_trim,
    }


def grant_admin(session: Session, who: str, *, granted: bool, now: datetime, by: Racer | None = None) -> Racer:
    """Makes somebody an administrator whatever the groups say, or takes that back; idempotent.

    `who` is an alias or an e-mail address. Taking it back ends the person's sessions: the next sign-in asks the groups.
    Raises RuleBroken (missing) where nobody fits, (conflict) where an e-mail address belongs to several.
    """
    racer = find_by_alias(session, who) or _by_email(session, who)
    if racer.granted_admin == granted:
        return racer
    racer.granted_admin = granted
    role = Role.ADMIN if granted else Role.RACER
    if racer.role != role:
        _change_role(session, racer, role, by=by, now=now, reason="granted" if granted else "grant taken back")
    if not granted:
        browser_sessions.end_all(session, racer)
    return racer


def _by_email(session: Session, email: str) -> Racer:
    found = session.exec(select(Racer).where(func.lower(col(Racer.email)) == email.lower())).all()
    if not email or not found:
        raise RuleBroken(
            Code.MISSING, f"Nobody with the alias or e-mail address {email!r} has signed in yet. Let them sign in once."
        )
    if len(found) > 1:
        aliases = ", ".join(racer.alias or "(no alias yet)" for racer in found)
        raise RuleBroken(Code.CONFLICT, f"Several people have {email!r}: {aliases}. Name the alias.")
    return found[0]
