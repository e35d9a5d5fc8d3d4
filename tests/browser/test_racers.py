"""The administrator and the racers, in a browser: each action by keyboard alone, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import Session, select

from portal.database import make_engine, write_session
from portal.tables import Model, Racer
from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator
from tests.cast import make_racer
from tests.jobs.paddock_yard import make_model

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STEPS = (
    # the button, the heading of the dialog, what to fill in, the button that confirms, what the page says then
    ("Set quotas", "Set the quotas of 2 racers", {"Maximum model count": "7"}, "Confirm", "Quotas set"),
    ("Pause", "Pause the sponsorship of 2 racers?", {"Reason": "over budget"}, "Pause sponsorship", "Paused"),
    ("Resume", "Resume the sponsorship of 2 racers?", {}, "Resume sponsorship", "Resumed"),
    ("End sponsorship", "End the sponsorship of 2 racers?", {}, "End sponsorship", "Sponsorship ended"),
    ("Sponsor again", "Sponsor 2 racers again?", {}, "Sponsor again", "Sponsored again"),
    ("Delete models", "Delete all models of 2 racers?", {}, "Delete models", "Models deleted"),
)


@contextmanager
def stored(instance: Instance) -> Iterator[Session]:
    """The instance's own database."""
    engine = make_engine(f"sqlite:///{instance.data / 'paddock.db'}")
    with write_session(engine) as session:
        yield session
    engine.dispose()


def two_racers(instance: Instance, prefix: str) -> None:
    """Two racers whose aliases begin so, each with a model."""
    with stored(instance) as session:
        for number in "12":
            make_model(session, make_racer(session, prefix + number), f"{prefix}-car")


def state_of(instance: Instance, prefix: str) -> set[tuple[str, bool]]:
    """Sponsorship, and whether the model is in the garage, of each of the two."""
    with stored(instance) as session:
        query = select(Racer, Model).where(Model.racer_id == Racer.id, Model.name == f"{prefix}-car")
        return {(racer.sponsorship, model.deleted_at is None) for racer, model in session.exec(query)}


def press(page: Page, role: str, name: str, key: str = "Enter") -> None:
    """Reaches something as the Tab key does, and presses a key on it."""
    target = page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
    target.focus()
    expect(target).to_be_focused()
    page.keyboard.press(key)


def test_each_action_by_keyboard_alone_with_its_undo(visitors: Visitors, instance: Instance) -> None:
    two_racers(instance, "kea")
    page = administrator(visitors, instance)
    page.goto("/admin/racers?q=kea")
    for button, title, fields, confirm, said in STEPS:
        for alias in ("kea1", "kea2"):
            press(page, "checkbox", f"Select {alias}", "Space")
        expect(page.get_by_role("status").filter(has_text="2 of 2 on this page selected")).to_be_visible()
        press(page, "button", button)
        dialog = page.get_by_role("dialog", name=title)
        expect(dialog).to_be_visible()
        assert accessibility_faults(page) == [], title
        for label, value in fields.items():
            dialog.get_by_label(re.compile(f"^{label}")).focus()
            page.keyboard.type(value)
        dialog.get_by_role("button", name=confirm, exact=True).focus()
        page.keyboard.press("Enter")
        expect(page.locator("#done")).to_contain_text(f"{said}: kea1, kea2.")
        assert page.url.startswith(f"{instance.address}/admin/racers?q=kea&done=")
        assert accessibility_faults(page) == [], said
    assert state_of(instance, "kea") == {("active", False)}
    press(page, "button", "Undo")
    expect(page.get_by_text("Undone for 2 racers.")).to_be_visible()
    assert state_of(instance, "kea") == {("active", True)}


def test_all_that_match_without_javascript(visitors: Visitors, instance: Instance) -> None:
    two_racers(instance, "tui")
    page = administrator(visitors, instance, javascript=False)
    page.goto("/admin/racers?q=tui")
    for button, title, fields, confirm, said in STEPS:
        page.get_by_role("checkbox", name="All 2 that match").check()
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        for label, value in fields.items():
            page.get_by_label(re.compile(f"^{label}")).fill(value)
        page.get_by_role("button", name=confirm, exact=True).click()
        expect(page.locator("#done")).to_contain_text(f"{said}: tui1, tui2.")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone for 2 racers.")).to_be_visible()
    assert state_of(instance, "tui") == {("active", True)}


@pytest.mark.slow
def test_one_racer_and_a_statement_are_clean_wide_and_narrow(visitors: Visitors, instance: Instance) -> None:
    two_racers(instance, "moa")
    admin = administrator(visitors, instance)
    faults: list[str] = []
    for dark, width in ((False, 1280), (True, 390)):
        page = visitors.page(dark=dark, width=width)
        page.context.add_cookies(admin.context.cookies())  # type: ignore[arg-type]
        page.goto("/admin/racers?q=moa")
        page.get_by_role("link", name="moa1").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("moa1")
        addresses = [page.url, "/profile/statement", "/garage/models/new", "/admin/racers?q=nobody-at-all"]
        for address in addresses:
            page.goto(address)
            faults += accessibility_faults(page)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{address} is wider than {width} px")
    assert faults == []


def test_what_a_training_holds_is_told_while_it_is_typed(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    page.goto("/garage/models/new")
    minutes, hold = page.get_by_label("Stop after, minutes"), page.locator(".hold")
    minutes.fill("90")
    expect(hold).to_contain_text("This holds 1 h 30 min; 3 h 30 min is left after it.")
    minutes.fill("600")
    expect(hold).to_contain_text("This needs 10 h, and 5 h is left of your hours.")
    minutes.fill("")
    expect(hold).to_contain_text("You have 5 h left")
