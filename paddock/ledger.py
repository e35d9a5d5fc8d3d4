"""The ledger checked against everything that is summed from it, for the operator."""

from __future__ import annotations

import json

from portal.database import make_engine, read_session
from portal.rules.ledger_check import Findings, check
from portal.settings import Settings


def examine(settings: Settings) -> Findings:
    """Adds up the ledger in one state of the database, while others may go on to write."""
    engine = make_engine(settings.database_address)
    try:
        whole = engine.execution_options(isolation_level="REPEATABLE READ") if engine.name == "postgresql" else engine
        with read_session(whole) as session:
            return check(session)
    finally:
        engine.dispose()


def show(findings: Findings, *, as_json: bool) -> str:
    """What was found, for people or as JSON."""
    if as_json:
        found = [difference._asdict() for difference in findings.differences]
        return json.dumps({"accounts": findings.accounts, "lines": findings.lines, "differences": found}, indent=2)
    looked_at = f"Accounts: {findings.accounts}, lines: {findings.lines}"
    if not findings.differences:
        return f"{looked_at}. Every balance and every sum is what the ledger says."
    lines = [f"{one.account}: {one.what} is {one.stored}, the ledger says {one.ledger}" for one in findings.differences]
    return "\n".join([f"{looked_at}. Differences: {len(lines)}.", *lines])
