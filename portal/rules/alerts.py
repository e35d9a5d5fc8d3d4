"""Spending alerts: a threshold that is reached makes one alert for each month and whom it is about, told once.

Raising a budget takes no alert back and makes none of the same threshold again in that month; lowering one may make
some at the next look. A threshold that was removed and added again makes no second alert in a month that has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from portal.rules import audit, limits
from portal.rules.broken import Code, RuleBroken
from portal.rules.budgets import SPENT
from portal.rules.usage_totals import month_of
from portal.tables import Account, Alert, AlertScope, AlertThreshold, Limits, Racer, UsageMonth
from portal.tables.columns import public_id

INSTANCE = "instance"
PAGE_SIZE = 50
LOOK_BACK = timedelta(days=1)
"""On the first day of a month the month before is looked at too: its last day of storage is charged then."""


class Reached(NamedTuple):
    """A threshold that somebody's spending has reached and that has no alert yet."""

    month: date
    about: str
    threshold: str
    level_microusd: int
    spent_microusd: int
    budget_microusd: int | None
    racer_id: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ListedAlert:
    """An alert, the racer it is about (None: the instance) and who dismissed it."""

    alert: Alert
    racer: Racer | None
    dismissed_by: Racer | None


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One page of alerts, newest first, and how many there are."""

    rows: list[ListedAlert]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def reached(session: Session, *, now: datetime) -> list[Reached]:
    """What is to be alerted of now, lower thresholds first: a look, for which a session that reads will do."""
    thresholds, given = session.exec(select(AlertThreshold)).all(), limits.current(session)
    found: list[Reached] = []
    for month in sorted({month_of(now - LOOK_BACK), month_of(now)}) if thresholds else []:
        known = set(session.exec(select(Alert.about, Alert.threshold).where(Alert.month == month)))
        spending = [*_instance(session, given, month), *_racers(session, given, month)]
        for spent in spending:
            found += [hit for hit in _hits(spent, thresholds) if (hit.about, hit.threshold) not in known]
    return found


def _instance(session: Session, given: Limits, month: date) -> list[Reached]:
    spent = session.exec(select(func.coalesce(func.sum(SPENT), 0)).where(UsageMonth.starts_on == month)).one()
    return [Reached(month, INSTANCE, "", 0, int(spent), given.monthly_budget_microusd)]


def _racers(session: Session, given: Limits, month: date) -> list[Reached]:
    query = (
        select(Racer.id, Racer.public_id, Racer.alias, Racer.name, Account.monthly_budget_microusd, SPENT)  # type: ignore[call-overload]
        .join(Account, col(Account.racer_id) == col(Racer.id))
        .join(UsageMonth, col(UsageMonth.account_id) == col(Account.id))
        .where(UsageMonth.starts_on == month, SPENT > 0)
    )
    common = given.racer_monthly_budget_microusd
    return [
        Reached(month, f"racer:{who}", "", 0, int(spent), common if own is None else own, racer_id, alias or name)
        for racer_id, who, alias, name, own, spent in session.exec(query)
    ]


def _hits(spent: Reached, thresholds: Sequence[AlertThreshold]) -> list[Reached]:
    """The thresholds that one's spending has reached, the lowest first."""
    scope = AlertScope.INSTANCE if spent.about == INSTANCE else AlertScope.RACER
    hits = []
    for threshold in thresholds:
        level = level_of(threshold, spent.budget_microusd)
        if threshold.scope == scope and level is not None and 0 < spent.spent_microusd >= level:
            hits.append(spent._replace(threshold=key_of(threshold), level_microusd=level))
    return sorted(hits, key=lambda hit: hit.level_microusd)


