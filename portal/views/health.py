"""Whether everything behind the portal answers: for supervisors and load balancers."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, jsonify
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from migrations.revisions import newest
from portal import scope
from portal.access import Permission, access

pages = Blueprint("health", __name__)

log = structlog.get_logger(__name__)


@pages.get("/healthz")
@access(Permission.PUBLIC)
def show() -> tuple[Response, int, dict[str, str]]:
    """200 where all is well, 503 with what is wrong. It names parts, never addresses."""
    checks: dict[str, Callable[[], str]] = {"database": _database, "migrations": _migrations, "queue": _queue}
    found = {name: check() for name, check in checks.items()}
    healthy = all(result == "ok" for result in found.values())
    answer = jsonify(status="ok" if healthy else "not ready", **found)
    return answer, 200 if healthy else 503, {"Cache-Control": "no-store"}


def _database() -> str:
    try:
        with scope.engine().connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        log.error("the database is away", error=str(error))
        return "the database does not answer"
    return "ok"


def _migrations() -> str:
    try:
        with scope.engine().connect() as connection:
            current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError:
        return "unknown: the database does not answer, or needs paddock migrate"
    return "ok" if current == newest() else "the database is not at the newest version; run paddock migrate"


def _queue() -> str:
    try:
        scope.redis().ping()
    except RedisError as error:
        log.error("the queue server is away", error=str(error))
        return "the queue server does not answer"
    return "ok"
