"""A large instance: racers, models, jobs and a ledger whose lines add up to what is stored beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Any

from bench.bulk import Loader, Rows, stored
from portal.rules import ledger
from portal.rules.usage_totals import SUMS
from portal.tables import (
    HOUR_MS,
    Account,
    AuditEvent,
    EntryKind,
    Evaluation,
    JobKind,
    JobState,
    LedgerEntry,
    Model,
    Race,
    Racer,
    RacerRequest,
    Reservation,
    ReservationState,
    RewardFunction,
    Submission,
    TrainingRun,
    UsageDay,
    UsageMonth,
)
from sim.car import Car
from sim.reward_examples import DEFAULT_EXAMPLE

DAYS = 200
MODELS_EACH, RACES = 10, 20
QUOTA_MS = 5 * HOUR_MS
HOUR_MICROUSD, GB_MONTH_MICROUSD = 3_500_000, 23_000
WEIGHTS_BYTES, REPLAY_BYTES = 600_000, 6_000
NAMES = ("Aiko", "Bela", "Chidi", "Dana", "Emre", "Freya", "Goran", "Hana", "Ines", "Jonas", "Kemi", "Lars", "Mina")
FIRST_DAY_AT = time(8, 0)


@dataclass(frozen=True, slots=True)
class Job:
    """A finished job: where it is in the numbering, whom it was for, and what it used."""

    number: int
    kind: JobKind
    model: int
    racer: int
    race: int | None
    account: int
    used_ms: int
    at: datetime

    @property
    def held_ms(self) -> int:
        return 600_000 if self.kind == JobKind.TRAINING else 60_000

    @property
    def money(self) -> int:
        return self.used_ms * HOUR_MICROUSD // HOUR_MS

    @property
    def public_id(self) -> str:
        return f"{2 if self.kind == JobKind.TRAINING else 3}{self.number:015x}"

    @property
    def size_bytes(self) -> int:
        return WEIGHTS_BYTES if self.kind == JobKind.TRAINING else REPLAY_BYTES


@dataclass
class LargeInstance:
    """So many racers with ten models each, an administrator, and about so many lines of the ledger."""

    racers: int
    lines: int
    now: datetime
    used: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    days: dict[tuple[int, Any], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * len(SUMS)))
    of_model: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, None]))

    @property
    def models(self) -> int:
        return self.racers * MODELS_EACH

    @property
    def rounds(self) -> int:
        """Jobs of each model; every job is two lines, and four fifths of the lines are jobs'."""
        return max(1, self.lines * 4 // 5 // (2 * self.models))

    @property
    def admin(self) -> int:
        return self.racers + 1

    @cached_property
    def began(self) -> datetime:
        day = self.now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
        return datetime.combine(day, FIRST_DAY_AT, UTC)

    def fill(self, address: str) -> None:
        """Writes everything; the database is migrated and empty."""
        with Loader(address) as loader:
            self._people(loader)
            self._lines(loader)
            self._accounts_and_models(loader)
            self._jobs(loader)
            self._rest(loader)

    def jobs(self) -> Iterator[Job]:
        """Every fourth job of a model is a training, the first of them too; every tenth model drives in races only."""
        counted = {JobKind.TRAINING: 0, JobKind.EVALUATION: 0}
        for turn in range(self.rounds):
            kind = JobKind.EVALUATION if turn % 4 else JobKind.TRAINING
            for model in range(1, self.models + 1):
                counted[kind] += 1
                salt = turn * 7919 + model * 104_729
                racer = (model - 1) // MODELS_EACH + 1
                race = salt % RACES + 1 if kind == JobKind.EVALUATION and model % 10 == 1 else None
                account = self.admin + race if race else racer
                used_ms = (60_000 if kind == JobKind.TRAINING else 8_000) + salt % 60 * (1_000 if not turn % 4 else 100)
                at = self.began + timedelta(days=salt % DAYS, seconds=salt % 36_000)
                yield Job(counted[kind], kind, model, racer, race, account, used_ms, min(at, self.now))

    def _people(self, loader: Loader) -> None:
        like = Racer(issuer="bench", subject="", alias="", alias_key="", created_at=self.began, last_seen_at=self.now)
        changing = ("id", "public_id", "subject", "name", "email", "role", "sponsorship", "alias", "alias_key")
        rows = Rows(like, *changing, "last_seen_at")
        loader.fill(rows, (self._person(number) for number in range(1, self.admin + 1)))
        race = Race(owner_id=1, name="", track="paddock-oval", direction="clockwise", seed=1, created_at=self.began,
                    opens_at=self.began, closes_at=self.now + timedelta(days=30))  # fmt: skip
        numbers = range(1, RACES + 1)
        loader.fill(Rows(race, "id", "public_id", "name"), ((n, f"1{n:015x}", f"Race {n}") for n in numbers))

    def _person(self, number: int) -> tuple[Any, ...]:
        alias, name = f"racer-{number * 7919 % 100_003:05}", f"{NAMES[number % len(NAMES)]} {number}"
        state = "paused" if number % 20 == 0 else "ended" if number % 50 == 7 else "active"
        role = "admin" if number == self.admin else "racer"
        seen = stored(self.now - timedelta(minutes=number * 37 % 50_000))
        return (number, f"{number:016x}", str(number), name, f"{alias}@example.org", role, state, alias, alias, seen)

    def _lines(self, loader: Loader) -> None:
        """Accounts come first, for the lines refer to them; their sums are written when they are known."""
        account = Rows(Account(quota_ms=None), "id", "racer_id", "race_id", "quota_ms")
        owners = [(number, number, None, QUOTA_MS) for number in range(1, self.admin + 1)]
        races = [(self.admin + number, None, number, None) for number in range(1, RACES + 1)]
        loader.fill(account, [*owners, *races])
        sums = ("quota_ms", "reserved_ms", "used_ms", "byte_days", "amount_microusd")
        like = LedgerEntry(account_id=1, kind="", at=self.now)
        rows = Rows(like, "account_id", "kind", "job_kind", "job_id", "on_day", "at", *sums)
        loader.fill(rows, self._all_lines())

    def _all_lines(self) -> Iterator[tuple[Any, ...]]:
        began = stored(self.began)
        for account in range(1, self.admin + 1):
            yield (account, EntryKind.GRANT.value, None, None, None, began, QUOTA_MS, 0, 0, 0, 0)
        for job in self.jobs():
            at, kind = stored(job.at), job.kind.value
            yield (job.account, EntryKind.RESERVE.value, kind, job.number, None, at, 0, job.held_ms, 0, 0, 0)
            charged = (0, -job.held_ms, job.used_ms, 0, job.money)
            yield (job.account, EntryKind.SETTLE.value, kind, job.number, None, at, *charged)
            self._count(job)
        yield from self._stored_days()

    def _count(self, job: Job) -> None:
        self.used[job.account] += job.used_ms
        self.spent[job.account] += job.money
        day, first = self.days[job.account, job.at.date()], 0 if job.kind == JobKind.TRAINING else 1
        for place, amount in ((first, 1), (first + 2, job.used_ms), (first + 5, job.money)):
            day[place] += amount
        model = self.of_model[job.model]
        model[0] += job.used_ms
        model[1] += 0 if job.race else job.size_bytes
        model[2] = max(model[2] or job.at, job.at)

    def _stored_days(self) -> Iterator[tuple[Any, ...]]:
        """What is missing from the lines asked for: days of storage, racer by racer."""
        left = self.lines - self.admin - 2 * self.rounds * self.models
        for count in range(min(left, self.racers * DAYS)):
            account, day = count % self.racers + 1, (self.began + timedelta(days=count // self.racers)).date()
            size = 10_000_000 + account * 1_000_003 % 900_000_000
            money = ledger.storage_cost(size, day, GB_MONTH_MICROUSD)
            self.spent[account] += money
            self.days[account, day][4] += size
            self.days[account, day][7] += money
            at = stored(datetime.combine(day, FIRST_DAY_AT, UTC))
            yield (account, EntryKind.STORE.value, None, None, day.isoformat(), at, 0, 0, 0, size, money)

    def _accounts_and_models(self, loader: Loader) -> None:
        used = ((self.used[number], self.spent[number], number) for number in range(1, self.admin + RACES + 1))
        loader.change("UPDATE account SET used_ms = {}, spent_microusd = {} WHERE id = {}", used)
        like = Model(racer_id=1, name="", car_name="Starter car", car_metadata=Car.default().to_metadata(),
                     track="paddock-oval", direction="clockwise", hyperparameters={}, training_limit_ms=600_000,
                     created_at=self.began)  # fmt: skip
        rows = Rows(like, "id", "public_id", "racer_id", "name", "used_ms", "stored_bytes", "last_used_at")
        loader.fill(rows, (self._model(number) for number in range(1, self.models + 1)))
        function = RewardFunction(model_id=1, version=1, code=DEFAULT_EXAMPLE.code, created_at=self.began)
        loader.fill(Rows(function, "id", "model_id"), ((number, number) for number in range(1, self.models + 1)))
        day = Rows(UsageDay(account_id=1, starts_on=self.now.date()), "account_id", "starts_on", *SUMS)
        loader.fill(day, ((account, on.isoformat(), *sums) for (account, on), sums in self.days.items()))
        months: dict[tuple[int, Any], list[int]] = defaultdict(lambda: [0] * len(SUMS))
        for (account, on), sums in self.days.items():
            month = months[account, on.replace(day=1)]
            month[:] = [before + added for before, added in zip(month, sums, strict=True)]
        rows = Rows(UsageMonth(account_id=1, starts_on=self.now.date()), "account_id", "starts_on", *SUMS)
        loader.fill(rows, ((account, on.isoformat(), *sums) for (account, on), sums in months.items()))

    def _model(self, number: int) -> tuple[Any, ...]:
        used_ms, size, last = self.of_model[number]
        racer, name = (number - 1) // MODELS_EACH + 1, f"Model {number * 31 % 9973}-{number}"
        return (number, f"4{number:015x}", racer, name, used_ms, size, stored(last) if last else None)

    def _jobs(self, loader: Loader) -> None:
        job = {
            "racer_id": 1,
            "model_id": 1,
            "queued_at": self.now,
            "seed": 1,
            "state": JobState.COMPLETED,
            "attempt": 1,
        }
        changing = ("id", "public_id", "racer_id", "model_id", "queued_at", "started_at", "ended_at", "used_ms",
                    "artefact", "size_bytes")  # fmt: skip
        run = TrainingRun(**job, reward_function_id=1, limit_ms=600_000, configuration={})
        trainings = (job for job in self.jobs() if job.kind == JobKind.TRAINING)
        loader.fill(Rows(run, *changing, "reward_function_id"), ((*_job(job), job.model) for job in trainings))
        evaluation = Evaluation(**job, training_run_id=1, track="paddock-oval", direction="clockwise", rules={})
        drives = (job for job in self.jobs() if job.kind == JobKind.EVALUATION)
        rows = Rows(evaluation, *changing, "training_run_id", "race_id")
        loader.fill(rows, ((*_job(job), job.model, job.race) for job in drives))
        like = Reservation(account_id=1, job_kind="", job_id=1, amount_ms=1, state=ReservationState.SETTLED,
                           created_at=self.now)  # fmt: skip
        held = Rows(like, "account_id", "job_kind", "job_id", "amount_ms", "created_at")
        loader.fill(
            held, ((job.account, job.kind.value, job.number, job.held_ms, stored(job.at)) for job in self.jobs())
        )

    def _rest(self, loader: Loader) -> None:
        """Submissions, two lines of the audit for each job, and a few requests."""
        entered = [job for job in self.jobs() if job.race]
        like = Submission(race_id=1, racer_id=1, model_id=1, evaluation_id=1, created_at=self.now)
        rows = Rows(like, "public_id", "race_id", "racer_id", "model_id", "evaluation_id", "created_at")
        loader.fill(
            rows,
            ((job.public_id, job.race, job.racer, job.model, job.number, stored(job.at)) for job in entered),
        )
        event = AuditEvent(at=self.now, action="", subject="")
        rows = Rows(event, "at", "by_racer_id", "action", "subject", "after")
        loader.fill(rows, (line for job in self.jobs() for line in _audited(job)))
        request = RacerRequest(racer_id=1, kind="hours", amount=HOUR_MS, reason="One more race", created_at=self.now)
        rows = Rows(request, "public_id", "racer_id", "created_at")
        every_fifth = range(1, self.racers + 1, 5)
        loader.fill(rows, ((f"5{n:015x}", n, stored(self.now - timedelta(minutes=n))) for n in every_fifth))


def _job(job: Job) -> tuple[Any, ...]:
    at = stored(job.at)
    folder = f"{job.kind}-{job.public_id}/1-a"
    return (job.number, job.public_id, job.racer, job.model, at, at, at, job.used_ms, folder, job.size_bytes)


def _audited(job: Job) -> Iterator[tuple[Any, ...]]:
    at, subject = stored(job.at), f"{job.kind}:{job.public_id}"
    held = stored({"model": f"4{job.model:015x}", "held_ms": job.held_ms})
    charged = stored({"state": "completed", "used_ms": job.used_ms, "amount_microusd": job.money})
    yield (at, job.racer, f"{job.kind}.request", subject, held)
    yield (at, None, f"{job.kind}.end", subject, charged)
