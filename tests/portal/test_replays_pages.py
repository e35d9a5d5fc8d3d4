"""Replays of a race: who sees them, what they show, and pictures to keep."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine

from portal import drive_pictures
from portal.database import write_session
from portal.rules import race_people
from portal.settings import Settings
from portal.tables import JobState, Race, RaceMember, Racer, Submission, Visibility
from sim.trace import DriveTrace
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import parsed
from tests.portal.races_cast import make_race, make_result
from tests.portal.replay_cast import drive_of, make_driven

PARTS = ("", "/drive", "/picture.png", "/lap-1.gif")
"""Everything of a replay that has an address of its own."""


@pytest.fixture
def cast(engine: Engine, settings: Settings) -> tuple[Race, Submission, Submission]:
    """A public race, alice's run in it and bob's."""
    with write_session(engine) as session:
        alice, bob = make_racer(session), make_racer(session, "bob")
        race = make_race(session, alice, laps=2, minimum_laps=1)
        return (
            race,
            make_driven(session, settings, race, alice, 9_000, 8_400),
            make_driven(session, settings, race, bob, 9_600, 9_000),
        )


def address(race: Race, submission: Submission) -> str:
    return f"/races/{race.public_id}/replay/{submission.public_id}"


def test_everybody_watches_a_public_race_with_laps_and_sectors(
    client: FlaskClient, cast: tuple[Race, Submission, Submission]
) -> None:
    race, own, _other = cast
    page = parsed(client.get(address(race, own)).text)
    assert "alice" in page
    assert "8.400" in page
    assert "2.800" in page, "a third of the second lap: its sectors are timed from the drive"
    assert f'data-drive="{address(race, own)}/drive"' in page
    assert "data-ghost=" not in page


def test_any_other_run_of_the_race_is_a_ghost(client: FlaskClient, cast: tuple[Race, Submission, Submission]) -> None:
    race, own, other = cast
    page = parsed(client.get(address(race, own), query_string={"ghost": other.public_id}).text)
    assert f'data-ghost="{address(race, other)}/drive"' in page
    assert "9.600" in page
    assert client.get(address(race, own), query_string={"ghost": "0000000000000000"}).status_code == 404


def test_a_run_of_another_race_is_neither_replayed_here_nor_a_ghost(
    client: FlaskClient, engine: Engine, settings: Settings, cast: tuple[Race, Submission, Submission]
) -> None:
    race, own, _other = cast
    with write_session(engine) as session:
        carol = make_racer(session, "carol")
        elsewhere = make_race(session, carol, name="Elsewhere", laps=1, minimum_laps=1)
        foreign = make_driven(session, settings, elsewhere, carol, 9_000)
    assert client.get(address(race, foreign)).status_code == 404
    assert client.get(address(race, own), query_string={"ghost": foreign.public_id}).status_code == 404


def test_the_drive_is_the_trace_that_was_stored(client: FlaskClient, cast: tuple[Race, Submission, Submission]) -> None:
    race, own, _other = cast
    answer = client.get(address(race, own) + "/drive")
    assert answer.mimetype == "application/octet-stream"
    assert "private" in answer.headers["Cache-Control"]
    assert DriveTrace.from_bytes(answer.data).rows.shape == (135 + 126, 8)


def test_a_replay_of_three_long_laps_is_small() -> None:
    assert len(drive_of(60_000, 60_000, 60_000).to_bytes()) < 100_000


def test_a_picture_and_a_lap_can_be_kept(client: FlaskClient, cast: tuple[Race, Submission, Submission]) -> None:
    race, own, _other = cast
    still = client.get(address(race, own) + "/picture.png")
    assert still.mimetype == "image/png"
    assert max(Image.open(io.BytesIO(still.data)).size) == drive_pictures.STILL_PX
    clip = client.get(address(race, own) + "/lap-2.gif")
    assert clip.mimetype == "image/gif"
    moving = Image.open(io.BytesIO(clip.data))
    assert moving.n_frames > 20  # type: ignore[attr-defined]  # of GIFs
    assert max(moving.size) == drive_pictures.CLIP_PX
    for lap in ("0", "3", "x", "9999", "²"):
        assert client.get(address(race, own) + f"/lap-{lap}.gif").status_code == 404


def test_a_crowd_that_wants_pictures_is_told_to_come_again(
    client: FlaskClient, cast: tuple[Race, Submission, Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    race, own, _other = cast
    monkeypatch.setattr(drive_pictures, "PATIENCE_S", 0.01)
    with drive_pictures._drawing:
        answer = client.get(address(race, own) + "/lap-1.gif")
    assert answer.status_code == 503
    assert "Try again in a few seconds" in answer.text


def test_a_run_whose_file_is_gone_still_shows_its_laps(
    client: FlaskClient, settings: Settings, cast: tuple[Race, Submission, Submission]
) -> None:
    race, own, _other = cast
    for path in settings.runs_path.rglob("drive.bin"):
        path.unlink()
    page = parsed(client.get(address(race, own)).text)
    assert "8.400" in page
    assert "not kept any more" in page
    assert [client.get(address(race, own) + part).status_code for part in PARTS] == [200, 404, 404, 404]


def test_a_run_that_was_not_finished_has_no_replay(
    client: FlaskClient, engine: Engine, cast: tuple[Race, Submission, Submission]
) -> None:
    race, own, _other = cast
    with write_session(engine) as session:
        waiting = make_result(session, race, session.get_one(Racer, own.racer_id), state=JobState.QUEUED)
    assert {client.get(address(race, waiting) + part).status_code for part in PARTS} == {404}


def test_nothing_of_a_private_race_is_there_for_others(
    app: Flask, client: FlaskClient, engine: Engine, settings: Settings
) -> None:
    with write_session(engine) as session:
        olivia, alice, bob, carol = (make_racer(session, name) for name in ("olivia", "alice", "bob", "carol"))
        race = make_race(session, olivia, visibility=Visibility.PRIVATE, laps=1, minimum_laps=1)
        for racer in (alice, carol):
            session.add(RaceMember(race_id=race.id or 0, racer_id=racer.id or 0, joined_at=NOON))
        run = make_driven(session, settings, race, alice, 9_000)
        other = make_driven(session, settings, race, alice, 9_300)
        race_people.remove(session, race, carol, by=olivia, now=NOON)
    for seen_by in (olivia, alice):
        browser = sign_in(app, seen_by)
        assert [browser.get(address(race, run) + part).status_code for part in PARTS] == [200] * len(PARTS)
    never = client.get("/races/0000000000000000/replay/0000000000000000")
    for name, browser in {"anonymous": client, "bob": sign_in(app, bob), "carol": sign_in(app, carol)}.items():
        for part in (*PARTS, f"?ghost={other.public_id}"):
            answer = browser.get(address(race, run) + part)
            assert answer.status_code == 404, (name, part)
        assert len(client.get(address(race, run)).text) == len(never.text), "it looks like a race that never was"
