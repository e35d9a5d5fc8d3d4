"""A workplace on real databases and a real queue server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import Engine

from jobs.workplace import Workplace, open_workplace
from portal.settings import Settings


@pytest.fixture
def workplace(settings: Settings, engine: Engine, redis: Redis) -> Iterator[Workplace]:
    """A worker's own connections, to the migrated database and an empty queue server."""
    place = open_workplace(settings, "test-worker")
    yield place
    place.close()
