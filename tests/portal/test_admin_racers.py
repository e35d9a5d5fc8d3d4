"""The administrator's pages about racers: the table, one racer, each action with its confirmation, result and Undo."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select
from werkzeug.test import TestResponse

from portal import clock
from portal.database import read_session, write_session
from portal.rules import ledger, limits, racer_list
from portal.tables import HOUR_MS, AuditEvent, JobKind, Model, Racer, RacerRequest, RequestKind, Role, Sponsorship
from tests.cast import NOON, make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import make_model, make_training, parsed

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/admin/racers"}
ACTIONS = ("quota", "pause", "resume", "end", "sponsor", "delete-models")


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    """The cast: ada administers, alice has a model, bob is paused, carol's sponsorship has ended."""
    with write_session(engine) as session:
        cast = {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "alice": make_racer(session, "alice"),
            "bob": make_racer(session, "bob", sponsorship=Sponsorship.PAUSED),
            "carol": make_racer(session, "carol", sponsorship=Sponsorship.ENDED),
        }
        make_model(session, cast["alice"], "Bolt").stored_bytes = 3 << 20
        return cast


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


def sponsorships(engine: Engine) -> dict[str | None, str]:
    with read_session(engine) as session:
        return {racer.alias: racer.sponsorship for racer in session.exec(select(Racer))}


def models(engine: Engine) -> dict[str, bool]:
    """Whether each model is in its garage."""
    with read_session(engine) as session:
        return {model.name: model.deleted_at is None for model in session.exec(select(Model))}


def ids(people: dict[str, Racer], *names: str) -> list[str]:
    return [people[name].public_id for name in names]


def switch_off(engine: Engine) -> None:
    with write_session(engine) as session:
        limits.change(session, by=None, now=NOON, multi_user_enabled=False)


def act(browser: FlaskClient, action: str, racers: list[str], **fields: str) -> TestResponse:
    return browser.post(f"/admin/racers/{action}", data={"racer": racers, **fields})


def followed(browser: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return parsed(browser.get(answer.headers["Location"]).text)


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found.group(1)


# The table


def test_the_table_shows_people_with_what_they_use(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        account = ledger.account_of(session, people["alice"])
        ledger.reserve(session, account, JobKind.TRAINING, 1, 1_200_000, now=clock.now())
        make_racer(session, None)
    text = parsed(ada.get("/admin/racers").text)
    row = re.search(rf'<tr id="racer-{people["alice"].public_id}">.*?</tr>', text, re.DOTALL)
    assert row
    for part in ("alice@example.org", "active", "20 min", 'value="1200000"', "5 h", "1 / 50", "3 MB", "$0.00"):
        assert part in row.group(0), part
    assert text.count('<tr id="racer-') == 4, "whoever has no profile yet is not in it"
    assert "estimate only, in USD" in text


def test_links_keep_search_filter_and_sort(ada: FlaskClient) -> None:
    text = parsed(ada.get("/admin/racers?q=a&state=active&sort=name").text)
    assert 'aria-sort="ascending"' in text
    for part in ("sort=-name", "q=a", "state=active"):
        assert re.search(rf'<th[^>]*>\s*<a href="[^"]*{part}', text), part
    assert re.search(r'href="[^"]*state=paused[^"]*"', text)


@pytest.mark.parametrize(
    ("query", "words"),
    [("q=zzz", "Nobody fits “zzz”"), ("q=%3Cb%3E", "Nobody fits “&lt;b&gt;”"), ("q=carol&state=active", "Nobody fits")],
)
def test_an_empty_list_says_why(ada: FlaskClient, query: str, words: str) -> None:
    assert words in parsed(ada.get(f"/admin/racers?{query}").text)


def test_an_empty_state_is_said(ada: FlaskClient, people: dict[str, Racer]) -> None:
    act(ada, "sponsor", ids(people, "carol"))
    assert "Nobody is in this state" in parsed(ada.get("/admin/racers?state=ended").text)


def test_while_multi_user_mode_is_off_the_list_is_empty_and_says_why(ada: FlaskClient, engine: Engine) -> None:
    switch_off(engine)
    text = parsed(ada.get("/admin/racers").text)
    assert "Multi-user mode is switched off" in text
    assert "alice" not in text
    assert ada.get("/admin/racers/export").text.count("\n") == 1


def test_the_download_holds_what_matches_and_no_formula(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        session.get_one(Racer, people["alice"].id).name = "=cmd()"
    answer = ada.get("/admin/racers/export?state=active&sort=-alias")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["alias"] for row in rows] == ["alice", "ada"]
    alice = rows[0]
    assert (alice["name"], alice["quota_hours"], alice["models"]) == ("'=cmd()", "5.000000", "1")
    assert (alice["stored_bytes"], alice["estimated_spending_usd"]) == (str(3 << 20), "0.000000")


# Actions


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_first_names_who_and_what_follows_and_changes_nothing(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], action: str
) -> None:
    before = sponsorships(engine), models(engine)
    query = {"racer": ids(people, "alice", "bob")}
    page = parsed(ada.get(f"/admin/racers/{action}", query_string=query).text)
    fragment = ada.get(f"/admin/racers/{action}", query_string=query, headers=HTMX).text
    assert "<html" not in fragment
    for text in (page, fragment):
        for part in ("2 racers", "alice", "bob", "What follows", 'name="reason"', "Cancel"):
            assert part in text, part
        assert "carol" not in text
    assert (sponsorships(engine), models(engine)) == before


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("pause", "submit models to races"),
        ("end", "Alias, profile, models and results stay"),
        ("delete-models", "weights, logs and replays"),
        ("delete-models", "3 MB"),
        ("quota", "blocks new work"),
        ("quota", "Now 5 h."),
    ],
)
def test_the_consequences_are_said_before(ada: FlaskClient, people: dict[str, Racer], action: str, words: str) -> None:
    assert words in ada.get(f"/admin/racers/{action}", query_string={"racer": ids(people, "alice")}).text


