"""The administrator's pages of invitations: made by address or list, followed, sent again, revoked, exported."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock
from portal.app import create_app
from portal.database import read_session, write_session
from portal.rules import deliveries, invitations, limits
from portal.settings import Settings
from portal.tables import AuditEvent, Invitation, Mail, Racer, Role
from tests.cast import make_racer
from tests.conftest import sign_in

NEW = {"land_on": "/garage", "days": "14", "send": "1"}


@pytest.fixture
def ada(app: Flask, engine: Engine) -> FlaskClient:
    with write_session(engine) as session:
        racer = make_racer(session, "ada", role=Role.ADMIN)
    return sign_in(app, racer)


@pytest.fixture
def mailing(settings: Settings, engine: Engine, redis: Redis, app: Flask, ada: FlaskClient) -> Iterator[FlaskClient]:
    """The same administrator where a mail server is set."""
    mailing = create_app(replace(settings, smtp_url="smtp://127.0.0.1:2525", mail_from="Paddock <p@example.org>"))
    mailing.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    with read_session(engine) as session:
        racer = session.exec(select(Racer)).one()
    yield sign_in(mailing, racer)
    mailing.extensions["paddock_engine"].dispose()


def stored(engine: Engine) -> list[Invitation]:
    with read_session(engine) as session:
        return list(session.exec(select(Invitation).order_by(Invitation.id)))  # type: ignore[arg-type]


def mails(engine: Engine) -> list[Mail]:
    with read_session(engine) as session:
        return list(session.exec(select(Mail)))


def upload(data: bytes) -> dict[str, object]:
    return {**NEW, "file": (io.BytesIO(data), "people.csv")}


def test_people_are_invited_by_address_and_everybody_gets_a_link(ada: FlaskClient, engine: Engine) -> None:
    assert "Nobody was invited yet" in ada.get("/admin/invitations").text
    answer = ada.post("/admin/invitations/new", data={**NEW, "addresses": "Zoe Ba <zoe@example.org>\nbob@example.org"})
    assert answer.status_code == 200
    assert "2 people invited" in answer.text
    assert "Nothing was sent" in answer.text
    links = set(re.findall(r"http://127\.0\.0\.1:8000/welcome/[\w.-]+", answer.text))
    assert len(links) == 2
    first, second = stored(engine)
    assert (first.email, first.name, second.name) == ("zoe@example.org", "Zoe Ba", "")
    assert first.expires_at - first.created_at == timedelta(days=14)
    assert first.public_id not in answer.text
    assert mails(engine) == []
    for link in links:
        assert ada.get(link.removeprefix("http://127.0.0.1:8000")).status_code == 200


def test_a_list_gets_a_result_for_each_row_with_the_reason(ada: FlaskClient, engine: Engine) -> None:
    data = (
        "\ufeffE-Mail;Name\r\nada@example.org;Ada\r\n=cmd|x;<b>Eve</b>\r\nzoe@example.org;Zoe\r\nzoe@example.org;\r\n"
    )
    answer = ada.post("/admin/invitations/new", data=upload(data.encode()))
    assert answer.status_code == 200
    assert "1 created, 2 skipped, 1 failed." in answer.text
    rows = re.findall(r'<td class="number">(\d+)</td>.*?class="badge (\w+)"', answer.text, re.DOTALL)
    assert rows == [("3", "bad"), ("2", "warn"), ("5", "warn"), ("4", "good")]
    for part in ("This is a racer already: ada", "Row 4 has this address already", "&lt;b&gt;Eve&lt;/b&gt;"):
        assert part in answer.text, part
    assert [one.email for one in stored(engine)] == ["zoe@example.org"]


def test_a_list_of_nothing_but_faults_is_no_success(ada: FlaskClient) -> None:
    answer = ada.post("/admin/invitations/new", data=upload(b"ada,x\nbob,y\n"))
    assert answer.status_code == 422
    assert "Nobody was invited" in answer.text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (NEW, "Type at least one e-mail address"),
        (upload(b"a@example.org\0"), "no CSV file"),
        (upload(b"a@example.org\n" * 501), "more than 500 rows"),
        (upload(b"x" * 2_000_000), "larger than 1 MB"),
        ({**NEW, "addresses": "a@example.org", "days": "0"}, "days-error"),
        ({**NEW, "addresses": "a@example.org", "days": "9" * 30}, "days-error"),
        ({**NEW, "addresses": "a@example.org", "land_on": "elsewhere", "path": ""}, "no page at this path"),
        ({**NEW, "addresses": "a@example.org", "land_on": "elsewhere", "path": "/nowhere"}, "no page at this path"),
        (
            {**NEW, "addresses": "a@example.org", "land_on": "elsewhere", "path": "//evil.example"},
            "no page at this path",
        ),
        ({**NEW, "addresses": "a@example.org", "land_on": "https://evil.example/"}, "no page at this path"),
        ({**NEW, "addresses": "a@example.org", "land_on": "elsewhere", "path": "/sign-in"}, "path-error"),
    ],
)
def test_a_form_that_cannot_be_taken_says_why_and_invites_nobody(
    ada: FlaskClient, engine: Engine, data: dict[str, object], message: str
) -> None:
    answer = ada.post("/admin/invitations/new", data=dict(data))
    assert answer.status_code == 422
    assert message in answer.text
    assert stored(engine) == []


def test_another_page_may_be_typed(ada: FlaskClient, engine: Engine) -> None:
    data = {**NEW, "addresses": "a@example.org", "land_on": "elsewhere", "path": "/races?state=open"}
    assert ada.post("/admin/invitations/new", data=data).status_code == 200
    assert stored(engine)[0].land_on == "/races?state=open"


def test_with_a_mail_server_each_gets_a_mail_as_text_and_html(mailing: FlaskClient, engine: Engine) -> None:
    answer = mailing.post(
        "/admin/invitations/new", data={**NEW, "addresses": "Zoe <Ba> <zoe@example.org>, x@example.org"}
    )
    assert "The mails are on their way" in answer.text
    by_address = {mail.recipient: mail for mail in mails(engine)}
    mail = by_address["x@example.org"]
    assert mail.subject == "ada invites you to race at Paddock"
    link = re.search(r"http://127\.0\.0\.1:8000/welcome/\S+", mail.text)
    assert link
    assert f'<a href="{link.group()}">' in mail.html
    assert mailing.get(link.group().removeprefix("http://127.0.0.1:8000")).status_code == 200
    assert "waiting" in mailing.get("/admin/invitations").text


def test_the_list_shows_whether_the_mail_came_through_and_sends_it_again(mailing: FlaskClient, engine: Engine) -> None:
    mailing.post("/admin/invitations/new", data={**NEW, "addresses": "zoe@example.org"})
    with write_session(engine) as session:
        mail = session.exec(select(Mail)).one()
        deliveries.failed(session, mail, "550 no such <user>", now=clock.now(), for_good=True)
    text = mailing.get("/admin/invitations").text
    assert "not sent" in text
    assert "550 no such &lt;user&gt;" in text
    (invitation,) = stored(engine)
    asked = mailing.get(f"/admin/invitations/send?invitation={invitation.public_id}")
    assert "zoe@example.org" in asked.text
    done = mailing.post("/admin/invitations/send", data={"invitation": invitation.public_id}, follow_redirects=True)
    assert "1 mail is on its way." in done.text
    assert len(mails(engine)) == 2
    again = mailing.post("/admin/invitations/send", data={"invitation": invitation.public_id}, follow_redirects=True)
    assert "Nothing was to be done for zoe@example.org" in again.text
    assert len(mails(engine)) == 2


def test_without_the_box_nothing_is_mailed(mailing: FlaskClient, engine: Engine) -> None:
    data = {"land_on": "/garage", "days": "3", "addresses": "zoe@example.org"}
    assert "Nothing was sent" in mailing.post("/admin/invitations/new", data=data).text
    assert mails(engine) == []


def test_several_are_revoked_at_once_and_restored(ada: FlaskClient, engine: Engine) -> None:
    ada.post("/admin/invitations/new", data={**NEW, "addresses": "a@example.org, b@example.org, c@example.org"})
    ids = [one.public_id for one in stored(engine)]
    asked = ada.get("/admin/invitations/revoke", query_string={"invitation": ids[:2]})
    assert "2 invitations" in asked.text
    done = ada.post("/admin/invitations/revoke", data={"invitation": ids[:2]}, follow_redirects=True)
    assert "2 invitations are revoked." in done.text
    assert "Undo" in done.text
    assert [one.revoked_at is None for one in stored(engine)] == [False, False, True]
    assert "a@example.org" in ada.get("/admin/invitations?state=revoked").text
    assert "c@example.org" not in ada.get("/admin/invitations?state=revoked").text
    assert "Restore" in ada.get(f"/admin/invitations/{ids[0]}").text
    assert ada.get("/welcome/x").status_code == 404
    done = ada.post("/admin/invitations/restore", data={"invitation": ids}, follow_redirects=True)
    assert "2 invitations are good again." in done.text
    assert "Nothing was to be done for c@example.org." in done.text
    stale = ada.get("/admin/invitations", query_string={"revoked": [*ids, "nonsense"]})
    assert "Undo" not in stale.text
    with read_session(engine) as session:
        revoked = session.exec(select(AuditEvent).where(AuditEvent.action == "invitation.revoke")).all()
    assert [event.after["email"] for event in revoked] == ["a@example.org", "b@example.org"]


def test_a_confirmation_is_a_fragment_in_the_dialog(ada: FlaskClient, engine: Engine) -> None:
    ada.post("/admin/invitations/new", data={**NEW, "addresses": "a@example.org"})
    path = f"/admin/invitations/revoke?invitation={stored(engine)[0].public_id}"
    assert "<html" in ada.get(path).text
    fragment = ada.get(path, headers={"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert "a@example.org" in fragment.text


@pytest.mark.parametrize(("chosen", "status"), [([], 422), (["0000000000000000"], 404)])
def test_nobody_and_unknown_ones_are_refused(ada: FlaskClient, chosen: list[str], status: int) -> None:
    for verb in ("send", "revoke", "restore"):
        assert ada.get(f"/admin/invitations/{verb}", query_string={"invitation": chosen}).status_code == status
        assert ada.post(f"/admin/invitations/{verb}", data={"invitation": chosen}).status_code == status


def test_the_page_of_one_shows_its_link_and_its_letter_until_it_is_over(ada: FlaskClient, engine: Engine) -> None:
    ada.post("/admin/invitations/new", data={**NEW, "addresses": "Zoe <zoe@example.org>"})
    (invitation,) = stored(engine)
    text = ada.get(f"/admin/invitations/{invitation.public_id}").text
    link = re.search(r'id="link" type="text" readonly value="([^"]+)"', text)
    assert link
    assert text.count(link.group(1)) >= 3
    assert "Hello Zoe," in text
    assert ada.get("/admin/invitations/0123456789abcdef").status_code == 404
    with write_session(engine) as session:
        invitations.revoke(
            session, invitations.get(session, invitation.public_id), by=session.get_one(Racer, 1), now=clock.now()
        )
    assert link.group(1) not in ada.get(f"/admin/invitations/{invitation.public_id}").text


def test_links_are_exported_for_those_that_are_open(ada: FlaskClient, engine: Engine) -> None:
    people = b"email,name\na@example.org,=HYPERLINK(1)\nb@example.org,Bob\n"
    ada.post("/admin/invitations/new", data=upload(people))
    with write_session(engine) as session:
        bob = session.exec(select(Invitation).where(Invitation.email == "b@example.org")).one()
        racer = make_racer(session, "bob")
        racer.email = bob.email
        invitations.accept(session, bob, racer, now=clock.now())
    answer = ada.get("/admin/invitations.csv")
    rows = {row["e-mail"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert rows["a@example.org"]["link"].startswith("http://127.0.0.1:8000/welcome/")
    assert rows["a@example.org"]["name"] == "'=HYPERLINK(1)"
    assert (rows["b@example.org"]["link"], rows["b@example.org"]["accepted by"]) == ("", "bob")
    assert "b@example.org" not in ada.get("/admin/invitations.csv?state=open").text
    assert "a@example.org" not in ada.get("/admin/invitations.csv?q=b@").text


def test_while_multi_user_mode_is_off_the_pages_say_so_and_invite_all_the_same(
    ada: FlaskClient, engine: Engine
) -> None:
    with write_session(engine) as session:
        limits.change(session, by=None, now=clock.now(), multi_user_enabled=False)
    for path in ("/admin/invitations", "/admin/invitations/new"):
        assert "Multi-user mode is switched off" in ada.get(path).text
    assert ada.post("/admin/invitations/new", data={**NEW, "addresses": "a@example.org"}).status_code == 200


def test_an_unknown_filter_shows_everything(ada: FlaskClient) -> None:
    ada.post("/admin/invitations/new", data={**NEW, "addresses": "a@example.org"})
    assert "a@example.org" in ada.get("/admin/invitations?state=nonsense&page=x").text
    assert "No invitation fits" in ada.get("/admin/invitations?q=zzz").text


# The wording


def test_the_built_in_wording_has_the_portals_link_and_the_organisation(ada: FlaskClient) -> None:
    text = ada.get("/admin/invitations/template").text
    assert "ada invites you to race at Paddock" in text
    assert '<a href="http://127.0.0.1:8000/">http://127.0.0.1:8000/</a>' in text
    letter = re.search(r'<textarea id="letter-text"[^>]*>(.*?)</textarea>', text, re.DOTALL)
    assert letter
    assert "works until" not in letter.group(1), "the portal's own link has no end"


def test_an_own_wording_is_tried_saved_used_and_given_up(ada: FlaskClient, engine: Engine) -> None:
    own = {"subject": "Race, {name}!", "body": "Dear {name},\n<b>come</b> to {organisation}: {link}"}
    tried = ada.post("/admin/invitations/template", data={**own, "do": "try"})
    assert "It is not saved yet" in tried.text
    assert "Dear racer," in tried.text
    assert "Dear racer" not in ada.get("/admin/invitations/template").text
    saved = ada.post("/admin/invitations/template", data=own, follow_redirects=True)
    assert "The wording is saved." in saved.text
    assert "&lt;b&gt;come&lt;/b&gt; to Paddock" in saved.text
    ada.post("/admin/invitations/new", data={**NEW, "addresses": "Zoe <zoe@example.org>"})
    assert "Dear Zoe," in ada.get(f"/admin/invitations/{stored(engine)[0].public_id}").text
    assert "Your own wording goes" in ada.get("/admin/invitations/template/reset").text
    reset = ada.post("/admin/invitations/template/reset", follow_redirects=True)
    assert "Dear racer" not in reset.text
    with read_session(engine) as session:
        actions = [event.action for event in session.exec(select(AuditEvent))]
    assert {"invitation-template.change", "invitation-template.reset"} <= set(actions)


def test_a_wording_with_faults_is_shown_again_with_what_was_typed(ada: FlaskClient) -> None:
    for verb in ("", "try"):
        answer = ada.post("/admin/invitations/template", data={"subject": "S", "body": "no {way}", "do": verb})
        assert answer.status_code == 422
        assert "There is no placeholder {way}" in answer.text
        assert "no {way}</textarea>" in answer.text
