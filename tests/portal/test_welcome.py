"""An invitation's link over real HTTP: through the sign-in and the profile to where it leads; and who tries more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlsplit

import pytest
from itsdangerous import URLSafeSerializer
from redis import Redis
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock, invitation_links
from portal.database import read_session, write_session
from portal.rules import invitations, limits, local_accounts
from portal.rules.invitations import Invitee
from portal.settings import Settings
from portal.tables import AuditEvent, Invitation, Racer, Role
from tests.cast import make_racer
from tests.portal.site import PASSWORD, Person, Site, query_of, served
from tests.ports import free_port

PROFILE = {"alias": "Zoe-1", "country": "", "avatar_body": "red", "avatar_trim": "white"}
GIVEN = "given-by-admin-1"


@pytest.fixture
def site(settings: Settings, engine: Engine, redis: Redis, cheap_hashes: None) -> Iterator[Site]:
    with write_session(engine) as session:
        for name in ("zoe", "eve"):
            local_accounts.create(session, name, PASSWORD, by=None, now=clock.now(), email=f"{name}@example.org")
        make_racer(session, "ada", role=Role.ADMIN)
    with served(replace(settings, port=free_port()), engine) as site:
        yield site


def invited(site: Site, land_on: str = "/races?state=open", email: str = "zoe@example.org") -> str:
    """The path of a fresh invitation's link."""
    with write_session(site.engine) as session:
        ada = session.exec(select(Racer).where(Racer.alias == "ada")).one()
        life = timedelta(days=1)
        people = [Invitee("1", email, "Zoe")]
        (row,) = invitations.invite(session, people, land_on=land_on, life=life, by=ada, now=clock.now())
    assert row.invitation is not None
    with site.portal.test_request_context():
        return invitation_links.path_of(row.invitation)


def only(site: Site) -> Invitation:
    with read_session(site.engine) as session:
        return session.exec(select(Invitation)).one()


def accepter(site: Site) -> str | None:
    with read_session(site.engine) as session:
        accepted_by_id = only(site).accepted_by_id
        return session.get_one(Racer, accepted_by_id).name if accepted_by_id else None


def change(site: Site, **values: object) -> None:
    with write_session(site.engine) as session:
        invitation = session.exec(select(Invitation)).one()
        for name, value in values.items():
            setattr(invitation, name, value)


def where(person_page: object) -> str:
    parts = urlsplit(person_page.url)  # type: ignore[attr-defined]
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def test_a_newcomer_comes_through_sign_in_and_profile_to_where_it_leads(site: Site) -> None:
    link, zoe = invited(site), Person(site.address)
    page = zoe.get(link)
    assert page.status_code == 200
    for part in ("Zoe, you are invited", "ada invites you to race at Paddock", "/races?state=open", "Sign in and join"):
        assert part in page.text, part
    assert (page.headers["Cache-Control"], page.headers["X-Robots-Tag"]) == ("no-store", "noindex")
    assert only(site).accepted_at is None, "looking changes nothing"
    page = zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    assert "/profile/edit" in page.url
    assert accepter(site) == "zoe"
    page = zoe.submit(page, PROFILE)
    assert where(page) == "/races?state=open"
    with read_session(site.engine) as session:
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "invitation.accept")).all()
        assert event.by_racer_id == only(site).accepted_by_id


def test_a_first_password_is_changed_on_the_way(site: Site) -> None:
    with write_session(site.engine) as session:
        local_accounts.reset_password(session, "zoe", GIVEN, by=None, now=clock.now())
    link, zoe = invited(site), Person(site.address)
    page = zoe.sign_in("zoe", GIVEN, path=f"/sign-in?next={quote(link)}")
    assert "/idp/password" in page.url
    page = zoe.submit(page, {"current": GIVEN, "password": PASSWORD, "again": PASSWORD})
    assert where(zoe.submit(page, PROFILE)) == "/races?state=open"