def test_pausing_several_tells_how_many_who_was_so_already_and_who_not_and_why(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    text = followed(ada, act(ada, "pause", ids(people, "alice", "bob", "carol"), reason="over budget"))
    assert sponsorships(engine) == {"ada": "active", "alice": "paused", "bob": "paused", "carol": "ended"}
    for part in (
        "Done for 1 racer.",
        "Paused: alice.",
        "It was so already for bob.",
        "carol: The sponsorship has ended",
    ):
        assert part in text, part
    with read_session(engine) as session:
        (event,) = session.exec(select(AuditEvent).where(AuditEvent.action == "sponsorship.pause")).all()
    assert (event.by_racer_id, event.reason) == (people["ada"].id, "over budget")


@pytest.mark.parametrize("action", ["pause", "end", "delete-models"])
def test_undo_restores_what_was_and_a_second_one_says_so(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], action: str
) -> None:
    before = sponsorships(engine), models(engine)
    page = followed(ada, act(ada, action, ids(people, "alice")))
    assert (sponsorships(engine), models(engine)) != before
    batch = field(page, "batch")
    for words in ("Undone for 1 racer.", "This was undone already."):
        assert words in followed(ada, ada.post("/admin/racers/undo", data={"batch": batch}))
        assert (sponsorships(engine), models(engine)) == before
    assert ada.post("/admin/racers/undo", data={"batch": "0" * 16}).status_code == 404


