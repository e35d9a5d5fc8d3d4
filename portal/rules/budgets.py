"""Monthly budgets, and the hard cap that refuses new work which would go beyond one.

What counts against a budget is what was spent this month (in UTC, storage included) and what is held for jobs that
wait or run, at today's prices. A job in progress counts for the month in which it ends. No budget is no cap.

The cap is free of races because whoever asks for new work holds the limits' row from before it looks until its
reservation is committed (docs/decisions/0006-lock-order.md). Work that ends takes no part in that: it turns what was
held into at most as much that is spent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, ScalarSelect, case, func
from sqlmodel import Session, col, select, update

from portal.rules import audit, ledger, limits
from portal.rules.broken import Code, RuleBroken
from portal.rules.usage_totals import month_of
from portal.tables import (
    HOUR_MS,
    Account,
    Evaluation,
    JobKind,
    JobState,
    Limits,
    Racer,
    Reservation,
    ReservationState,
    TrainingRun,
    UsageMonth,
)

SPENT = col(UsageMonth.training_microusd) + col(UsageMonth.evaluation_microusd) + col(UsageMonth.storage_microusd)
"""What a row of usage cost."""
MOST_MICROUSD = 1_000_000_000 * 1_000_000
"""A budget is at most a billion dollars."""
INSTANCE_SPENT = (
    "The budget of this portal for this month does not cover this any more. "
    "Wait for the next month, or ask the administrator to raise the budget."
)
OWN_SPENT = (
    "Your budget for this month does not cover this any more. "
    "Shorten the stop time, wait for the next month, or ask the administrator for a higher budget."
)


class Standing(NamedTuple):
    """How a budget stands: what was spent this month, what is held at today's prices, and the budget (None: none)."""

    spent_microusd: int
    held_microusd: int
    budget_microusd: int | None

    @property
    def left_microusd(self) -> int | None:
        """What new work may still cost; None without a budget, never negative."""
        if self.budget_microusd is None:
            return None
        return max(0, self.budget_microusd - self.spent_microusd - self.held_microusd)

    def covers(self, cost_microusd: int) -> bool:
        """Whether work of this cost fits."""
        return self.left_microusd is None or cost_microusd <= self.left_microusd


