"""Accounts and their ledger: whole milliseconds, whole byte-days, and whole millionths of a dollar.

Every movement is one line of the ledger and the same change of the account's three cached sums, in one transaction.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import func, or_
from sqlmodel import Session, col, select, update

from portal.rules import audit, first, limits, usage_totals
from portal.rules.broken import Code, RuleBroken
from portal.rules.slices import slices
from portal.tables import (
    HOUR_MS,
    Account,
    EntryKind,
    JobKind,
    LedgerEntry,
    Race,
    Racer,
    RequestKind,
    Reservation,
    ReservationState,
)

GB_BYTES = 1024**3
"""The gigabyte of the price list: S3 bills 2**30 bytes."""


class Balance(NamedTuple):
    """What an account may use, holds, has used and has spent. `quota_ms` is None for an account without a limit."""

    quota_ms: int | None
    reserved_ms: int
    used_ms: int
    spent_microusd: int

    @property
    def left_ms(self) -> int:
        """What may still be reserved; never negative, 0 for an account without a limit."""
        return max(0, (self.quota_ms or 0) - self.reserved_ms - self.used_ms)


def span(milliseconds: int) -> str:
    """A span of time in a sentence, rounded down to the second: `1 h 5 min`, `2 min 5 s`."""
    hours, rest = divmod(milliseconds // 1000, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else seconds, "s")]
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 s"


def open_account(session: Session, racer: Racer, *, now: datetime, by: Racer | None = None) -> Account:
    """The racer's account, opened with the quota of a new racer where there is none yet."""
    query = select(Account).where(Account.racer_id == racer.id)
    found = session.exec(query).first()
    if found is not None:
        return found
    given = limits.current(session)
    account = Account(
        racer_id=racer.id,
        quota_ms=given.new_racer_quota_ms,
        models_at_once=given.new_racer_models_at_once,
        maximum_models=given.new_racer_maximum_models,
    )
    if not first.added(session, account):
        return session.exec(query).one()
    _add(session, account, EntryKind.GRANT, now=now, by=by, quota_ms=given.new_racer_quota_ms, note="first sign-in")
    return account


def race_account(session: Session, race: Race) -> Account:
    """The account that a race's evaluations are charged to, opened at its first use; it has no limit."""
    query = select(Account).where(Account.race_id == race.id)
    found = session.exec(query).first()
    if found is not None:
        return found
    account = Account(race_id=race.id, quota_ms=None)
    return account if first.added(session, account) else session.exec(query).one()


def account_of(session: Session, racer: Racer) -> Account:
    """The racer's account. Raises RuleBroken (conflict) before the first sign-in was finished."""
    account = session.exec(select(Account).where(Account.racer_id == racer.id)).first()
    if account is None:
        raise RuleBroken(Code.CONFLICT, "There is no account for you yet. Sign in again.")
    return account


def hold(session: Session, account: Account) -> Account:
    """The account, fresh and held until the transaction ends: whoever counts what its racer has counts alone.

    On SQLite a write transaction is alone already; elsewhere the row is locked (docs/decisions/0006-lock-order.md).
    """
    row = select(Account).where(Account.id == account.id).with_for_update(key_share=True)
    return session.exec(row.execution_options(populate_existing=True)).one()


def balance_of(account: Account) -> Balance:
    """The cached sums of an account."""
    return Balance(account.quota_ms, account.reserved_ms, account.used_ms, account.spent_microusd)


def balance(session: Session, racer: Racer) -> Balance:
    """The racer's balance; all zero before an account was opened."""
    account = session.exec(select(Account).where(Account.racer_id == racer.id)).first()
    return balance_of(account) if account else Balance(0, 0, 0, 0)


def recompute(session: Session, account: Account) -> Balance:
    """The balance as the sums of the ledger's lines: what the cached sums must equal at every commit."""
    quota, reserved, used, spent = session.exec(
        select(
            func.coalesce(func.sum(LedgerEntry.quota_ms), 0),
            func.coalesce(func.sum(LedgerEntry.reserved_ms), 0),
            func.coalesce(func.sum(LedgerEntry.used_ms), 0),
            func.coalesce(func.sum(LedgerEntry.amount_microusd), 0),
        ).where(LedgerEntry.account_id == account.id)
    ).one()
    return Balance(None if account.quota_ms is None else int(quota), int(reserved), int(used), int(spent))


