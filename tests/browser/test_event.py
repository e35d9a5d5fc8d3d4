"""A whole event, as organizer, racers and spectators live through it: freeze, reveal, winner; and a LIVE race."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from portal.database import make_engine, write_session
from portal.settings import Settings
from portal.tables import Racer, TrainingRun
from sim.track_library import TrackLibrary
from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator, enter_race, join, make_account, open_race
from tests.conftest import POSTGRESQL
from tests.portal.garage_cast import driving_model
from tests.sim.models import steering_arrays, write_model

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.environ.get("TEST_DATABASE") == POSTGRESQL, reason="models are put into the database's file"),
]

SPEEDS = {"erin": -0.9, "finn": -0.5, "gwen": -0.1, "hana": -0.6, "ivan": -0.4}
"""Of the policies that are written for the racers; a slower car is behind."""
RESULT_WITHIN_MS = 40_000


def give_model(instance: Instance, alias: str) -> None:
    """A model that drives laps of the oval at the racer's own speed, without the minutes of a training."""
    settings = Settings.read({"PADDOCK_DATA": str(instance.data)})
    engine = make_engine(settings.database_address)
    with write_session(engine) as session:
        racer = session.exec(select(Racer).where(Racer.alias_key == alias)).one()
        model = driving_model(session, settings.runs_path, racer, name=f"Car-of-{alias}")
        run = session.exec(select(TrainingRun).where(TrainingRun.model_id == model.id)).one()
        folder = settings.runs_path / str(run.artefact)
        write_model(folder, TrackLibrary().get("paddock-oval"), arrays=steering_arrays(speed=SPEEDS[alias]))
    engine.dispose()


def racers(visitors: Visitors, instance: Instance, admin: Page, *names: str) -> dict[str, Page]:
    """New people with a profile and a model each, in windows of their own."""
    windows = {}
    for name in names:
        password = make_account(admin, name)
        windows[name] = visitors.page()
        join(windows[name], name, password)
        give_model(instance, name)
    return windows


def test_an_event_from_the_first_result_to_the_winner(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    people = racers(visitors, instance, admin, "erin", "finn", "gwen")
    open_race(admin, "Grand-Finale")
    race = admin.url
    screen = visitors.page(dark=True, width=1920)
    screen.goto(race + "/screen")
    plain = visitors.page(javascript=False)
    plain.goto(race)

    enter_race(people["finn"], race, "Car-of-finn")
    expect(screen.locator("tr").filter(has_text="finn"), "the big screen moves by itself").to_be_visible(
        timeout=RESULT_WITHIN_MS
    )
    assert accessibility_faults(screen) == []
    plain.reload()
    expect(plain.get_by_role("row").filter(has_text="finn")).to_be_visible()

    # he watches his drive again
    people["finn"].goto(race)
    people["finn"].locator(".result a").click()
    people["finn"].get_by_role("link", name="Watch the replay").click()
    expect(people["finn"].locator("#race-replay canvas")).to_be_visible()
    people["finn"].locator("#replay-laps").get_by_role("button", name="2").click()
    expect(people["finn"].get_by_label("Lap of finn")).to_have_value("2")
    assert accessibility_faults(people["finn"]) == []

    # the standings freeze; two better results come in, and nobody knows but their racers and the organizer
    admin.goto(race + "/freeze")
    admin.get_by_role("button", name="Freeze now").click()
    expect(screen.get_by_text("The standings are frozen")).to_be_visible()
    for name in ("gwen", "erin"):
        enter_race(people[name], race, f"Car-of-{name}")
        expect(people[name].locator("#my-submissions").get_by_text("Ranked")).to_be_visible(timeout=RESULT_WITHIN_MS)
    for page in (screen, plain):
        page.reload()
        expect(page.get_by_text("The standings are frozen")).to_be_visible()
        assert page.get_by_text("gwen").count() == 0

    # it is over: place by place, from the last up
    admin.goto(race)
    admin.get_by_role("link", name="Close now").click()
    admin.get_by_role("button", name="Close the race").click()
    admin.goto(race + "/freeze")
    assert accessibility_faults(admin) == []
    order = [row.inner_text().strip() for row in admin.locator(".board .racer .name > a").all()]
    assert sorted(order) == sorted(people)
    for place in (3, 2):
        admin.get_by_role("button", name=f"Reveal place {place}").click()
        expect(screen.locator("tr[data-place]")).to_have_count(4 - place, timeout=15_000)
        expect(screen.locator("tr").filter(has_text=order[place - 1])).to_be_visible()
        assert screen.locator("tr").filter(has_text=order[0]).count() == 0
    admin.get_by_role("button", name="Reveal place 1").click()
    expect(screen.locator(".winner")).to_contain_text(f"{order[0]} wins with", timeout=15_000)
    assert accessibility_faults(screen) == []
    plain.reload()
    expect(plain.get_by_role("row").filter(has_text=order[0])).to_contain_text("leader")
    people[order[0]].goto(race)
    certificate = people[order[0]].get_by_role("link", name="My certificate").get_attribute("href")
    answer = people[order[0]].request.get(f"{instance.address}{certificate}")
    assert answer.body().startswith(b"%PDF")


def test_a_live_race_shows_everybody_the_same_car_at_the_same_moment(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    open_race(admin, "Friday-LIVE")
    race = admin.url
    people = racers(visitors, instance, admin, "hana", "ivan")
    admin.goto(race + "/live/control")
    admin.get_by_label("Seconds that each car drives").fill("60")
    admin.get_by_role("button", name="Make it a LIVE race").click()
    for racer in people.values():
        racer.goto(race + "/live")
        racer.get_by_role("button", name="Into the queue").click()
        expect(racer.get_by_text("Your car is in the queue")).to_be_visible()

    spectator, late = visitors.page(), visitors.page(dark=True, width=390)
    spectator.goto(race + "/live")
    expect(admin.locator(".live-queue li")).to_have_count(2)
    admin.locator(".live-queue li").nth(1).get_by_role("button", name="Up").click()
    expect(admin.locator(".live-queue li").first).to_contain_text("ivan")
    admin.get_by_role("button", name="Launch ivan").click()
    expect(spectator.locator("[data-live-countdown]")).to_have_text(re.compile(r"^([1-9]|10)$"))
    expect(spectator.locator("[data-live-clock]")).to_have_text(re.compile(r"^[1-9]\."), timeout=25_000)
    late.goto(race + "/live")
    expect(late.locator("[data-live-clock]")).to_have_text(re.compile(r"^\d+\.\d{3}$"))
    assert abs(drift_ms(spectator) - drift_ms(late)) < 500
    admin.reload()
    expect(admin.locator("#live-control")).to_contain_text("on the track")
    admin.get_by_role("button", name="16").click()
    row = spectator.locator("tr").filter(has_text="ivan")
    expect(row).to_be_visible(timeout=20_000)
    expect(spectator.get_by_role("log")).to_contain_text("The time is up")
    assert accessibility_faults(spectator) == []
    assert accessibility_faults(late) == []
    admin.get_by_role("button", name="Declare ivan the winner").click()
    expect(spectator.locator("[data-live-winner]")).to_contain_text("ivan wins with")
    assert accessibility_faults(admin) == []


def drift_ms(page: Page) -> float:
    """The clock of the broadcast beside the clock of the machine: the same for pages that show the same moment."""
    script = "() => [document.querySelector('[data-live-clock]').textContent, Date.now()]"
    shown, now = page.evaluate(script)
    return float(shown) * 1000 - float(now)
