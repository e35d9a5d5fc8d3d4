"""Invitations as the administrator makes, follows, sends again and revokes them."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template, request
from sqlmodel import Session
from werkzeug.wrappers import Response

from portal import clock, csv_export, hx, invitation_landings, invitation_letters, invitation_links, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.csv_upload import LONGEST_BYTES, short
from portal.forms.invitation import InvitationForm, read_people
from portal.forms.parsing import FormErrors, parse
from portal.rules import invitation_list, invitations, limits
from portal.rules.broken import RuleBroken
from portal.rules.invitation_list import ListedInvitation
from portal.rules.invitations import InvitationState, InvitedRow
from portal.rules.row_results import Result

pages = Blueprint("admin_invitations", __name__)
pages.add_app_template_filter(short, "short")

Answer = str | Response | tuple[str, int]
HEADER = (
    "e-mail",
    "name",
    "state",
    "link",
    "leads to",
    "invited by",
    "invited",
    "good until",
    "accepted by",
    "accepted",
)


@pages.get("/admin/invitations")
@access(Permission.ADMIN)
def index() -> Response:
    search, wanted = _filter()
    page = request.args.get("page", 1, type=int)
    found = invitation_list.listed(scope.reading(), search=search, wanted=wanted, page=page, now=clock.now())
    return hx.render(
        "admin/invitations.html",
        "admin/_invitations.html",
        found=found,
        q=search,
        state=wanted,
        states=list(InvitationState),
        undo=invitation_list.revoked(scope.reading(), request.args.getlist("revoked")),
        **_surroundings(),
    )


@pages.get("/admin/invitations.csv")
@access(Permission.ADMIN)
def export() -> Response:
    """What the filter finds, with the links of those that are open."""
    search, wanted = _filter()
    rows = invitation_list.every(scope.reading(), search=search, wanted=wanted, now=clock.now())
    return csv_export.response("invitations", HEADER, [_cells(row) for row in rows])


def _cells(row: ListedInvitation) -> tuple[object, ...]:
    invitation = row.invitation
    return (
        invitation.email,
        invitation.name,
        row.state.value,
        invitation_links.address_of(invitation) if row.state is InvitationState.OPEN else "",
        invitation.land_on,
        row.by.alias or row.by.name,
        invitation.created_at,
        invitation.expires_at,
        (row.accepted_by.alias or row.accepted_by.name) if row.accepted_by else "",
        invitation.accepted_at,
    )


@pages.get("/admin/invitations/new")
@access(Permission.ADMIN)
def new() -> Answer:
    return _form({"land_on": "/garage", "days": str(invitations.DEFAULT_LIFE.days), "send": "1"})


@pages.post("/admin/invitations/new")
@access(Permission.ADMIN)
def create() -> Answer:
    try:
        form = parse(InvitationForm, request.form)
        people = read_people(form.addresses, _uploaded())
        if not invitation_landings.is_page(form.destination):
            raise FormErrors({"path": "There is no page at this path. Write one that begins with a slash: /races."})
        with scope.writing() as session:
            rows = invitations.invite(
                session,
                people,
                land_on=form.destination,
                life=timedelta(days=form.days),
                by=scope.me(),
                now=clock.now(),
                compose=_composer(session) if form.send else None,
            )
    except (FormErrors, RuleBroken) as problem:
        return _form(request.form.to_dict(), problem)
    return _report(rows, mailed=form.send and scope.settings().sends_mail)


@pages.get("/admin/invitations/<string(length=16):invitation_id>")
@access(Permission.ADMIN)
def show(invitation_id: str) -> str:
    row = invitation_list.one(scope.reading(), invitation_id, now=clock.now())
    written = invitation_letters.wording(scope.reading())
    letter = invitation_letters.letter(row.invitation, written, scope.me())
    return render_template(
        "admin/invitation.html",
        row=row,
        letter=letter,
        link=invitation_links.address_of(row.invitation),
        leads_to=invitation_landings.name_of(row.invitation.land_on),
        **_surroundings(),
    )


def _form(values: dict[str, str], problem: Problem | None = None) -> Answer:
    errors, status = errors_of(problem)
    return (
        render_template(
            "admin/invitation_new.html",
            values=values,
            errors=errors,
            landings=invitation_landings.choices(),
            elsewhere=invitation_landings.ELSEWHERE,
            longest_days=invitations.LONGEST_LIFE.days,
            **_surroundings(),
        ),
        status,
    )


def _report(rows: list[InvitedRow], *, mailed: bool) -> Answer:
    """What came of each row, those that need a look first. Nothing done but refusals is no success."""
    counts = {result: sum(row.result is result for row in rows) for result in Result}
    order = [Result.FAILED, Result.SKIPPED, Result.CREATED]
    rows = sorted(rows, key=lambda row: order.index(row.result))
    page = render_template("admin/invited.html", rows=rows, counts=counts, mailed=mailed, **_surroundings())
    return page, 422 if counts[Result.FAILED] == len(rows) else 200


def _composer(session: Session) -> invitations.Compose | None:
    return invitation_letters.composer(session, scope.me()) if scope.settings().sends_mail else None


def _surroundings() -> dict[str, object]:
    """What every page of invitations says about this instance."""
    settings = scope.settings()
    return {
        "sends_mail": settings.sends_mail,
        "is_on": limits.current(scope.reading()).multi_user_enabled,
        "has_local_accounts": settings.uses_local_provider,
        "link_of": invitation_links.address_of,
    }


def _filter() -> tuple[str, InvitationState | None]:
    wanted = request.args.get("state", "")
    known = InvitationState(wanted) if wanted in list(InvitationState) else None
    return request.args.get("q", "").strip()[:200], known


def _uploaded() -> bytes:
    file = request.files.get("file")
    return file.read(LONGEST_BYTES + 1) if file else b""
