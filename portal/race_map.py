"""The boxes and bots of a race on the map of its track, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.forms.numbers import sentence
from portal.forms.parsing import FormErrors
from sim.object_places import at_the_start
from sim.objects import Bots, Boxes, TrackObjects
from sim.track import Direction, Track


@dataclass(frozen=True, slots=True)
class DrawnObject:
    """One object as the `d` of an SVG path, in metres."""

    outline: str
    is_bot: bool


class _OnATrack:
    """What the places follow from, equal for every track of the same geometry: they are found once."""

    def __init__(self, track: Track, direction: Direction, objects: TrackObjects, seed: int) -> None:
        self.track, self.direction, self.objects, self.seed = track, direction, objects, seed
        self.key = (track.fingerprint, direction, objects, seed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OnATrack) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


def drawn(track: Track, direction: Direction, objects: TrackObjects | None, seed: int) -> tuple[DrawnObject, ...]:
    """The objects where they stand at the start. Raises FormErrors where the track has no room for them."""
    if objects is None:
        return ()
    try:
        return _drawn(_OnATrack(track, direction, objects, seed))
    except ValueError as error:
        raise FormErrors({"race_type": sentence(str(error)) + " " + _("Choose fewer, or a longer track.")}) from None


@lru_cache(maxsize=256)
def _drawn(on: _OnATrack) -> tuple[DrawnObject, ...]:
    placed = at_the_start(on.track, on.direction, on.objects, on.seed)
    return tuple(
        DrawnObject("M" + "L".join(f"{x:.2f} {-y:.2f}" for x, y in one.corners()) + "Z", one.is_bot) for one in placed
    )


def are_drawn(objects: TrackObjects | None) -> bool:
    """True where the seed says where the boxes or bots stand at the start."""
    if isinstance(objects, Boxes):
        return objects.random and not objects.places
    return isinstance(objects, Bots) and objects.random


def type_in_words(objects: TrackObjects | None) -> str:
    """The type of a race and what is on its track, as a page says it."""
    if isinstance(objects, Boxes):
        return _("Object avoidance") + ": " + _boxes_in_words(objects)
    if isinstance(objects, Bots):
        return _("Head-to-bot") + ": " + _bots_in_words(objects)
    return str(_("Time trial"))


def _boxes_in_words(boxes: Boxes) -> str:
    count = ngettext("%(num)s box", "%(num)s boxes", boxes.count)
    if boxes.places:
        return f"{count}, " + _("at places that the organizer has chosen")
    if boxes.random:
        return f"{count}, " + _("at places drawn from the seed, the same for everybody")
    return f"{count}, " + _("evenly spaced, in alternating lanes")


def _bots_in_words(bots: Bots) -> str:
    count = ngettext("%(num)s bot", "%(num)s bots", bots.count)
    speed = _("at %(speed)s m/s", speed=f"{bots.speed_mps:g}")
    if bots.lane_change_s is None:
        return f"{count} {speed}, " + _("each in its lane")
    least, most = bots.lane_change_s
    change = _("changing lanes every %(least)s to %(most)s s", least=f"{least:g}", most=f"{most:g}")
    return f"{count} {speed}, {change}"
