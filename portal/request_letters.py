"""Mails about requests: to the administrators that somebody asks, to the racer what was decided.

They are written in the transaction of what they tell of, and only where a mail server is configured.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import render_template
from flask_babel import gettext as _
from sqlmodel import Session

from portal import clock, scope
from portal.request_parts import wanted
from portal.rules import deliveries, racers
from portal.rules.request_decisions import racer_of
from portal.rules.requests import Asked
from portal.tables import RacerRequest


def tell_administrators(session: Session, asked: Asked) -> None:
    """A mail to every administrator with an address for a new request; a changed one is seen on the page."""
    if not scope.settings().smtp_url or not asked.is_new:
        return
    racer = racer_of(session, asked.request)
    subject = _("%(name)s asks for %(what)s", name=racer.alias or racer.name, what=wanted(asked.request))
    text = render_template("requests/mail_new.txt", asked=asked.request, racer=racer, address=scope.settings().address)
    for address in racers.addresses_of_admins(session):
        if address != racer.email:
            deliveries.mail(session, address, subject, text, now=clock.now())


def tell_racers(session: Session, decided: Iterable[RacerRequest]) -> None:
    """A mail to each racer with an address: approved, declined, or open again after all."""
    if not scope.settings().smtp_url:
        return
    for row in decided:
        racer = racer_of(session, row)
        if racer.email:
            text = render_template("requests/mail_decided.txt", row=row, racer=racer, address=scope.settings().address)
            deliveries.mail(session, racer.email, _subject(row), text, now=clock.now())


def _subject(row: RacerRequest) -> str:
    what = wanted(row)
    return {
        "approved": _("Approved: %(what)s", what=what),
        "declined": _("Declined: %(what)s", what=what),
        "open": _("Open again: %(what)s", what=what),
    }[row.state]
