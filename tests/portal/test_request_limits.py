"""How large a request may be."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

from portal.app import MAXIMUM_FORM_BYTES
from portal.database import write_session
from tests.cast import make_racer
from tests.conftest import sign_in


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_above_the_limit_is_refused_whatever_its_kind(app: Flask, engine: Engine, kind: str) -> None:
    with write_session(engine) as session:
        alice = make_racer(session)
    form = {"name": "n", "code": "x" * 2 * MAXIMUM_FORM_BYTES}
    response = sign_in(app, alice).post("/garage/models/new", data=form, content_type=kind)
    assert response.status_code == 413
    assert "too large" in response.text
