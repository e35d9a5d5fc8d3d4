"""The garage: a racer's models, cars and hours."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from portal import clock, garage_parts, scope
from portal.access import Permission, access
from portal.forms.model import held_ms, plain
from portal.rules import alerts, budgets, cars, evaluations, ledger, limits, models

pages = Blueprint("garage", __name__)
pages.app_template_filter("plain")(plain)
pages.app_template_filter("held_ms")(held_ms)


@pages.get("/garage")
@access(Permission.GARAGE)
def index() -> str:
    session, racer, now = scope.reading(), scope.me(), clock.now()
    own_cars = cars.of_racer(session, racer)
    account = ledger.account_of(session, racer)
    return render_template(
        "garage/index.html",
        cards=[garage_parts.card_of(model) for model in models.of_racer(session, racer)],
        cars=own_cars,
        facts={car.public_id: garage_parts.car_facts(car.metadata_json) for car in own_cars},
        balance=ledger.balance_of(account),
        maximum_models=account.maximum_models,
        car_limit=limits.current(session).cars,
        refusal=evaluations.refusal(session, racer, now=now),
        budget=budgets.of_racer(session, racer, now=now),
        alert=alerts.own(session, racer, now=now),
        deleted_model=models.deleted(session, racer, request.args.get("deleted_model", "")),
        deleted_car=cars.deleted(session, racer, request.args.get("deleted_car", "")),
    )
