"""The wording of invitations: read, copied, tried, changed and set back."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import clock, hx, invitation_letters, scope
from portal.access import Permission, access
from portal.form_problems import Problem, errors_of
from portal.forms.invitation import TemplateForm
from portal.forms.parsing import FormErrors, parse
from portal.rules import invitation_templates, letters
from portal.rules.broken import RuleBroken
from portal.rules.letters import PLACEHOLDERS, Wording

pages = Blueprint("admin_invitation_template", __name__)

Answer = str | Response | tuple[str, int]


@pages.get("/admin/invitations/template")
@access(Permission.ADMIN)
def edit() -> Answer:
    return _form(invitation_letters.wording(scope.reading()))


@pages.post("/admin/invitations/template")
@access(Permission.ADMIN)
def save() -> Answer:
    """Saves the wording; with `do=try` only shows what it would be."""
    typed = Wording(request.form.get("subject", ""), request.form.get("body", ""))
    try:
        form = parse(TemplateForm, request.form)
        if request.form.get("do") == "try":
            return _form(letters.checked(form.subject, form.body), is_tried=True)
        with scope.writing() as session:
            changed = invitation_templates.save(session, form.subject, form.body, by=scope.me(), now=clock.now())
    except (FormErrors, RuleBroken) as problem:
        return _form(typed, problem)
    flash(_("The wording is saved.") if changed else _("The wording was so already."), "success")
    return redirect(url_for("admin_invitation_template.edit"), code=303)


@pages.get("/admin/invitations/template/reset")
@access(Permission.ADMIN)
def ask_reset() -> Response:
    return hx.render("admin/invitation_template_reset.html", "admin/_invitation_template_reset.html")


@pages.post("/admin/invitations/template/reset")
@access(Permission.ADMIN)
def reset() -> Response:
    with scope.writing() as session:
        invitation_templates.reset(session, by=scope.me(), now=clock.now())
    flash(_("Invitations have the built-in wording again."), "success")
    return hx.redirect(url_for("admin_invitation_template.edit"))


def _form(wording: Wording, problem: Problem | None = None, *, is_tried: bool = False) -> Answer:
    """The wording in the form; the letter beside it is the last that was in order."""
    errors, status = errors_of(problem)
    shown = wording if problem is None else invitation_letters.wording(scope.reading())
    page = render_template(
        "admin/invitation_template.html",
        values={"subject": wording.subject, "body": wording.body},
        errors=errors,
        letter=invitation_letters.general_letter(shown, scope.me()),
        placeholders=PLACEHOLDERS,
        is_own=invitation_templates.current(scope.reading()) is not None,
        is_tried=is_tried,
    )
    return page, status
