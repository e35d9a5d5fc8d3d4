"""Cars: made, changed, copied, deleted and brought back."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal import clock, drawing, hx, preset_parts, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.car import ActionKind, read_car, shown_rows, values_of
from portal.forms.parsing import FormErrors
from portal.rules import cars, sponsorship
from portal.rules.broken import Code, RuleBroken
from portal.tables import Car as CarRow
from sim.action_space import SPEED_GRANULARITIES, STEERING_GRANULARITIES
from sim.car import Car, CarError
from sim.sensors import trainable_networks, trainable_sensors

pages = Blueprint("cars", __name__)
Answer = Response | tuple[str, int]


@pages.get("/garage/cars/new")
@access(Permission.GARAGE)
def new() -> tuple[str, int]:
    return _form(values_of(Car.default()), None)


@pages.post("/garage/cars/new")
@access(Permission.GARAGE)
def create() -> Answer:
    try:
        if preset_parts.FIELD in request.form:
            return _form(preset_parts.filled_car(MultiDict(request.form)), None)
        form = read_car(request.form)
        with scope.writing() as session:
            row = cars.create(session, scope.me(), name=form.name, colour=form.colour, car=form.car, now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _form(MultiDict(request.form), None, problem)
    flash(_("%(name)s is in your garage.", name=row.name), "success")
    return hx.redirect(url_for("garage.index") + "#cars")


@pages.get("/garage/cars/<car_id>")
@access(Permission.GARAGE)
def edit(car_id: str) -> tuple[str, int]:
    row = cars.get_own(scope.reading(), scope.me(), car_id)
    try:
        car = Car.from_metadata(row.metadata_json)
    except CarError as error:
        raise RuleBroken(Code.CONFLICT, f"This car cannot be read by this version: {error}") from None
    return _form(values_of(car, name=row.name, colour=row.colour), row)


@pages.post("/garage/cars/<car_id>")
@access(Permission.GARAGE)
def update(car_id: str) -> Answer:
    row = cars.get_own(scope.reading(), scope.me(), car_id)
    try:
        form = read_car(request.form)
        with scope.writing() as session:
            cars.edit(session, car_id, by=scope.me(), name=form.name, colour=form.colour, car=form.car)
    except (FormErrors, RuleBroken) as problem:
        return _form(MultiDict(request.form), row, problem)
    flash(_("%(name)s is saved. Models that you made with it keep the car they have.", name=form.name), "success")
    return hx.redirect(url_for("garage.index") + "#cars")


@pages.post("/garage/cars/<car_id>/duplicate")
@access(Permission.GARAGE)
def duplicate(car_id: str) -> Response:
    with scope.writing() as session:
        row = cars.duplicate(session, car_id, by=scope.me(), now=clock.now())
    flash(_("%(name)s is a copy, ready to be changed.", name=row.name), "success")
    return hx.redirect(url_for("cars.edit", car_id=row.public_id))


@pages.get("/garage/cars/<car_id>/delete")
@access(Permission.GARAGE)
def ask_delete(car_id: str) -> str:
    return render_template("cars/delete.html", car=cars.get_own(scope.reading(), scope.me(), car_id))


@pages.post("/garage/cars/<car_id>/delete")
@access(Permission.GARAGE)
def delete(car_id: str) -> Response:
    with scope.writing() as session:
        cars.delete(session, car_id, by=scope.me(), now=clock.now())
    return hx.redirect(url_for("garage.index", deleted_car=car_id))


@pages.post("/garage/cars/<car_id>/restore")
@access(Permission.GARAGE)
def restore(car_id: str) -> Response:
    with scope.writing() as session:
        row = cars.restore(session, car_id, by=scope.me())
    flash(_("%(name)s is back in your garage.", name=row.name), "success")
    return hx.redirect(url_for("garage.index") + "#cars")


def _form(values: MultiDict[str, str], car: CarRow | None, problem: Problem | None = None) -> tuple[str, int]:
    errors, status = errors_of(problem)
    page = render_template(
        "cars/edit.html" if car else "cars/new.html",
        car=car,
        values=values,
        errors=errors,
        refusal=None if car else sponsorship.refusal(scope.reading(), scope.me()),
        rows=shown_rows(values),
        offers=[] if car else preset_parts.offers_for_car(values),
        fan=_fan(values),
        colours=cars.COLOURS,
        kinds=ActionKind,
        sensors=trainable_sensors(),
        networks=trainable_networks(),
        steering_choices=[(count, count) for count in STEERING_GRANULARITIES],
        speed_choices=[(count, count) for count in SPEED_GRANULARITIES],
    )
    return page, status


def _fan(values: MultiDict[str, str]) -> drawing.Fan | None:
    """The picture of what was typed, where it can be read."""
    named = MultiDict(values)
    named["name"] = "picture"
    try:
        return drawing.fan(read_car(named).car.action_space)
    except FormErrors:
        return None