def reserve(
    session: Session, account: Account, kind: JobKind, job_id: int, amount_ms: int, *, now: datetime
) -> Reservation:
    """Holds time for one job. Raises RuleBroken (conflict) that names what is left where it is not enough."""
    held = col(Account.reserved_ms) + amount_ms
    fits = or_(col(Account.quota_ms).is_(None), held + col(Account.used_ms) <= col(Account.quota_ms))
    granted = session.exec(update(Account).where(col(Account.id) == account.id, fits).values(reserved_ms=held))
    if granted.rowcount == 0:
        left = balance_of(session.get_one(Account, account.id, populate_existing=True)).left_ms
        raise RuleBroken(Code.CONFLICT, _too_little(amount_ms, left), ask_for=RequestKind.HOURS)
    reservation = Reservation(
        account_id=_id(account), job_kind=kind, job_id=job_id, amount_ms=amount_ms, created_at=now
    )
    session.add(reservation)
    _add(session, account, EntryKind.RESERVE, now=now, job_kind=kind, job_id=job_id, reserved_ms=amount_ms)
    return reservation


def _too_little(amount_ms: int, left_ms: int) -> str:
    if left_ms < 1000:
        return "Nothing is left of your quota. Ask the administrator for more hours."
    return (
        f"This needs {span(amount_ms)}, and {span(left_ms)} of your quota is left. "
        "Shorten the stop time or ask the administrator for more hours."
    )


def reservation_of(session: Session, kind: JobKind, job_id: int) -> Reservation | None:
    """The reservation of a job, whatever became of it."""
    query = select(Reservation).where(Reservation.job_kind == kind, Reservation.job_id == job_id)
    return session.exec(query).first()


def settle(
    session: Session, kind: JobKind, job_id: int, used_ms: int, price_microusd_per_hour: int, *, now: datetime
) -> bool:
    """Charges what a job used, at most what it held, and gives the rest back. False: settled or released before."""
    reservation = _close(session, kind, job_id, ReservationState.SETTLED)
    if reservation is None:
        return False
    charged_ms = min(max(0, used_ms), reservation.amount_ms)
    money = cost(charged_ms, price_microusd_per_hour)
    _move(session, reservation, EntryKind.SETTLE, now=now, used_ms=charged_ms, amount_microusd=money)
    return True


def cost(used_ms: int, price_microusd_per_hour: int) -> int:
    """What time is estimated to cost, in whole millionths of a dollar."""
    return used_ms * price_microusd_per_hour // HOUR_MS


def release(session: Session, kind: JobKind, job_id: int, *, now: datetime) -> bool:
    """Gives back all that a job held. False: settled or released before."""
    reservation = _close(session, kind, job_id, ReservationState.RELEASED)
    if reservation is None:
        return False
    _move(session, reservation, EntryKind.RELEASE, now=now)
    return True


def store(session: Session, account: Account, stored_bytes: int, on_day: date, *, now: datetime) -> bool:
    """Charges one day of storage, once for each account and day. False: charged before, or nothing is stored.

    The price of a GB-month is spread over the days of that month; the amount is rounded to the nearest millionth.
    """
    hold(session, account)
    charged = select(LedgerEntry.id).where(LedgerEntry.account_id == account.id, LedgerEntry.on_day == on_day)
    if stored_bytes <= 0 or session.exec(charged).first() is not None:
        return False
    money = storage_cost(stored_bytes, on_day, limits.current(session).storage_gb_month_microusd)
    session.exec(
        update(Account).where(col(Account.id) == account.id).values(spent_microusd=col(Account.spent_microusd) + money)
    )
    _add(session, account, EntryKind.STORE, now=now, byte_days=stored_bytes, amount_microusd=money, on_day=on_day)
    return True


def storage_cost(stored_bytes: int, on_day: date, price_microusd_per_gb_month: int) -> int:
    """What a day of storage is estimated to cost, in millionths of a dollar."""
    whole = GB_BYTES * monthrange(on_day.year, on_day.month)[1]
    return (2 * stored_bytes * price_microusd_per_gb_month + whole) // (2 * whole)


def _close(session: Session, kind: JobKind, job_id: int, state: ReservationState) -> Reservation | None:
    reservation = reservation_of(session, kind, job_id)
    if reservation is None:
        return None
    closed = session.exec(
        update(Reservation)
        .where(col(Reservation.id) == reservation.id, col(Reservation.state) == ReservationState.HELD)
        .values(state=state)
    )
    return reservation if closed.rowcount else None


