"""Alerts and budgets by keyboard alone, without JavaScript, and clean for screen readers with the dialog open."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from portal import clock
from portal.database import make_engine, write_session
from portal.rules import ledger
from portal.tables import UsageMonth
from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator
from tests.cast import make_racer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SETUP = "/admin/alerts/setup"
LOOKED_WITHIN_MS = 60_000


@pytest.fixture(scope="module")
def spender(instance: Instance) -> str:
    """A racer who has spent 85 dollars this month; returns the alias."""
    engine = make_engine(f"sqlite:///{instance.data / 'paddock.db'}")
    month = clock.now().date().replace(day=1)
    with write_session(engine) as session:
        account = ledger.account_of(session, make_racer(session, "sally"))
        session.add(UsageMonth(account_id=account.id or 0, starts_on=month, training_microusd=85_000_000))
    engine.dispose()
    return "sally"


def fill(page: Page, label: str, text: str) -> None:
    """Types into a field as somebody without a mouse does."""
    page.get_by_label(label, exact=True).focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_a_budget_set_by_keyboard_becomes_an_alert_that_is_dismissed_and_brought_back(
    visitors: Visitors, instance: Instance, spender: str
) -> None:
    page = administrator(visitors, instance)
    page.goto(SETUP)
    fill(page, "Alias", spender)
    fill(page, "USD a month", "100")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The budget of sally is changed.")
    page.goto("/admin")
    banner = page.locator("#alert-banner")
    for _ in range(LOOKED_WITHIN_MS // 2000):
        if banner.count():
            break
        page.wait_for_timeout(2000)
        page.reload()
    expect(banner).to_contain_text("1 racer has reached a threshold.")
    banner.get_by_role("link", name="See the alerts").press("Enter")
    row = page.get_by_role("row").filter(has_text="80 % of the budget")
    row.get_by_role("button", name="Dismiss sally, 80 % of the budget").press("Enter")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(row).to_contain_text("open")
    assert accessibility_faults(page) == []


def test_thresholds_and_receivers_without_javascript(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance, javascript=False)
    page.goto(SETUP)
    racers = page.get_by_role("list", name="Each racer")
    page.get_by_label("For", exact=True).select_option("racer")
    page.get_by_label("Unit").select_option("dollars")
    page.get_by_label("Threshold", exact=True).fill("42.50")
    page.get_by_role("button", name="Add threshold").click()
    expect(racers).to_contain_text("$42.50")
    page.get_by_role("button", name="Remove $42.50, Each racer").click()
    expect(racers).not_to_contain_text("$42.50")
    page.get_by_role("button", name="Undo").click()
    expect(racers).to_contain_text("$42.50")
    page.get_by_label("Address", exact=True).fill("http://127.0.0.1:9/hook")
    page.get_by_role("button", name="Save web hook").click()
    expect(page.locator("code.one-time")).to_have_text(re.compile("^[0-9a-f]{48}$"))
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("button", name="Send a test event").click()
    expect(page.get_by_role("row").filter(has_text="webhook.test")).to_be_visible()


def test_a_new_secret_is_asked_for_in_a_dialog_and_shown_once(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    page.goto(SETUP)
    fill(page, "Address", "http://127.0.0.1:9/other")
    page.keyboard.press("Enter")
    first = page.locator("code.one-time").inner_text()
    page.goto(SETUP)
    opener = page.get_by_role("link", name="New secret")
    dialog = page.get_by_role("dialog")
    opener.press("Enter")
    expect(dialog).to_contain_text("cannot be brought back")
    assert accessibility_faults(page) == []
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    opener.press("Enter")
    dialog.get_by_role("button", name="Make a new secret").press("Enter")
    secret = dialog.locator("code.one-time")
    expect(secret).to_have_text(re.compile("^[0-9a-f]{48}$"))
    assert secret.inner_text() != first
    assert accessibility_faults(page) == []
    dialog.get_by_role("link", name="I have copied it").press("Enter")
    expect(dialog).to_be_hidden()


def test_a_delivery_that_waits_is_followed_on_the_page(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    page.goto(SETUP)
    fill(page, "Mail addresses, one a line", "treasurer@example.org")
    page.get_by_role("button", name="Save addresses").press("Enter")
    page.get_by_role("button", name="Send a test mail").press("Enter")
    row = page.get_by_role("row").filter(has_text="a test mail")
    expect(row).to_contain_text("given up", timeout=15_000)  # no mail server is configured here, and it says so
    expect(row).to_contain_text("PADDOCK_SMTP_URL")
    row.get_by_role("button", name=re.compile("^Send again")).press("Enter")
    expect(page.get_by_role("status")).to_contain_text("It is on its way again.")
    assert accessibility_faults(page) == []


@pytest.mark.slow
def test_every_page_is_clean_in_light_and_dark_wide_and_narrow(
    visitors: Visitors, instance: Instance, spender: str
) -> None:
    cookies = administrator(visitors, instance).context.cookies()
    faults: list[str] = []
    for dark, width in ((False, 1280), (True, 390)):
        page = visitors.page(dark=dark, width=width)
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        for address in ("/admin/alerts?all=1", SETUP, "/admin/alerts/deliveries", f"{SETUP}/web-hook/secret"):
            page.goto(address)
            faults += accessibility_faults(page)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                faults.append(f"{address} is wider than {width} px")
    assert faults == []
