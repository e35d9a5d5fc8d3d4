"""Telling of alerts: one mail to each address for all that were found together, and one event for each alert."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from markupsafe import Markup
from sqlmodel import Session

from portal.rules import alert_receivers, deliveries
from portal.rules.alerts import INSTANCE, Reached

EVENT = "spending.alert"
MOST_LINES = 50
"""A mail lists so many alerts and counts the rest."""


def tell(session: Session, made: Sequence[Reached], *, organisation: str, address: str, now: datetime) -> None:
    """Writes the mails and events of new alerts, in the transaction that made them. `address` is the portal's."""
    if not made:
        return
    receivers = alert_receivers.current(session)
    subject, text, html = mail_of(made, organisation, address)
    for recipient in receivers.emails:
        deliveries.mail(session, recipient, subject, text, html, now=now)
    if receivers.webhook_url:
        for alert in made:
            deliveries.webhook(session, receivers.webhook_url, EVENT, event_of(alert, address), now=now)


def mail_of(made: Sequence[Reached], organisation: str, address: str) -> tuple[str, str, str]:
    """Subject, text and HTML of the mail about some alerts."""
    first = made[-1]  # of several thresholds the highest comes last
    what = f"{len(made)} spending alerts" if len(made) > 1 else f"{_who(first)} reached {_threshold(first.threshold)}"
    subject = f"{organisation}: {what} in {_month(first.month)}"
    lines = [_line(alert) for alert in made[:MOST_LINES]]
    if len(made) > MOST_LINES:
        lines.append(f"And {len(made) - MOST_LINES} more.")
    note = "All money is an estimate in USD: no special pricing, no tax, no accounting figure."
    links = (("See the alerts", f"{address}/admin/alerts"), ("Change budgets", f"{address}/admin/alerts/setup"))
    text = "\n".join([*lines, "", *(f"{name}: {link}" for name, link in links), "", note, ""])
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
    places = Markup(" · ").join(Markup('<a href="{}">{}</a>').format(link, name) for name, link in links)
    html = Markup("<ul>{}</ul><p>{}</p><p><small>{}</small></p>").format(items, places, note)
    return subject, text, str(html)


def event_of(alert: Reached, address: str) -> dict[str, Any]:
    """An alert as the data of a web hook's event."""
    kind, _, value = alert.threshold.partition(":")
    about_racer = alert.about != INSTANCE
    return {
        "month": f"{alert.month:%Y-%m}",
        "about": "racer" if about_racer else INSTANCE,
        "racer": {"id": alert.about.removeprefix("racer:"), "alias": alert.name} if about_racer else None,
        "threshold": {"percent" if kind == "percent" else "amount_microusd": int(value)},
        "spent_microusd": alert.spent_microusd,
        "budget_microusd": alert.budget_microusd,
        "url": f"{address}/admin/alerts",
    }


def _line(alert: Reached) -> str:
    budget = "" if alert.budget_microusd is None else f" of a budget of {_money(alert.budget_microusd)}"
    threshold, month = _threshold(alert.threshold), _month(alert.month)
    return f"{_who(alert)} reached {threshold} in {month}: {_money(alert.spent_microusd)} spent{budget}."


def _who(alert: Reached) -> str:
    return "The portal" if alert.about == INSTANCE else alert.name


def _threshold(key: str) -> str:
    kind, _, value = key.partition(":")
    return f"{value} % of the budget" if kind == "percent" else _money(int(value))


def _money(microusd: int) -> str:
    return f"{microusd / 1_000_000:,.2f} USD"


def _month(month: date) -> str:
    return f"{month:%B %Y}"