def level_of(threshold: AlertThreshold, budget_microusd: int | None) -> int | None:
    """The amount that reaches a threshold, rounded up; None for a share of no budget."""
    if threshold.percent is None:
        return threshold.amount_microusd
    return None if budget_microusd is None else -(-budget_microusd * threshold.percent // 100)


def key_of(threshold: AlertThreshold) -> str:
    """A threshold as an alert keeps it: `percent:80` or `amount:100000000`."""
    if threshold.percent is not None:
        return f"percent:{threshold.percent}"
    return f"amount:{threshold.amount_microusd}"


def make(session: Session, found: Sequence[Reached], *, now: datetime) -> list[Reached]:
    """Writes alerts down; returns those that nobody else had written before: only they are to be told."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = []
    for hit in found:
        statement = insert(Alert).values(
            public_id=public_id(),
            month=hit.month,
            about=hit.about,
            threshold=hit.threshold,
            racer_id=hit.racer_id,
            spent_microusd=hit.spent_microusd,
            budget_microusd=hit.budget_microusd,
            at=now,
        )
        once = statement.on_conflict_do_nothing(index_elements=["month", "about", "threshold"])
        if session.exec(once.returning(col(Alert.id))).first() is not None:
            made.append(hit)
    return made


def listed(session: Session, *, month: date | None = None, with_dismissed: bool = False, page: int = 1) -> AlertPage:
    """Alerts of one month or of all, newest first."""
    query = select(Alert)
    if month is not None:
        query = query.where(Alert.month == month)
    if not with_dismissed:
        query = query.where(col(Alert.dismissed_at).is_(None))
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    shown = query.order_by(col(Alert.id).desc()).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    return AlertPage(_with_people(session, shown), page, total)


def _with_people(session: Session, query: SelectOfScalar[Alert]) -> list[ListedAlert]:
    found = session.exec(query).all()
    ids = {alert.racer_id for alert in found} | {alert.dismissed_by_id for alert in found}
    people = {racer.id: racer for racer in session.exec(select(Racer).where(col(Racer.id).in_(ids - {None})))}
    return [ListedAlert(alert, people.get(alert.racer_id), people.get(alert.dismissed_by_id)) for alert in found]


def months(session: Session) -> list[date]:
    """The months that have alerts, the newest first."""
    return list(session.exec(select(col(Alert.month)).distinct().order_by(col(Alert.month).desc())))


@dataclass(frozen=True, slots=True)
class Banner:
    """What the administrator's start page says: the portal's newest open alert of this month, and how many more."""

    newest: Alert | None
    racers: int
    """Racers who have an open alert this month."""


def banner(session: Session, *, now: datetime) -> Banner:
    """Open alerts of this month in short."""
    is_open = (Alert.month == month_of(now), col(Alert.dismissed_at).is_(None))
    newest = select(Alert).where(*is_open, Alert.about == INSTANCE).order_by(col(Alert.id).desc())
    racers = select(func.count(func.distinct(Alert.racer_id))).where(*is_open)
    return Banner(session.exec(newest).first(), session.exec(racers).one())


def own(session: Session, racer: Racer, *, now: datetime) -> Alert | None:
    """The highest threshold that the racer has reached this month, whether an administrator dismissed it or not."""
    query = select(Alert).where(Alert.racer_id == racer.id, Alert.month == month_of(now))
    return session.exec(query.order_by(col(Alert.id).desc())).first()


def get(session: Session, alert_id: str) -> Alert:
    """One alert. Raises RuleBroken (missing)."""
    found = session.exec(select(Alert).where(Alert.public_id == alert_id)).first()
    if found is None:
        raise RuleBroken(Code.MISSING, "There is no such alert.")
    return found


def dismiss(session: Session, alert_id: str, *, by: Racer, now: datetime) -> bool:
    """Takes an alert from the list of open ones; it stays in the history. False: dismissed already."""
    alert = get(session, alert_id)
    return _set_dismissed(session, "alert.dismiss", [alert.id or 0], by=by, now=now, subject=f"alert:{alert_id}") > 0


def dismiss_all(session: Session, *, by: Racer, now: datetime) -> int:
    """Dismisses every open alert; returns how many. `restore_all` with the same moment undoes it."""
    ids = session.exec(select(Alert.id).where(col(Alert.dismissed_at).is_(None))).all()
    return _set_dismissed(session, "alert.dismiss", [one or 0 for one in ids], by=by, now=now, subject="alert:all")


def _set_dismissed(session: Session, action: str, ids: list[int], *, by: Racer, now: datetime, subject: str) -> int:
    still_open = (col(Alert.id).in_(ids), col(Alert.dismissed_at).is_(None))
    changed = session.exec(update(Alert).where(*still_open).values(dismissed_at=now, dismissed_by_id=by.id)).rowcount
    if changed:
        audit.record(session, action, subject, by=by, now=now, after={"alerts": changed})
    return changed


def restore(session: Session, alert_id: str, *, by: Racer, now: datetime) -> bool:
    """Undoes a dismissal. False: it is open."""
    alert = get(session, alert_id)
    return _restore(session, col(Alert.id) == alert.id, by=by, now=now, subject=f"alert:{alert_id}") > 0


def restore_all(session: Session, dismissed_at: datetime, *, by: Racer, now: datetime) -> int:
    """Opens again what this administrator dismissed at one moment; returns how many."""
    together = (col(Alert.dismissed_at) == dismissed_at) & (col(Alert.dismissed_by_id) == by.id)
    return _restore(session, together, by=by, now=now, subject="alert:all")


def _restore(session: Session, which: object, *, by: Racer, now: datetime, subject: str) -> int:
    dismissed = (which, col(Alert.dismissed_at).is_not(None))
    opened = session.exec(update(Alert).where(*dismissed).values(dismissed_at=None, dismissed_by_id=None)).rowcount  # type: ignore[arg-type]
    if opened:
        audit.record(session, "alert.restore", subject, by=by, now=now, after={"alerts": opened})
    return opened
