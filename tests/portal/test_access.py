"""Who may go where: every route declares it, and each kind of visitor gets what was declared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.routing import Rule

from portal.access import Permission, permission_of
from portal.database import write_session
from portal.tables import Racer, Role
from tests.cast import make_racer
from tests.conftest import sign_in

VISITORS = ("spectator", "newcomer", "alice", "ada")
"""Nobody; somebody signed in without a profile; a racer; an administrator."""

MATRIX = {
    "/sign-in": (303, 303, 303, 303),
    "/signed-out": (200, 200, 200, 200),
    "/profile": ("in", "profile", 200, 200),
    "/profile/edit": ("in", 200, 200, 200),
    "/admin": ("in", 403, 403, 200),
    "/admin/audit": ("in", 403, 403, 200),
    "/admin/racers": ("in", 403, 403, 200),
    "/admin/racers/pause?racer={alice}": ("in", 403, 403, 200),
    "/admin/racers/quota?racer={alice}": ("in", 403, 403, 200),
    "/admin/racers/pause": ("in", 403, 403, 422),
    "/admin/racers/pause?racer=0000000000000000": ("in", 403, 403, 404),
    "/admin/racers/delete-models?racer={alice}": ("in", 403, 403, 200),
    "/admin/racers/export": ("in", 403, 403, 200),
    "/admin/racers/{alice}": ("in", 403, 403, 200),
    "/admin/racers/{alice}/statement": ("in", 403, 403, 200),
    "/admin/racers/0000000000000000": ("in", 403, 403, 404),
    "/profile/statement": ("in", "profile", 200, 200),
    "/profile/statement/export": ("in", "profile", 200, 200),
    "/admin/racers/delete?racer={alice}": (404, 404, 404, 404),
    "/admin/setup": ("in", 403, 403, 200),
    "/admin/setup/disable": ("in", 403, 403, 200),
    "/admin/models": ("in", 403, 403, 200),
    "/admin/models.csv": ("in", 403, 403, 200),
    "/admin/models/delete": ("in", 403, 403, 422),
    "/admin/models/0000000000000000": ("in", 403, 403, 404),
    "/admin/models/0000000000000000/download": ("in", 403, 403, 404),
    "/admin/models/0000000000000000/download/car": ("in", 403, 403, 404),
    "/admin/models/0000000000000000/files": ("in", 403, 403, 404),
    "/admin/models/0000000000000000/trainings/0000000000000000/logs": ("in", 403, 403, 404),
    "/garage/models/0000000000000000/trainings/0000000000000000/logs": ("in", "profile", 404, 404),
    "/garage/models/0000000000000000/files": ("in", "profile", 404, 404),
    "/garage/models/0000000000000000/download/onnx": ("in", "profile", 404, 404),
    "/admin/models/0000000000000000/trainings/0000000000000000/stop": ("in", 403, 403, 404),
    "/admin/models/0000000000000000/evaluations/0000000000000000/stop": ("in", 403, 403, 404),
    "/admin/alerts": ("in", 403, 403, 200),
    "/admin/alerts/setup": ("in", 403, 403, 200),
    "/admin/alerts/setup/web-hook/secret": ("in", 403, 403, 404),
    "/admin/alerts/deliveries": ("in", 403, 403, 200),
    "/admin/models/import": ("in", 403, 403, 200),
    "/admin/models/0000000000000000/import": ("in", 403, 403, 404),
    "/garage/models/import": ("in", "profile", 200, 200),
    "/garage/models/import/0000000000000000": ("in", "profile", 404, 404),
    "/admin/invitations": ("in", 403, 403, 200),
    "/admin/invitations.csv": ("in", 403, 403, 200),
    "/admin/invitations/new": ("in", 403, 403, 200),
    "/admin/invitations/template": ("in", 403, 403, 200),
    "/admin/invitations/template/reset": ("in", 403, 403, 200),
    "/admin/invitations/0000000000000000": ("in", 403, 403, 404),
    "/admin/invitations/revoke?invitation=0000000000000000": ("in", 403, 403, 404),
    "/welcome/forged": (404, 404, 404, 404),
    "/admin/usage": ("in", 403, 403, 200),
    "/admin/usage/racers": ("in", 403, 403, 200),
    "/admin/usage/races.csv": ("in", 403, 403, 200),
    "/join": ("in", "profile", 200, 200),
    "/join/0000-0000-0000": ("in", "profile", 404, 404),
    "/races/0000000000000000/people": ("in", "profile", 404, 404),
    "/admin/usage/everybody": (404, 404, 404, 404),
    "/admin/requests": ("in", 403, 403, 200),
    "/admin/requests/approve": ("in", 403, 403, 422),
    "/admin/requests/approve?request=0000000000000000": ("in", 403, 403, 404),
    "/requests": ("in", "profile", 200, 200),
    "/requests/hours": ("in", "profile", 200, 200),
    "/requests/workshop": (404, 404, 404, 404),
    "/workshop": (200, 200, 200, 200),
    "/workshop/handout": (200, 200, 200, 200),
    "/workshop/request": ("in", "profile", 200, 200),
    "/admin/accounts": ("in", 403, 403, 200),
    "/admin/accounts/new": ("in", 403, 403, 200),
    "/admin/accounts/import": ("in", 403, 403, 200),
    "/admin/accounts/nobody/deactivate": ("in", 403, 403, 404),
    "/admin/accounts/nobody/reset_password": ("in", 403, 403, 404),
}
"""What each visitor gets: a status, or where they are sent."""

CHANGES = {
    "/profile/edit": ("in", 422, 422, 422),
    "/profile/sessions/end-others": ("in", 303, 303, 303),
    "/admin/racers/pause": ("in", 403, 403, 422),
    "/admin/racers/quota": ("in", 403, 403, 422),
    "/admin/setup": ("in", 403, 403, 422),
    "/admin/setup/disable": ("in", 403, 403, 422),
    "/admin/setup/enable": ("in", 403, 403, 422),
    "/admin/models/delete": ("in", 403, 403, 422),
    "/admin/models/import": ("in", 403, 403, 422),
    "/garage/models/import": ("in", "profile", 422, 422),
    "/garage/models/import/0000000000000000": ("in", "profile", 404, 404),
    "/garage/models/import/0000000000000000/forget": ("in", "profile", 404, 404),
    "/admin/models/0000000000000000/trainings/0000000000000000/stop": ("in", 403, 403, 404),
    "/admin/models/0000000000000000/evaluations/0000000000000000/stop": ("in", 403, 403, 404),
    "/admin/models/restore": ("in", 403, 403, 422),
    "/admin/models/delete_for_good": ("in", 403, 403, 422),
    "/admin/alerts/0000000000000000/dismiss": ("in", 403, 403, 404),
    "/admin/alerts/0000000000000000/restore": ("in", 403, 403, 404),
    "/admin/alerts/dismiss-all": ("in", 403, 403, 303),
    "/admin/alerts/restore-all": ("in", 403, 403, 303),
    "/admin/alerts/setup": ("in", 403, 403, 303),
    "/admin/alerts/setup/racers": ("in", 403, 403, 422),
    "/admin/alerts/setup/thresholds": ("in", 403, 403, 422),
    "/admin/alerts/setup/thresholds/0000000000000000/remove": ("in", 403, 403, 404),
    "/admin/alerts/setup/addresses": ("in", 403, 403, 303),
    "/admin/alerts/setup/web-hook": ("in", 403, 403, 303),
    "/admin/alerts/setup/web-hook/secret": ("in", 403, 403, 409),
    "/admin/alerts/setup/test-mail": ("in", 403, 403, 409),
    "/admin/alerts/setup/test-hook": ("in", 403, 403, 409),
    "/admin/alerts/deliveries/mail/again": ("in", 403, 403, 303),
    "/admin/alerts/deliveries/mail/0000000000000000/again": ("in", 403, 403, 404),
    "/admin/invitations/new": ("in", 403, 403, 422),
    "/admin/invitations/send": ("in", 403, 403, 422),
    "/admin/invitations/revoke": ("in", 403, 403, 422),
    "/admin/invitations/restore": ("in", 403, 403, 422),
    "/admin/invitations/template": ("in", 403, 403, 422),
    "/admin/invitations/template/reset": ("in", 403, 403, 303),
    "/welcome/forged": ("in", 404, 404, 404),
    "/admin/requests/approve": ("in", 403, 403, 422),
    "/admin/requests/decline": ("in", 403, 403, 422),
    "/admin/requests/undo": ("in", 403, 403, 422),
    "/requests/models": ("in", "profile", 422, 422),
    "/requests/0000000000000000/withdraw": ("in", "profile", 404, 404),
    "/workshop/request": ("in", "profile", 422, 422),
    "/admin/accounts/new": ("in", 403, 403, 422),
    "/admin/accounts/import": ("in", 403, 403, 422),
    "/admin/accounts/import/passwords.csv": ("in", 403, 403, 422),
    "/admin/accounts/nobody/reset_password": ("in", 403, 403, 404),
    "/admin/accounts/nobody/deactivate": ("in", 403, 403, 404),
    "/admin/accounts/nobody/make_admin": ("in", 403, 403, 404),
}


@pytest.fixture
def people(engine: Engine) -> dict[str, Racer]:
    with write_session(engine) as session:
        newcomer = make_racer(session, None)
        return {
            "newcomer": newcomer,
            "alice": make_racer(session, "alice"),
            "ada": make_racer(session, "ada", role=Role.ADMIN),
        }


@pytest.fixture
def browsers(app: Flask, people: dict[str, Racer]) -> dict[str, FlaskClient]:
    return {"spectator": app.test_client(), **{name: sign_in(app, racer) for name, racer in people.items()}}


def routes(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            yield rule


def test_every_route_declares_who_may_use_it(app: Flask) -> None:
    silent = sorted({rule.endpoint for rule in routes(app) if permission_of(app, rule.endpoint) is None})
    assert silent == []


def test_a_route_that_declares_nothing_is_closed_even_to_an_administrator(app: Flask, people: dict[str, Racer]) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    for browser in (app.test_client(), sign_in(app, people["ada"])):
        answer = browser.get("/forgotten")
        assert answer.status_code == 403
        assert b"secret" not in answer.data


def test_nothing_under_admin_is_open_to_less_than_an_administrator(app: Flask) -> None:
    open_ones = [
        rule.rule
        for rule in routes(app)
        if rule.rule.startswith("/admin") and permission_of(app, rule.endpoint) is not Permission.ADMIN
    ]
    assert open_ones == []


def test_nobody_without_a_profile_gets_past_the_profile_to_any_page_of_a_racer(
    app: Flask, browsers: dict[str, FlaskClient]
) -> None:
    for rule in routes(app):
        if permission_of(app, rule.endpoint) in (Permission.RACER, Permission.GARAGE) and "GET" in (rule.methods or ()):
            path = "/".join("x" if part.startswith("<") else part for part in rule.rule.split("/"))
            answer = browsers["newcomer"].get(path)
            assert answer.status_code in (303, 404), path
            if answer.status_code == 303:
                assert answer.headers["Location"].startswith("/profile/edit?next=")


def test_every_page_that_is_not_public_sends_a_spectator_to_the_sign_in(app: Flask) -> None:
    client = app.test_client()
    for rule in routes(app):
        if permission_of(app, rule.endpoint) is Permission.PUBLIC or rule.arguments:
            continue
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        answer = client.open(rule.rule, method=method)
        assert answer.status_code == 303, rule.rule
        assert answer.headers["Location"].startswith("/sign-in?next="), rule.rule


@pytest.mark.parametrize("path", MATRIX)
def test_each_visitor_sees_what_is_theirs(
    browsers: dict[str, FlaskClient], people: dict[str, Racer], path: str
) -> None:
    for name, expected in zip(VISITORS, MATRIX[path], strict=True):
        answer = browsers[name].get(path.format(alice=people["alice"].public_id))
        answer.get_data()  # a download is written while it is read
        check(answer.status_code, answer.headers.get("Location", ""), expected, f"{name} {path}")


@pytest.mark.parametrize("path", CHANGES)
def test_each_visitor_changes_what_is_theirs(browsers: dict[str, FlaskClient], path: str) -> None:
    for name, expected in zip(VISITORS, CHANGES[path], strict=True):
        answer = browsers[name].post(path)
        check(answer.status_code, answer.headers.get("Location", ""), expected, f"{name} {path}")


def check(status: int, location: str, expected: int | str, who: str) -> None:
    if isinstance(expected, int):
        assert status == expected, who
    else:
        where = {"in": "/sign-in?next=", "profile": "/profile/edit?next="}[expected]
        assert (status, location[: len(where)]) == (303, where), who


def test_a_change_by_get_is_not_allowed(browsers: dict[str, FlaskClient]) -> None:
    for path in ("/profile/sessions/end-others", "/admin/accounts/nobody/activate", "/admin/racers/undo", "/sign-out"):
        assert browsers["ada"].get(path).status_code == 405, path


def test_a_page_that_is_not_there_looks_the_same_to_everybody(browsers: dict[str, FlaskClient]) -> None:
    assert {name: browser.get("/nowhere").status_code for name, browser in browsers.items()} == dict.fromkeys(
        VISITORS, 404
    )


def test_every_changing_route_refuses_a_form_without_its_token(app: Flask, people: dict[str, Racer]) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    browser = sign_in(app, people["ada"])
    for rule in routes(app):
        if "POST" in (rule.methods or ()):
            path = "/".join("x" if part.startswith("<") else part for part in rule.rule.split("/"))
            assert browser.post(path).status_code in (400, 404), path
