"""Looks whether spending has reached a threshold, and writes down what is to be told."""

from __future__ import annotations

from datetime import datetime

import structlog

from jobs.workplace import Workplace
from portal.database import read_session, write_session
from portal.rules import alert_news, alerts

BATCH = 200
"""Alerts in one transaction, and in one mail: the first look after a budget was set may find thousands."""

log = structlog.get_logger(__name__)


def alert(workplace: Workplace, now: datetime) -> int:
    """Makes the alerts that are due, each once however many processes look; returns how many."""
    with read_session(workplace.engine) as session:
        found = alerts.reached(session, now=now)
    count = 0
    organisation, address = workplace.settings.organisation, workplace.settings.address
    for start in range(0, len(found), BATCH):
        with write_session(workplace.engine) as session:
            made = alerts.make(session, found[start : start + BATCH], now=now)
            alert_news.tell(session, made, organisation=organisation, address=address, now=now)
        count += len(made)
    if count:
        log.info("spending has reached thresholds", alerts=count)
    return count
