"""Looks at every lock that transactions on PostgreSQL take: always in one order, so that none wait in a circle."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Engine, event

ORDER = {"limits": 0, "race": 1, "training_run": 2, "evaluation": 2, "model": 3, "account": 4}
"""docs/decisions/0006-lock-order.md"""
HELD = re.compile(r"\bFROM (\w+)\b.* FOR (?:NO KEY )?(?:UPDATE|SHARE|KEY SHARE)|^UPDATE (\w+) SET", re.DOTALL)


class LockOrder:
    """What each transaction holds, and the offences: a table that was locked after one that comes later."""

    def __init__(self, engine: Engine) -> None:
        self.held: list[str] = []
        self.offences: list[str] = []
        if engine.dialect.name == "postgresql":  # on SQLite a writer is alone, and rows are not locked
            event.listen(engine, "begin", self._begin)
            event.listen(engine, "before_cursor_execute", self._look)

    def _begin(self, _connection: Connection) -> None:
        self.held = []

    def _look(self, _connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        found = HELD.search(statement)
        table = (found.group(1) or found.group(2)) if found else ""
        if table not in ORDER or table in self.held:
            return
        if any(ORDER[before] > ORDER[table] for before in self.held):
            self.offences.append(f"{table} after {', '.join(self.held)}: {statement[:200]}")
        self.held.append(table)
