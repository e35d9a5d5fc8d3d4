"""What an organizer may say about a race, and the moments that a form means."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from portal.forms.parsing import FormErrors
from portal.forms.race_objects import RaceObjectsForm, values_of_objects
from portal.rules import race_objects
from portal.rules.race_cars import ACTION_SPACES
from portal.rules.race_days import zone_of
from portal.rules.races import (
    LARGEST_TEAM,
    MAXIMUM_LAPS,
    MAXIMUM_PENALTY_MS,
    MAXIMUM_RESETS,
    MOST_SUBMISSIONS,
    SEEDS,
    RaceDetails,
)
from portal.tables import Counting, Race, Ranking, TeamScoring, Visibility
from sim.track import Direction

SMALLEST_TEAM = 2
LISTS = ("sensors",)
"""Fields that may come several times."""
DRIVEN_FIELDS = (
    *("track", "direction", "laps", "off_track_penalty_s", "collision_penalty_s", "maximum_resets", "seed"),
    *RaceObjectsForm.model_fields,
)
"""What every submission would have to be driven again for."""
LONGEST_NAME = 64
COPY = " (copy)"
LOCAL_FORMAT = "%Y-%m-%dT%H:%M"
YEARS = range(2000, 2201)


@cache
def time_zones() -> list[str]:
    """Every zone that this machine knows; UTC alone where it has no time zone database."""
    return sorted(available_timezones() - {"localtime", "posixrules"}) or ["UTC"]


def _known_zone(name: str) -> str:
    if name not in time_zones():
        raise ValueError("Choose a time zone from the list.")
    return name


def _local_moment(text: object) -> object:
    if not isinstance(text, str) or not text:
        raise ValueError("Please fill this in.")
    try:
        moment = datetime.strptime(text[:16], LOCAL_FORMAT)  # noqa: DTZ007  the zone is another field
    except ValueError:
        raise ValueError("Write a date and a time, such as 2026-06-01T18:30.") from None
    if moment.year not in YEARS:  # at the calendar's ends there is no such moment in other zones
        raise ValueError(f"Choose a year from {YEARS.start} to {YEARS.stop - 1}.")
    return moment


def _whole(low: int, high: int) -> Any:
    def read(text: object) -> object:
        try:
            number = int(str(text))
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"Write a whole number from {low} to {high}.")
        return number

    return Annotated[int, BeforeValidator(read)]


def _penalty(text: object) -> object:
    """Seconds as typed, with a point or a comma, to milliseconds."""
    highest = MAXIMUM_PENALTY_MS // 1000
    try:
        seconds = Decimal(str(text).replace(",", "."))
    except InvalidOperation:
        seconds = Decimal(-1)
    # The range first: to write 1e999990 as a whole number takes minutes.
    if not (seconds.is_finite() and 0 <= seconds <= highest) or seconds * 1000 != int(seconds * 1000):
        raise ValueError(f"Write seconds from 0 to {highest}, such as 3 or 2.5.")
    return int(seconds * 1000)


def _or_empty(low: int, high: int) -> Any:
    """A whole number, or None where nothing was typed."""

    def read(text: object) -> object:
        if text is None or str(text).strip() == "":
            return None
        try:
            number = int(str(text))
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"Write a whole number from {low} to {high}, or leave it empty.")
        return number

    return Annotated[int | None, BeforeValidator(read)]


def _action_spaces(text: object) -> object:
    if text not in ("", *ACTION_SPACES):
        raise ValueError("Choose from the list.")
    return [text] if text else []


PenaltyMs = Annotated[int, BeforeValidator(_penalty)]
LocalMoment = Annotated[datetime, BeforeValidator(_local_moment)]


def _short_enough(limit: int) -> Any:
    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(f"Write {limit} characters at most; these are {len(text)}.")
        return text

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError("Write one line.")
    return text


class RacePreviewForm(RaceObjectsForm):
    """What a map of the race shows while its form is filled in."""

    seed: _or_empty(0, SEEDS - 1) = None  # type: ignore[valid-type]


class RaceForm(RaceObjectsForm):
    """A race as its form says it. Dates are local to `time_zone`; penalties are typed in seconds, kept in ms."""

    name: Annotated[str, Field(min_length=1), _short_enough(LONGEST_NAME), AfterValidator(_one_line)]
    description: Annotated[str, _short_enough(255)] = ""
    track: str = Field(min_length=1)
    direction: Direction
    visibility: Visibility = Visibility.PUBLIC
    opens: LocalMoment
    closes: LocalMoment
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    ranking: Ranking
    counts: Counting = Counting.BEST
    laps: _whole(1, MAXIMUM_LAPS)  # type: ignore[valid-type]
    minimum_laps: _whole(1, MAXIMUM_LAPS)  # type: ignore[valid-type]
    off_track_penalty_s: PenaltyMs
    collision_penalty_s: PenaltyMs
    maximum_resets: _whole(0, MAXIMUM_RESETS)  # type: ignore[valid-type]
    maximum_submissions: _whole(1, MOST_SUBMISSIONS)  # type: ignore[valid-type]
    teams: TeamScoring = TeamScoring.NONE
    team_size: _whole(SMALLEST_TEAM, LARGEST_TEAM) = SMALLEST_TEAM  # type: ignore[valid-type]
    maximum_per_day: _or_empty(1, MOST_SUBMISSIONS) = None  # type: ignore[valid-type]
    sensors: list[str] = Field(default_factory=list)
    action_space: Annotated[list[str], BeforeValidator(_action_spaces)] = Field(default_factory=list)
    seed: _or_empty(0, SEEDS - 1) = None  # type: ignore[valid-type]

    @model_validator(mode="before")
    @classmethod
    def _without_hidden(cls, typed: dict[str, object]) -> dict[str, object]:
        """How many racers of a team count is asked for a sum alone: what stands there else, nobody sees."""
        return typed if typed.get("teams") == TeamScoring.SUM else {**typed, "team_size": str(SMALLEST_TEAM)}

    def details(self, tracks: Collection[str], race: Race | None = None) -> RaceDetails:
        """What the rules take. Raises FormErrors for an unknown track, a moment that the clocks skip, objects.

        Without a seed in it one is drawn, or that of `race` stays.

        The form knows whole minutes: a moment of `race` that was not touched keeps its seconds.
        """
        errors = {}
        if self.track not in tracks:
            errors["track"] = "Choose a track from the list."
        moments = {name: _utc(getattr(self, name), self.time_zone) for name in ("opens", "closes")}
        for name, moment in moments.items():
            if moment is None:
                errors[name] = f"The clocks in {self.time_zone} skip this moment. Choose another."
        if errors or moments["opens"] is None or moments["closes"] is None:
            raise FormErrors(errors)
        details = RaceDetails(
            name=self.name,
            description=self.description,
            track=self.track,
            direction=self.direction.value,
            visibility=self.visibility.value,
            ranking=self.ranking.value,
            counts=self.counts.value,
            laps=self.laps,
            minimum_laps=self.minimum_laps,
            off_track_penalty_ms=self.off_track_penalty_s,
            collision_penalty_ms=self.collision_penalty_s,
            maximum_resets=self.maximum_resets,
            maximum_submissions=self.maximum_submissions,
            opens_at=_kept(moments["opens"], race.opens_at if race else None),
            closes_at=_kept(moments["closes"], race.closes_at if race else None),
            maximum_per_day=self.maximum_per_day,
            objects=race_objects.stored(self.objects()),
            sensors=self.sensors,
            action_spaces=self.action_space,
            time_zone=self.time_zone,
            teams=self.teams.value,
            team_size=self.team_size,
        )
        if self.seed is not None:
            details["seed"] = self.seed
        return details


def _utc(local: datetime, zone_name: str) -> datetime | None:
    """The moment in UTC; None where the clocks skip it. Of a moment that comes twice, the first."""
    zone = zone_of(zone_name)
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def _kept(typed: datetime, stored: datetime | None) -> datetime:
    return stored if stored is not None and stored.replace(second=0, microsecond=0) == typed else typed


def defaults(now: datetime) -> dict[str, object]:
    """A new race as its form first shows it: open from now on, for a week, by the table's own rules."""
    race = Race(
        owner_id=0,
        name="",
        track="",
        direction=Direction.COUNTERCLOCKWISE,
        seed=secrets.randbelow(SEEDS),
        opens_at=now,
        closes_at=now + timedelta(days=7),
        created_at=now,
    )
    return values_of(race)


