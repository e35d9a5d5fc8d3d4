"""The shape of the house: which room may know which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ROOMS = ("portal.tables", "portal.rules", "portal.forms", "portal.views", "portal.provider", "portal.streams")
"""Rooms inside the portal; its other modules are its base."""

FORBIDDEN = {
    "sim": ("portal", "jobs", "paddock", "bench", "flask", "redis", "rq", "sqlmodel", "sqlalchemy"),
    "jobs": (
        "portal.views",
        "portal.forms",
        "portal.provider",
        "portal.streams",
        "portal.app",
        "paddock",
        "bench",
        "flask",
    ),
    "portal": ("jobs", "paddock", "bench", "torch", "sim.learning", "sim.native"),
    "portal.tables": (
        "portal.rules",
        "portal.forms",
        "portal.views",
        "portal.app",
        "portal.scope",
        "flask",
        "redis",
        "sim",
    ),
    "portal.rules": (
        "portal.forms",
        "portal.views",
        "portal.app",
        "portal.scope",
        "portal.live",
        "flask",
        "redis",
        "rq",
    ),
    "portal.forms": ("portal.views", "portal.app", "portal.scope", "flask", "redis", "sqlmodel"),
    "migrations": ("jobs", "paddock", "sim"),
}
"""What each room must not import. The composition root (`paddock`, `wsgi.py`) may see every room."""


def modules_of(room: str) -> list[Path]:
    folder = ROOT.joinpath(*room.split("."))
    return sorted(path for path in folder.rglob("*.py") if "reward_examples" not in path.parts)


def imports_of(path: Path) -> set[str]:
    """Every absolute module name that a file imports, at the top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_imports_only_what_it_may_know(room: str) -> None:
    assert modules_of(room), f"{room} has no modules"
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_of(room)
        for name in sorted(imports_of(path))
        if any(name == banned or name.startswith(banned + ".") for banned in FORBIDDEN[room])
    ]
    assert wrong == []


def test_the_rule_is_able_to_fail(tmp_path: Path) -> None:
    offender = tmp_path / "offender.py"
    offender.write_text("def late() -> None:\n    from portal.views import home\n")
    assert "portal.views.home" in imports_of(offender)


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "models"}
    found = [
        str(path.relative_to(ROOT))
        for room in ("portal", "jobs", "sim", "paddock", "bench")
        for path in modules_of(room)
        if path.stem in empty_names and path.parent != ROOT / "portal" / "views" and path.parent.name not in {"rules"}
    ]
    assert found == []
