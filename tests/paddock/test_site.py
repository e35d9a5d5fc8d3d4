"""The site as servers get it: the portal, the local provider under /idp, and the streams beside them."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask
from sqlalchemy import Engine
from werkzeug.test import Client

from paddock.site import wsgi_application
from portal.settings import Settings


def test_the_local_provider_is_mounted_where_its_issuer_says(app: Flask, settings: Settings) -> None:
    answer = Client(wsgi_application(app, settings)).get("/idp/.well-known/openid-configuration")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["issuer"] == settings.issuer


def test_with_a_provider_of_its_own_there_is_no_second_one(app: Flask, settings: Settings, engine: Engine) -> None:
    elsewhere = replace(settings, oidc_issuer="https://sso.example", oidc_client_id="paddock", oidc_client_secret="x")
    answer = Client(wsgi_application(app, elsewhere)).get("/idp/.well-known/openid-configuration")
    assert answer.status_code == 404
