"""The profile: form, page and open sessions."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select
from werkzeug.datastructures import MultiDict

from portal import clock
from portal.database import read_session, write_session
from portal.forms.parsing import FormErrors, SubmittedForm, parse
from portal.forms.profile import COLOURS, ProfileForm, countries
from portal.rules import browser_sessions, ledger
from portal.tables import BrowserSession, JobKind, Racer, Sponsorship
from portal.user_agents import describe
from tests.cast import make_racer
from tests.conftest import sign_in

GOOD = {"alias": "Alice-1", "country": "FR", "avatar_body": "red", "avatar_trim": "white"}


@pytest.fixture
def newcomer(app: Flask, engine: Engine) -> FlaskClient:
    with write_session(engine) as session:
        racer = make_racer(session, None)
    return sign_in(app, racer)


def stored(engine: Engine) -> list[Racer]:
    with read_session(engine) as session:
        return list(session.exec(select(Racer).order_by(Racer.id)))  # type: ignore[arg-type]


@pytest.mark.parametrize("alias", ["a", "A" * 64, "007", "a-b-c", "-", " padded "])
def test_an_alias_of_letters_digits_and_hyphens_is_good(alias: str) -> None:
    assert parse(ProfileForm, MultiDict({**GOOD, "alias": alias})).alias == alias.strip()


@pytest.mark.parametrize("alias", ["", "a" * 65, "a b", "a_b", "ä", "a/b", "<b>", "a.b", "٣", "a\n"[:1] + "\u200b"])
def test_any_other_alias_is_refused_at_its_field(alias: str) -> None:
    with pytest.raises(FormErrors) as refusal:
        parse(ProfileForm, MultiDict({**GOOD, "alias": alias}))
    assert set(refusal.value.by_field) == {"alias"}


@pytest.mark.parametrize("hidden", ["\0", "\x07", "\x0b", "\x0c", "\x1b", "\x1f"])
def test_a_control_character_is_refused_at_its_field(newcomer: FlaskClient, engine: Engine, hidden: str) -> None:
    answer = newcomer.post("/profile/edit", data={**GOOD, "alias": f"Ali{hidden}ce", "unknown": "\0"})
    assert answer.status_code == 422
    assert "invisible control character" in answer.text
    assert [racer.alias for racer in stored(engine)] == [None]


def test_tabs_and_line_ends_are_no_control_characters_of_a_text() -> None:
    class Note(SubmittedForm):
        text: str
        lines: tuple[str, ...] = ()

    assert parse(Note, MultiDict({"text": "a\tb\r\nc"})).text == "a\tb\r\nc"
    with pytest.raises(FormErrors) as refusal:
        parse(Note, MultiDict([("text", "a"), ("lines", "b"), ("lines", "\0")]), lists=("lines",))
    assert set(refusal.value.by_field) == {"lines"}


@pytest.mark.parametrize(
    ("field", "value"), [("country", "XX"), ("country", "fr"), ("avatar_body", "plaid"), ("avatar_trim", "")]
)
def test_what_is_not_on_the_lists_is_refused(field: str, value: str) -> None:
    with pytest.raises(FormErrors) as refusal:
        parse(ProfileForm, MultiDict({**GOOD, field: value}))
    assert set(refusal.value.by_field) == {field}


def test_countries_are_those_of_iso_3166() -> None:
    codes = [code for code, _ in countries()]
    assert len(codes) == len(set(codes)) > 240
    assert {"FR", "NG", "NZ", "TW"} <= set(codes)
    assert not {"EU", "UN", "ZZ"} & set(codes)


def test_the_form_has_ten_colours_twice_and_a_saved_one_is_checked(app: Flask, alice: Racer) -> None:
    text = sign_in(app, alice).get("/profile/edit").text
    for part in ("body", "trim"):
        assert re.findall(rf'name="avatar_{part}" value="(\w+)"', text) == list(COLOURS)
    assert re.search(r'name="avatar_body" value="teal" required checked', text)


def test_a_newcomer_saves_a_profile_and_goes_on_to_where_they_wanted(newcomer: FlaskClient, engine: Engine) -> None:
    answer = newcomer.post("/profile/edit?next=/races", data=GOOD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/races")
    (racer,) = stored(engine)
    assert (racer.alias, racer.alias_key, racer.country, racer.avatar_body) == ("Alice-1", "alice-1", "FR", "red")


def test_next_of_the_profile_stays_in_the_portal(newcomer: FlaskClient) -> None:
    answer = newcomer.post("/profile/edit?next=//evil.example", data=GOOD)
    assert answer.headers["Location"] == "/profile"


def test_a_wrong_field_keeps_what_was_typed_and_says_what_is_wrong(newcomer: FlaskClient, engine: Engine) -> None:
    answer = newcomer.post("/profile/edit", data={**GOOD, "alias": "a b"})
    assert answer.status_code == 422
    assert 'value="a b"' in answer.text
    assert "without spaces" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert re.search(r'<option value="FR" selected>', answer.text)
    assert stored(engine)[0].alias is None


def test_a_taken_alias_is_said_at_the_field(newcomer: FlaskClient, alice: Racer) -> None:
    answer = newcomer.post("/profile/edit", data={**GOOD, "alias": "ALICE"})
    assert answer.status_code == 422
    assert "Somebody else has this alias" in answer.text


def test_no_other_field_can_be_set_by_the_form(app: Flask, alice: Racer, engine: Engine) -> None:
    sign_in(app, alice).post(
        "/profile/edit", data={**GOOD, "role": "admin", "granted_admin": "1", "sponsorship": "ended", "email": "x@y"}
    )
    (racer,) = stored(engine)
    assert (racer.role, racer.granted_admin, racer.sponsorship, racer.email) == (
        "racer",
        False,
        "active",
        "alice@example.org",
    )


def test_a_name_with_markup_is_text(app: Flask, engine: Engine) -> None:
    with write_session(engine) as session:
        racer = make_racer(session, "alice")
        racer.name = "<script>alert(1)</script>"
    text = sign_in(app, racer).get("/profile").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_the_page_shows_hours_and_the_statement(app: Flask, engine: Engine, alice: Racer) -> None:
    with write_session(engine) as session:
        account = ledger.account_of(session, alice)
        ledger.reserve(session, account, JobKind.TRAINING, 1, 3_600_000, now=clock.now())
        ledger.settle(session, JobKind.TRAINING, 1, 1_800_000, 3_500_000, now=clock.now())
    text = sign_in(app, alice).get("/profile").text
    assert "4 h 30 min" in text
    assert "$1.75" in text
    assert "Held for the" in text


@pytest.mark.parametrize(
    ("sponsorship", "sentence"),
    [(Sponsorship.PAUSED, "Your sponsorship is paused"), (Sponsorship.ENDED, "Your sponsorship has ended")],
)
def test_a_racer_without_sponsorship_is_told(
    app: Flask, engine: Engine, sponsorship: Sponsorship, sentence: str
) -> None:
    with write_session(engine) as session:
        racer = make_racer(session, "bob", sponsorship=sponsorship)
    assert sentence in sign_in(app, racer).get("/profile").text


def test_other_sessions_are_listed_and_ended_and_this_one_stays(app: Flask, engine: Engine, alice: Racer) -> None:
    here, elsewhere = sign_in(app, alice), sign_in(app, alice)
    with write_session(engine) as session:
        somebody = make_racer(session, "bob")
    bob = sign_in(app, somebody)
    assert "Sign out everywhere else" in here.get("/profile").text
    here.post("/profile/sessions/end-others")
    assert here.get("/profile").status_code == 200
    assert elsewhere.get("/profile").status_code == 303
    assert bob.get("/profile").status_code == 200
    assert "Sign out everywhere else" not in here.get("/profile").text


def test_a_session_ends_when_it_sleeps_too_long_or_gets_too_old(app: Flask, engine: Engine, alice: Racer) -> None:
    def ended_by(change: Callable[[BrowserSession], None]) -> bool:
        browser = sign_in(app, alice)
        assert browser.get("/profile").status_code == 200
        with write_session(engine) as session:
            for row in browser_sessions.open_of(session, alice, now=clock.now(), idle_s=10**6):
                change(row)
        return browser.get("/profile").status_code == 303

    def sleeps(row: BrowserSession) -> None:
        row.last_seen_at = row.last_seen_at.replace(year=2020)

    def ages(row: BrowserSession) -> None:
        row.expires_at = clock.now()

    assert ended_by(sleeps)
    assert ended_by(ages)


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604",
            "Safari on iPhone",
        ),
        ("", "A browser"),
    ],
)
def test_a_browser_is_named_in_words(user_agent: str, expected: str) -> None:
    assert describe(user_agent) == expected
