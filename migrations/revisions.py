"""Which versions of the tables there are, by the names of their files: known without loading Alembic."""

from __future__ import annotations

from pathlib import Path

VERSIONS = Path(__file__).resolve().parent / "versions"


def newest() -> str:
    """The revision that a current database has. Files are numbered: `0001_first_tables.py` is revision 0001."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))
