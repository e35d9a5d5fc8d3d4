"""The calendar of a race: the time zone in which its dates were meant and its days begin."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.rules.broken import Code, RuleBroken
from portal.tables import Race


def zone_of(name: str) -> tzinfo:
    """A time zone by its name. Raises ZoneInfoNotFoundError or ValueError for one that is not known."""
    return UTC if name == "UTC" else ZoneInfo(name)


def check(race: Race) -> None:
    """Refuses (invalid) a time zone that this machine does not know."""
    try:
        zone_of(race.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RuleBroken(Code.INVALID, "Choose a time zone from the list.", "time_zone") from None


def day_begins(race: Race, now: datetime) -> datetime:
    """The midnight before `now` by the race's own calendar, in UTC."""
    zone = zone_of(race.time_zone)
    return datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)


def local(race: Race, moment: datetime) -> datetime:
    """A moment as the clocks of the race's time zone show it."""
    return moment.astimezone(zone_of(race.time_zone))
