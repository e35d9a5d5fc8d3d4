"""Switching multi-user mode by keyboard alone, in the dialog, and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the element with this name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and re.search(name, focused.inner_text() or focused.get_attribute("aria-label") or ""):
            return
    raise AssertionError(f"{name} cannot be reached by the Tab key")


def test_it_is_switched_off_and_on_again_by_keyboard_alone(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    page.goto("/admin/setup")
    assert accessibility_faults(page) == []

    tab_to(page, "^Disable")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Disable multi-user mode?")
    expect(dialog).to_be_visible()
    assert accessibility_faults(page) == [], "with the dialog open"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Disable")).to_be_focused()

    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    dialog.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    tab_to(page, "^Disable multi-user mode")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Multi-user mode is off.")).to_be_visible()

    tab_to(page, "^Enable")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Enable multi-user mode?")
    expect(dialog).to_be_visible()
    for box in dialog.get_by_role("checkbox").all():
        box.focus()
        page.keyboard.press("Space")
    tab_to(page, "^Enable multi-user mode")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Multi-user mode is on.")).to_be_visible()


def test_it_works_without_javascript(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance, javascript=False)
    page.goto("/admin/setup")
    page.get_by_label("Cars").fill("999")
    page.get_by_label("Reason").fill("one less")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It counts from now on.")).to_be_visible()
    expect(page.get_by_label("Cars")).to_have_value("999")
    page.get_by_role("button", name="Back to the defaults").first.click()
    expect(page.get_by_label("Cars")).to_have_value("1000")

    page.get_by_role("link", name="Disable").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Disable multi-user mode").click()
    expect(page.get_by_text("Multi-user mode is off.")).to_be_visible()
    page.get_by_role("link", name="Enable").click()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Enable multi-user mode").click()
    expect(page.get_by_text("Multi-user mode is on.")).to_be_visible()