def _move(
    session: Session,
    reservation: Reservation,
    entry: EntryKind,
    *,
    now: datetime,
    used_ms: int = 0,
    amount_microusd: int = 0,
) -> None:
    account = session.get_one(Account, reservation.account_id)
    session.exec(
        update(Account)
        .where(col(Account.id) == account.id)
        .values(
            reserved_ms=col(Account.reserved_ms) - reservation.amount_ms,
            used_ms=col(Account.used_ms) + used_ms,
            spent_microusd=col(Account.spent_microusd) + amount_microusd,
        )
    )
    _add(
        session,
        account,
        entry,
        now=now,
        job_kind=reservation.job_kind,
        job_id=reservation.job_id,
        reserved_ms=-reservation.amount_ms,
        used_ms=used_ms,
        amount_microusd=amount_microusd,
    )


def set_quota(
    session: Session, racer: Racer, quota_ms: int, *, by: Racer | None, now: datetime, reason: str = ""
) -> bool:
    """Sets a racer's quota. Under what is used it blocks new work and kills nothing. False: it was so already."""
    if quota_ms < 0:
        raise RuleBroken(Code.INVALID, "A quota is zero hours or more.", "quota")
    account = hold(session, open_account(session, racer, now=now))
    before = account.quota_ms or 0
    if before == quota_ms:
        return False
    _set_quota(session, racer, account, quota_ms, by=by, now=now, reason=reason)
    return True


def raise_quota(session: Session, racer: Racer, more_ms: int, *, by: Racer | None, now: datetime, reason: str) -> int:
    """Adds time to a racer's quota (takes it, where negative), whatever else changed it meanwhile.

    Returns what the quota was before. Raises RuleBroken (invalid) where it would become negative.
    """
    account = hold(session, open_account(session, racer, now=now))
    before = account.quota_ms or 0
    if before + more_ms < 0:
        raise RuleBroken(Code.INVALID, "A quota is zero hours or more.", "quota")
    _set_quota(session, racer, account, before + more_ms, by=by, now=now, reason=reason)
    return before


def _set_quota(
    session: Session, racer: Racer, account: Account, quota_ms: int, *, by: Racer | None, now: datetime, reason: str
) -> None:
    before = account.quota_ms or 0
    adjust(session, account, quota_ms, by=by, now=now)
    session.flush()
    audit.record(
        session,
        "quota.set",
        f"racer:{racer.public_id}",
        by=by,
        now=now,
        before={"quota_ms": before},
        after={"quota_ms": quota_ms},
        reason=reason,
    )


def hold_all(session: Session, accounts: Sequence[Account]) -> list[Account]:
    """Several accounts like `hold`, in the order given; they are locked in the order of their rows."""
    fresh: dict[int | None, Account] = {}
    for part in slices(sorted(_id(account) for account in accounts)):
        query = select(Account).where(col(Account.id).in_(part)).order_by(col(Account.id))
        held = query.with_for_update(key_share=True).execution_options(populate_existing=True)
        fresh |= {row.id: row for row in session.exec(held)}
    return [fresh[account.id] for account in accounts]


def adjust(session: Session, account: Account, quota_ms: int, *, by: Racer | None, now: datetime) -> None:
    """Another quota and its line, for an account that is held; written with the session's next flush.

    The line has no note: racers read their statement, and an administrator's reason is for the audit alone.
    """
    change = quota_ms - (account.quota_ms or 0)
    account.quota_ms = quota_ms
    by_id = by.id if by else None
    line = LedgerEntry(account_id=_id(account), kind=EntryKind.ADJUST, at=now, by_racer_id=by_id, quota_ms=change)
    session.add(line)


def statement(session: Session, racer: Racer) -> list[LedgerEntry]:
    """Every line of the racer's account, newest first."""
    query = select(LedgerEntry).join(Account, col(LedgerEntry.account_id) == col(Account.id))
    return list(session.exec(query.where(Account.racer_id == racer.id).order_by(col(LedgerEntry.id).desc())))


def _add(
    session: Session,
    account: Account,
    kind: EntryKind,
    *,
    now: datetime,
    by: Racer | None = None,
    **values: Any,
) -> None:
    line = LedgerEntry(account_id=_id(account), kind=kind, at=now, by_racer_id=by.id if by else None, **values)
    session.add(line)
    session.flush()
    usage_totals.add(session, line)


def _id(account: Account) -> int:
    assert account.id is not None  # noqa: S101  a stored account has an id
    return account.id