def test_whoever_has_it_is_simply_taken_there_again(site: Site) -> None:
    link, zoe = invited(site, "/tracks"), Person(site.address)
    zoe.submit(zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}"), PROFILE)
    assert where(zoe.get(link)) == "/tracks"
    elsewhere = Person(site.address)
    page = elsewhere.get(link)
    assert page.status_code == 409
    assert "It was me: sign in" in page.text
    assert where(elsewhere.sign_in("zoe", path=f"/sign-in?next={quote(link)}")) == "/tracks"
    change(site, expires_at=clock.now() - timedelta(days=1))
    assert where(zoe.get(link)) == "/tracks"


def test_the_second_person_with_the_same_link_gets_a_clear_page(site: Site) -> None:
    link = invited(site)
    Person(site.address).sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    eve = Person(site.address)
    page = eve.sign_in("eve", path=f"/sign-in?next={quote(link)}")
    assert page.status_code == 409
    assert "This invitation was used already" in page.text
    assert "Ask whoever invited you for an invitation of your own" in page.text
    assert accepter(site) == "zoe"


def test_somebody_who_is_signed_in_accepts_by_a_button_and_not_by_looking(site: Site) -> None:
    link, zoe = invited(site, "/tracks"), Person(site.address)
    zoe.submit(zoe.sign_in("zoe"), PROFILE)
    page = zoe.get(link)
    assert "Accept as Zoe-1" in page.text
    assert only(site).accepted_at is None
    assert where(zoe.submit(page, {})) == "/tracks"
    assert accepter(site) == "zoe"
    assert where(zoe.submit(page, {})) == "/tracks", "sent twice is the same"


def test_somebody_who_is_in_already_is_led_on_and_the_invitation_stays_open(site: Site) -> None:
    eve = Person(site.address)
    eve.submit(eve.sign_in("eve"), {**PROFILE, "alias": "Eve"})
    link = invited(site, "/tracks")
    page = eve.get(link)
    assert "This invitation is for somebody new; you are in already" in page.text
    assert 'href="/tracks"' in page.text
    assert "Accept as" not in page.text
    again = Person(site.address)
    assert where(again.sign_in("eve", path=f"/sign-in?next={quote(link)}")) == "/tracks"
    assert only(site).accepted_at is None
    zoe = Person(site.address)
    zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    assert accepter(site) == "zoe"


def test_it_survives_an_error_of_the_provider_and_several_tabs(site: Site) -> None:
    link, zoe = invited(site), Person(site.address)
    other = zoe.get("/sign-in?next=/tracks", follow=False)
    begun = zoe.get(f"/sign-in?next={quote(link)}", follow=False)
    state = query_of(begun.headers["Location"])["state"]
    failed = zoe.get(f"/sign-in/callback?error=access_denied&state={state}&iss={site.settings.issuer}")
    assert failed.status_code == 403
    assert f'href="/sign-in?next={quote(link)}"' in failed.text.replace("%2F", "/")
    page = zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    assert "/profile/edit" in page.url
    assert accepter(site) == "zoe"
    assert other.status_code == 303


def test_a_sign_in_whose_state_is_lost_leads_back_to_the_invitation_that_was_opened(site: Site) -> None:
    link, zoe = invited(site), Person(site.address)
    zoe.get(link)
    lost = zoe.get(f"/sign-in/callback?code=x&state=forgotten&iss={site.settings.issuer}")
    assert lost.status_code == 400
    assert f'href="/sign-in?next={quote(link)}"' in lost.text.replace("%2F", "/")


def test_a_sign_in_by_another_way_after_opening_it_gives_it_to_the_invited_address(site: Site) -> None:
    link, zoe = invited(site, "/tracks"), Person(site.address)
    zoe.get(link)
    page = zoe.sign_in("zoe", path="/sign-in")
    assert accepter(site) == "zoe"
    assert where(zoe.submit(page, PROFILE)) == "/tracks"


def test_another_address_is_asked_first(site: Site) -> None:
    link, eve = invited(site), Person(site.address)
    eve.get(link)
    page = eve.sign_in("eve", path="/sign-in")
    assert where(page) == link
    assert "Accept as eve" in page.text
    assert accepter(site) is None
    assert "/profile/edit?next=" in eve.submit(page, {}).url
    assert accepter(site) == "eve"


