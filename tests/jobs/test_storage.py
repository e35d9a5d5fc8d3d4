"""Storage on real files: measured a slice at a time, charged once a day, whatever vanishes or jumps."""

from __future__ import annotations

import shutil
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from jobs import artefacts, maintenance, storage
from jobs.storage import StorageRounds
from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import ledger, model_use, trainings, usage_totals
from portal.tables import Account, EntryKind, LedgerEntry, Model, TrainingRun
from tests.cast import NOON
from tests.jobs.paddock_yard import claim, finish, make_model, make_sponsored

TOMORROW = NOON + timedelta(days=1)


def left(workplace: Workplace, alias: str, size: int, *, said: int = 0) -> Path:
    """Somebody's model with files of this size; its row says another. Returns the folder."""
    with write_session(workplace.engine) as session:
        racer = make_sponsored(session, alias)
        run = trainings.request(session, make_model(session, racer), by=racer, now=NOON)
        token = claim(session, run)
        assert token is not None
        name = f"training-{run.public_id}/1-a"
        finish(session, run, token, 0, artefact=name, results={"size_bytes": said})
    folder = workplace.settings.runs_path / name
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "best.safetensors").write_bytes(b"w" * (size - 5))
    (folder / "state").write_bytes(b"12345")
    return folder


def rounds(workplace: Workplace) -> StorageRounds:
    return StorageRounds(workplace.engine, workplace.settings.runs_path)


def whole_day(work: StorageRounds, now: datetime) -> int:
    """All rounds of a day with no time to spare; returns how many it took."""
    for number in range(1, 1000):
        if work.go(now, budget_s=0):
            return number
    raise AssertionError("the day's work does not end")


def sizes(workplace: Workplace) -> list[int]:
    with read_session(workplace.engine) as session:
        return list(session.exec(select(Model.stored_bytes).order_by(col(Model.id))))


def charged(workplace: Workplace) -> list[int]:
    """What was charged, line by line; the sums of accounts and months are those of the ledger."""
    with read_session(workplace.engine) as session:
        for account in session.exec(select(Account)):
            assert ledger.balance_of(account) == ledger.recompute(session, account)
            assert usage_totals.months_of(session, account) == usage_totals.recompute(session, account)
        query = select(LedgerEntry.byte_days).where(LedgerEntry.kind == EntryKind.STORE)
        return list(session.exec(query.order_by(col(LedgerEntry.id))))


def test_what_is_on_the_disk_is_measured_and_charged(workplace: Workplace) -> None:
    left(workplace, "alice", 1000)
    left(workplace, "bob", 200, said=777)
    whole_day(rounds(workplace), NOON)
    assert sizes(workplace) == [1000, 200]
    assert charged(workplace) == [1000, 200]


def test_a_day_is_done_once_by_one_process_and_by_two(workplace: Workplace) -> None:
    left(workplace, "alice", 1000)
    first, second = rounds(workplace), rounds(workplace)
    whole_day(first, NOON)
    assert first.go(NOON + timedelta(hours=1))
    whole_day(second, NOON + timedelta(hours=2))
    whole_day(rounds(workplace), NOON + timedelta(hours=3))
    assert charged(workplace) == [1000]
    whole_day(first, TOMORROW)
    whole_day(second, TOMORROW)
    assert charged(workplace) == [1000, 1000]


def test_two_processes_at_once_charge_once(workplace: Workplace) -> None:
    for number in range(8):
        left(workplace, f"racer-{number}", 100)
    both = [threading.Thread(target=whole_day, args=(rounds(workplace), NOON)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert charged(workplace) == [100] * 8


def test_a_round_is_one_slice_where_there_is_no_time(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "JOBS_A_SLICE", 2)
    monkeypatch.setattr(storage, "ACCOUNTS_A_SLICE", 2)
    for number in range(5):
        left(workplace, f"racer-{number}", 100)
    assert whole_day(rounds(workplace), NOON) == 3 + 1 + 3 + 1  # sizes, who is to pay, three times two pay, the end


def test_files_that_are_gone_take_nothing(workplace: Workplace) -> None:
    left(workplace, "alice", 1000, said=1000)
    shutil.rmtree(left(workplace, "bob", 200, said=200))
    whole_day(rounds(workplace), NOON)
    assert sizes(workplace) == [1000, 0]
    assert charged(workplace) == [1000]


def test_where_all_runs_are_away_what_was_known_is_charged(workplace: Workplace) -> None:
    left(workplace, "alice", 1000, said=999)
    shutil.rmtree(workplace.settings.runs_path)
    whole_day(rounds(workplace), NOON)
    workplace.settings.runs_path.mkdir()
    whole_day(rounds(workplace), TOMORROW)
    assert charged(workplace) == [999, 999]


def test_folders_that_vanish_while_they_are_measured_do_no_harm(tmp_path: Path) -> None:
    for number in range(300):
        folder = tmp_path / "run" / str(number)
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"12345")
    gone = threading.Thread(target=shutil.rmtree, args=(tmp_path / "run",))
    gone.start()
    found = [artefacts.size_bytes(tmp_path / "run") for _ in range(50)]
    gone.join()
    assert all(0 <= size <= 1500 for size in found)
    assert artefacts.size_bytes(tmp_path / "run") == 0


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "file").write_bytes(b"x" * 1000)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "folder").symlink_to(tmp_path / "big")
    (tmp_path / "run" / "file").symlink_to(tmp_path / "big" / "file")
    (tmp_path / "run" / "own").write_bytes(b"1234567")
    assert artefacts.size_bytes(tmp_path / "run") == 7


def test_days_without_a_running_paddock_are_charged_when_it_runs_again(workplace: Workplace) -> None:
    left(workplace, "alice", 1000)
    whole_day(rounds(workplace), NOON)
    whole_day(rounds(workplace), NOON + timedelta(days=3))
    assert charged(workplace) == [1000] * 4


def test_an_error_lets_the_next_round_begin_the_day_again(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(workplace, "alice", 1000)
    work = rounds(workplace)

    def broken(*_: object) -> int:
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(artefacts, "size_bytes", broken)
        with pytest.raises(PermissionError):
            work.go(NOON)
    whole_day(work, NOON)
    assert charged(workplace) == [1000]


def test_maintenance_does_it_and_goes_on_when_the_clock_is_put_back(workplace: Workplace) -> None:
    left(workplace, "alice", 1000)
    whole = maintenance.Rounds(workplace)
    whole.go(TOMORROW)
    left(workplace, "bob", 50)
    whole.go(NOON)
    assert charged(workplace) == [1000, 1000, 50]
    with read_session(workplace.engine) as session:
        run = session.exec(select(TrainingRun)).first()
        assert run is not None
        assert run.size_bytes == 1000


def test_a_purged_model_takes_nothing(workplace: Workplace) -> None:
    shutil.rmtree(left(workplace, "alice", 1000, said=1000))
    with write_session(workplace.engine) as session:
        run = session.exec(select(TrainingRun)).one()
        run.artefact = None
        model_use.measure(session, run.model_id)
    whole_day(rounds(workplace), NOON)
    assert (sizes(workplace), charged(workplace)) == ([0], [])
