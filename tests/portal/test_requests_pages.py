"""The pages of requests: asking, withdrawing, deciding one or several, undoing, mails; all without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlmodel import select

from portal import clock
from portal.app import create_app
from portal.database import read_session, write_session
from portal.rules import ledger, limits, requests
from portal.settings import Settings
from portal.tables import HOUR_MS, Account, JobKind, Mail, Racer, RacerRequest, RequestKind, Role
from tests.cast import make_racer
from tests.conftest import sign_in
from tests.portal.garage_cast import make_model, make_training, parsed


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        return {
            "ada": make_racer(session, "ada", role=Role.ADMIN),
            "olga": make_racer(session, "olga", role=Role.ADMIN),
            "alice": make_racer(session, "alice"),
            "bob": make_racer(session, "bob"),
        }


@pytest.fixture
def alice(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["alice"])


@pytest.fixture
def ada(app: Flask, people: dict[str, Racer]) -> FlaskClient:
    return sign_in(app, people["ada"])


@pytest.fixture
def mailing(settings: Settings, people: dict[str, Racer]) -> Iterator[Flask]:
    """A portal with a mail server."""
    app = create_app(replace(settings, smtp_url="smtp://mail.example:25", mail_from="paddock@example.org"))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
    yield app
    app.extensions["paddock_engine"].dispose()


def asked(engine: Engine, racer: Racer, hours: float = 2, reason: str = "for the final") -> RacerRequest:
    with write_session(engine) as session:
        return requests.ask(
            session, RequestKind.HOURS, round(hours * HOUR_MS), by=racer, reason=reason, now=clock.now()
        ).request


def stored(engine: Engine) -> list[RacerRequest]:
    with read_session(engine) as session:
        return list(session.exec(select(RacerRequest).order_by(RacerRequest.id)))  # type: ignore[arg-type]


def quota(engine: Engine, racer: Racer) -> int | None:
    with read_session(engine) as session:
        return session.exec(select(Account.quota_ms).where(Account.racer_id == racer.id)).one()


def mails(engine: Engine) -> list[Mail]:
    with read_session(engine) as session:
        return list(session.exec(select(Mail).order_by(Mail.id)))  # type: ignore[arg-type]


# The racer


def test_a_racer_asks_from_the_garage_and_sees_the_request(alice: FlaskClient, engine: Engine) -> None:
    assert 'href="/requests/hours"' in parsed(alice.get("/garage").text)
    form = parsed(alice.get("/requests/hours").text)
    assert "5 h" in form
    answer = alice.post("/requests/hours", data={"amount": "1,5", "reason": "the long track"}, follow_redirects=True)
    page = parsed(answer.text)
    for part in ("Sent.", "1 h 30 min more", "the long track", "open", "Withdraw"):
        assert part in page, part
    assert [(row.kind, row.amount) for row in stored(engine)] == [("hours", 5_400_000)]


def test_asking_again_shows_what_is_open_and_replaces_it(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    asked(engine, people["alice"], 1.5, "first words")
    form = parsed(alice.get("/requests/hours").text)
    assert 'value="1.5"' in form
    assert "first words" in form
    assert "replaces it" in form
    answer = alice.post("/requests/hours", data={"amount": "3", "reason": "more"}, follow_redirects=True)
    assert "Changed." in answer.text
    assert [(row.amount, row.reason) for row in stored(engine)] == [(3 * HOUR_MS, "more")]


@pytest.mark.parametrize(
    ("kind", "amount", "reason", "message"),
    [
        ("hours", "", "x", "Please fill this in."),
        ("hours", "many", "x", "Please give a number."),
        ("hours", "nan", "x", "Please give a number."),
        ("hours", "1e300", "x", "at least 0.02 and at most 1000 hours"),
        ("hours", "0.019", "x", "at least 0.02 and at most 1000 hours"),
        ("hours", "0.5001", "x", "at most 3 digits after the point"),
        ("models", "0", "x", "at least 1 and at most 1000 models"),
        ("hours", "5000", "x", "at most 1000 hours"),
        ("models", "1.5", "x", "Please give a whole number."),
        ("models", "2", "", "Please fill this in."),
    ],
)
def test_a_wrong_field_is_named_and_nothing_typed_is_lost(
    alice: FlaskClient, engine: Engine, kind: str, amount: str, reason: str, message: str
) -> None:
    answer = alice.post(f"/requests/{kind}", data={"amount": amount, "reason": reason})
    assert answer.status_code == 422
    page = parsed(answer.text)
    assert message in page
    assert f'value="{amount}"' in page
    assert stored(engine) == []


def test_a_refusal_by_quota_links_to_the_form_that_asks_for_more(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        model = make_model(session, people["alice"])
        account = ledger.account_of(session, people["alice"])
        ledger.reserve(session, account, JobKind.EVALUATION, 99, 5 * HOUR_MS - 1000, now=clock.now())
    answer = alice.post(f"/garage/models/{model.public_id}/train")
    assert answer.status_code == 409
    assert '<a href="/requests/hours">Ask for more hours</a>' in parsed(answer.text)


def test_a_refusal_by_the_number_of_models_links_to_the_form_for_models(
    app: Flask, alice: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    from tests.portal.test_garage_pages import model_form

    with write_session(engine) as session:
        ledger.account_of(session, people["alice"]).maximum_models = 0
    answer = alice.post("/garage/models/new", data=model_form(app))
    assert answer.status_code == 409
    assert '<a href="/requests/models">Ask for more models</a>' in parsed(answer.text)


def test_a_training_refused_at_its_start_links_to_the_form(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        model = make_model(session, people["alice"])
        run = make_training(session, model, people["alice"])
        run.state, run.message, run.ended_at = "refused", "Your quota was lowered.", clock.now()
    page = parsed(alice.get(f"/garage/models/{model.public_id}").text)
    assert re.search(r'Your quota was lowered\. <a href="/requests/hours">', page)


def test_an_open_request_is_withdrawn_and_that_is_undone(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    row = asked(engine, people["alice"])
    answer = alice.post(f"/requests/{row.public_id}/withdraw", follow_redirects=True)
    page = parsed(answer.text)
    assert "You withdrew your request for 2 h more." in page
    assert f'action="/requests/{row.public_id}/restore"' in page
    assert "open again" in alice.post(f"/requests/{row.public_id}/restore", follow_redirects=True).text
    assert stored(engine)[0].state == "open"


def test_anothers_request_is_not_there(alice: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    row = asked(engine, people["bob"])
    for verb in ("withdraw", "restore", "put-away"):
        assert alice.post(f"/requests/{row.public_id}/{verb}").status_code == 404
    assert "for the final" not in alice.get("/requests").text
    assert stored(engine)[0].state == "open"


def test_while_multi_user_mode_is_off_nothing_can_be_asked_for(
    alice: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    with write_session(engine) as session:
        limits.change(session, by=people["ada"], now=clock.now(), multi_user_enabled=False)
    for path in ("/requests/hours", "/workshop/request"):
        page = parsed(alice.get(path).text)
        assert "switched off" in page
        assert "<textarea" not in page
    assert alice.post("/requests/hours", data={"amount": "1", "reason": "x"}).status_code == 403
    workshop = {"date": "2027-01-01", "where": "here", "people": "3", "contact": "me", "reason": "x"}
    assert alice.post("/workshop/request", data=workshop).status_code == 403
    assert stored(engine) == []


# The administrator


def test_the_tab_counts_what_is_open(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    assert "badge live" not in parsed(ada.get("/admin").text).split("</nav>")[1]
    asked(engine, people["alice"])
    assert re.search(r'Requests <span class="badge live">1<', parsed(ada.get("/admin").text))


def test_the_page_shows_what_is_asked_with_what_the_racer_has(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    assert "Nobody has asked for anything" in parsed(ada.get("/admin/requests").text)
    row = asked(engine, people["alice"], reason="<b>the final</b>")
    page = parsed(ada.get("/admin/requests").text)
    found = re.search(rf'<tr id="request-{row.public_id}">.*?</tr>', page, re.DOTALL)
    assert found
    for part in ("alice", "2 h more", "&lt;b&gt;the final", "0 s / 5 h", "0 of 50 models", "Approve", "Decline"):
        assert part in found.group(0), part
    assert "No request fits" in parsed(ada.get("/admin/requests?q=zoe&kind=models&state=open").text)
    assert ada.get("/admin/requests?kind=nonsense&state=nonsense&page=99").status_code == 200


def test_links_to_other_pages_keep_the_filter(ada: FlaskClient, engine: Engine) -> None:
    with write_session(engine) as session:
        for number in range(51):
            racer = make_racer(session, f"r{number}")
            requests.ask(session, RequestKind.MODELS, 1, by=racer, reason="more please", now=clock.now())
    page = parsed(ada.get("/admin/requests?q=please&kind=models&state=open").text)
    assert re.search(r'rel="next" href="/admin/requests\?page=2&amp;q=please&amp;kind=models&amp;state=open"', page)


def test_a_request_is_approved_with_another_amount_and_both_see_it(
    alice: FlaskClient, ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    row = asked(engine, people["alice"])
    question = parsed(ada.get(f"/admin/requests/approve?request={row.public_id}").text)
    assert f'name="amount-{row.public_id}"' in question
    assert 'value="2"' in question
    fragment = ada.get(f"/admin/requests/approve?request={row.public_id}", headers={"HX-Request": "true"}).text
    assert "<html" not in fragment
    answer = ada.post(
        "/admin/requests/approve",
        data={"request": row.public_id, f"amount-{row.public_id}": "0.5", "answer": "half an hour"},
        follow_redirects=True,
    )
    page = parsed(answer.text)
    for part in ("1 request approved.", "given: 30 min", "half an hour", "the decision can be undone"):
        assert part in page, part
    assert quota(engine, people["alice"]) == 5 * HOUR_MS + HOUR_MS // 2
    for path in ("/garage", "/profile", "/requests"):
        seen = parsed(alice.get(path).text)
        assert "You asked for 2 h more and got 30 min more." in seen, path
        assert "half an hour" in seen, path
    gone = alice.post(f"/requests/{row.public_id}/put-away", data={"back": "/garage"})
    assert gone.headers["Location"] == "/garage"
    assert "You asked for" not in alice.get("/garage").text
    away = alice.post(f"/requests/{row.public_id}/put-away", data={"back": "https://evil.example/"})
    assert away.headers["Location"] == "/requests"


def test_several_are_approved_at_once(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    rows = [asked(engine, people["alice"]), asked(engine, people["bob"], 1)]
    ids = [row.public_id for row in rows]
    question = parsed(ada.get("/admin/requests/approve", query_string={"request": ids}).text)
    assert "Approve 2 requests?" in question
    amounts = {f"amount-{row.public_id}": "1" for row in rows}
    answer = ada.post("/admin/requests/approve", data={"request": ids, **amounts})
    assert answer.status_code == 303
    assert "2 requests approved." in ada.get(answer.headers["Location"]).text
    assert (quota(engine, people["alice"]), quota(engine, people["bob"])) == (6 * HOUR_MS, 6 * HOUR_MS)


def test_declining_without_an_answer_asks_for_one(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    row = asked(engine, people["alice"])
    answer = ada.post("/admin/requests/decline", data={"request": row.public_id, "answer": ""})
    assert answer.status_code == 422
    assert "Say why: the racer reads it." in parsed(answer.text)
    ada.post("/admin/requests/decline", data={"request": row.public_id, "answer": "next month"})
    assert [(row.state, row.answer) for row in stored(engine)] == [("declined", "next month")]


def test_an_amount_that_is_wrong_decides_none_of_them(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    rows = [asked(engine, people["alice"]), asked(engine, people["bob"])]
    data = {f"amount-{rows[0].public_id}": "1", f"amount-{rows[1].public_id}": "x"}
    answer = ada.post("/admin/requests/approve", data={"request": [row.public_id for row in rows], **data})
    assert answer.status_code == 422
    assert "Please give a number." in parsed(answer.text)
    assert {row.state for row in stored(engine)} == {"open"}


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("10001", "at least 0.02 and at most 10000 hours"),
        ("0", "at least 0.02 and at most 10000 hours"),
        ("1.0001", "at most 3 digits after the point"),
    ],
)
def test_an_approval_says_what_can_be_given(
    ada: FlaskClient, engine: Engine, people: dict[str, Racer], amount: str, message: str
) -> None:
    row = asked(engine, people["alice"])
    answer = ada.post("/admin/requests/approve", data={"request": row.public_id, f"amount-{row.public_id}": amount})
    assert answer.status_code == 422
    assert message in parsed(answer.text)
    assert stored(engine)[0].state == "open"


def test_the_second_administrator_is_told_who_decided(
    app: Flask, ada: FlaskClient, engine: Engine, people: dict[str, Racer]
) -> None:
    row = asked(engine, people["alice"])
    olga = sign_in(app, people["olga"])
    data = {"request": row.public_id, f"amount-{row.public_id}": "2"}
    ada.post("/admin/requests/approve", data=data)
    answer = olga.post("/admin/requests/approve", data=data, follow_redirects=True)
    assert "ada approved it already" in answer.text
    assert quota(engine, people["alice"]) == 7 * HOUR_MS
    assert "approved already" in parsed(olga.get(f"/admin/requests/decline?request={row.public_id}").text)


def test_a_decision_is_undone_from_its_row(ada: FlaskClient, engine: Engine, people: dict[str, Racer]) -> None:
    row = asked(engine, people["alice"])
    ada.post("/admin/requests/approve", data={"request": row.public_id, f"amount-{row.public_id}": "2"})
    assert (
        "1 request is open again."
        in ada.post("/admin/requests/undo", data={"request": row.public_id}, follow_redirects=True).text
    )
    assert quota(engine, people["alice"]) == 5 * HOUR_MS
    ada.post("/admin/requests/approve", data={"request": row.public_id, f"amount-{row.public_id}": "2"})
    with write_session(engine) as session:
        account = ledger.account_of(session, people["alice"])
        ledger.reserve(session, account, JobKind.TRAINING, 1, 6 * HOUR_MS, now=clock.now())
    page = parsed(ada.get("/admin/requests").text)
    assert "used or held already" in page
    answer = ada.post("/admin/requests/undo", data={"request": row.public_id}, follow_redirects=True)
    assert "Not changed: 2 h more" in answer.text
    assert quota(engine, people["alice"]) == 7 * HOUR_MS


# Mails


def test_without_a_mail_server_nothing_is_written(alice: FlaskClient, engine: Engine) -> None:
    alice.post("/requests/hours", data={"amount": "1", "reason": "x"})
    assert mails(engine) == []


def test_administrators_hear_of_a_new_request_and_the_racer_of_the_decision(
    mailing: Flask, engine: Engine, people: dict[str, Racer], settings: Settings
) -> None:
    alice, ada = sign_in(mailing, people["alice"]), sign_in(mailing, people["ada"])
    alice.post("/requests/hours", data={"amount": "2", "reason": "Tom & Jerry's track"})
    first = mails(engine)
    assert sorted(mail.recipient for mail in first) == ["ada@example.org", "olga@example.org"]
    row = stored(engine)[0]
    assert first[0].subject == "alice asks for 2 h more"
    assert "Tom & Jerry's track" in first[0].text
    assert f"{settings.address}/admin/requests#request-{row.public_id}" in first[0].text
    alice.post("/requests/hours", data={"amount": "3", "reason": "changed"})
    assert len(mails(engine)) == 2, "a change is seen on the page"

    ada.post("/admin/requests/approve", data={"request": row.public_id, f"amount-{row.public_id}": "1", "answer": "ok"})
    ada.post("/admin/requests/undo", data={"request": row.public_id})
    ada.post("/admin/requests/decline", data={"request": row.public_id, "answer": "no room"})
    told = mails(engine)[2:]
    assert [(mail.recipient, mail.subject) for mail in told] == [
        ("alice@example.org", "Approved: 3 h more"),
        ("alice@example.org", "Open again: 3 h more"),
        ("alice@example.org", "Declined: 3 h more"),
    ]
    assert "you asked for 3 h more and got 1 h more." in told[0].text
    assert "no room" in told[2].text


def test_nobody_without_an_address_is_written_to(mailing: Flask, engine: Engine, people: dict[str, Racer]) -> None:
    with write_session(engine) as session:
        for name in ("ada", "alice"):
            session.get_one(Racer, people[name].id).email = ""
    sign_in(mailing, people["alice"]).post("/requests/hours", data={"amount": "2", "reason": "x"})
    assert [mail.recipient for mail in mails(engine)] == ["olga@example.org"]
    row = stored(engine)[0]
    sign_in(mailing, people["ada"]).post("/admin/requests/decline", data={"request": row.public_id, "answer": "no"})
    assert len(mails(engine)) == 1
