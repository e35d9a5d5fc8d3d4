"""What people of the stories do, in the words of the pages."""

from __future__ import annotations

import re

from playwright.sync_api import Cookie, Page, expect

from tests.browser.conftest import Instance, Visitors

OWN_PASSWORD = "four quiet green helmets"
TRAINED_WITHIN_MS = 120_000
FIRST_LAPS_WITHIN_MS = 100_000
SIGNED_IN: dict[str, list[Cookie]] = {}
"""The administrator's cookies, by the address of the instance: signing in once is enough for all stories."""


def sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def choose_own_password(page: Page, given: str) -> None:
    page.get_by_label("Current password").fill(given)
    page.get_by_label("New password", exact=True).fill(OWN_PASSWORD)
    page.get_by_label("New password again").fill(OWN_PASSWORD)
    page.get_by_role("button", name="Change password").click()


def make_profile(page: Page, alias: str) -> None:
    page.wait_for_url(re.compile("/profile/edit"))
    page.get_by_label("Alias").fill(alias)
    page.get_by_label(re.compile("^Country")).select_option("NZ")
    page.get_by_role("button", name="Save and go").click()


def administrator(visitors: Visitors, instance: Instance, *, javascript: bool = True) -> Page:
    """The administrator's window, signed in; at the first time by the password, and the profile is made."""
    page = visitors.page(javascript=javascript)
    if instance.address in SIGNED_IN:
        page.context.add_cookies(SIGNED_IN[instance.address])  # type: ignore[arg-type]
        return page
    sign_in(page, "admin", instance.admin_password)
    page.goto("/garage")
    if "/profile/edit" in page.url:
        make_profile(page, "ada")
    SIGNED_IN[instance.address] = page.context.cookies()
    return page


def make_account(admin: Page, username: str) -> str:
    """The administrator makes a local account; returns the password that is shown once."""
    admin.goto("/admin/accounts/new")
    admin.get_by_label("User name").fill(username)
    admin.get_by_label("Name", exact=True).fill(username.title())
    admin.get_by_role("button", name="Make account").click()
    return admin.locator("code.one-time").inner_text()


def join(page: Page, username: str, given_password: str) -> None:
    """First sign-in of somebody with a new account: own password, then the profile."""
    sign_in(page, username, given_password)
    choose_own_password(page, given_password)
    if "/profile/edit" not in page.url:
        page.goto("/garage")
    make_profile(page, username)
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Garage")).to_be_visible()


def make_and_train(page: Page, name: str, *, minutes: str = "2") -> None:
    """A first model: everything but the name is there already."""
    page.goto("/garage/models/new")
    page.get_by_label("Name of the model").fill(name)
    page.get_by_label("Stop after, minutes").fill(minutes)
    page.get_by_role("button", name="Make and train").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def open_race(page: Page, name: str) -> None:
    """The organizer makes a race that is open now."""
    page.goto("/races/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Time zone of these times").select_option("UTC")
    page.get_by_label("Opens").fill("2026-01-01T08:00")
    page.get_by_label("Closes").fill("2099-01-01T08:00")
    page.get_by_label("Track", exact=True).select_option("paddock-oval")
    page.get_by_role("button", name="Make the race").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def enter_race(page: Page, race_address: str, model: str) -> None:
    page.goto(race_address)
    page.get_by_role("link", name="Enter a model").click()
    page.get_by_label(re.compile(model)).check()
    page.get_by_role("button", name="Enter the race").click()
