"""Boxes and bots as an organizer types them."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from portal.forms.parsing import FormErrors, parse
from portal.forms.race_objects import RaceObjectsForm, values_of_objects
from sim.objects import Bots, Boxes, TrackObjects

BOXES = {"race_type": "object-avoidance"}
BOTS = {"race_type": "head-to-bot"}


def objects(**typed: str) -> TrackObjects | None:
    return parse(RaceObjectsForm, MultiDict(typed)).objects()


def test_a_form_that_says_nothing_is_a_time_trial_whatever_the_other_fields_hold() -> None:
    assert objects() is None
    assert objects(race_type="time-trial", boxes="many", bots="-1", box_places="?") is None


def test_boxes_stand_where_the_seed_the_spacing_or_the_organizer_says() -> None:
    assert objects(**BOXES, boxes="5") == Boxes(5, random=True)
    assert objects(**BOXES, boxes="5", box_placing="even") == Boxes(5, random=False)
    chosen = objects(**BOXES, box_placing="chosen", box_places="20 inner\n 55,5 % Outer\n\n0, inner")
    assert chosen == Boxes(places=((0.2, 1), (0.555, -1), (0.0, 1)))
    assert objects(**BOXES, box_placing="chosen", box_places="20 inner; 55 outer") == Boxes(
        places=((0.2, 1), (0.55, -1))
    )


def test_bots_have_a_speed_and_change_lanes_or_keep_them() -> None:
    assert objects(**BOTS) == Bots(3, 0.2, (3.0, 5.0))
    typed = {"bots": "6", "bot_speed_mps": "0,8", "lane_change_least_s": "1", "lane_change_most_s": "2.5"}
    assert objects(**BOTS, **typed, bot_placing="random") == Bots(6, 0.8, (1.0, 2.5), random=True)
    assert objects(**BOTS, lane_change_least_s="0", lane_change_most_s="0") == Bots(3, 0.2, None)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({**BOXES, "boxes": "0"}, "boxes", "from 1 to 20"),
        ({**BOXES, "boxes": "21"}, "boxes", "from 1 to 20"),
        ({**BOXES, "box_placing": "chosen"}, "box_places", "each on a line"),
        ({**BOXES, "box_placing": "chosen", "box_places": "left"}, "box_places", "is no box"),
        ({**BOXES, "box_placing": "chosen", "box_places": "100 inner"}, "box_places", "below 100"),
        ({**BOXES, "box_placing": "chosen", "box_places": "50 middle"}, "box_places", "inner or outer"),
        ({**BOTS, "bots": "7"}, "bots", "from 1 to 6"),
        ({**BOTS, "bot_speed_mps": "7.1"}, "bot_speed_mps", "m/s from 0.2 to 7"),
        ({**BOTS, "bot_speed_mps": "nan"}, "bot_speed_mps", "m/s from 0.2 to 7"),
        ({**BOTS, "lane_change_least_s": "6"}, "lane_change_most_s", "at least as many"),
        ({**BOTS, "lane_change_least_s": "0"}, "lane_change_most_s", "at least as many"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(typed: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(FormErrors) as wrong:
        objects(**typed)
    assert list(wrong.value.by_field) == [field]
    assert words in wrong.value.by_field[field]


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        Boxes(4),
        Boxes(4, random=False),
        Boxes(places=((0.2, 1), (0.29, -1), (0.123456, 1))),
        Bots(2, 1.5, (1.0, 2.5), random=True),
        Bots(1, 7.0, None),
    ],
)
def test_what_a_form_shows_of_objects_gives_the_same_objects_back(wanted: TrackObjects | None) -> None:
    assert objects(**values_of_objects(wanted)) == wanted
