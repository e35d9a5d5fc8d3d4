"""Invitations as the administrator looks at them: searched, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, case, col, func, or_, select

from portal.rules.broken import Code, RuleBroken
from portal.rules.invitations import InvitationState, in_state, state
from portal.tables import Invitation, Mail, Racer

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class ListedInvitation:
    """An invitation, who invited, who accepted it, and the mail that carried it last."""

    invitation: Invitation
    state: InvitationState
    by: Racer
    accepted_by: Racer | None
    mail: Mail | None


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """One page of the list, how many the search found, and how many there are in each state."""

    rows: list[ListedInvitation]
    page: int
    total: int
    counts: dict[InvitationState, int]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def listed(
    session: Session, *, search: str = "", wanted: InvitationState | None = None, page: int = 1, now: datetime
) -> InvitationPage:
    """Invitations whose address or name contains `search`, the newest first."""
    counts = _counts(session, search, now)
    total = sum(counts.values()) if wanted is None else counts[wanted]
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    query = _query(search, wanted, now).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    return InvitationPage(_rows(session, query, now), page, total, counts)


def every(
    session: Session, *, search: str = "", wanted: InvitationState | None = None, now: datetime
) -> list[ListedInvitation]:
    """All that the search finds, for a download."""
    return _rows(session, _query(search, wanted, now), now)


def one(session: Session, public_id: str, *, now: datetime) -> ListedInvitation:
    """One invitation with its people and its mail. Raises RuleBroken (missing)."""
    rows = _rows(session, _query("", None, now).where(Invitation.public_id == public_id), now)
    if not rows:
        raise RuleBroken(Code.MISSING, "There is no such invitation.")
    return rows[0]


def chosen(session: Session, public_ids: Sequence[str]) -> list[Invitation]:
    """The invitations with these ids, by address. Raises RuleBroken: invalid for none, missing for an unknown one."""
    wanted = set(public_ids)
    if not wanted:
        raise RuleBroken(Code.INVALID, "No invitation is selected. Go back and tick them first.")
    query = select(Invitation).where(col(Invitation.public_id).in_(wanted))
    found = list(session.exec(query.order_by(col(Invitation.email), col(Invitation.id))))
    if len(found) != len(wanted):
        raise RuleBroken(Code.MISSING, "One of the selected invitations is not there. Go back and select again.")
    return found


def revoked(session: Session, public_ids: Sequence[str]) -> list[Invitation]:
    """Those of these that are revoked now, and so can be restored."""
    query = select(Invitation).where(col(Invitation.public_id).in_(public_ids[:PAGE_SIZE]))
    return list(session.exec(query.where(col(Invitation.revoked_at).is_not(None)).order_by(col(Invitation.email))))


def _query(search: str, wanted: InvitationState | None, now: datetime) -> Any:
    inviter, accepter = aliased(Racer), aliased(Racer)
    query = (
        select(Invitation, inviter, accepter, Mail)
        .join(inviter, col(Invitation.invited_by_id) == inviter.id)
        .join(accepter, col(Invitation.accepted_by_id) == accepter.id, isouter=True)
        .join(Mail, col(Invitation.mail_id) == col(Mail.id), isouter=True)
        .order_by(col(Invitation.id).desc())
    )
    if search:
        query = query.where(_fits(search))
    return query if wanted is None else query.where(in_state(wanted, now))


def _fits(search: str) -> Any:
    return or_(*(col(column).icontains(search, autoescape=True) for column in (Invitation.email, Invitation.name)))


def _counts(session: Session, search: str, now: datetime) -> dict[InvitationState, int]:
    sums = [func.coalesce(func.sum(case((in_state(each, now), 1), else_=0)), 0) for each in InvitationState]
    query: Any = select(*sums)
    if search:
        query = query.where(_fits(search))
    return dict(zip(InvitationState, session.exec(query).one(), strict=True))


def _rows(session: Session, query: Any, now: datetime) -> list[ListedInvitation]:
    return [
        ListedInvitation(invitation, state(invitation, now), by, accepted_by, mail)
        for invitation, by, accepted_by, mail in session.exec(query)
    ]
