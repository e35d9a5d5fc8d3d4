"""The options that put boxes and bots on a track: what they come to, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paddock.commands.objects import track_objects
from sim.objects import Bots, Boxes, TrackObjects
from tests.paddock.test_cli import run
from tests.sim.models import write_model
from tests.sim.ovals import oval

USUAL = (3.0, 5.0)


def given(**options: object) -> TrackObjects | None:
    names = ("race_type", "boxes", "bots", "bot_speed", "lane_change")
    return track_objects(*(options.get(name) for name in names), usual_lane_change_s=USUAL)  # type: ignore[arg-type]


def test_options_come_to_the_objects_that_they_say() -> None:
    assert given() is None
    assert given(race_type="time-trial") is None
    assert given(race_type="object-avoidance") == Boxes(3)
    assert given(boxes="5") == Boxes(5)
    assert given(boxes="0.2,1;0.55,-1") == Boxes(places=((0.2, 1), (0.55, -1)))
    assert given(race_type="head-to-bot") == Bots(3, lane_change_s=USUAL)
    assert given(bots=6, bot_speed=1.5) == Bots(6, 1.5, USUAL)
    assert given(bots=1, lane_change=(1.0, 2.0)) == Bots(1, lane_change_s=(1.0, 2.0))
    assert given(bots=1, lane_change=(0.0, 0.0)) == Bots(1, lane_change_s=None)


@pytest.mark.parametrize(
    "options",
    [
        {"race_type": "time-trial", "boxes": "3"},
        {"race_type": "object-avoidance", "bots": 2},
        {"race_type": "head-to-bot", "boxes": "2"},
        {"boxes": "2", "bots": 2},
        {"boxes": "everywhere"},
        {"bots": 2, "lane_change": (5.0, 3.0)},
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        given(**options)


def test_an_evaluation_among_boxes_prints_them_and_its_crashes(tmp_path: Path) -> None:
    model = str(write_model(tmp_path / "model", oval()))
    asked = ("evaluate", model, "--track", "kidney", "--laps", "1", "--boxes", "0.3,1;0.6,-1", "--json")
    answer = run(*asked, "--collision-penalty", "1", "--mercy", "2", "--reset-at", "previous")
    assert answer.returncode == 0, answer.stderr
    shown = json.loads(answer.stdout)
    assert shown["objects"]["race_type"] == "object-avoidance"
    assert shown["objects"]["places"] == [[0.3, 1], [0.6, -1]]
    assert "crash_count" in shown["laps"][0]
    for wrong in (("--boxes", "2", "--bots", "2"), ("--mercy", "3"), ("--bots", "2", "--mercy", "3")):
        refused = run("evaluate", model, "--track", "kidney", *wrong)
        assert refused.returncode == 2
        assert len(refused.stderr.strip().splitlines()) == 1


def test_a_training_and_an_evaluation_have_the_look_and_randomisation_that_are_asked_for(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def reward_function(params):\n    return 1.0\n")
    scene = ("--look", "night", "--randomisation", "sim-to-real")
    asked = ("train", "--track", "kidney", "--reward", str(reward), "--minutes", "0.01", "--out", str(tmp_path / "it"))
    trained = run(*asked, *scene, "--starts", "hard-places", "--best-by", "race", "--json")
    assert trained.returncode == 0, trained.stderr
    assert "no camera: --look changes nothing" in trained.stderr
    shown = json.loads(trained.stdout)
    assert (shown["look"], shown["randomisation"]) == ("night", "sim-to-real")
    assert (shown["starts"], shown["best_by"]) == ("hard-places", "race")
    refused = run(*asked, "--resume")
    assert refused.returncode == 2
    assert "another look" in refused.stderr
    evaluated = [run("evaluate", str(tmp_path / "it"), "--track", "kidney", "--json", *more) for more in (scene, ())]
    found = [json.loads(done.stdout) for done in evaluated]
    assert [(one["look"], one["randomisation"]) for one in found] == [("night", "sim-to-real"), ("reinvent", "off")]
    assert found[0]["fingerprint"] != found[1]["fingerprint"]
    unknown = run("evaluate", str(tmp_path / "it"), "--track", "kidney", "--look", "moon")
    assert unknown.returncode == 2
    assert "'reinvent', 'arena'" in unknown.stderr


def test_training_says_that_the_track_vector_is_blind_to_objects(tmp_path: Path) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def reward_function(params):\n    return 1.0\n")
    asked = ("train", "--track", "kidney", "--reward", str(reward), "--minutes", "0.01")
    among = run(*asked, "--boxes", "2", "--out", str(tmp_path / "among"))
    alone = run(*asked, "--out", str(tmp_path / "alone"))
    assert (among.returncode, alone.returncode) == (0, 0), among.stderr + alone.stderr
    assert "blind to boxes and bots" in among.stderr
    assert "blind" not in alone.stderr
