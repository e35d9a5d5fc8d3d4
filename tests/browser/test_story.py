"""The main job, as people do it: from the first sign-in to a leaderboard that moves."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import (
    FIRST_LAPS_WITHIN_MS,
    OWN_PASSWORD,
    TRAINED_WITHIN_MS,
    administrator,
    enter_race,
    join,
    make_account,
    make_and_train,
    open_race,
    sign_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]


def test_from_sign_in_to_a_moving_leaderboard(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    password = make_account(admin, "alice")
    open_race(admin, "Spring-Cup")
    race = admin.url

    alice = visitors.page()
    join(alice, "alice", password)
    make_and_train(alice, "First-light")

    # she watches it learn, and stops it when it drives whole laps
    live = alice.locator("#training-live")
    expect(live.get_by_text("100 %").first).to_be_visible(timeout=FIRST_LAPS_WITHIN_MS)
    expect(alice.locator(".uplot canvas")).to_be_visible()
    alice.get_by_role("link", name="Stop", exact=True).click()
    assert accessibility_faults(alice) == [], "with the dialog open"
    alice.get_by_role("button", name="Stop it").click()
    expect(live.get_by_text("What next?")).to_be_visible(timeout=30_000)
    expect(alice.locator("#training:not([data-stream])"), "the page is fetched anew at the end").to_be_visible()
    assert accessibility_faults(alice) == []

    # she evaluates it: three laps, a fingerprint, a replay
    alice.get_by_role("link", name="Evaluate it").click()
    alice.get_by_role("button", name="Evaluate", exact=True).click()
    result = alice.locator("#evaluation-result")
    expect(result).to_have_attribute("data-state", "completed", timeout=30_000)
    expect(result.get_by_role("row")).to_have_count(4)
    expect(alice.locator("#evaluation:not([data-stream])"), "the page is fetched anew at the end").to_be_visible()
    assert accessibility_faults(alice) == []

    model_page = alice.context.new_page()
    model_page.goto(alice.url)
    model_page.get_by_role("link", name="First-light").first.click()
    for tab in ("Evaluations", "Reward function", "Submissions", "Configuration", "Training"):
        model_page.get_by_role("link", name=tab, exact=True).click()
        expect(model_page.get_by_role("link", name=tab, exact=True)).to_have_attribute("aria-current", "page")
        assert accessibility_faults(model_page) == [], tab
    model_page.close()

    # a spectator has the leaderboard open, without signing in and without touching it again
    spectator = visitors.page()
    spectator.goto(race)
    expect(spectator.get_by_role("heading", name="Standings")).to_be_visible()
    assert spectator.locator("[id^='standing-']").count() == 0
    spectator.evaluate("window.untouched = true")

    alice.goto(race + "/enter")
    assert accessibility_faults(alice) == []
    enter_race(alice, race, "First-light")
    row = spectator.locator("[id^='standing-']").filter(has_text="alice")
    expect(row).to_be_visible(timeout=30_000)
    expect(row).to_contain_text("1")
    assert spectator.evaluate("window.untouched") is True, "the page was loaded again instead of being told"
    assert accessibility_faults(spectator) == []

    # the same model in the same race gives the same laps: her second run changes nothing but the count
    before = row.inner_text()
    enter_race(alice, race, "First-light")
    expect(row).not_to_have_text(before, timeout=30_000)
    times = re.compile(r"\d*:?\d+\.\d{3}")
    assert set(times.findall(before)) == set(times.findall(row.inner_text()))


def test_a_reward_function_that_fails_ends_with_its_line(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    password = make_account(admin, "carol")
    carol = visitors.page(javascript=False)
    join(carol, "carol", password)
    carol.goto("/garage/models/new")
    broken = "def reward_function(params):\n    if params['steps'] > 30:\n        return params['none']\n    return 1"
    carol.get_by_label("Reward function", exact=True).fill(broken)
    carol.get_by_label("Name of the model").fill("Broken")
    carol.get_by_role("button", name="Make and train").click()
    for _ in range(60):
        if carol.locator("#training-live").get_attribute("data-state") == "failed":
            break
        carol.wait_for_timeout(1000)
        carol.reload()
    failed = carol.locator("#training-live")
    expect(failed).to_contain_text("none")
    expect(failed.get_by_role("link", name="Open line 3 of the reward function")).to_be_visible()


@pytest.mark.slow
def test_the_story_without_javascript(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    password = make_account(admin, "bob")
    open_race(admin, "Plain-Cup")
    race = admin.url

    bob = visitors.page(javascript=False)
    join(bob, "bob", password)

    bob.goto("/garage/models/new")
    bob.get_by_role("button", name="Validate").click()
    expect(bob.get_by_text(re.compile("µs"))).to_be_visible(timeout=30_000)

    make_and_train(bob, "Plain", minutes="1")
    for _ in range(TRAINED_WITHIN_MS // 2000):
        if bob.locator("#training-live").get_attribute("data-state") == "completed":
            break
        bob.wait_for_timeout(2000)
        bob.reload()
    expect(bob.locator("#training-live")).to_have_attribute("data-state", "completed")

    enter_race(bob, race, "Plain")
    for _ in range(30):
        bob.goto(race)
        if bob.locator("[id^='standing-']").count():
            break
        bob.wait_for_timeout(1000)
    expect(bob.locator("[id^='standing-']").filter(has_text="bob")).to_be_visible()


def test_a_wrong_password_says_so_and_lets_nobody_in(visitors: Visitors) -> None:
    page = visitors.page()
    sign_in(page, "admin", OWN_PASSWORD)
    expect(page.get_by_role("alert")).to_be_visible()
    assert accessibility_faults(page) == []
    page.goto("/garage")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.slow
def test_every_page_is_clean_in_light_and_dark_wide_and_narrow(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    addresses = [
        "/",
        "/races",
        "/races/new",
        "/tracks",
        "/tracks/paddock-oval",
        "/garage",
        "/garage/cars/new",
        "/garage/models/new",
        "/profile",
        "/profile/edit",
        "/racers/ada",
        "/admin",
        "/admin/racers",
        "/admin/accounts",
        "/admin/accounts/new",
        "/admin/audit",
        "/nowhere",
    ]
    cookies = admin.context.cookies()
    faults: list[str] = []
    for dark, width in ((False, 1280), (True, 390)):
        page = visitors.page(dark=dark, width=width)
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        for address in addresses:
            page.goto(address)
            faults += accessibility_faults(page)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{address} is wider than {width} px")
    assert faults == []