def test_quotas_are_set_in_one_form_and_a_blank_one_keeps(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    page = followed(
        ada, act(ada, "quota", ids(people, "alice", "bob"), hours="7,5", maximum_models="", models_at_once="3")
    )
    assert "Quotas set: alice, bob." in page
    with read_session(engine) as session:
        accounts = {name: ledger.account_of(session, people[name]) for name in ("alice", "bob", "carol")}
    quotas = {name: (row.quota_ms, row.maximum_models, row.models_at_once) for name, row in accounts.items()}
    assert quotas["alice"] == quotas["bob"] == (27_000_000, 50, 3)
    assert quotas["carol"] == (5 * HOUR_MS, 50, 2)
    assert "nothing left" not in page


def test_a_quota_under_what_is_used_says_for_how_many_nothing_is_left(
    ada: FlaskClient, people: dict[str, Racer]
) -> None:
    page = followed(ada, act(ada, "quota", ids(people, "alice", "bob"), hours="0"))
    assert "2 of them have nothing left and start nothing new" in page


@pytest.mark.parametrize(
    ("name", "value"),
    [("hours", "-1"), ("hours", "many"), ("hours", "nan"), ("hours", "1e9"), ("hours", "1.0001"),
     ("maximum_models", "1.5"), ("maximum_models", "-1"), ("models_at_once", "0"), ("reason", "x" * 501)],
)  # fmt: skip
def test_a_wrong_field_is_said_at_the_field_and_keeps_what_was_typed(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], name: str, value: str
) -> None:
    fields = {"hours": "9", name: value}
    answer = act(ada, "quota", ids(people, "alice"), **fields)
    assert answer.status_code == 422
    assert f'id="{name}-error"' in parsed(answer.text)
    assert "alice" in answer.text
    assert f'value="{value}"' in answer.text
    with read_session(engine) as session:
        assert ledger.balance(session, people["alice"]).quota_ms == 5 * HOUR_MS


def test_no_quota_at_all_is_asked_for(ada: FlaskClient, people: dict[str, Racer]) -> None:
    answer = act(ada, "quota", ids(people, "alice"), hours=" ")
    assert answer.status_code == 422
    assert "Fill in at least one of the three" in parsed(answer.text)


def test_in_a_dialog_the_browser_is_told_where_to_go(ada: FlaskClient, people: dict[str, Racer]) -> None:
    data = {"racer": ids(people, "alice"), "back": "/admin/racers?q=a"}
    answer = ada.post("/admin/racers/pause", data=data, headers=HTMX)
    assert (answer.status_code, answer.text) == (204, "")
    assert re.fullmatch(r"/admin/racers\?q=a&done=[0-9a-f]{16}", answer.headers["HX-Redirect"])


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/garage", "/admin/racers\\@evil.example"])
def test_after_an_action_nobody_is_led_elsewhere(ada: FlaskClient, people: dict[str, Racer], back: str) -> None:
    answer = act(ada, "pause", ids(people, "alice"), back=back)
    assert answer.headers["Location"].startswith("/admin/racers?done=")


# All that match


