"""Local accounts by CSV, as an administrator makes them and their owners use them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.database import read_session, write_session
from portal.settings import Settings
from portal.tables import ProviderAccount, Racer, Role
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.site import PASSWORD, Person, served
from tests.ports import free_port

LIST = "\ufeffUsername;Name;E-Mail;Admin\r\nzoe;Zoe Ba;zoe@example.org;\r\nbob;=Bob;;no\r\nb d;;;\r\nzoe;;;\r\n"


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {name: make_racer(session, name, role=Role.ADMIN) for name in ("ada", "olivia")}


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


def upload(client: FlaskClient, text: str | bytes, **more: str) -> TestResponse:
    data = text if isinstance(text, bytes) else text.encode()
    return client.post("/admin/accounts/import", data={"file": (io.BytesIO(data), "people.csv"), **more})


def usernames(engine: Engine) -> list[str]:
    with read_session(engine) as session:
        return sorted(session.exec(select(ProviderAccount.username)))


def slips_of(page: str) -> str:
    found = re.search(r'name="slips" value="([^"]+)"', page)
    assert found, page
    return unescape(found.group(1))


def test_each_row_says_what_came_of_it_and_shows_its_password_once(ada: FlaskClient, engine: Engine) -> None:
    answer = upload(ada, LIST)
    assert answer.status_code == 200
    text = answer.text
    assert "2 accounts are there" in text
    assert "2 created, 0 with a new password, 1 skipped, 1 failed." in text
    assert "A user name has 1 to 64" in text
    assert "Row 2 has this user name already." in text
    assert answer.headers["Cache-Control"] == "no-store"
    passwords = re.findall(r'<code class="one-time">([^<]+)</code>', text)
    assert len(set(passwords)) == 2
    assert usernames(engine) == ["bob", "zoe"]
    assert passwords[0] not in ada.get("/admin/accounts").text


def test_the_passwords_are_downloaded_from_the_page_that_shows_them(
    app: Flask, ada: FlaskClient, people: dict[str, Racer]
) -> None:
    text = upload(ada, LIST).text
    slips = slips_of(text)
    answer = ada.post("/admin/accounts/import/passwords.csv", data={"slips": slips})
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["user name"], row["name"]) for row in rows] == [("zoe", "Zoe Ba"), ("bob", "'=Bob")]
    assert all(row["first password"] in text for row in rows)
    for browser, given in (
        (ada, slips[:-3] + "xxx"),
        (ada, ""),
        (ada, "not-signed"),
        (sign_in(app, people["olivia"]), slips),
    ):
        refused = browser.post("/admin/accounts/import/passwords.csv", data={"slips": given})
        assert refused.status_code == 422
        assert "cannot be shown again" in refused.text


def test_new_first_passwords_replace_lost_ones(ada: FlaskClient) -> None:
    upload(ada, "zoe")
    assert "No account was made" in upload(ada, "zoe").text
    assert "0 created, 1 with a new password" in upload(ada, "zoe", renew="1").text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Choose a CSV file"),
        (b"zoe\0", "no CSV file"),
        (b"PK\x03\x04\xff", "no UTF-8"),
        (b"x\n" * 501, "more than 500 rows"),
        (b"x" * 2_000_000, "larger than 1 MB"),
        (b'zoe,"open', "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_makes_nobody(ada: FlaskClient, engine: Engine, data: bytes, message: str) -> None:
    answer = upload(ada, data)
    assert answer.status_code == 422
    assert message in answer.text
    assert usernames(engine) == []


def test_a_huge_cell_is_a_row_that_fails_and_is_shown_cut(ada: FlaskClient, engine: Engine) -> None:
    answer = upload(ada, "x" * 100_000 + ",<script>alert(1)</script>\n")
    assert answer.status_code == 422
    assert "xxx…" in answer.text
    assert len(answer.text) < 20_000
    assert "<script>alert" not in answer.text


def test_where_the_organisation_keeps_the_accounts_there_is_no_list_to_upload(
    settings: Settings, people: dict[str, Racer]
) -> None:
    elsewhere = create_app(
        replace(settings, oidc_issuer="https://sso.example", oidc_client_id="a", oidc_client_secret="b")
    )
    elsewhere.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    browser = sign_in(elsewhere, people["ada"])
    assert browser.get("/admin/accounts/import").status_code == 404
    assert upload(browser, "zoe").status_code == 404
    elsewhere.extensions["paddock_engine"].dispose()


def test_an_owner_signs_in_with_the_first_password_and_has_to_choose_another(
    settings: Settings, engine: Engine, ada: FlaskClient, cheap_hashes: None
) -> None:
    text = upload(ada, "zoe,Zoe Ba").text
    (given,) = re.findall(r'<code class="one-time">([^<]+)</code>', text)
    with served(replace(settings, port=free_port()), engine) as site:
        zoe = Person(site.address)
        page = zoe.sign_in("zoe", given)
        assert "/idp/password" in page.url
        page = zoe.submit(page, {"current": given, "password": PASSWORD, "again": PASSWORD})
        assert "/profile/edit" in page.url
        assert Person(site.address).sign_in("zoe", given).status_code == 422


@pytest.mark.slow
def test_five_hundred_accounts_are_made_in_one_request(ada: FlaskClient, engine: Engine) -> None:
    answer = upload(ada, "\n".join(f"racer{number},Racer {number}" for number in range(500)))
    assert "500 accounts are there" in answer.text
    assert len(usernames(engine)) == 500
    slips = ada.post("/admin/accounts/import/passwords.csv", data={"slips": slips_of(answer.text)})
    assert len(slips.text.splitlines()) == 501