def cost(amount_ms: int, kind: JobKind, prices: Limits) -> int:
    """What so much time is estimated to cost at today's prices, in millionths of a dollar; rounded up."""
    hour = prices.training_hour_microusd if kind == JobKind.TRAINING else prices.evaluation_hour_microusd
    return -(-amount_ms * hour // HOUR_MS)


def budget_of(account: Account, given: Limits) -> int | None:
    """The monthly budget of a racer's account; a race's has none."""
    if account.racer_id is None:
        return None
    own = account.monthly_budget_microusd
    return given.racer_monthly_budget_microusd if own is None else own


def instance(session: Session, *, now: datetime) -> Standing:
    """How the budget of the whole instance stands."""
    given = limits.current(session)
    spent, _, held, _ = _sums(session, given, -1, now)
    return Standing(spent, held, given.monthly_budget_microusd)


def of_racer(session: Session, racer: Racer, *, now: datetime) -> Standing:
    """How the budget of one racer stands; nothing of anything before an account was opened."""
    account = session.exec(select(Account).where(Account.racer_id == racer.id)).first()
    if account is None:
        return Standing(0, 0, None)
    given = limits.current(session)
    _, spent, _, held = _sums(session, given, account.id or 0, now)
    return Standing(spent, held, budget_of(account, given))


def own_budgets(session: Session, *, limit: int = 200) -> list[tuple[Racer, int]]:
    """Racers with a budget of their own, by alias, and that budget."""
    query = (
        select(Racer, col(Account.monthly_budget_microusd))
        .join(Account, col(Account.racer_id) == col(Racer.id))
        .where(col(Account.monthly_budget_microusd).is_not(None))
    )
    rows = session.exec(query.order_by(col(Racer.alias_key), col(Racer.id)).limit(limit))
    return [(racer, budget or 0) for racer, budget in rows]


def set_for(
    session: Session, racer: Racer, budget_microusd: int | None, *, by: Racer | None, now: datetime, reason: str = ""
) -> bool:
    """Gives one racer a monthly budget of their own; None takes it away, and the racers' budget counts again.

    False: it was so already. Raises RuleBroken (invalid) for one that is no sensible amount.
    """
    if budget_microusd is not None and not 0 <= budget_microusd <= MOST_MICROUSD:
        raise RuleBroken(Code.INVALID, "A budget is zero or more, and a billion dollars at most.", "budget")
    account = ledger.open_account(session, racer, now=now)
    before = ledger.hold(session, account).monthly_budget_microusd
    if before == budget_microusd:
        return False
    session.exec(update(Account).where(col(Account.id) == account.id).values(monthly_budget_microusd=budget_microusd))
    audit.record(
        session,
        "budget.set",
        f"racer:{racer.public_id}",
        by=by,
        now=now,
        before={"monthly_budget_microusd": before},
        after={"monthly_budget_microusd": budget_microusd},
        reason=reason,
    )
    return True


def hold(session: Session) -> None:
    """To be called before anything else is held by who asks for new work: where the cap is on, one asks at a time."""
    if limits.current(session).hard_cap_enabled:
        limits.hold(session)


def require(session: Session, account: Account, kind: JobKind, amount_ms: int, *, now: datetime) -> None:
    """Raises RuleBroken (conflict) where the hard cap refuses new work. `hold` was called at the beginning."""
    given = limits.current(session)
    if given.hard_cap_enabled:
        reason = _refusal(session, account, given, cost(amount_ms, kind, given), now=now)
        if reason:
            raise RuleBroken(Code.CONFLICT, reason)


def refusal(session: Session, account: Account | None, kind: JobKind, amount_ms: int, *, now: datetime) -> str:
    """What `require` would say now, for a page; empty where it would let the work pass. None is a race's account."""
    given = limits.current(session)
    if not given.hard_cap_enabled:
        return ""
    return _refusal(session, account or Account(), given, cost(amount_ms, kind, given), now=now)


def start_refusal(session: Session, account: Account, kind: JobKind, amount_ms: int, *, now: datetime) -> str:
    """Why a queued job must not start any more: a budget was lowered, or storage or prices have eaten it up.

    What waits besides it does not count, so that the first in the queue start while the budget lasts.
    """
    given = limits.current(session)
    if not given.hard_cap_enabled:
        return ""
    return _refusal(session, account, given, cost(amount_ms, kind, given), now=now, started_only=True)


def _refusal(
    session: Session, account: Account, given: Limits, added: int, *, now: datetime, started_only: bool = False
) -> str:
    budget, own = given.monthly_budget_microusd, budget_of(account, given)
    if budget is None and own is None:
        return ""
    spent, own_spent, held, own_held = _sums(session, given, account.id or -1, now, started_only=started_only)
    if not Standing(own_spent, own_held, own).covers(added):
        return OWN_SPENT
    return "" if Standing(spent, held, budget).covers(added) else INSTANCE_SPENT


def _sums(
    session: Session, given: Limits, account_id: int, now: datetime, *, started_only: bool = False
) -> tuple[int, int, int, int]:
    """Spent by all and by the account, held by all and by the account.

    One statement, so that work which ends meanwhile is counted as held or as spent, never as neither. It reads the rows
    of one month and of the jobs that are not over: the length of history does not matter.
    """
    month = month_of(now)
    every, own = UsageMonth.starts_on == month, UsageMonth.account_id == account_id
    parts = [_spent(every), _spent(every, own)]
    for kind in JobKind:
        parts += [_held(kind, started_only), _held(kind, started_only, account_id)]
    row: Any = session.exec(cast(Any, select(*parts))).one()
    spent, own_spent, *held = (int(value) for value in row)
    by_kind = list(zip(JobKind, held[::2], held[1::2], strict=True))
    return (
        spent,
        own_spent,
        sum(cost(all_ms, kind, given) for kind, all_ms, _ in by_kind),
        sum(cost(own_ms, kind, given) for kind, _, own_ms in by_kind),
    )


def _spent(*which: ColumnElement[bool] | bool) -> ScalarSelect[int]:
    return select(func.coalesce(func.sum(SPENT), 0)).where(*which).scalar_subquery()


def _held(kind: JobKind, started_only: bool, account_id: int | None = None) -> ScalarSelect[int]:
    """Time held for jobs that are not over, by one account or by all.

    The jobs are looked up first, by the index of their state: few of all. The account is no condition, lest its whole
    history be read.
    """
    job = TrainingRun if kind == JobKind.TRAINING else Evaluation
    jobs = select(job.id).where(col(job.state).in_((JobState.QUEUED, JobState.RUNNING)))
    if started_only:
        jobs = jobs.where(col(job.started_at).is_not(None))
    amount: Any = col(Reservation.amount_ms)
    if account_id is not None:
        amount = case((col(Reservation.account_id) == account_id, amount), else_=0)
    query = select(func.coalesce(func.sum(amount), 0)).where(
        Reservation.job_kind == kind,
        col(Reservation.job_id).in_(jobs),
        Reservation.state == ReservationState.HELD,
    )
    return query.scalar_subquery()