def values_of(race: Race) -> dict[str, object]:
    """A race as the fields of its form show it; its moments in its own time zone."""
    zone_name = race.time_zone or "UTC"
    zone = zone_of(zone_name)
    same = ("name", "description", "track", "direction", "visibility", "ranking", "counts", "laps", "minimum_laps")
    values: dict[str, object] = {name: getattr(race, name) for name in same}
    return values | {
        "opens": race.opens_at.astimezone(zone).strftime(LOCAL_FORMAT),
        "closes": race.closes_at.astimezone(zone).strftime(LOCAL_FORMAT),
        "time_zone": zone_name,
        "off_track_penalty_s": f"{race.off_track_penalty_ms / 1000:g}",
        "collision_penalty_s": f"{race.collision_penalty_ms / 1000:g}",
        "maximum_resets": race.maximum_resets,
        "maximum_submissions": race.maximum_submissions,
        "teams": race.teams,
        "team_size": race.team_size,
        "maximum_per_day": race.maximum_per_day or "",
        "sensors": list(race.sensors),
        "action_space": race.action_spaces[0] if race.action_spaces else "",
        "seed": race.seed,
        **values_of_objects(race_objects.of(race)),
    }


def copy_of(race: Race, now: datetime) -> dict[str, object]:
    """A race as the form of its clone first shows it: the same rules and seed, open from now on and as long."""
    values = values_of(race)
    zone = zone_of(race.time_zone)
    ends = now + (race.closes_at - race.opens_at)
    return values | {
        "name": f"{race.name[: LONGEST_NAME - len(COPY)]}{COPY}",
        "opens": now.astimezone(zone).strftime(LOCAL_FORMAT),
        "closes": ends.astimezone(zone).strftime(LOCAL_FORMAT),
    }