def test_all_that_match_are_changed_whatever_page_they_are_on(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        for number in range(racer_list.PAGE_SIZE + 10):
            make_racer(session, f"zed{number:03}")
    question = parsed(ada.get("/admin/racers/pause?all=1&q=zed&state=active&racer=" + people["alice"].public_id).text)
    assert "Pause the sponsorship of 60 racers?" in question
    assert "and 52 more" in question
    data = {"all": "1", "q": "zed", "state": "active", "seen": field(question, "seen")}
    text = followed(ada, ada.post("/admin/racers/pause", data=data))
    assert "Done for 60 racers." in text
    assert "zed004 and 55 more" in text
    states = sponsorships(engine)
    assert {states[f"zed{number:03}"] for number in range(60)} == {"paused"}
    assert states["alice"] == "active"
    assert "Undone for 60 racers." in followed(
        ada, ada.post("/admin/racers/undo", data={"batch": field(text, "batch")})
    )


def test_others_who_match_by_now_are_shown_before_anything_happens(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    question = ada.get("/admin/racers/pause?all=1&state=active").text
    with write_session(engine) as session:
        make_racer(session, "zoe")
    data = {"all": "1", "state": "active", "seen": field(question, "seen")}
    answer = ada.post("/admin/racers/pause", data=data)
    assert answer.status_code == 409
    assert "others match the search" in parsed(answer.text)
    assert "zoe" in answer.text
    assert sponsorships(engine)["alice"] == "active"
    followed(ada, ada.post("/admin/racers/pause", data=data | {"seen": field(answer.text, "seen")}))
    assert sponsorships(engine)["zoe"] == "paused"


def test_nobody_selected_somebody_unknown_and_a_switched_off_mode_change_nothing(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    before = sponsorships(engine)
    assert act(ada, "pause", []).status_code == 422
    assert act(ada, "pause", [*ids(people, "alice"), "0" * 16]).status_code == 404
    switch_off(engine)
    for answer in (
        act(ada, "pause", ids(people, "alice")),
        ada.get(f"/admin/racers/pause?racer={people['alice'].public_id}"),
    ):
        assert answer.status_code == 409
        assert "Enable it on the setup page" in parsed(answer.text)
    assert sponsorships(engine) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_a_racer_who_tries_it_by_address_changes_nothing(
    app: Flask, engine: Engine, people: dict[str, Racer], action: str
) -> None:
    alice = sign_in(app, people["alice"])
    before = sponsorships(engine), models(engine)
    chosen = ids(people, "alice", "bob", "carol")
    assert act(alice, action, chosen, hours="100").status_code == 403
    assert alice.post(f"/admin/racers/{action}", data={"all": "1"}).status_code == 403
    assert alice.get(f"/admin/racers/{action}", query_string={"racer": chosen}).status_code == 403
    assert (sponsorships(engine), models(engine)) == before
    with read_session(engine) as session:
        assert ledger.balance(session, people["alice"]).quota_ms == 5 * HOUR_MS


def test_a_racer_can_undo_nothing_and_read_nothing(
    app: Flask, ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    page = followed(ada, act(ada, "pause", ids(people, "alice")))
    alice = sign_in(app, people["alice"])
    assert alice.post("/admin/racers/undo", data={"batch": field(page, "batch")}).status_code == 403
    assert sponsorships(engine)["alice"] == "paused"
    one = f"/admin/racers/{people['alice'].public_id}"
    for path in ("/admin/racers/export", one, f"{one}/statement"):
        assert alice.get(path).status_code == 403, path


# One racer


def test_one_racer_with_everything_about_them(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        alice = people["alice"]
        ledger.set_quota(session, alice, 6 * HOUR_MS, by=people["ada"], now=NOON, reason="worked <hard>")
        make_training(session, session.exec(select(Model)).one(), alice)
        request = {"kind": RequestKind.HOURS, "amount": 2 * HOUR_MS, "reason": "the final", "created_at": NOON}
        session.add(RacerRequest(racer_id=alice.id, **request))
    text = parsed(ada.get(f"/admin/racers/{people['alice'].public_id}").text)
    for part in (
        "alice@example.org",
        "Bolt",
        "3 MB",
        "1 of 50",
        "Held for the training of Bolt",
        "Quota raised",
        "worked &lt;hard&gt;",
        "quota.set",
        "5 h → 6 h",
        "2 h more",
        "the final",
        "Queued",
        "estimate only, in USD",
    ):
        assert part in text, part
    assert ada.get("/admin/racers/0123456789abcdef").status_code == 404


def test_only_what_fits_the_state_is_offered_and_it_leads_back(ada: FlaskClient, people: dict[str, Racer]) -> None:
    offered = {
        name: set(
            re.findall(r'href="/admin/racers/([a-z-]+)\?racer=', ada.get(f"/admin/racers/{racer.public_id}").text)
        )
        for name, racer in people.items()
    }
    assert offered["alice"] == {"quota", "pause", "end", "delete-models"}
    assert offered["bob"] == {"quota", "resume", "end"}
    assert offered["carol"] == {"quota", "sponsor"}
    here = f"/admin/racers/{people['bob'].public_id}"
    text = followed(ada, act(ada, "resume", ids(people, "bob"), back=here))
    assert "Resumed: bob." in text
    assert f'name="back" value="{here}"' in text


def test_while_multi_user_mode_is_off_a_racer_is_shown_but_nothing_offered(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    switch_off(engine)
    text = parsed(ada.get(f"/admin/racers/{people['alice'].public_id}").text)
    assert "Multi-user mode is switched off" in text
    assert "/admin/racers/pause" not in text


def test_a_racers_ledger_can_be_downloaded(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        ledger.set_quota(session, people["bob"], HOUR_MS, by=None, now=NOON, reason="-1+1")
    answer = ada.get(f"/admin/racers/{people['bob'].public_id}/statement?month=2026-06")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["kind"], row["quota_hours"], row["note"]) == ("adjust", "-4.000000", "")
