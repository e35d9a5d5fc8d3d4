"""Page or fragment, and where a redirect may lead."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from portal import hx
from portal.database import write_session
from portal.tables import Role
from tests.cast import make_racer
from tests.conftest import sign_in

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/admin/racers?q=a"}


@pytest.mark.parametrize("target", ["/", "/races", "/races?q=a&page=2", "/races/x#lap", "/a/../b", "/%2F%2Fevil"])
def test_a_path_of_the_portal_is_local(target: str) -> None:
    assert hx.is_local_path(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "races",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\b",
        "https://evil.example",
        "HTTPS:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        " /races",
        "\t//evil.example",
    ],
)
def test_what_could_lead_elsewhere_is_not_local(target: str) -> None:
    assert not hx.is_local_path(target)


@given(st.text(alphabet="/\\:@?#.ahtpsevil \t\r\n%", max_size=20))
def test_a_local_path_keeps_the_origin_however_a_browser_reads_it(target: str) -> None:
    if hx.is_local_path(target):
        read = "".join(character for character in target if character not in "\t\r\n").replace("\\", "/")
        assert read.startswith("/")
        assert not read.startswith("//")


def test_a_fragment_is_for_htmx_and_says_what_it_depends_on(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        ada = make_racer(session, "ada", role=Role.ADMIN)
    browser = sign_in(app, ada)
    page, fragment = browser.get("/admin/racers"), browser.get("/admin/racers", headers=HTMX)
    assert "<html" in page.text
    assert "<html" not in fragment.text
    assert "racer-" in fragment.text
    for answer in (page, fragment):
        assert "HX-Request" in answer.headers["Vary"]
    restored = browser.get("/admin/racers", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in restored.text


def test_a_fragment_is_redirected_by_a_header_to_the_page_around_it(app: Flask) -> None:
    answer = app.test_client().get("/admin/racers", headers=HTMX)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith("/sign-in?next=/admin/racers?q")
    assert "Location" not in answer.headers


def test_an_address_that_is_none_leads_to_the_start_page(app: Flask) -> None:
    broken = {"HX-Request": "true", "HX-Current-URL": "http://[x"}
    response = app.test_client().get("/garage", headers=broken)
    assert (response.status_code, response.headers["HX-Redirect"]) == (204, "/sign-in?next=/")
