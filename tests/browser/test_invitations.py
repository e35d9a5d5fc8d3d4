"""Inviting: by keyboard alone, with the dialog, without scripts, and through the link to where it leads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Instance, Visitors, accessibility_faults
from tests.browser.people import administrator, choose_own_password, make_account, make_profile

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def invite(page: Page, *addresses: str) -> None:
    """By keyboard alone, from the list to the report."""
    page.goto("/admin/invitations")
    page.get_by_role("link", name="Invite people").first.press("Enter")
    page.get_by_label("E-mail addresses").focus()
    page.keyboard.insert_text("\n".join(addresses))
    page.get_by_role("button", name="Invite", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("invited")


def link_of(page: Page, email: str) -> str:
    page.goto(f"/admin/invitations?q={email}")
    page.get_by_role("link", name=email, exact=True).press("Enter")
    return page.get_by_role("textbox", name="The link").input_value()


def test_the_link_leads_a_newcomer_through_sign_in_password_and_profile(visitors: Visitors, instance: Instance) -> None:
    admin = administrator(visitors, instance)
    password = make_account(admin, "iris")
    invite(admin, "Iris Ro <iris@example.org>", "nobody")
    assert accessibility_faults(admin) == []
    expect(admin.get_by_role("row", name=re.compile("nobody"))).to_contain_text("This is no e-mail address")
    link = link_of(admin, "iris@example.org")
    assert accessibility_faults(admin) == []

    iris = visitors.page()
    iris.goto(link)
    expect(iris.get_by_role("heading", name="Iris Ro, you are invited")).to_be_visible()
    assert accessibility_faults(iris) == []
    iris.get_by_role("link", name="Sign in and join").press("Enter")
    iris.get_by_label("User name").fill("iris")
    iris.get_by_label("Password").fill(password)
    iris.get_by_label("Password").press("Enter")
    choose_own_password(iris, password)
    make_profile(iris, "iris")
    iris.wait_for_url(re.compile("/garage$"))

    other = visitors.page(dark=True, width=390)
    other.goto(link)
    expect(other.get_by_role("heading", name="This invitation was used already")).to_be_visible()
    assert accessibility_faults(other) == []
    admin.goto("/admin/invitations?state=accepted")
    expect(admin.get_by_role("row", name=re.compile("iris@example.org"))).to_contain_text("accepted iris")


def test_one_is_revoked_in_the_dialog_and_restored_by_keyboard(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    invite(page, "vera@example.org")
    page.goto("/admin/invitations?q=vera")
    page.get_by_role("checkbox", name="Select vera@example.org").press("Space")
    page.get_by_role("button", name="Revoke").press("Enter")
    dialog = page.get_by_role("dialog", name="Revoke?")
    expect(dialog).to_contain_text("vera@example.org")
    assert accessibility_faults(page) == []
    dialog.get_by_role("button", name="Revoke").press("Enter")
    expect(page.get_by_text("The invitation of vera@example.org is revoked.")).to_be_visible()
    assert accessibility_faults(page) == []
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_text("1 invitation is good again.")).to_be_visible()
    page.goto("/admin/invitations?q=vera")
    page.get_by_role("checkbox", name="Select vera@example.org").press("Space")
    page.get_by_role("button", name="Revoke").press("Enter")
    dialog.get_by_role("button", name="Revoke").press("Enter")
    page.wait_for_url(re.compile("revoked="))
    page.goto("/admin/invitations?q=vera")
    page.get_by_role("checkbox", name="Select vera@example.org").press("Space")
    page.get_by_role("button", name="Restore").press("Enter")
    page.get_by_role("dialog", name="Restore?").get_by_role("button", name="Restore").press("Enter")
    expect(page.get_by_text("1 invitation is good again.")).to_be_visible()


def test_texts_are_copied_with_one_key_press(visitors: Visitors, instance: Instance) -> None:
    page = administrator(visitors, instance)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/admin/invitations/template")
    page.get_by_role("button", name="Copy text").press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{instance.address}/" in copied
    assert copied.startswith("Hello ")
    page.get_by_role("button", name="Copy with links").press("Enter")
    # of the two buttons the first may still say so, from before
    expect(page.locator("button[data-copies-rich]")).to_have_text("Copied")
    html = page.evaluate(
        "navigator.clipboard.read().then(([item]) => item.getType('text/html')).then((part) => part.text())"
    )
    assert f'<a href="{instance.address}/">' in html
    assert accessibility_faults(page) == []


def test_all_of_it_works_without_scripts(visitors: Visitors, instance: Instance, tmp_path: Path) -> None:
    page = administrator(visitors, instance, javascript=False)
    people = tmp_path / "people.csv"
    people.write_text("email;name\nwim@example.org;Wim\nwim@example.org;Wim\n", encoding="utf-8")
    page.goto("/admin/invitations/new")
    page.get_by_label("or a list as CSV").set_input_files(people)
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("1 created, 1 skipped, 0 failed.")).to_be_visible()
    expect(page.get_by_role("button", name="Copy link")).to_have_count(0)
    link = link_of(page, "wim@example.org")
    page.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("The invitation of wim@example.org is revoked.")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="This invitation is not good any more")).to_be_visible()

    page.goto("/admin/invitations/template")
    page.get_by_label("Subject").fill("Race, {nobody}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("There is no placeholder {nobody}")).to_be_visible()
    page.get_by_label("Subject").fill("Race with {organisation}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The wording is saved.")).to_be_visible()
    page.get_by_role("link", name="Back to the built-in wording").click()
    page.get_by_role("button", name="Use the built-in wording").click()
    expect(page.get_by_text("Invitations have the built-in wording again.")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_accounts_are_made_from_a_list_and_their_passwords_downloaded(
    visitors: Visitors, instance: Instance, tmp_path: Path, javascript: bool
) -> None:
    page = administrator(visitors, instance, javascript=javascript)
    name = f"lena{int(javascript)}"
    people = tmp_path / "accounts.csv"
    people.write_text(f"username,name\n{name},Lena Li\na b,\n", encoding="utf-8")
    page.goto("/admin/accounts")
    page.get_by_role("link", name="From a list").press("Enter")
    page.get_by_label("CSV file").set_input_files(people)
    if javascript:
        assert accessibility_faults(page) == []
    page.get_by_role("button", name="Make accounts").press("Enter")
    expect(page.get_by_text("1 created, 0 with a new password, 0 skipped, 1 failed.")).to_be_visible()
    if javascript:
        assert accessibility_faults(page) == []
    password = page.locator("code.one-time").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").press("Enter")
    assert f"{name},Lena Li,,{password}," in Path(download.value.path()).read_text(encoding="utf-8")
