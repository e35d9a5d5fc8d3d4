"""Being the first: of two who add what there can be only one of, one does."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel


def added(session: Session, row: SQLModel) -> bool:
    """Stores a new row. False: somebody else has stored one that a unique constraint takes for the same.

    The other one is committed then, and the next query finds it. The transaction goes on as if nothing had been tried.
    """
    session.flush()
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        return False
    return True
