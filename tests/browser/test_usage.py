"""Usage in a browser: empty and full, light and dark, narrow, by keyboard, without JavaScript."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from portal import clock
from portal.database import make_engine, write_session
from portal.rules import ledger
from portal.tables import Racer
from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator
from tests.portal.usage_cast import keep, spend

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def spend_something(instance: Instance) -> None:
    """Ten days of trainings and storage of the administrator's, in the ledger of the running instance."""
    engine = make_engine(f"sqlite:///{instance.data / 'paddock.db'}")
    now = clock.now()
    with write_session(engine) as session:
        ada = session.exec(select(Racer).where(Racer.alias_key == "ada")).one()
        ledger.set_quota(session, ada, 100 * 3_600_000, by=None, now=now)
        account = ledger.account_of(session, ada)
        for days in range(10):
            spend(session, account, now - timedelta(days=days), minutes=20 + 5 * days)
        keep(session, account, now.date() - timedelta(days=30), 20, 4_000 * ledger.GB_BYTES, now)
    engine.dispose()


def test_usage_is_legible_for_everybody(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    spend_something(instance)
    admin.goto("/admin/usage")
    expect(admin.get_by_role("img", name="Estimated spending by day")).to_be_visible()
    expect(admin.get_by_text("Estimate only, in USD").first).to_be_visible()

    # the numbers behind a chart, by keyboard
    numbers = admin.get_by_text("The numbers by month")
    numbers.focus()
    admin.keyboard.press("Enter")
    expect(admin.get_by_role("region", name="Spending by month")).to_be_visible()
    assert accessibility_faults(admin) == []

    for dark, width in ((True, 1280), (False, 390), (True, 390)):
        admin.emulate_media(color_scheme="dark" if dark else "light")
        admin.set_viewport_size({"width": width, "height": 900})
        assert accessibility_faults(admin) == [], f"dark {dark}, {width} wide"
        assert admin.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        sizes = admin.locator(".chart text").evaluate_all(
            "words => words.map(it => parseFloat(getComputedStyle(it).fontSize))"
        )
        assert min(sizes) >= 12  # words keep their size however narrow the chart is

    admin.get_by_role("link", name=re.compile("^All racers")).click()
    expect(admin.get_by_role("link", name="ada").first).to_be_visible()
    assert accessibility_faults(admin) == []


def test_a_month_is_chosen_without_javascript(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance, javascript=False)
    spend_something(instance)
    admin.goto("/admin/usage")
    months = admin.get_by_role("combobox", name="Month")
    oldest = months.locator("option").last.get_attribute("value")
    assert oldest is not None
    months.select_option(oldest)
    admin.get_by_role("button", name="Show").click()
    expect(admin).to_have_url(f"{instance.address}/admin/usage?month={oldest}")
    expect(admin.get_by_role("img", name="Estimated spending by day")).to_be_visible()
