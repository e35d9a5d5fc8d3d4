"""Requests from both sides: by keyboard alone, without JavaScript, and clean for axe with the dialog open."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator, join, make_account

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def press(page: Page, role: str, name: str | re.Pattern[str]) -> None:
    """Goes to a thing by focus and presses Enter, as somebody without a mouse does."""
    target = page.get_by_role(role, name=name).first  # type: ignore[arg-type]
    target.focus()
    page.keyboard.press("Enter")


def test_a_request_is_asked_for_decided_and_undone_by_keyboard_alone(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    racer = visitors.page()
    join(racer, "rita", make_account(admin, "rita"))

    racer.goto("/garage")
    press(racer, "link", "Ask for more hours")
    expect(racer.get_by_role("heading", level=1)).to_have_text("Ask for more hours")
    assert accessibility_faults(racer) == []
    racer.get_by_label("How many hours more").focus()
    racer.keyboard.type("2")
    racer.keyboard.press("Tab")
    racer.keyboard.type("the long track")
    press(racer, "button", "Send the request")
    expect(racer.get_by_text("Sent.")).to_be_visible()
    assert accessibility_faults(racer) == []

    admin.goto("/admin/requests?q=rita")
    assert accessibility_faults(admin) == []
    opener = admin.get_by_role("link", name="Approve 2 h more for rita")
    opener.focus()
    admin.keyboard.press("Enter")
    dialog = admin.get_by_role("dialog", name="Approve this request?")
    expect(dialog).to_be_visible()
    assert accessibility_faults(admin) == []
    admin.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    admin.keyboard.press("Enter")
    amount = dialog.get_by_label("Give, hours more")
    amount.fill("none")
    amount.press("Enter")
    expect(amount).to_have_attribute("aria-invalid", "true")
    assert accessibility_faults(admin) == []
    amount.fill("1.5")
    dialog.get_by_label("Answer to the racer").fill("one and a half will do")
    dialog.get_by_role("button", name="Approve").press("Enter")
    expect(admin.get_by_text("1 request approved.")).to_be_visible()
    assert accessibility_faults(admin) == []

    racer.goto("/garage")
    expect(racer.get_by_text("You asked for 2 h more and got 1 h 30 min more.")).to_be_visible()
    expect(racer.get_by_text("of 6 h 30 min")).to_be_visible()
    assert accessibility_faults(racer) == []
    press(racer, "button", re.compile("^Got it"))
    expect(racer.get_by_text("You asked for")).to_have_count(0)

    press(admin, "button", "Undo")
    expect(admin.get_by_text("1 request is open again.")).to_be_visible()
    racer.goto("/garage")
    expect(racer.get_by_text("left of 5 h")).to_be_visible()


def test_requests_work_without_javascript(visitors: Visitors, instance: Instance) -> None:
    password = make_account(administrator(visitors, instance), "nora")
    racer = visitors.page(javascript=False)
    join(racer, "nora", password)
    racer.goto("/requests/models")
    racer.get_by_label("How many models more").fill("3")
    racer.get_by_label("What for").fill("one for each track")
    racer.get_by_role("button", name="Send the request").click()
    racer.get_by_role("button", name="Withdraw 3 models more").click()
    racer.get_by_role("button", name="Undo").click()
    expect(racer.get_by_text("Your request is open again.")).to_be_visible()

    admin = administrator(visitors, instance, javascript=False)
    admin.goto("/admin/requests?kind=models&state=open")
    admin.get_by_role("checkbox", name="Select 3 models more of nora").check()
    admin.get_by_role("button", name="Decline", exact=True).first.click()
    admin.get_by_role("button", name="Decline", exact=True).click()
    expect(admin.get_by_text("Say why: the racer reads it.").first).to_be_visible()
    admin.get_by_label("Answer to the racer").fill("delete an old one first")
    admin.get_by_role("button", name="Decline", exact=True).click()
    expect(admin.get_by_text("1 request declined.")).to_be_visible()

    racer.goto("/profile")
    expect(racer.get_by_text("delete an old one first")).to_be_visible()
    racer.get_by_role("button", name=re.compile("^Got it")).click()
    expect(racer.get_by_text("delete an old one first")).to_have_count(0)


@pytest.mark.slow
def test_the_workshop_and_the_audit_are_clean(visitors: Visitors, instance: Instance) -> None:
    guest = visitors.page(width=390)
    for path in ("/workshop", "/workshop/handout"):
        guest.goto(path)
        assert accessibility_faults(guest) == []
        assert guest.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
    printed = visitors.page()
    printed.goto("/workshop/handout")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed.pdf(prefer_css_page_size=True)))
    assert pages == 2, "the handout is two sheets"

    admin = administrator(visitors, instance)
    admin.goto("/workshop/request")
    assert accessibility_faults(admin) == []
    admin.goto("/admin/audit?action=account&since=2026-01-01")
    assert accessibility_faults(admin) == []
    with admin.expect_download() as download:
        press(admin, "link", "CSV")
    assert download.value.path().read_text().startswith("id,at,by,by_id,action")
