"""Invitations by mail, from the administrator's form to the mail server and back through the link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import select

from jobs import deliveries as couriers
from jobs.workplace import Workplace
from portal import clock
from portal.app import create_app
from portal.database import read_session, write_session
from portal.tables import Mail, Role
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.jobs.receivers import Postbox, mail_server

FORM = {"land_on": "/tracks", "days": "14", "send": "1"}


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def sending(workplace: Workplace, postbox: Postbox) -> Iterator[Workplace]:
    with mail_server(postbox) as port:
        settings = replace(
            workplace.settings,
            smtp_url=f"smtp://127.0.0.1:{port}",
            mail_from="Paddock <paddock@portal.example>",
            organisation="Acme & Co",
        )
        yield replace(workplace, settings=settings)


@pytest.fixture
def portal(sending: Workplace) -> Iterator[Flask]:
    app = create_app(sending.settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    yield app
    app.extensions["paddock_engine"].dispose()


@pytest.fixture
def ada(portal: Flask, sending: Workplace) -> FlaskClient:
    with write_session(sending.engine) as session:
        racer = make_racer(session, "ada", role=Role.ADMIN)
    return sign_in(portal, racer)


def deliver(sending: Workplace) -> int:
    return couriers.deliver_mails(sending, clock.now() + timedelta(seconds=1))


def test_an_invitation_arrives_as_text_and_html_with_a_link_that_opens(
    portal: Flask, ada: FlaskClient, sending: Workplace, postbox: Postbox
) -> None:
    ada.post("/admin/invitations/new", data={**FORM, "addresses": "Zoë Ba <zoe@example.org>, bob@example.org"})
    ada.post("/admin/invitations/new", data={**FORM, "addresses": "Zoë Ba <zoe@example.org>"})
    assert deliver(sending) == 2
    mail = next(mail for mail in postbox.mails if mail["To"] == "zoe@example.org")
    assert mail["Subject"] == "ada invites you to race at Acme & Co"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    link = re.search(r"http://127\.0\.0\.1:8000(/welcome/\S+)", text)
    assert link
    assert f'<a href="{link.group()}">{link.group()}</a>' in html
    assert "Acme &amp; Co" in html
    page = portal.test_client().get(link.group(1))
    assert page.status_code == 200
    assert "Zoë Ba, you are invited" in page.text
    assert ada.get("/admin/invitations").text.count(" sent</span>") == 2
    with read_session(sending.engine) as session:
        assert {(mail.text, mail.html) for mail in session.exec(select(Mail))} == {("", "")}, "no link stays behind"


def test_an_address_that_the_server_refuses_is_shown_with_its_reason_and_can_be_tried_again(
    ada: FlaskClient, sending: Workplace, postbox: Postbox
) -> None:
    postbox.answers["gone@example.org"] = "550 no such mailbox"
    ada.post("/admin/invitations/new", data={**FORM, "addresses": "gone@example.org"})
    deliver(sending)
    text = ada.get("/admin/invitations").text
    assert "not sent" in text
    assert "no such mailbox" in text
    postbox.answers.clear()
    chosen = re.findall(r'name="invitation" value="(\w+)"', text)
    assert (
        "1 mail is on its way."
        in ada.post("/admin/invitations/send", data={"invitation": chosen}, follow_redirects=True).text
    )
    assert deliver(sending) == 1
    assert [mail["To"] for mail in postbox.mails] == ["gone@example.org"]


def test_a_revoked_one_is_not_sent(ada: FlaskClient, sending: Workplace, postbox: Postbox) -> None:
    ada.post("/admin/invitations/new", data={**FORM, "addresses": "zoe@example.org"})
    chosen = re.findall(r'name="invitation" value="(\w+)"', ada.get("/admin/invitations").text)
    ada.post("/admin/invitations/revoke", data={"invitation": chosen})
    assert deliver(sending) == 0
    assert postbox.mails == []
