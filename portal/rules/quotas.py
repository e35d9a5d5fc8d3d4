"""What racers may use: hours of training and evaluation, models in all, and models at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from portal.rules import audit, ledger
from portal.rules.broken import Code, RuleBroken
from portal.rules.outcome import CHANGED_SINCE, Outcome
from portal.rules.slices import slices
from portal.tables import Account, Racer


@dataclass(frozen=True, slots=True)
class Quotas:
    """New values; None keeps what is."""

    quota_ms: int | None = None
    maximum_models: int | None = None
    models_at_once: int | None = None

    def given(self) -> dict[str, int]:
        """The values that are not None, by the account's columns."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def set_all(
    session: Session,
    people: Sequence[Racer],
    wanted: Quotas,
    *,
    by: Racer | None,
    now: datetime,
    reason: str = "",
    batch: str | None = None,
) -> Outcome:
    """Sets the quotas of several racers to the same values, in a few statements however many they are. Idempotent.

    Less than is used blocks new work and stops nothing. Raises RuleBroken (invalid, with the field) for a negative
    value, (invalid) for none at all.
    """
    values = wanted.given()
    if not values:
        raise RuleBroken(Code.INVALID, "Fill in at least one of the three; an empty field keeps what each has.")
    for name, value in values.items():
        if value < 0:
            raise RuleBroken(Code.INVALID, "A quota is zero or more.", name)
    outcome = Outcome()
    moves = []
    for racer, account in _held(session, people, now=now):
        if _of(account, values) == values:
            outcome.same.append(racer)
        else:
            outcome.changed.append(racer)
            moves.append((racer, account, values))
    _move(session, moves, "quota.set", by=by, now=now, reason=reason, batch=batch)
    return outcome


def put_back(
    session: Session,
    done: Sequence[tuple[Racer, audit.Change]],
    *,
    by: Racer,
    now: datetime,
    reason: str,
    batch: str,
) -> Outcome:
    """Makes quotas what they were before a change, where they still are what that change made of them."""
    outcome, moves = Outcome(), []
    for (racer, account), (_, change) in zip(_held(session, [racer for racer, _ in done], now=now), done, strict=True):
        if _of(account, change.after) == change.after:
            outcome.changed.append(racer)
            moves.append((racer, account, change.before))
        else:
            outcome.refused.append((racer, CHANGED_SINCE))
    _move(session, moves, "quota.undo", by=by, now=now, reason=reason, batch=batch)
    return outcome


def accounts_of(session: Session, people: Sequence[Racer]) -> dict[int, Account]:
    """The racers' accounts by the racer's row; who has none yet is left out."""
    found: dict[int, Account] = {}
    for part in slices([racer.id or 0 for racer in people]):
        rows = session.exec(select(Account).where(col(Account.racer_id).in_(part)))
        found |= {account.racer_id: account for account in rows if account.racer_id is not None}
    return found


def _held(session: Session, people: Sequence[Racer], *, now: datetime) -> list[tuple[Racer, Account]]:
    there = accounts_of(session, people)
    accounts = [there.get(racer.id or 0) or ledger.open_account(session, racer, now=now) for racer in people]
    return list(zip(people, ledger.hold_all(session, accounts), strict=True))


def _of(account: Account, names: Mapping[str, int]) -> dict[str, int]:
    return {name: getattr(account, name) for name in names}


def _move(
    session: Session,
    moves: Sequence[tuple[Racer, Account, Mapping[str, int]]],
    action: str,
    *,
    by: Racer | None,
    now: datetime,
    reason: str,
    batch: str | None,
) -> None:
    changes = []
    for racer, account, values in moves:
        before = _of(account, values)
        different = {name: value for name, value in values.items() if before[name] != value}
        was = {name: before[name] for name in different}
        changes.append(audit.Change(f"racer:{racer.public_id}", was, different))
        if "quota_ms" in different:
            ledger.adjust(session, account, different["quota_ms"], by=by, now=now)
        for name in different.keys() - {"quota_ms"}:
            setattr(account, name, different[name])
    session.flush()
    audit.record_all(session, action, changes, by=by, now=now, reason=reason, batch=batch)
