"""The administrator's models by keyboard alone and without scripts; a racer's archive that goes out and comes back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine
from sqlmodel import select

from portal.database import make_engine, write_session
from portal.tables import Model, Racer
from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator, join, make_account, sign_in
from tests.cast import make_racer
from tests.portal.garage_cast import driving_model

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def database(instance: Instance) -> Engine:
    return make_engine(f"sqlite:///{instance.data / 'paddock.db'}")


@pytest.fixture(scope="module")
def mia(instance: Instance) -> str:
    """A racer with two models that can drive; returns the alias."""
    engine = database(instance)
    with write_session(engine) as session:
        racer = make_racer(session, "mia")
        for name in ("Mercury", "Mars"):
            driving_model(session, instance.data / "runs", racer, name)
    engine.dispose()
    return "mia"


def tick(page: Page, name: str) -> None:
    page.get_by_role("checkbox", name=f"Select {name} of mia").focus()
    page.keyboard.press("Space")


def test_deleting_several_and_undoing_it_takes_the_keyboard_only(
    visitors: Visitors, instance: Instance, mia: str
) -> None:
    page = administrator(visitors, instance)
    page.goto("/admin/models?q=mia&sort=name")
    expect(page.get_by_role("row")).to_have_count(3)
    assert accessibility_faults(page) == []
    tick(page, "Mars")
    tick(page, "Mercury")
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete 2 models?")
    expect(dialog).to_contain_text("For 7 days they can be brought back")
    assert accessibility_faults(page) == [], "with the dialog open"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_text("2 models are deleted.")).to_be_visible()
    expect(page.get_by_text("No model fits")).to_be_visible()
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_text("2 models are back in their garages.")).to_be_visible()


def test_looking_at_one_and_importing_it_by_keyboard(visitors: Visitors, instance: Instance, mia: str) -> None:
    page = administrator(visitors, instance)
    page.goto("/admin/models?q=Mercury")
    page.get_by_role("link", name="Mercury").press("Enter")
    expect(page.get_by_role("heading", name="Mercury")).to_be_visible()
    expect(page.locator(".uplot canvas")).to_be_visible()
    assert accessibility_faults(page) == []
    for tab in ("Evaluations", "Reward function", "Submissions", "Configuration"):
        page.get_by_role("link", name=tab, exact=True).press("Enter")
        expect(page.get_by_role("link", name=tab, exact=True)).to_have_attribute("aria-current", "page")
        assert accessibility_faults(page) == [], tab
    page.get_by_role("link", name="Import into a garage").press("Enter")
    dialog = page.get_by_role("dialog", name="Import Mercury of mia")
    dialog.get_by_label("Into the garage of (alias)").fill("nobody-here")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("There is no racer with this alias.")).to_be_visible()
    assert accessibility_faults(page) == [], "with the refused form"
    dialog.get_by_label("Into the garage of (alias)").fill("")
    dialog.get_by_label("Name (optional)").fill("Mercury-copy")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Mercury-copy is in your garage.")).to_be_visible()


def test_an_archive_comes_back_without_javascript(visitors: Visitors, instance: Instance, tmp_path: Path) -> None:
    password = make_account(administrator(visitors, instance), "noa")
    noa = visitors.page(javascript=False)
    join(noa, "noa", password)
    engine = database(instance)
    with write_session(engine) as session:
        racer = session.exec(select(Racer).where(Racer.alias == "noa")).one()
        driving_model(session, instance.data / "runs", racer, "Nova")
    engine.dispose()
    noa.goto("/garage")
    noa.get_by_role("link", name="Nova").click()
    with noa.expect_download() as download:
        noa.get_by_role("link", name="Download").click()
    archive = tmp_path / "Nova.tar.gz"
    download.value.save_as(archive)
    noa.goto("/garage")
    noa.get_by_role("link", name="Import a model").click()
    noa.get_by_label("Archive").set_input_files({"name": "x.tar.gz", "mimeType": "application/gzip", "buffer": b"no"})
    noa.get_by_role("button", name="Look what is in it").click()
    expect(noa.get_by_text(re.compile("no .tar.gz")).first).to_be_visible()
    noa.get_by_label("Archive").set_input_files(archive)
    noa.get_by_role("button", name="Look what is in it").click()
    expect(noa.get_by_role("heading", name="What is in the archive")).to_be_visible()
    noa.get_by_role("button", name="Bring it into my garage").click()
    expect(noa.get_by_text("Nova 2 is in your garage.")).to_be_visible()
    expect(noa.get_by_text("It was imported with its weights.")).to_be_visible()


def test_deleting_for_good_without_javascript(visitors: Visitors, instance: Instance, mia: str) -> None:
    administrator(visitors, instance)  # the profile is there from now on
    page = visitors.page(javascript=False)
    sign_in(page, "admin", instance.admin_password)
    page.goto("/admin/models?q=Mars")
    page.get_by_role("checkbox", name="Select Mars of mia").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    page.goto("/admin/models?q=Mars&state=deleted")
    page.get_by_role("checkbox", name="Select Mars of mia").check()
    page.get_by_role("button", name="Delete for good now").click()
    expect(page.get_by_text("Nothing brings it back")).to_be_visible()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("1 model is deleted for good; its files go within a minute.")).to_be_visible()
    engine = database(instance)
    with write_session(engine) as session:
        assert session.exec(select(Model).where(Model.name == "Mars")).one().purged_at is not None
    engine.dispose()
