"""`paddock ledger check`: 0 where all is well, 1 where something differs, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from paddock.cli import paddock
from portal.database import make_engine, write_session
from portal.rules import ledger
from portal.tables import Account
from tests.cast import NOON
from tests.jobs.paddock_yard import make_sponsored
from tests.migrated import migrated_copy
from tests.portal.usage_cast import spend


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PADDOCK_DATA", str(tmp_path))
    migrated_copy(tmp_path / "paddock.db")
    engine = make_engine(f"sqlite:///{tmp_path / 'paddock.db'}")
    with write_session(engine) as session:
        spend(session, ledger.account_of(session, make_sponsored(session)), NOON, minutes=6)
    engine.dispose()
    return tmp_path


def test_all_is_well_after_the_rules_have_written(data: Path) -> None:
    answer = CliRunner().invoke(paddock, ["ledger", "check"])
    assert answer.exit_code == 0, answer.output
    assert answer.output == "Accounts: 1, lines: 3. Every balance and every sum is what the ledger says.\n"


def test_a_difference_is_told_with_the_exit_code_1(data: Path) -> None:
    engine = make_engine(f"sqlite:///{data / 'paddock.db'}")
    with write_session(engine) as session:
        session.get_one(Account, 1).used_ms += 1
    engine.dispose()
    answer = CliRunner().invoke(paddock, ["ledger", "check"])
    assert answer.exit_code == 1
    assert "racer alice: used_ms is 360001, the ledger says 360000" in answer.output
    as_json = CliRunner().invoke(paddock, ["ledger", "check", "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.output) == {
        "accounts": 1,
        "lines": 3,
        "differences": [{"account": "racer alice", "what": "used_ms", "stored": 360001, "ledger": 360000}],
    }
