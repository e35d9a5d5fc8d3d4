"""The options of a race as its form asks for them: only those of the chosen type are there, and the map follows."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

BY_TYPE = {
    "time-trial": set(),
    "object-avoidance": {"box_placing", "boxes"},
    "head-to-bot": {"bots", "bot_placing", "bot_speed_mps", "lane_change_least_s", "lane_change_most_s"},
}
CONDITIONAL = set.union(*BY_TYPE.values()) | {"box_places", "team_size"}


def asked(page: Page) -> set[str]:
    """The fields that come and go, as far as they are seen."""
    return {name for name in CONDITIONAL if page.locator(f"#{name}").is_visible()}


def test_the_form_of_a_race_asks_for_what_its_type_has(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    page.goto("/races/new")
    shown = page.locator("#race-preview")
    page.get_by_label("Name", exact=True).fill("Box-Cup")
    page.get_by_label("Track", exact=True).select_option("paddock-oval")
    for race_type, fields in BY_TYPE.items():
        page.get_by_label("Race type").select_option(race_type)
        assert asked(page) == fields, race_type
    expect(shown.locator("path.bot")).to_have_count(3)

    # a number that cannot be is left behind in a field that goes away: it is in nobody's way
    page.get_by_label("Bots", exact=True).fill("99")
    page.get_by_label("Teams").select_option("sum")
    assert "team_size" in asked(page)
    page.get_by_label("Racers who count for a sum").fill("99")
    page.get_by_label("Teams").select_option("best")
    page.get_by_label("Race type").select_option("object-avoidance")
    page.get_by_label("Where the boxes stand").select_option("chosen")
    assert asked(page) == {"box_placing", "box_places"}
    page.get_by_label("Places of the boxes").fill("20 inner\n55 nowhere")
    page.get_by_role("button", name="Make the race").click()
    expect(page.get_by_text("“55 nowhere” is no box.").first).to_be_visible()
    assert asked(page) == {"box_placing", "box_places"}, "what was chosen is still chosen"
    page.get_by_label("Places of the boxes").fill("20 inner\n55 outer")
    page.get_by_label("Name", exact=True).focus()
    expect(shown.locator("path.box")).to_have_count(2)
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Make the race").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Box-Cup")
    expect(page.get_by_text("at places that the organizer has chosen").first).to_be_visible()
    assert page.locator("path.box").count() == 2
    page.goto(page.url + "/freeze")
    page.get_by_label("Minutes before the race closes").fill("30")
    page.get_by_role("button", name="Plan the freeze").click()
    expect(page.get_by_text("The standings freeze").first).to_be_visible()
    page.get_by_role("button", name="Do not freeze").click()
    expect(page.get_by_role("button", name="Plan the freeze")).to_be_visible()
