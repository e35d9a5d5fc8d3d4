"""The page's one dialog: filled by a link or a button, left by Escape or Cancel; a page without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from portal.database import make_engine, write_session
from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator
from tests.cast import make_racer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def dora(instance: Instance) -> str:
    """A racer; returns the alias."""
    engine = make_engine(f"sqlite:///{instance.data / 'paddock.db'}")
    with write_session(engine) as session:
        make_racer(session, "dora")
    engine.dispose()
    return "dora"


def with_dora_ticked(page: Page) -> Page:
    page.goto("/admin/racers?q=dora")
    page.get_by_role("checkbox", name="Select dora").focus()
    page.keyboard.press("Space")
    return page


def test_a_dialog_takes_the_focus_and_gives_it_back(visitors: Visitors, instance: Instance, dora: str) -> None:
    page = with_dora_ticked(administrator(visitors, instance))
    opener = page.get_by_role("button", name="Pause")
    dialog = page.get_by_role("dialog", name="Pause the sponsorship of 1 racer?")
    for leave in ("Escape", "Cancel"):
        opener.focus()
        page.keyboard.press("Enter")
        expect(dialog).to_be_visible()
        assert page.evaluate("document.querySelector('#page-dialog').contains(document.activeElement)")
        assert accessibility_faults(page) == []
        if leave == "Escape":
            page.keyboard.press("Escape")
        else:
            dialog.get_by_role("link", name="Cancel").press("Enter")
        expect(dialog).to_be_hidden()
        expect(opener).to_be_focused()
        assert page.url.endswith("/admin/racers?q=dora")


def test_a_dialog_that_is_opened_again_at_once_keeps_what_it_shows(
    visitors: Visitors, instance: Instance, dora: str
) -> None:
    page = with_dora_ticked(administrator(visitors, instance))
    page.get_by_role("button", name="Pause").press("Enter")
    heading = page.get_by_role("heading", name="Pause the sponsorship of 1 racer?")
    expect(heading).to_be_visible()
    # browsers send `close` with the next frame, when the dialog can be open again
    page.evaluate("""() => new Promise((seen) => {
      const dialog = document.getElementById("page-dialog");
      dialog.addEventListener("close", () => setTimeout(seen), { once: true });
      dialog.close();
      dialog.showModal();
    })""")
    expect(heading).to_be_visible()


def test_a_refused_form_stays_in_the_dialog_and_a_good_one_leads_on(
    visitors: Visitors, instance: Instance, dora: str
) -> None:
    page = with_dora_ticked(administrator(visitors, instance))
    page.get_by_role("button", name="Set quotas").press("Enter")
    dialog = page.get_by_role("dialog")
    hours = dialog.get_by_label("Maximum training hours")
    hours.fill("many")
    page.keyboard.press("Enter")
    expect(hours).to_be_focused()
    expect(hours).to_have_attribute("aria-invalid", "true")
    assert accessibility_faults(page) == []
    hours.fill("7")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Done for 1 racer.")).to_be_visible()


def test_a_portal_that_does_not_answer_is_said_in_the_dialog(visitors: Visitors, instance: Instance, dora: str) -> None:
    page = with_dora_ticked(administrator(visitors, instance))
    page.route(re.compile("/admin/racers/pause"), lambda route: route.abort("internetdisconnected"))
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    visitors.complaints.clear()  # the browser's own word on the request that this test cut off
    page.unroute(re.compile("/admin/racers/pause"))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.get_by_role("dialog", name="Pause the sponsorship of 1 racer?")).to_be_visible()


def test_without_javascript_the_confirmation_is_a_page(visitors: Visitors, instance: Instance, dora: str) -> None:
    page = administrator(visitors, instance, javascript=False)
    page.goto("/admin/racers?q=dora")
    page.get_by_role("checkbox", name="Select dora").check()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pause sponsorship")
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(r"/admin/racers\?q=dora$"))