def test_while_multi_user_mode_is_off_it_says_why_and_stays_good(site: Site) -> None:
    link, zoe = invited(site), Person(site.address)
    with write_session(site.engine) as session:
        limits.change(session, by=None, now=clock.now(), multi_user_enabled=False)
    page = zoe.get(link)
    assert page.status_code == 409
    assert "Multi-user mode is switched off" in page.text
    assert "stays good" in page.text
    refused = zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    assert refused.status_code == 403
    assert quote(link) in refused.text.replace("%2F", "/")
    assert only(site).accepted_at is None
    with write_session(site.engine) as session:
        limits.change(session, by=None, now=clock.now(), multi_user_enabled=True)
    assert "/profile/edit" in zoe.get(f"/sign-in?next={quote(link)}").url
    assert accepter(site) == "zoe"


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"expires_at": clock.now() - timedelta(seconds=1)}, "This invitation has expired"),
        ({"revoked_at": clock.now()}, "This invitation is not good any more"),
    ],
)
def test_one_that_is_over_says_the_mend_and_is_not_accepted(site: Site, values: dict[str, object], title: str) -> None:
    link, zoe = invited(site), Person(site.address)
    change(site, **values)
    page = zoe.get(link)
    assert page.status_code == 409
    assert title in page.text
    assert "Ask whoever invited you" in page.text
    page = zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    assert page.status_code == 409
    assert title in page.text
    assert accepter(site) is None
    assert zoe.get("/profile/edit").status_code == 200, "the sign-in itself counts"


def test_a_forged_link_and_an_unknown_one_look_the_same(site: Site) -> None:
    link = invited(site)
    token = link.removeprefix("/welcome/")
    secret = site.portal.config["SECRET_KEY"]

    def signed(value: object, salt: str = invitation_links.SALT, key: str = secret) -> str:
        return str(URLSafeSerializer(key, salt=salt).dumps(value))

    public_id = only(site).public_id
    bad = {
        "unknown": signed("0" * 16),
        "no text": signed([public_id]),
        "other key": signed(public_id, key="x" * 32),
        "other salt": signed(public_id, salt="paddock.streams"),
        "bare id": public_id,
        "changed": token[:-2] + ("aa" if token[-2:] != "aa" else "bb"),
        "cut": token[:-1],
        "long": token * 100,
        "nothing": "x",
        "not ascii": "%C3%A9.",
    }
    visitor = Person(site.address)
    pages = {name: visitor.get(f"/welcome/{value}") for name, value in bad.items()}
    assert {name: page.status_code for name, page in pages.items()} == dict.fromkeys(bad, 404)

    def body(text: str) -> str:
        main = text[text.index("<main") : text.index("</main>")]
        assert "not there" in main
        return main

    assert len({body(page.text) for page in pages.values()}) == 1
    eve = Person(site.address)
    page = eve.sign_in("eve", path=f"/sign-in?next=/welcome/{bad['changed']}")
    assert page.status_code == 404
    assert accepter(site) is None


def test_a_row_that_leads_elsewhere_leads_home(site: Site) -> None:
    link, zoe = invited(site), Person(site.address)
    change(site, land_on="//evil.example/x")
    page = zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    assert query_of(page.url)["next"] == "/"


def test_a_callback_that_is_sent_again_accepts_nothing(site: Site) -> None:
    link, zoe = invited(site), Person(site.address)
    page = zoe.sign_in("zoe", path=f"/sign-in?next={quote(link)}")
    callback = next(step.url for step in page.history if "/sign-in/callback" in step.url)
    assert Person(site.address).get(callback).status_code == 400
    with read_session(site.engine) as session:
        events = session.exec(select(AuditEvent).where(AuditEvent.action == "invitation.accept")).all()
    assert len(events) == 1


def test_a_spectator_cannot_accept_without_signing_in(site: Site) -> None:
    link, visitor = invited(site), Person(site.address)
    token = re.search(r'name="csrf-token" content="([^"]+)"', visitor.get(link).text)
    assert token
    answer = visitor.http.post(
        site.address + link, data={"csrf_token": token.group(1)}, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in")
    assert accepter(site) is None
